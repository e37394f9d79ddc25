"""The lump-sum medical subsidy and the end of the relation it brings."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput, RuleRefused
from tests.handlers.cases import Desk, make_desk

FACTS: dict[str, Any] = {
    "grade": 7,
    "appraised_on": "2023-01-10",
    "appraisal_number": "样例1号",
    "ended_by": "contract_end",
    "employment_ended_on": "2023-06-30",
    "insurance_stopped_on": "2023-07-31",
    "draws_pension": False,
}
SIGNED = {"1-3": {"signed": True}, "1-1": {"account_kind": "social_security_card", "guangdong_card": True}}


def claim(
    session: Session, *, forms: dict[str, Any] = SIGNED, injured_on: date = date(2022, 3, 1), **facts: Any
) -> Desk:
    return make_desk(session, "medical_lump_sum", FACTS | facts, forms=forms, injured_on=injured_on)


def paid(session: Session, injured_on: date = date(2022, 3, 1)) -> Desk:
    desk = claim(session, injured_on=injured_on)
    desk.run("lump_sum.check")
    desk.complete(
        "employment_end",
        employment_ended_on="2023-06-30",
        insurance_stopped_on="2023-07-31",
        ended_by="contract_end",
        evidence="终止劳动合同证明书",
    )
    desk.complete("determination", benefits=[{"benefit": "medical_lump_sum", "amount": "36900.00", "basis": "6个月"}])
    desk.run("determination.record")
    desk.run("payee.to_worker")
    desk.complete("review", "pass")
    desk.run("determination.finish")
    desk.run("relation.close")
    return desk


def test_the_check_answers_what_the_decision_asks(session: Session) -> None:
    desk = claim(session, forms={}, draws_pension=True, grade=5)

    assert desk.run("lump_sum.check") == {
        "already_claimed": False,
        "draws_pension": True,
        "notice_signed": False,
        "grade": 5,
    }


def test_without_an_appraisal_the_grade_is_nought(session: Session) -> None:
    facts = {name: value for name, value in FACTS.items() if name != "grade"}
    desk = make_desk(session, "medical_lump_sum", facts)

    assert desk.run("lump_sum.check")["grade"] == 0


@pytest.mark.rule("FRM-1-3-09")
def test_whoever_takes_the_subsidy_ends_the_relation_and_a_second_claim_is_found(session: Session) -> None:
    paid(session)

    second = claim(session)

    assert second.run("lump_sum.check")["already_claimed"] is True
    assert second.benefits.relation_ended_on() == date(2023, 8, 1)


@pytest.mark.rule("FRM-1-3-09")
def test_another_injury_of_the_same_worker_is_not_touched(session: Session) -> None:
    paid(session)

    other = paid(session, injured_on=date(2022, 9, 1))

    assert other.events("relation_ended")


@pytest.mark.rule("FRM-1-3-08")
def test_until_the_subsidy_is_paid_the_relation_goes_on(session: Session) -> None:
    desk = claim(session)
    desk.run("lump_sum.check")

    assert claim(session).benefits.relation_ended_on() is None


def test_a_rival_claim_that_ended_the_relation_first_wins(session: Session) -> None:
    desk = claim(session)
    desk.complete("determination", benefits=[{"benefit": "medical_lump_sum", "amount": "1", "basis": "样例"}])
    desk.run("determination.record")
    paid(session)

    with pytest.raises(CannotProceed, match="另一办件终结"):
        desk.run("relation.close")


def test_closing_twice_changes_nothing(session: Session) -> None:
    desk = paid(session)

    desk.run("relation.close")

    assert desk.benefits.relation_ended_on() is None  # ended by this very case


@pytest.mark.rule("FRM-1-3-09")
def test_an_expense_after_the_end_of_the_relation_is_not_payable(session: Session) -> None:
    paid(session)
    lines = [
        {"label": "复发", "invoice_number": "1", "amount": "10.00", "kind": "outpatient", "incurred_on": day}
        for day in ("2023-08-01", "2023-08-02")
    ]
    desk = make_desk(
        session,
        "medical_expense",
        {
            "lines": lines,
            "third_party": False,
            "advanced_by_employer": "0.00",
            "advanced_by_medical_insurance": "0.00",
        },
    )
    desk.run("expense.record_lines")

    with pytest.raises(InvalidInput) as refused:
        desk.complete("expense_lines", lines=[{"line": n, "allowed": "10.00", "catalogue": "inside"} for n in (1, 2)])

    assert list(refused.value.fields) == ["fields.lines.1.allowed"]


def test_the_employers_subsidy_is_shown_and_not_paid(session: Session) -> None:
    desk = claim(session)
    desk.complete(
        "determination",
        benefits=[
            {"benefit": "medical_lump_sum", "amount": "36900.00", "basis": "6个月"},
            {"benefit": "employment_lump_sum", "amount": "153750.00", "basis": "25个月"},
        ],
    )

    assert desk.run("determination.record") == {"periodic": False}
    desk.run("payee.to_worker")

    assert [one.payer for one in desk.benefits.determinations()] == ["fund", "employer"]
    assert [one.amount for one in desk.benefits.payees()] == [3690000]
    desk.run("determination.finish")


def test_the_employers_subsidy_alone_is_no_determination(session: Session) -> None:
    with pytest.raises(InvalidInput, match="请按提示"):
        claim(session).complete(
            "determination", benefits=[{"benefit": "employment_lump_sum", "amount": "1", "basis": "25个月"}]
        )


def test_a_recommendation_to_refuse_keeps_the_review_from_passing(session: Session) -> None:
    desk = claim(session, draws_pension=True)
    desk.run("lump_sum.check")
    desk.run("recommendation.refuse", recommendation_reason="draws_pension")

    with pytest.raises(RuleRefused, match="基本养老保险") as refused:
        desk.complete("review", "pass")

    assert refused.value.code == "refusal_recommended"
    desk.complete("review", "not_passed", opinion="已享受基本养老保险待遇")


def test_a_later_check_takes_the_recommendation_back(session: Session) -> None:
    desk = claim(session)
    desk.run("recommendation.refuse")

    desk.run("lump_sum.check")

    assert desk.benefits.refusal_recommended() is None


# Accounts of a worker


def payments(session: Session, form: dict[str, Any], *, evidence: bool = False) -> list[tuple[Any, ...]]:
    desk = claim(session, forms={**SIGNED, "1-1": form})
    if evidence:
        desk.image("advance_evidence")
    desk.complete("determination", benefits=[{"benefit": "medical_lump_sum", "amount": "100", "basis": "样例"}])
    desk.run("determination.record")
    desk.run("payee.to_worker")
    return desk.payments()


EMPLOYER = {
    "account_kind": "employer_account",
    "employer_bank": "样例银行",
    "employer_holder": "中山市样例制造有限公司",
    "employer_account": "4400000001",
    "employer_account_reason": "advanced_by_employer",
}


@pytest.mark.rule("G228-09", "G228-16", "K-32")
def test_an_employers_account_without_evidence_is_not_used(session: Session) -> None:
    assert payments(session, EMPLOYER) == [("worker", "social_security_card", None, 10000, False, None)]


@pytest.mark.rule("G228-09")
def test_an_employers_account_with_the_signed_evidence_is_used_for_a_lump_sum(session: Session) -> None:
    found = payments(session, EMPLOYER, evidence=True)

    assert found == [("employer", "employer_account", "4400000001", 10000, False, "advanced_by_employer")]


def test_a_card_from_outside_the_province_comes_with_its_number(session: Session) -> None:
    desk = claim(session)
    form = {
        "account_kind": "social_security_card",
        "guangdong_card": False,
        "card_bank": "样例银行",
        "card_holder": desk.case.person.name,
        "card_account": "6200000000000000011",
    }

    assert payments(session, form)[0][1:3] == ("social_security_card", "6200000000000000011")
    assert payments(session, form | {"card_holder": "他人"})[0][1:3] == ("social_security_card", None)
