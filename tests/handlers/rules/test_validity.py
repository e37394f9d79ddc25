from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.validity import add_months, certification_due_on, is_valid_on, lasts_months, referral_valid_until

FILED = date(2026, 3, 2)


@pytest.mark.rule("FRM-1-8-17")
@pytest.mark.parametrize(("days", "valid"), [(-1, False), (0, True), (60, True), (61, False), (63, False)])
def test_day_sixty_after_filing_is_valid_and_day_sixty_one_is_not(days: int, valid: bool) -> None:
    assert is_valid_on(FILED + timedelta(days=days), filed_on=FILED, validity_days=60) is valid


def test_the_day_of_filing_is_not_counted() -> None:
    assert referral_valid_until(FILED, 60) == date(2026, 5, 1)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2023, 12, 1), 1, date(2024, 1, 1)),
        (date(2023, 5, 15), 0, date(2023, 5, 15)),
    ],
)
def test_months_are_added_to_the_last_day_of_a_shorter_month(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@pytest.mark.rule("CRT-01")
def test_a_certification_is_due_on_the_same_day_a_year_later() -> None:
    assert certification_due_on(date(2024, 2, 29), 12) == date(2025, 2, 28)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 60))
def test_a_stay_lasts_exactly_as_many_months_as_it_was_made_for(start: date, months: int) -> None:
    end = add_months(start, months) - timedelta(days=1)

    assert lasts_months(start, end, months)
    assert not lasts_months(start, end - timedelta(days=1), months)
