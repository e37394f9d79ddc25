"""When an assistive device (辅助器具) may be replaced."""

from __future__ import annotations

from datetime import date

from handlers.rules.validity import add_months


def is_too_early(configured_on: date, previous_configured_on: date | None, minimum_life_months: int) -> bool:
    """The device replaces one that has not reached its minimum life (最低使用年限); a first device never does."""
    if previous_configured_on is None:
        return False
    return configured_on < add_months(previous_configured_on, minimum_life_months)


def payable_for_device(price: int, catalogue_limit: int) -> int:
    """What the fund bears of a confirmed device, in cents: the price, at most the limit of the catalogue (BEN-14)."""
    return min(price, catalogue_limit)
