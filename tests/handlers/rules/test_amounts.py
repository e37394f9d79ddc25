from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules.amounts import cents, yuan


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.00", 0), ("0.07", 7), ("1.1", 110), ("19.99", 1999), ("9999999999.99", 999999999999), (None, 0), ("", 0)],
)
def test_an_amount_is_read_to_the_cent(text: str | None, expected: int) -> None:
    assert cents(text) == expected


def test_a_part_of_a_cent_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        cents("0.005")


@given(st.integers(-(10**14), 10**14))
def test_what_is_written_is_read_back(amount: int) -> None:
    assert cents(yuan(amount)) == amount
