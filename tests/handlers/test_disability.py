"""Disability benefits: appraisal, way of claiming, monthly payments, certification."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput
from engine.models import Certification
from tests.handlers.cases import Desk, make_desk

FACTS: dict[str, Any] = {
    "recognition_number": "样例1号",
    "recognised_on": "2022-05-01",
    "appraised_on": "2023-01-10",
    "appraisal_number": "样例2号",
    "grade": 3,
    "care_level": 3,
}
BENEFITS = [
    {"benefit": "disability_lump_sum", "amount": "165600.00", "basis": "23个月"},
    {"benefit": "disability_allowance", "amount": "5760.00", "basis": "80%", "from_month": "2023-02-01"},
    {"benefit": "care_allowance", "amount": "3522.80", "basis": "40%", "from_month": "2023-02-01"},
]


def desk_with(session: Session, forms: dict[str, Any] | None = None, **facts: Any) -> Desk:
    return make_desk(session, "disability_benefit", FACTS | facts, forms=forms)


def determined(session: Session, forms: dict[str, Any] | None = None) -> Desk:
    desk = desk_with(session, forms)
    desk.run("disability.fetch_appraisal")
    desk.complete("allowance_way", way="one", medical_insurance="withheld")
    desk.complete("determination", benefits=BENEFITS)
    assert desk.run("determination.record") == {"periodic": True}
    desk.run("payee.to_worker")
    return desk


def test_the_grade_comes_from_the_appraisal(session: Session) -> None:
    assert desk_with(session).run("disability.fetch_appraisal") == {"grade": 3, "care_level": 3}
    unappraised = {name: value for name, value in FACTS.items() if name not in ("grade", "care_level")}
    assert make_desk(session, "disability_benefit", unappraised).run("disability.fetch_appraisal") == {
        "grade": 0,
        "care_level": 0,
    }


@pytest.mark.rule("FRM-1-4-06")
@pytest.mark.parametrize(
    ("way", "medical_insurance", "fits"),
    [("one", "withheld", True), ("one", None, False), ("two", None, True), ("two", "self_paid", False)],
)
def test_the_choice_about_medical_insurance_belongs_to_way_one_alone(
    session: Session, way: str, medical_insurance: str | None, fits: bool
) -> None:
    desk = desk_with(session)
    fields = {"way": way, "medical_insurance": medical_insurance}

    if fits:
        assert desk.complete("allowance_way", **fields) == {"outcome": "done", "way": way}
    else:
        with pytest.raises(InvalidInput) as refused:
            desk.complete("allowance_way", **fields)
        assert list(refused.value.fields) == ["fields.medical_insurance"]


@pytest.mark.rule("FRM-1-4-07")
def test_the_way_entered_is_the_one_the_worker_signed(session: Session) -> None:
    desk = desk_with(session, {"1-4": {"way": "two"}})

    with pytest.raises(InvalidInput) as refused:
        desk.complete("allowance_way", way="one", medical_insurance="withheld")

    assert list(refused.value.fields) == ["fields.way"]


def test_a_lump_sum_and_a_monthly_payment_are_two_payments_to_the_worker(session: Session) -> None:
    desk = determined(session)

    assert desk.payments() == [
        ("worker", "social_security_card", None, 16560000, False, None),
        ("worker", "social_security_card", None, 576000 + 352280, True, None),
    ]


def test_the_determination_keeps_basis_month_and_the_way_chosen(session: Session) -> None:
    allowance = determined(session).benefits.determinations()[1]

    assert allowance.monthly
    assert allowance.inputs["basis"] == "80%"
    assert allowance.inputs["from_month"] == "2023-02-01"
    assert allowance.inputs["allowance_way"] == {"way": "one", "medical_insurance": "withheld"}
    assert allowance.inputs["facts"]["grade"] == 3


def test_a_month_is_written_as_its_first_day(session: Session) -> None:
    with pytest.raises(InvalidInput) as refused:
        desk_with(session).complete("determination", benefits=[{**BENEFITS[1], "from_month": "2023-02-02"}])

    assert list(refused.value.fields) == ["fields.benefits.0.from_month"]


def test_a_benefit_of_another_service_is_refused(session: Session) -> None:
    with pytest.raises(InvalidInput) as refused:
        desk_with(session).complete(
            "determination", benefits=[BENEFITS[0], {"benefit": "funeral_grant", "amount": "1", "basis": "样例"}]
        )

    assert list(refused.value.fields) == ["fields.benefits.1.benefit"]


@pytest.mark.rule("CRT-01", "FRM-1-4-08")
def test_a_cycle_of_twelve_months_starts_for_the_monthly_payment_only(session: Session) -> None:
    desk = determined(session)
    desk.run("determination.finish")

    desk.run("certification.start")
    desk.run("certification.start")

    cycles = session.scalars(select(Certification).where(Certification.case_id == desk.case.id)).all()
    assert [(one.certified_on, one.due_on, one.state) for one in cycles] == [
        (date(2023, 8, 1), date(2024, 8, 1), "running")
    ]


@pytest.mark.rule("FRM-1-4-04", "K-32", "G228-14")
def test_an_own_account_other_than_the_card_is_used_with_its_coded_reason(session: Session) -> None:
    name = desk_with(session).case.person.name
    form = {
        "account_kind": "other_account",
        "bank": "样例银行",
        "account_holder": name,
        "account": "4400000002",
        "account_reason": "passbook",
        "way": "one",
        "medical_insurance": "withheld",
    }

    own, of_another = (
        determined(session, {"1-4": form}),
        determined(session, {"1-4": form | {"account_holder": "他人"}}),
    )

    assert {one[1:3] + one[5:] for one in own.payments()} == {("personal_account", "4400000002", "passbook")}
    assert {one[1:3] + one[5:] for one in of_another.payments()} == {("social_security_card", None, None)}


def test_an_employers_account_never_gets_a_monthly_payment(session: Session) -> None:
    form = {
        "account_kind": "employer_account",
        "employer_bank": "样例银行",
        "employer_holder": "中山市样例制造有限公司",
        "employer_account": "4400000001",
        "employer_account_reason": "advanced_by_employer",
    }
    desk = desk_with(session, {"1-1": form})
    desk.image("advance_evidence")
    desk.complete("determination", benefits=BENEFITS)
    desk.run("determination.record")

    desk.run("payee.to_worker")

    assert [(one[0], one[4]) for one in desk.payments()] == [("employer", False), ("worker", True)]


def test_payees_that_do_not_get_what_was_determined_keep_the_case_from_finishing(session: Session) -> None:
    desk = determined(session)
    desk.benefits.payees()[1].amount -= 1

    with pytest.raises(CannotProceed) as refused:
        desk.run("determination.finish")

    assert refused.value.code == "payees_do_not_match"
    assert refused.value.details == {"owed": 928280, "paid": 928279, "monthly": True}
