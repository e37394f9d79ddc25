"""住院伙食补助费: stays, days and the rate of the day, paid to the worker."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

COURSE = Course(
    steps=(done("confirm_stays"),), before="stays.record stays.determine payee.to_worker", after="determination.finish"
)
PATHS = [COURSE.approved(), *COURSE.common()]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("inpatient_meals", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("inpatient_meals", PATHS)
