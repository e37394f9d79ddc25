"""工伤医疗费: lines against the catalogues, a third party's share, up to three payees."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

LINES = {
    "third_party": False,
    "advanced_by_employer": 0,
    "advanced_by_medical_insurance": 0,
    "employer_evidence": False,
}
COURSE = Course(
    steps=(done("assess_expense_lines"),),
    before="expense.record_lines expense.determine payee.split",
    after="determination.finish",
)
WITH_THIRD_PARTY = Course(
    steps=(done("confirm_third_party_share"), done("assess_expense_lines")), before=COURSE.before, after=COURSE.after
)
PATHS = [
    COURSE.approved(),
    WITH_THIRD_PARTY.approved(
        "approved with a third party", results={"expense.record_lines": {**LINES, "third_party": True}}
    ),
    *COURSE.common(),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("medical_expense", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("medical_expense", PATHS)


@pytest.mark.rule("BEN-13")
@plain_and_restored
@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ({}, "worker"),
        ({"advanced_by_medical_insurance": 12000}, "worker_and_medical_insurance"),
        ({"advanced_by_employer": 12000, "employer_evidence": True}, "worker_and_employer"),
        # The evidence is missing: the employer's part is held, and the reviewers see it.
        ({"advanced_by_employer": 12000}, "hold_employer_part"),
    ],
)
def test_the_table_of_payees_is_asked_before_the_amounts_are_split(
    lines: dict[str, int], rule: str, restored: bool
) -> None:
    path = COURSE.approved(results={"expense.record_lines": {**LINES, **lines}})

    trace = walk("medical_expense", path, restored=restored)

    assert trace.instance.run.data["payee_rule"] == rule


@pytest.mark.rule("G228-17")
@plain_and_restored
@pytest.mark.parametrize("configured", [0, 1])
def test_money_for_an_employer_is_reviewed_twice_whatever_the_city_configured(configured: int, restored: bool) -> None:
    path = COURSE.approved(
        results={
            "dispatch.assign": {"review_levels": configured, "transferred": False},
            "expense.record_lines": {**LINES, "advanced_by_employer": 12000, "employer_evidence": True},
        }
    )

    walk("medical_expense", path, restored=restored)
