"""市外交通食宿费: only with a valid referral, which is used up by it."""

from __future__ import annotations

import pytest

from tests.process.services import PASSED, Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

COURSE = Course(
    steps=(done("assess_travel_lines"),),
    before="referral.find travel.determine payee.to_worker",
    after="referral.use determination.finish",
)
WITHOUT_REFERRAL = Course(steps=(), before="referral.find recommendation.refuse", after="")
USED = {"referral.find": {"referral_found": False, "referral_state": "used"}}
PATHS = [
    COURSE.approved(throws="filing_used"),
    *COURSE.common(),
    WITHOUT_REFERRAL.refused("the referral is used up", results=USED),
    WITHOUT_REFERRAL.refused("passed without a referral", PASSED, results=USED),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("travel_expense", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("travel_expense", PATHS)


@pytest.mark.rule("FRM-1-8-01")
@plain_and_restored
def test_the_referral_is_used_only_by_an_approval(restored: bool) -> None:
    used = [walk("travel_expense", path, restored=restored).instance.thrown for path in PATHS]

    assert used == [["filing_used"]] + [[]] * (len(PATHS) - 1)
