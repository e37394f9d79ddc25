"""工伤一次性医疗补助金: who may claim it, how much, and the end of the relation for this injury."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import RESULTS, Instance, Path, done, flows_left_out, plain_and_restored, walk

COURSE = Course(
    steps=(done("confirm_employment_end", ended_by="contract_end"), done("enter_determination")),
    before="lump_sum.check determination.record payee.to_worker",
    after="determination.finish relation.close",
)
NOT_ELIGIBLE = Course(steps=(), before="lump_sum.check recommendation.refuse", after="")
CHECK = RESULTS["lump_sum.check"]
DRAWS_PENSION = {"lump_sum.check": {**CHECK, "draws_pension": True}}
PATHS = [
    COURSE.approved(),
    *COURSE.common(),
    NOT_ELIGIBLE.refused("not eligible", results=DRAWS_PENSION),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("medical_lump_sum", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("medical_lump_sum", PATHS)


@pytest.mark.rule("BEN-01")
@plain_and_restored
def test_a_claim_without_eligibility_is_not_approved_even_where_no_review_is_configured(restored: bool) -> None:
    instance = Instance(
        "medical_lump_sum",
        restored=restored,
        results={**DRAWS_PENSION, "dispatch.assign": {"review_levels": 0, "transferred": False}},
    )

    assert instance.open() == ["deliver_result"]
    assert instance.owner.called[-2:] == ["review.skip", "case.complete_not_approved"]


@pytest.mark.rule("BEN-01")
@plain_and_restored
def test_the_relation_is_closed_by_an_approval_only(restored: bool) -> None:
    closed = [walk("medical_lump_sum", path, restored=restored).instance.owner.called for path in PATHS]

    assert ["relation.close" in called for called in closed] == [True] + [False] * (len(PATHS) - 1)
