"""Keyset paging: a page and where the next one begins. Nothing is counted, nothing is skipped or seen twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.errors import InvalidInput

T = TypeVar("T")

LARGEST_PAGE = 100


@dataclass(frozen=True)
class Page(Generic[T]):
    """`next_after` is given back as `after` for the next page; None: this was the last."""

    items: list[T]
    next_after: str | None


def key_in(after: str) -> int:
    """The row id after which the next page begins. Raises InvalidInput for what no list has given."""
    if not after.isdecimal() or len(after) > 18:
        raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
    return int(after)


def page_size(limit: int) -> int:
    """`limit`, kept between 1 and the largest page."""
    return max(1, min(limit, LARGEST_PAGE))
