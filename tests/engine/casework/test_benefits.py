"""The benefit side of a case: replaced until it is final, never there twice. On both kinds of database."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.casework.benefits import NewDetermination, NewLine, NewPayee
from engine.errors import CannotProceed
from engine.models import Certification, DeterminationLine, Filing, RelationClosure
from tests.handlers.cases import Desk, make_desk


@pytest.fixture
def desk(any_app: Flask, session: Session) -> Desk:
    return make_desk(session, "medical_expense", {})


def lines(*claimed: int) -> list[NewLine]:
    return [NewLine(label="样例", claimed=amount) for amount in claimed]


def payee(amount: int, *, monthly: bool = False) -> NewPayee:
    return NewPayee(kind="worker", name="样例", account_kind="social_security_card", amount=amount, monthly=monthly)


def test_lines_are_numbered_from_one_and_replaced_by_kind(desk: Desk) -> None:
    desk.benefits.replace_lines("expense", lines(100, 200, 300))
    desk.benefits.replace_lines("fare", lines(7))

    desk.benefits.replace_lines("expense", lines(400))

    assert [(line.number, line.claimed) for line in desk.benefits.lines("expense")] == [(1, 400)]
    assert [line.claimed for line in desk.benefits.lines("fare")] == [7]


def test_what_is_allowed_and_found_is_kept_on_the_line(desk: Desk, session: Session) -> None:
    desk.benefits.replace_lines("expense", [NewLine(label="样例", claimed=100, facts={"on": "2023-01-01"})])

    desk.benefits.note("expense", 1, outside_period=True)
    desk.benefits.allow("expense", 1, 90, reason="目录外", catalogue="partly")
    session.flush()
    session.expire_all()

    line = desk.benefits.lines("expense")[0]
    assert (line.allowed, line.reason) == (90, "目录外")
    assert line.facts == {"on": "2023-01-01", "outside_period": True, "catalogue": "partly"}


def test_a_line_that_was_not_claimed_is_an_incident(desk: Desk) -> None:
    with pytest.raises(CannotProceed) as refused:
        desk.benefits.allow("expense", 1, 90)

    assert refused.value.code == "unknown_line"


def test_other_cases_about_the_same_person_are_found_and_voided_ones_are_not(desk: Desk, session: Session) -> None:
    line = NewLine(label="样例", claimed=0, person_key="a" * 64)
    other, voided = (make_desk(session, "death_benefit", {}, person=number) for number in (2, 3))
    for one in (desk, other, voided):
        one.benefits.replace_lines("dependant", [line])
    voided.case.valid = False
    session.flush()

    assert desk.benefits.elsewhere_about("dependant", "a" * 64) == [other.case.id]
    assert desk.benefits.elsewhere_about("dependant", "b" * 64) == []


def test_the_total_is_what_the_fund_owes_once_or_per_month(desk: Desk) -> None:
    desk.benefits.replace_determinations(
        [
            NewDetermination(benefit="disability_lump_sum", amount=1000),
            NewDetermination(benefit="disability_allowance", amount=50, monthly=True),
            NewDetermination(benefit="care_allowance", amount=5, monthly=True),
            NewDetermination(benefit="employment_lump_sum", amount=7, payer="employer"),
        ]
    )

    assert (desk.benefits.total(monthly=False), desk.benefits.total(monthly=True)) == (1000, 55)


def test_a_final_determination_closes_lines_determinations_and_payees(desk: Desk) -> None:
    desk.benefits.replace_determinations([NewDetermination(benefit="medical_expense", amount=1000)])
    desk.benefits.replace_payees([payee(600), payee(400)])
    desk.benefits.finish()
    desk.benefits.finish()

    for change in (
        lambda: desk.benefits.replace_lines("expense", lines(1)),
        lambda: desk.benefits.replace_determinations([]),
        lambda: desk.benefits.replace_payees([]),
    ):
        with pytest.raises(CannotProceed) as refused:
            change()
        assert refused.value.code == "determination_final"
    assert [one.number for one in desk.benefits.payees()] == [1, 2]


@pytest.mark.parametrize("paid", [999, 1001, 0])
def test_a_cent_too_much_or_too_little_for_the_payees_keeps_it_open(desk: Desk, paid: int) -> None:
    desk.benefits.replace_determinations([NewDetermination(benefit="medical_expense", amount=1000)])
    desk.benefits.replace_payees([payee(paid)] if paid else [])

    with pytest.raises(CannotProceed) as refused:
        desk.benefits.finish()

    assert refused.value.code == "payees_do_not_match"
    assert not desk.benefits.is_final()


def test_a_monthly_sum_does_not_make_up_for_one_paid_once(desk: Desk) -> None:
    desk.benefits.replace_determinations([NewDetermination(benefit="medical_expense", amount=1000)])
    desk.benefits.replace_payees([payee(1000, monthly=True)])

    with pytest.raises(CannotProceed):
        desk.benefits.finish()


def test_without_determination_nothing_is_finished(desk: Desk) -> None:
    with pytest.raises(CannotProceed) as refused:
        desk.benefits.finish()

    assert refused.value.code == "not_determined"


def test_a_certification_runs_once_for_each_monthly_payee(desk: Desk, session: Session) -> None:
    desk.benefits.replace_payees([payee(1), payee(2, monthly=True), payee(3, monthly=True)])

    started = [
        desk.benefits.start_certifications(certified_on=date(2023, 8, 1), due_on=date(2024, 8, 1)) for _ in range(2)
    ]

    assert started == [2, 2]
    assert session.scalar(select(func.count()).select_from(Certification)) == 2


def test_a_referral_is_kept_used_and_given_back_by_its_claims(desk: Desk, session: Session) -> None:
    filing_case, first, second = (make_desk(session, "referral_filing", {}) for _ in range(3))
    filing_case.benefits.register_filing(
        "referral",
        destination="广东省广州市",
        filed_on=date(2023, 8, 1),
        valid_from=date(2023, 8, 1),
        valid_until=date(2023, 9, 30),
    )

    answers = [one.benefits.reserve_referral(date(2023, 9, 30)) for one in (first, second, first)]
    first.case.result = "withdrawn"
    answers.append(second.benefits.reserve_referral(date(2023, 9, 30)))
    second.benefits.use_referral()
    answers.append(first.benefits.reserve_referral(date(2023, 9, 30)))

    assert answers == ["valid", "used", "valid", "valid", "used"]
    assert session.scalars(select(Filing.used_by_case_id)).all() == [second.case.id]


def test_a_claim_whose_day_changed_lets_its_referral_go(desk: Desk, session: Session) -> None:
    filing_case, claim = (make_desk(session, "referral_filing", {}) for _ in range(2))
    filing = filing_case.benefits.register_filing(
        "referral",
        destination="广东省广州市",
        filed_on=date(2023, 8, 1),
        valid_from=date(2023, 8, 1),
        valid_until=date(2023, 9, 30),
    )
    claim.benefits.reserve_referral(date(2023, 9, 30))

    assert claim.benefits.reserve_referral(date(2023, 10, 1)) == "expired"

    assert filing.used_by_case_id is None


def test_the_relation_for_an_injury_ends_once(desk: Desk, session: Session) -> None:
    rival = make_desk(session, "medical_lump_sum", {})

    desk.benefits.end_relation()
    desk.benefits.end_relation()

    assert desk.benefits.relation_ended_on() is None
    assert rival.benefits.relation_ended_on() == date(2023, 8, 1)
    with pytest.raises(CannotProceed):
        rival.benefits.end_relation()
    assert session.scalar(select(func.count()).select_from(RelationClosure)) == 1


def test_the_last_entry_of_a_form_counts_whoever_made_it_before(desk: Desk, session: Session) -> None:
    assert desk.benefits.entered("third_party") is None
    desk.benefits.replace_lines("expense", lines(100000))
    for amount in ("1", "2"):
        desk.complete("third_party", amount=amount, evidence="judgment", basis="样例")

    entry = desk.benefits.entered("third_party")

    assert entry is not None
    assert entry.fields["amount"] == 200
    assert entry.source()["entered_by"] == desk.officer_id


def test_deleting_a_kind_of_line_leaves_other_cases_alone(desk: Desk, session: Session) -> None:
    other = make_desk(session, "medical_expense", {})
    other.benefits.replace_lines("expense", lines(1))

    desk.benefits.replace_lines("expense", [])

    assert session.scalar(select(func.count()).select_from(DeterminationLine)) == 1
