"""工伤康复费: only what lies in the confirmed period of rehabilitation."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

OWN = (done("confirm_rehabilitation_period"), done("assess_expense_lines"))
COURSE = Course(
    steps=OWN,
    before="rehabilitation.record_lines rehabilitation.sort_lines expense.determine payee.split",
    after="determination.finish",
)
WITH_THIRD_PARTY = Course(steps=(done("confirm_third_party_share"), *OWN), before=COURSE.before, after=COURSE.after)
LINES = {"third_party": True, "advanced_by_employer": 0, "advanced_by_medical_insurance": 0, "employer_evidence": False}
PATHS = [
    COURSE.approved(),
    WITH_THIRD_PARTY.approved("approved with a third party", results={"rehabilitation.record_lines": LINES}),
    *COURSE.common(),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("rehabilitation_expense", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("rehabilitation_expense", PATHS)
