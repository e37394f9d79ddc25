"""Entering official years and local orders (放假安排), and what then moves: every due day that they reach.

Nothing is computed again in the transaction that enters: one job goes through the running deadlines, and one job for
each case locks it and looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, joinedload, selectinload

from config.deadlines import deadline_kinds
from config.official_years import EARLIEST, LATEST, faults_of_year
from engine import clock, jobs
from engine.actor import Actor
from engine.casework import calendars, deadlines, routing
from engine.casework.events import record_event
from engine.errors import InvalidInput, NotAllowed
from engine.models import CalendarAlarm, CalendarDay, CalendarNotice, Case, Deadline, Task

RECOMPUTE_YEAR, RECOMPUTE_CASE = "calendar.recompute_year", "calendar.recompute_case"
_AT_ONCE = 500


def enter_year(
    session: Session,
    actor: Actor | None,
    *,
    year: int,
    notice: str,
    off_days: Sequence[date],
    work_days: Sequence[date],
) -> CalendarNotice:
    """Enter the official calendar of a year; a later notice about the same year replaces it as a whole.

    `actor`: None on the command line. Raises InvalidInput with every sentence against it.
    """
    if faults := faults_of_year(year, off_days, work_days):
        raise InvalidInput("放假安排不能录入，请按提示修改。", fields=faults)
    days = [CalendarDay(day=day, workday=False) for day in off_days]
    days += [CalendarDay(day=day, workday=True) for day in work_days]
    entered = _enter(session, CalendarNotice(year=year, notice=notice, days=days), actor)
    session.execute(
        update(CalendarAlarm)
        .where(CalendarAlarm.year == year, CalendarAlarm.answered_at.is_(None))
        .values(answered_at=entered.entered_at)
    )
    _recompute(session, {year})
    return entered


def order_days(
    session: Session, actor: Actor, *, agency_code: str, notice: str, days: Sequence[Mapping[str, Any]]
) -> CalendarNotice:
    """Days that an agency and those below it work or do not work otherwise; the latest order of a day counts."""
    agency = routing.find_agency(session, agency_code)
    if agency is None:
        raise InvalidInput(fields={"agency_code": ["没有这个经办机构，请核对编码。"]})
    if not actor.oversees(agency.path):
        raise NotAllowed("只能调整本机构及下级机构的工作日。", code="other_agency")
    twice = [day for day, times in Counter(one["day"] for one in days).items() if times > 1]
    sentences = [f"{day.isoformat()}写了不止一次。" for day in twice]
    sentences += [
        f"{one['day'].isoformat()}不在{EARLIEST}年至{LATEST}年之间。"
        for one in days
        if not EARLIEST <= one["day"].year <= LATEST
    ]
    if sentences:
        raise InvalidInput(fields={"days": sentences})
    rows = [CalendarDay(day=one["day"], workday=one["workday"]) for one in days]
    entered = _enter(session, CalendarNotice(agency_code=agency.code, notice=notice, days=rows), actor)
    _recompute(session, {one.day.year for one in rows})
    return entered


def _enter(session: Session, notice: CalendarNotice, actor: Actor | None) -> CalendarNotice:
    if session.get_bind().dialect.name == "postgresql":
        # Ids must become visible in their order: the largest says whether somebody has read them all.
        session.execute(text("LOCK TABLE calendar_notice IN SHARE ROW EXCLUSIVE MODE"))
    notice.entered_by_id = None if actor is None else actor.officer_id
    notice.entered_at = clock.now()
    session.add(notice)
    session.flush()
    calendars.forget(session)
    return notice


def overview(session: Session) -> dict[str, Any]:
    """Years and local orders that were entered, latest first, and the years that running deadlines wait for."""
    notices = session.scalars(
        select(CalendarNotice)
        .order_by(CalendarNotice.id.desc())
        .options(selectinload(CalendarNotice.days), joinedload(CalendarNotice.entered_by))
        .limit(_AT_ONCE)
    ).all()
    alarms = session.scalars(
        select(CalendarAlarm).where(CalendarAlarm.answered_at.is_(None)).order_by(CalendarAlarm.year)
    )
    return {
        "years": [notice for notice in notices if notice.year is not None],
        "overrides": [notice for notice in notices if notice.year is None],
        "alarms": list(alarms),
    }


# What moves


def _recompute(session: Session, years: set[int]) -> None:
    for year in sorted(years):
        jobs.defer(session, RECOMPUTE_YEAR, {"year": year, "after": 0})


@jobs.job(RECOMPUTE_YEAR)
def recompute_year(session: Session, year: int, after: int) -> None:
    """Have every case looked at whose running deadline reaches into the year; so many at once."""
    found = session.execute(
        select(Deadline.id, Deadline.case_id)
        .where(
            Deadline.ended_at.is_(None),
            Deadline.due_on >= date(year, 1, 1),
            Deadline.started_on <= date(year, 12, 31),
            Deadline.id > after,
        )
        .order_by(Deadline.id)
        .limit(_AT_ONCE)
    ).all()
    for case_id in dict.fromkeys(row.case_id for row in found):
        jobs.defer(session, RECOMPUTE_CASE, {"case_id": case_id}, key=f"{RECOMPUTE_CASE}:{case_id}")
    if len(found) == _AT_ONCE:
        jobs.defer(session, RECOMPUTE_YEAR, {"year": year, "after": found[-1].id})


@jobs.job(RECOMPUTE_CASE)
def recompute_case(session: Session, case_id: int) -> None:
    """The due days of a case by the calendar as it is now; an event for each that moved or became final."""
    case = session.scalars(select(Case).where(Case.id == case_id).with_for_update()).one()
    rows = session.scalars(
        select(Deadline)
        .where(Deadline.case_id == case_id, Deadline.ended_at.is_(None))
        .order_by(Deadline.id)
        .with_for_update()
    )
    for deadline in rows:
        kind = deadline_kinds()[deadline.kind]
        before = deadline.due_on
        if not deadlines.recompute(session, deadline, case):
            continue
        if deadline.kind == deadlines.TIME_LIMIT:
            case.due_on, case.due_provisional = deadline.due_on, deadline.provisional
            _move_tasks(session, case, before)
        record_event(
            session,
            "due_date_recomputed",
            at=clock.now(),
            actor=None,
            case_id=case.id,
            deadline=deadline.kind,
            title=kind.title,
            before=before.isoformat(),
            due_on=deadline.due_on.isoformat(),
            provisional=deadline.provisional,
        )


def _move_tasks(session: Session, case: Case, before: date) -> None:
    session.execute(
        update(Task)
        .where(
            Task.case_id == case.id,
            Task.transfer_id.is_(None),
            Task.escalation_id.is_(None),
            Task.form != "supplement",
            Task.due_on == before,
            Task.state.in_(("pool", "claimed")),
        )
        .values(due_on=case.due_on)
    )
