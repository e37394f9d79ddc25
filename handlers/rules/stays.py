"""Days in hospital (住院天数)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta


def counted_days(stays: Sequence[tuple[date, date]], *, counts: Sequence[str]) -> list[int]:
    """The days of each stay (admission, discharge), in the given order.

    `counts` says which edge days count (`inpatient_meals.counted_days`); a day of two stays counts in the first only.
    """
    seen: set[date] = set()
    result = []
    for admitted_on, discharged_on in stays:
        days = set(_days(admitted_on, discharged_on, counts))
        result.append(len(days - seen))
        seen |= days
    return result


def _days(admitted_on: date, discharged_on: date, counts: Sequence[str]) -> list[date]:
    first = admitted_on if "admission_day" in counts else admitted_on + timedelta(days=1)
    last = discharged_on if "discharge_day" in counts else discharged_on - timedelta(days=1)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
