"""工亡待遇核定: dependants, relatives and their accounts; two lump sums and pensions."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

BEFORE = "death.record_dependants determination.record payee.to_relatives"
COURSE = Course(
    steps=(done("verify_dependants"), done("enter_determination")), before=BEFORE, after="determination.finish"
)
WITH_PENSION = Course(steps=COURSE.steps, before=BEFORE, after="determination.finish certification.start")
DISPUTED = Course(
    steps=(done("verify_dependants"), done("settle_account_dispute", "settled"), done("enter_determination")),
    before=BEFORE,
    after="determination.finish",
)
HELD = Course(
    steps=(done("settle_account_dispute", "unsettled"), done("enter_determination")),
    before=BEFORE,
    after="determination.finish",
)
ALONE = Course(steps=(done("enter_determination"),), before=BEFORE, after="determination.finish")
PATHS = [
    COURSE.approved("lump sums only"),
    WITH_PENSION.approved("with a pension", results={"determination.record": {"periodic": True}}),
    DISPUTED.approved(
        "account disputed and settled",
        results={"death.record_dependants": {"dependant_count": 2, "account_disputed": True}},
    ),
    HELD.approved(
        "no dependants, account disputed and not settled",
        results={"death.record_dependants": {"dependant_count": 0, "account_disputed": True}},
    ),
    ALONE.approved(
        "no dependants", results={"death.record_dependants": {"dependant_count": 0, "account_disputed": False}}
    ),
    *COURSE.common(),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("death_benefit", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("death_benefit", PATHS)
