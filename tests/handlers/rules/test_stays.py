from __future__ import annotations

from datetime import date

import pytest

from handlers.rules.stays import counted_days

BOTH = ("admission_day", "discharge_day")
STAY = (date(2023, 3, 1), date(2023, 3, 4))


@pytest.mark.parametrize(("counts", "expected"), [(BOTH, 4), (("admission_day",), 3), (("discharge_day",), 3), ((), 2)])
def test_the_edge_days_count_as_the_law_says(counts: tuple[str, ...], expected: int) -> None:
    assert counted_days([STAY], counts=counts) == [expected]


def test_a_stay_of_one_day_counts_one() -> None:
    assert counted_days([(date(2023, 3, 1), date(2023, 3, 1))], counts=BOTH) == [1]


def test_no_day_is_counted_twice_whatever_the_order_of_the_stays() -> None:
    later, inside = (date(2023, 3, 4), date(2023, 3, 6)), (date(2023, 3, 2), date(2023, 3, 3))

    assert counted_days([STAY, later, inside], counts=BOTH) == [4, 2, 0]
    assert sum(counted_days([inside, later, STAY], counts=BOTH)) == 6
