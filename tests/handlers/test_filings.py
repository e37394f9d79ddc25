"""Filings with a validity, and the travel claim that uses a referral."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput, RuleRefused
from tests.conftest import FixedClock
from tests.handlers.cases import INJURED_ON, Desk, make_desk

OPINION = {"hospital": "样例人民医院", "level": 2, "agreement": True, "sealed": True, "opinion_on": "2026-03-01"}


def referral(session: Session, clock: FixedClock, filed: str = "2026-03-02", **more: Any) -> Desk:
    clock.set(f"{filed}T10:00")
    facts = {
        "hospital": "样例人民医院",
        "hospital_level": 2,
        "destination_province": "广东省",
        "destination_city": "广州市",
    }
    desk = make_desk(session, "referral_filing", facts, **more)
    desk.complete("hospital_opinion", "sufficient", **OPINION)
    desk.complete("review", "pass")
    desk.valid_until_at = desk.run("filing.register")["filing_valid_until_at"]  # type: ignore[attr-defined]
    return desk


def travel(session: Session, admitted_on: str, **more: Any) -> Desk:
    facts = {
        "hospital": "广州样例医院",
        "admitted_on": admitted_on,
        "days": 2,
        "fares": [{"label": "中山至广州", "travelled_on": admitted_on, "means": "train", "amount": "104.50"}],
    }
    desk = make_desk(session, "travel_expense", facts, **more)
    desk.found = desk.run("referral.find")  # type: ignore[attr-defined]
    return desk


def found(desk: Desk) -> dict[str, Any]:
    return desk.found  # type: ignore[attr-defined,no-any-return]


# Referral


@pytest.mark.rule("FRM-1-8-17")
def test_a_referral_is_valid_to_the_end_of_the_sixtieth_day_after_filing(session: Session, clock: FixedClock) -> None:
    desk = referral(session, clock)

    filing = desk.benefits.filing()

    assert desk.valid_until_at == "2026-05-01T23:59:59+08:00"  # type: ignore[attr-defined]
    assert filing is not None
    assert (filing.filed_on, filing.valid_from, filing.valid_until) == (
        date(2026, 3, 2),
        date(2026, 3, 2),
        date(2026, 5, 1),
    )
    assert filing.destination == "广东省广州市"


@pytest.mark.rule("FRM-1-8-17")
@pytest.mark.parametrize(
    ("admitted_on", "state"),
    [
        ("2026-03-01", "missing"),  # before there was a filing
        ("2026-03-02", "valid"),  # the day of filing itself
        ("2026-05-01", "valid"),  # day 60
        ("2026-05-02", "expired"),  # day 61
        ("2026-05-04", "expired"),  # S25
    ],
)
def test_what_counts_for_a_referral_is_the_day_of_admission(
    session: Session, clock: FixedClock, admitted_on: str, state: str
) -> None:
    referral(session, clock)
    clock.set("2026-06-15T10:00")

    desk = travel(session, admitted_on)

    assert found(desk) == {"referral_found": state == "valid", "referral_state": state}


def test_a_referral_that_ran_out_since_still_covers_an_admission_in_time(session: Session, clock: FixedClock) -> None:
    filing_case = referral(session, clock)
    clock.set("2026-05-02T00:00")
    filing_case.run("filing.expire")
    filing = filing_case.benefits.filing()
    assert filing is not None
    assert filing.state == "expired"

    assert found(travel(session, "2026-05-01"))["referral_state"] == "valid"


@pytest.mark.rule("FRM-1-8-17")
def test_a_referral_is_used_once(session: Session, clock: FixedClock) -> None:
    filing_case = referral(session, clock)
    first = travel(session, "2026-03-10")
    first.run("referral.use")
    first.run("referral.use")

    second = travel(session, "2026-03-20")

    assert found(second) == {"referral_found": False, "referral_state": "used"}
    with pytest.raises(CannotProceed, match="转诊备案"):
        second.run("referral.use")
    filing = filing_case.benefits.filing()
    assert filing is not None
    assert (filing.state, filing.used_by_case_id) == ("used", first.case.id)
    filing_case.run("filing.mark_used")
    assert filing_case.events("filing_used")[0].details == {"used_by_case_id": first.case.id}
    assert first.events("referral_used")[0].details == {"referral_case_id": filing_case.case.id}


def test_a_referral_kept_for_an_open_claim_is_not_offered_to_another(session: Session, clock: FixedClock) -> None:
    referral(session, clock)
    first = travel(session, "2026-03-10")

    second = travel(session, "2026-03-20")

    assert found(second)["referral_state"] == "used"
    assert first.run("referral.find")["referral_state"] == "valid"  # its own search again finds it


@pytest.mark.parametrize("result", ["not_approved", "terminated", "withdrawn", "voided"])
def test_a_claim_that_ended_without_effect_gives_its_referral_back(
    session: Session, clock: FixedClock, result: str
) -> None:
    referral(session, clock)
    travel(session, "2026-03-10").case.result = result

    assert found(travel(session, "2026-03-20"))["referral_state"] == "valid"


def test_a_referral_for_another_injury_or_person_does_not_count(session: Session, clock: FixedClock) -> None:
    referral(session, clock)

    assert found(travel(session, "2026-03-10", injured_on=date(2022, 9, 1)))["referral_state"] == "missing"
    assert found(travel(session, "2026-03-10", person=2))["referral_state"] == "missing"


def test_of_two_referrals_the_one_that_ends_first_is_used(session: Session, clock: FixedClock) -> None:
    first = referral(session, clock, "2026-03-02")
    second = referral(session, clock, "2026-03-20")

    assert found(travel(session, "2026-03-25"))["referral_state"] == "valid"
    assert found(travel(session, "2026-03-26"))["referral_state"] == "valid"

    kept = [desk.benefits.filing() for desk in (first, second)]
    assert all(filing is not None and filing.used_by_case_id for filing in kept)


def test_a_used_referral_does_not_expire_and_registering_again_changes_nothing(
    session: Session, clock: FixedClock
) -> None:
    filing_case = referral(session, clock)
    travel(session, "2026-03-10").run("referral.use")

    filing_case.run("filing.expire")
    clock.set("2026-03-12T10:00")
    again = filing_case.run("filing.register")

    filing = filing_case.benefits.filing()
    assert filing is not None
    assert (filing.state, filing.filed_on) == ("used", date(2026, 3, 2))
    assert again == {"filing_valid_until_at": "2026-05-01T23:59:59+08:00"}
    assert not filing_case.events("filing_expired")


@pytest.mark.rule("FRM-1-8-20")
@pytest.mark.parametrize("wrong", [{"level": 1}, {"agreement": False}, {"sealed": False}])
def test_an_opinion_is_sufficient_only_from_an_agreement_hospital_of_the_second_level(
    session: Session, wrong: dict[str, Any]
) -> None:
    desk = make_desk(session, "referral_filing", {})

    with pytest.raises(InvalidInput) as refused:
        desk.complete("hospital_opinion", "sufficient", **OPINION | wrong)

    assert list(refused.value.fields) == [f"fields.{next(iter(wrong))}"]


@pytest.mark.rule("FRM-1-8-20", "K-38")
def test_an_insufficient_opinion_passes_only_where_it_is_said_how_it_was_remedied(session: Session) -> None:
    desk = make_desk(session, "referral_filing", {})
    desk.complete("hospital_opinion", "insufficient", "医疗机构为一级")

    with pytest.raises(InvalidInput) as refused:
        desk.complete("review", "pass")

    assert "核对医疗机构转诊意见" in refused.value.fields["fields.remedy"][0]
    desk.complete("review", "pass", remedy="已补交二级医院意见")
    desk.complete("review", "not_passed", "不符合条件")


# Travel


def test_fares_and_days_are_determined_and_paid_to_the_worker(session: Session, clock: FixedClock) -> None:
    referral(session, clock)
    desk = travel(session, "2026-03-10")

    desk.complete("travel_lines", lines=[{"line": 1, "allowed": "104.50"}], days=2, rate="350.05")
    desk.run("travel.determine")
    desk.run("payee.to_worker")
    desk.complete("review", "pass")
    desk.run("referral.use")
    desk.run("determination.finish")

    assert desk.payments()[0][3] == 10450 + 2 * 35005
    assert desk.benefits.determinations()[0].inputs["board"] == 70010


def test_a_fare_or_a_day_that_is_not_as_claimed_needs_a_reason(session: Session, clock: FixedClock) -> None:
    referral(session, clock)
    desk = travel(session, "2026-03-10")

    with pytest.raises(InvalidInput) as refused:
        desk.complete("travel_lines", lines=[{"line": 1, "allowed": "104.49"}], days=3, rate="350")

    assert set(refused.value.fields) == {"fields.lines.0.reason", "fields.days_reason"}


def test_a_travel_claim_without_a_referral_cannot_pass(session: Session) -> None:
    desk = travel(session, "2023-03-10")
    desk.run("recommendation.refuse", recommendation_reason=f"referral_{found(desk)['referral_state']}")

    with pytest.raises(RuleRefused, match="没有找到该次工伤的转诊备案"):
        desk.complete("review", "pass")


# Treatment elsewhere


def remote(session: Session, from_on: str = "2023-09-01", until_on: str = "2024-02-29", **facts: Any) -> Desk:
    stated = {
        "registration": "new",
        "category": "resides_elsewhere",
        "destination_province": "湖南省",
        "destination_city": "长沙市",
        "from_on": from_on,
        "until_on": until_on,
        "employed": False,
    }
    return make_desk(session, "remote_treatment_filing", stated | facts)


@pytest.mark.rule("FRM-1-7-21")
@pytest.mark.parametrize(
    ("from_on", "until_on", "half_year"),
    [
        ("2023-09-01", "2024-02-29", True),  # both days counted
        ("2023-09-01", "2024-02-28", False),
        ("2023-08-31", "2024-02-28", True),  # February has no 31st: its last day ends the half year
        ("2023-08-31", "2024-02-27", False),
    ],
)
def test_treatment_elsewhere_is_filed_for_half_a_year_or_more(
    session: Session, from_on: str, until_on: str, half_year: bool
) -> None:
    answers = remote(session, from_on, until_on).run("remote.check")

    assert answers == {"half_year": half_year, "employed": False, "is_change": False, "relation_ended": False}


def test_employment_and_change_are_answered_as_stated(session: Session) -> None:
    answers = remote(session, employed=True, registration="change").run("remote.check")

    assert (answers["employed"], answers["is_change"]) == (True, True)


def test_a_filing_for_treatment_elsewhere_holds_as_long_as_was_stated(session: Session) -> None:
    desk = remote(session)
    desk.run("remote.check")

    assert desk.run("filing.register") == {"filing_valid_until_at": "2024-02-29T23:59:59+08:00"}


def test_a_change_replaces_the_earlier_filing_which_then_does_not_expire(session: Session) -> None:
    earlier, later = remote(session), remote(session, "2024-01-01", "2024-12-31", registration="change")
    for desk in (earlier, later):
        desk.run("remote.check")
        desk.run("filing.register")

    later.run("filing.replace")
    earlier.run("filing.expire")

    states = [filing.state for desk in (earlier, later) if (filing := desk.benefits.filing())]
    assert states == ["replaced", "valid"]
    assert later.events("filing_replaced")[0].details == {"replaced": 1}


def test_a_filing_against_a_recommendation_is_an_incident(session: Session) -> None:
    desk = remote(session, until_on="2023-10-01")
    desk.run("remote.check")
    desk.run("recommendation.refuse", recommendation_reason="less_than_half_year")

    with pytest.raises(CannotProceed):
        desk.run("filing.register")
    assert desk.benefits.filing() is None


def test_the_relation_of_this_injury_must_go_on(session: Session) -> None:
    closing = make_desk(session, "medical_lump_sum", {"grade": 7}, injured_on=INJURED_ON)
    closing.benefits.end_relation()

    assert remote(session).run("remote.check")["relation_ended"] is True
