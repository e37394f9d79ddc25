"""How long a filing holds, and spans of months: the days at their edges."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta


def referral_valid_until(filed_on: date, validity_days: int) -> date:
    """The last day on which a referral (转诊) can be used: the day of filing is not counted (A1-8, S25)."""
    return filed_on + timedelta(days=validity_days)


def is_valid_on(day: date, *, filed_on: date, validity_days: int) -> bool:
    """A referral filed on `filed_on` covers treatment begun on `day`: day 60 does, day 61 does not."""
    return filed_on <= day <= referral_valid_until(filed_on, validity_days)


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later; where that month is shorter, its last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def lasts_months(from_on: date, until_on: date, months: int) -> bool:
    """A stay with both its days counted lasts at least so many months (半年及以上, A1-7)."""
    return until_on + timedelta(days=1) >= add_months(from_on, months)


def certification_due_on(certified_on: date, cycle_months: int) -> date:
    """The last day of a certification cycle (待遇领取资格认证): the same day that many months later (CRT-01)."""
    return add_months(certified_on, cycle_months)
