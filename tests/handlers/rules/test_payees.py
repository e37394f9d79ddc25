from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.payees import CARD, RECEIVERS, Account, split_reimbursement, worker_account

ORDER = ("medical_insurance", "employer")
MONEY = st.integers(0, 10**12)


@given(total=MONEY, employer=MONEY, insurance=MONEY, receivers=st.sampled_from(sorted(RECEIVERS)))
def test_the_parts_add_up_and_nobody_gets_back_more_than_was_advanced(
    total: int, employer: int, insurance: int, receivers: str
) -> None:
    parts = split_reimbursement(
        total, advanced={"employer": employer, "medical_insurance": insurance}, order=ORDER, receivers=receivers
    )

    assert parts.worker + parts.employer + parts.medical_insurance == total
    assert 0 <= parts.employer <= employer
    assert 0 <= parts.medical_insurance <= insurance
    assert parts.worker >= 0


@given(total=MONEY, employer=MONEY, insurance=MONEY)
def test_whoever_is_not_named_by_the_decision_gets_nothing(total: int, employer: int, insurance: int) -> None:
    parts = split_reimbursement(
        total, advanced={"employer": employer, "medical_insurance": insurance}, order=ORDER, receivers="worker"
    )

    assert (parts.worker, parts.employer, parts.medical_insurance) == (total, 0, 0)


@pytest.mark.parametrize(
    ("order", "expected"),
    [(("medical_insurance", "employer"), (70, 30)), (("employer", "medical_insurance"), (20, 80))],
)
def test_where_the_total_does_not_reach_the_order_of_the_law_decides(
    order: tuple[str, ...], expected: tuple[int, int]
) -> None:
    parts = split_reimbursement(
        100,
        advanced={"employer": 80, "medical_insurance": 70},
        order=order,
        receivers="worker_employer_and_medical_insurance",
    )

    assert (parts.medical_insurance, parts.employer) == expected
    assert parts.worker == 0


REASONS = ("advanced_by_employer", "joint_designation")
EMPLOYER = Account(kind="employer_account", number="1", reason_code="advanced_by_employer")


@pytest.mark.rule("G228-09", "G228-16", "G228-17")
@pytest.mark.parametrize(
    ("account", "has_evidence", "monthly", "expected"),
    [
        (EMPLOYER, True, False, EMPLOYER),
        (EMPLOYER, False, False, CARD),  # no signed evidence
        (EMPLOYER, True, True, CARD),  # never for a periodic benefit
        (Account(kind="employer_account", number="1"), True, False, CARD),  # no coded reason
        (Account(kind="employer_account", number="1", reason_code="passbook"), True, False, CARD),
        (Account(kind="personal_account", number="1"), True, False, CARD),
        (Account(kind="joint_account", number="1", reason_code="joint_designation"), True, False, CARD),
        (CARD, False, True, CARD),
    ],
)
def test_the_card_is_used_unless_the_law_allows_another_account(
    account: Account, has_evidence: bool, monthly: bool, expected: Account
) -> None:
    assert worker_account(account, has_evidence=has_evidence, monthly=monthly, allowed=REASONS) == expected


@pytest.mark.rule("G228-14", "K-32")
def test_an_own_account_with_its_reason_is_kept_for_monthly_benefits_too() -> None:
    passbook = Account(kind="personal_account", number="1", reason_code="passbook")

    assert worker_account(passbook, has_evidence=False, monthly=True, allowed=REASONS) == passbook
