"""Meals in hospital: stays, days, rate."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from engine.errors import InvalidInput
from tests.handlers.cases import Desk, make_desk


def desk_with(session: Session, *stays: tuple[str, str]) -> tuple[Desk, int]:
    facts = {"stays": [{"hospital": "样例医院", "admitted_on": first, "discharged_on": last} for first, last in stays]}
    desk = make_desk(session, "inpatient_meals", facts)
    return desk, desk.run("stays.record")["days"]


def test_the_days_of_admission_and_discharge_both_count(session: Session) -> None:
    _, days = desk_with(session, ("2023-03-01", "2023-03-15"))

    assert days == 15


def test_a_day_of_two_stays_counts_once(session: Session) -> None:
    desk, days = desk_with(session, ("2023-03-01", "2023-03-03"), ("2023-03-03", "2023-03-04"))

    assert days == 4
    assert [line.facts["days"] for line in desk.benefits.lines("stay")] == [3, 1]


@pytest.mark.rule("K-26")
def test_the_subsidy_is_days_times_rate_of_each_stay_and_goes_to_the_worker(session: Session) -> None:
    desk, _ = desk_with(session, ("2023-03-01", "2023-03-15"), ("2023-05-01", "2023-05-04"))

    desk.complete("stays", stays=[{"line": 1, "days": 15, "rate": "70"}, {"line": 2, "days": 4, "rate": "70.50"}])
    desk.run("stays.determine")
    desk.run("payee.to_worker")
    desk.run("determination.finish")

    assert desk.payments() == [("worker", "social_security_card", None, 15 * 7000 + 4 * 7050, False, None)]


@pytest.mark.parametrize("days", [14, 16])
def test_other_days_than_those_of_the_stay_need_a_reason(session: Session, days: int) -> None:
    desk, _ = desk_with(session, ("2023-03-01", "2023-03-15"))

    with pytest.raises(InvalidInput) as refused:
        desk.complete("stays", stays=[{"line": 1, "days": days, "rate": "70"}])

    assert "15天" in refused.value.fields["fields.stays.0.reason"][0]


@pytest.mark.rule("K-27")
def test_one_application_for_meals_and_travel_is_determined_case_by_case(session: Session) -> None:
    meals, _ = desk_with(session, ("2023-03-01", "2023-03-02"))
    facts = {"hospital": "样例医院", "admitted_on": "2023-03-01", "days": 1, "fares": []}
    travel = make_desk(session, "travel_expense", facts, beside=meals)
    travel.run("referral.find")

    meals.complete("stays", stays=[{"line": 1, "days": 2, "rate": "70"}])
    travel.complete("travel_lines", lines=[], days=1, rate="350")
    for desk, operator in ((meals, "stays.determine"), (travel, "travel.determine")):
        desk.run(operator)
        desk.run("payee.to_worker")

    assert meals.case.application_id == travel.case.application_id
    assert [desk.benefits.payees()[0].amount for desk in (meals, travel)] == [14000, 35000]
