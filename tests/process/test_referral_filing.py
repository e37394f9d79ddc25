"""工伤市外转诊备案: agreed or not; valid once, until a day."""

from __future__ import annotations

import pytest

from tests.process.services import DELIVERED, PASSED, Course
from tests.process.walk import DUE_AT, Instance, Path, done, flows_left_out, message, moment, plain_and_restored, walk

OPINION = done("check_hospital_opinion", "sufficient")
AGREED = Course(steps=(OPINION,), before="", after="", refused_at="end_without_filing")
FILED = "acceptance.register scan.check dispatch.assign review.record_first filing.register case.complete"
SMS = "acceptance first_reviewed completion"
USED, EXPIRED = message("filing_used"), moment(DUE_AT)
PATHS = [
    Path(
        "used after it was archived",
        (OPINION, *PASSED, *DELIVERED, USED),
        does=f"{FILED} delivery.record archive.file filing.mark_used",
        ends="end",
        sms=SMS,
    ),
    Path(
        "expired after it was archived",
        (OPINION, *PASSED, *DELIVERED, EXPIRED),
        does=f"{FILED} delivery.record archive.file filing.expire",
        ends="end",
        sms=SMS,
    ),
    Path(
        "used before it was delivered",
        (OPINION, *PASSED, USED, *DELIVERED),
        does=f"{FILED} filing.mark_used delivery.record archive.file",
        ends="end",
        sms=SMS,
    ),
    Path(
        "expired between delivery and archiving",
        (OPINION, *PASSED, DELIVERED[0], EXPIRED, DELIVERED[1]),
        does=f"{FILED} delivery.record filing.expire archive.file",
        ends="end",
        sms=SMS,
    ),
    *AGREED.common(),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("referral_filing", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("referral_filing", PATHS)


@pytest.mark.rule("FRM-1-8-01")
@plain_and_restored
@pytest.mark.parametrize(("first", "then"), [(USED, EXPIRED), (EXPIRED, USED)], ids=["used", "expired"])
def test_a_referral_is_used_once_or_expires_never_both(first: object, then: object, restored: bool) -> None:
    instance = Instance("referral_filing", restored=restored)
    for step in (OPINION, *PASSED, first):
        step.act(instance)  # type: ignore[attr-defined]

    with pytest.raises(AssertionError, match="nothing"):
        then.act(instance)  # type: ignore[attr-defined]

    assert instance.open() == ["deliver_result"]
