"""The decision tables: each row of each, and the order of the rows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process.walk import library


def decide(table: str, **facts: Any) -> dict[str, Any]:
    return library().tables[table].decide(facts)


@pytest.mark.rule("BEN-13", "G228-01", "G228-09", "G228-16")
@pytest.mark.parametrize(
    ("by_employer", "evidence", "by_medical_insurance", "payees"),
    [
        (0, False, 0, "worker"),
        (0, False, 1, "worker_and_medical_insurance"),
        (1, True, 0, "worker_and_employer"),
        (1, True, 1, "worker_employer_and_medical_insurance"),
        # No employer's account without the signed evidence, whoever else is to be paid.
        (1, False, 0, "hold_employer_part"),
        (1, False, 1, "hold_employer_part"),
        # Evidence without an advance changes nothing.
        (0, True, 0, "worker"),
    ],
)
def test_who_is_paid(by_employer: int, evidence: bool, by_medical_insurance: int, payees: str) -> None:
    answer = decide(
        "payee",
        advanced_by_employer=by_employer,
        employer_evidence=evidence,
        advanced_by_medical_insurance=by_medical_insurance,
    )

    assert answer == {"payee_rule": payees}


@pytest.mark.rule("G228-17", "REV-04")
@pytest.mark.parametrize(
    "payees", ["hold_employer_part", "worker_and_employer", "worker_employer_and_medical_insurance"]
)
@pytest.mark.parametrize(("configured", "required"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_an_employer_is_paid_after_two_reviews_at_least(payees: str, configured: int, required: int) -> None:
    assert decide("review_depth", payee_rule=payees, review_levels=configured) == {"review_levels": required}


@pytest.mark.rule("REV-04")
@pytest.mark.parametrize("payees", ["worker", "worker_and_medical_insurance"])
@pytest.mark.parametrize("configured", [0, 1, 2, 3])
def test_otherwise_the_city_says_how_many_reviews(payees: str, configured: int) -> None:
    assert decide("review_depth", payee_rule=payees, review_levels=configured) == {"review_levels": configured}


ELIGIBLE = {"already_claimed": False, "grade": 7, "draws_pension": False, "notice_signed": True}


@pytest.mark.rule("BEN-01")
@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, ""),
        ({"grade": 5}, ""),
        ({"grade": 10}, ""),
        ({"grade": 4}, "grade_outside_five_to_ten"),
        ({"grade": 0}, "grade_outside_five_to_ten"),
        ({"already_claimed": True}, "already_claimed"),
        ({"draws_pension": True}, "draws_pension"),
        # Form 1-3 excepts pensioners among grades seven to ten only.
        ({"draws_pension": True, "grade": 6}, ""),
        ({"notice_signed": False}, "notice_not_signed"),
        # The first reason that applies is told.
        ({"notice_signed": False, "already_claimed": True}, "already_claimed"),
    ],
)
def test_who_may_claim_the_medical_lump_sum(facts: dict[str, Any], reason: str) -> None:
    answer = decide("lump_sum_eligibility", **{**ELIGIBLE, **facts})

    assert answer == {"eligible": reason == "", "recommendation_reason": reason}


@pytest.mark.rule("FRM-1-8-01")
@pytest.mark.parametrize(
    ("state", "reason"),
    [("valid", ""), ("used", "referral_used"), ("expired", "referral_expired"), ("missing", "referral_missing")],
)
def test_travel_is_paid_with_a_valid_referral_only(state: str, reason: str) -> None:
    answer = decide("travel_eligibility", referral_found=state == "valid", referral_state=state)

    assert answer == {"eligible": reason == "", "recommendation_reason": reason}


@pytest.mark.rule("FRM-1-7-01")
@pytest.mark.parametrize(
    ("ended", "half_year", "reason"),
    [
        (False, True, ""),
        (False, False, "less_than_half_year"),
        (True, True, "relation_ended"),
        (True, False, "relation_ended"),
    ],
)
def test_who_may_file_for_treatment_elsewhere(ended: bool, half_year: bool, reason: str) -> None:
    answer = decide("remote_eligibility", relation_ended=ended, half_year=half_year)

    assert answer == {"eligible": reason == "", "recommendation_reason": reason}
