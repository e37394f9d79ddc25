"""The calendar in the database: official years entered by hand, and days that an agency ordered otherwise.

What was entered is read once and kept for the process; each transaction that reckons by a calendar asks with one
short statement whether that is still all there is. What is only shown may be a minute behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, selectinload

from config.official_years import OfficialYear
from config.province import province
from engine import clock
from engine.models import CalendarAlarm, CalendarNotice, Case
from engine.ports import Calendar, ports

log = structlog.get_logger()

_KEY = "calendar_book"
_MINUTE = 60.0


@dataclass(frozen=True)
class _Book:
    """What was entered, up to the notice with the id `latest`."""

    latest: int
    years: Mapping[int, OfficialYear]
    #: Agency code -> its days.
    orders: Mapping[str, Mapping[date, bool]]


#: The book of each database, read from what was committed, and when somebody last asked whether it is the present one.
_books: WeakKeyDictionary[Any, tuple[_Book, float]] = WeakKeyDictionary()


def calendar_of(session: Session, agency_code: str) -> Calendar:
    """Working days as they are at that agency: official ones, and what it or an agency above it ordered."""
    return _calendar(_book(session), agency_code)


def shown_calendar(session: Session, agency_code: str) -> Calendar:
    """The same for what is shown and not reckoned by; it may be a minute behind."""
    book, asked_at = _books.get(session.get_bind(), (None, 0.0))
    if book is None or monotonic() - asked_at > _MINUTE:
        book = _book(session)
    return _calendar(book, agency_code)


def _calendar(book: _Book, agency_code: str) -> Calendar:
    ordered: dict[date, bool] = {}
    if book.orders:
        # The nearest order counts.
        for code in reversed(list(_upwards(agency_code))):
            ordered |= book.orders.get(code, {})
    return ports().calendar(book.years, ordered)


def _upwards(agency_code: str) -> Iterator[str]:
    superiors = province().superiors()
    code: str | None = agency_code
    while code is not None:
        yield code
        code = superiors.get(code)


def _book(session: Session) -> _Book:
    transaction, book = session.info.get(_KEY, (None, None))
    if book is not None and transaction is session.get_transaction():
        return book  # type: ignore[no-any-return]
    with session.no_autoflush:
        latest = session.scalar(select(func.max(CalendarNotice.id))) or 0
        bind = session.get_bind()
        book, _ = _books.get(bind, (None, 0.0))
        if book is None or book.latest != latest:
            book = _read(session, latest)
        _books[bind] = (book, monotonic())
    _keep(session, book)
    return book


def _keep(session: Session, book: _Book) -> None:
    session.info[_KEY] = (session.get_transaction(), book)


def forget(session: Session) -> None:
    """Something was entered in this transaction: it goes by that from now on, and others once it is committed."""
    _books.pop(session.get_bind(), None)
    latest = session.scalar(select(func.max(CalendarNotice.id))) or 0
    _keep(session, _read(session, latest))


def raise_alarm(session: Session, case: Case, years: Iterable[int]) -> None:
    """A deadline of the case needs years that nobody has published: administrators see each, once."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for year in years:
        values = {"year": year, "raised_at": clock.now(), "case_id": case.id}
        raised = insert(CalendarAlarm).values(values).on_conflict_do_nothing().returning(CalendarAlarm.year)
        if session.scalar(raised) is not None:
            log.warning("calendar_missing", year=year, case_id=case.id)


def _read(session: Session, latest: int) -> _Book:
    years: dict[int, OfficialYear] = {}
    orders: dict[str, dict[date, bool]] = {}
    notices = select(CalendarNotice).order_by(CalendarNotice.id).options(selectinload(CalendarNotice.days))
    for notice in session.scalars(notices) if latest else ():
        if notice.year is not None:
            years[notice.year] = as_year(notice)
        elif notice.agency_code is not None:
            orders.setdefault(notice.agency_code, {}).update((one.day, one.workday) for one in notice.days)
    return _Book(latest, years, orders)


def entered_years(session: Session) -> Mapping[int, OfficialYear]:
    """The years that were entered."""
    return _book(session).years


def as_year(notice: CalendarNotice) -> OfficialYear:
    """The year that the notice is about."""
    assert notice.year is not None
    return OfficialYear(
        year=notice.year,
        notice=notice.notice,
        off_days=frozenset(one.day for one in notice.days if not one.workday),
        work_days=frozenset(one.day for one in notice.days if one.workday),
    )
