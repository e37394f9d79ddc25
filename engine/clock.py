"""The one clock of the house: aware times in Asia/Shanghai. Nobody else reads the system's clock.

Tests fix it with `fixed`, the training mode moves it with `move_to`; both affect this process only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_lock = Lock()
_fixed: datetime | None = None
_offset = timedelta(0)


def now() -> datetime:
    """The present instant, aware, in Asia/Shanghai."""
    if _fixed is not None:
        return _fixed
    return datetime.now(SHANGHAI) + _offset


def today() -> date:
    """The present day in Guangdong."""
    return now().date()


def aware(moment: datetime) -> datetime:
    """The same instant in Asia/Shanghai; what the database gives back without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(SHANGHAI)


def end_of_day(day: date) -> datetime:
    """The last instant at which something due on `day` is still in time."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=SHANGHAI)


def start_of_day(day: date) -> datetime:
    """The first instant of `day`."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


def move_to(moment: datetime) -> None:
    """Let the clock go on from `moment` (training mode only; the caller checks the mode)."""
    global _offset
    with _lock:
        _offset = moment - datetime.now(SHANGHAI)


@contextmanager
def fixed(moment: datetime | str) -> Iterator[None]:
    """Stop the clock at `moment` (an ISO string without a zone is Asia/Shanghai). For tests."""
    global _fixed
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if value.tzinfo is None:
        value = value.replace(tzinfo=SHANGHAI)
    before, _fixed = _fixed, value
    try:
        yield
    finally:
        _fixed = before
