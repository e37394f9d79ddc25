"""工伤异地居住（就医）备案: half a year elsewhere, the employer's opinion, new or change, until its last day."""

from __future__ import annotations

import pytest

from tests.process.services import DELIVERED, PASSED, Course
from tests.process.walk import DUE_AT, RESULTS, Path, done, flows_left_out, moment, plain_and_restored, walk

OPINION = done("check_employer_opinion", "sufficient")
COURSE = Course(steps=(OPINION,), before="remote.check", after="", refused_at="end_without_filing")
NOT_ELIGIBLE = Course(steps=(), before="remote.check recommendation.refuse", after="", refused_at="end_without_filing")
CHECK = RESULTS["remote.check"]
REVIEWED = "acceptance.register scan.check dispatch.assign remote.check review.record_first"
SMS = "acceptance first_reviewed completion"
TOO_SHORT = {"remote.check": {**CHECK, "half_year": False}}
PATHS = [
    Path(
        "a new filing of somebody employed, until its last day",
        (OPINION, *PASSED, *DELIVERED, moment(DUE_AT)),
        does=f"{REVIEWED} filing.register case.complete delivery.record archive.file filing.expire",
        ends="end",
        sms=SMS,
    ),
    Path(
        "a change by somebody not employed, over before it was delivered",
        (*PASSED, moment(DUE_AT), *DELIVERED),
        results={"remote.check": {**CHECK, "employed": False, "is_change": True}},
        does=f"{REVIEWED} filing.register filing.replace case.complete filing.expire delivery.record archive.file",
        ends="end",
        sms=SMS,
    ),
    *COURSE.common(),
    NOT_ELIGIBLE.refused("less than half a year", results=TOO_SHORT),
    NOT_ELIGIBLE.refused("less than half a year, and passed all the same", PASSED, results=TOO_SHORT),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("remote_treatment_filing", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("remote_treatment_filing", PATHS)
