"""Amounts of money: text with two decimals outside, integer cents inside, never a float."""

from __future__ import annotations

from decimal import Decimal


def cents(amount: str | None) -> int:
    """The cents of an amount in yuan with at most two decimals; 0 where none was stated.

    Raises ValueError for anything finer than a cent.
    """
    value = Decimal(amount or "0") * 100
    if value != value.to_integral_value():
        raise ValueError(f"{amount!r} is finer than a cent")
    return int(value)


def yuan(amount: int) -> str:
    """An amount in cents as people read it: 1234.50."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"
