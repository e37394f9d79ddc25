"""Deadlines (期限): they begin, stand still, move, warn and end; the levels that lists show (预警).

A deadline is a row with the moment of what it will say next. The tick (`engine.casework.deadline_ticks`) claims it
then and `reach` writes the event, once for each level. Whoever tells people listens to the events: those of levels
carry `deadline` (the kind), `level`, `due_on`, and `overtaken` where a later level was reached before this one could
be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, object_session

from config.deadlines import LEVELS, DeadlineKind, deadline_kinds
from engine import clock
from engine.casework.calendars import calendar_of, raise_alarm, shown_calendar
from engine.casework.events import record_event
from engine.errors import InvalidInput
from engine.models import Case, Deadline, Task
from engine.ports import Calendar, Due

TIME_LIMIT, TRANSFER, SUPPLEMENT, SUPERIOR_GUIDANCE = "time_limit", "transfer", "supplement", "superior_guidance"
OVERDUE = "overdue"

_RANK = {level: rank for rank, level in enumerate(LEVELS)}


# Where it stands


@dataclass(frozen=True)
class Standing:
    """The warning level of a deadline, what is left of it, and by how much it is missed, in its unit."""

    level: str
    left: int
    over: int

    @property
    def level_name(self) -> str:
        """As officers read it: 一般, 临期, 紧急, 超期."""
        return LEVELS[self.level]


def standing_of(case: Case) -> Standing | None:
    """Where the time limit of a case stands today, or since it stands still; None once the case is decided."""
    if case.result is not None:
        return None
    session = object_session(case)
    assert session is not None
    calendar = shown_calendar(session, case.handling_agency_code)
    kind = deadline_kinds()[TIME_LIMIT]
    return _standing(kind, calendar, case.limit_stopped_on or clock.today(), case.due_on, case.limit_workdays)


def standing_of_task(task: Task) -> Standing | None:
    """Where the deadline stands that a task works against; None once it is done, and where there is none."""
    if task.case is None or task.due_on is None or task.state not in ("pool", "claimed"):
        return None
    kind = _kind_of(task)
    if kind == TIME_LIMIT:
        return standing_of(task.case)
    session = object_session(task)
    assert session is not None
    calendar, found = shown_calendar(session, task.agency_code), deadline_kinds()[kind]
    total = calendar.left(task.created_at.date(), task.due_on, found.unit)
    return _standing(found, calendar, clock.today(), task.due_on, total)


def _kind_of(task: Task) -> str:
    if task.transfer_id is not None:
        return TRANSFER
    if task.escalation_id is not None:
        return SUPERIOR_GUIDANCE
    return SUPPLEMENT if task.form == "supplement" else TIME_LIMIT


def _standing(kind: DeadlineKind, calendar: Calendar, day: date, due_on: date, total: int) -> Standing:
    left = calendar.left(day, due_on, kind.unit)
    over = calendar.left(due_on, day, kind.unit)
    if day > due_on:
        return Standing(OVERDUE, left, over)
    reached = [threshold.level for threshold in kind.warnings if left <= threshold.left(total)]
    return Standing(reached[-1] if reached else "normal", left, over)


# Its course


def start(
    session: Session,
    kind: str,
    case: Case,
    *,
    started_on: date,
    length: int,
    due: Due | None = None,
    subject_id: int | None = None,
) -> Deadline:
    """Let a deadline begin, by the calendar of the agency that handles the case; `started_on` is not counted.

    `due` is given where somebody has reckoned it already. Raises InvalidInput for one that lies before its start.
    """
    calendar = calendar_of(session, case.handling_agency_code)
    found = due or calendar.due_after(started_on, length, deadline_kinds()[kind].unit)
    if found.on < started_on:
        raise InvalidInput(
            fields={"due_on": [f"期限{found.on.isoformat()}早于起算日{started_on.isoformat()}，请核对后重试。"]}
        )
    deadline = Deadline(
        case_id=case.id,
        kind=kind,
        subject_id=subject_id,
        agency_code=case.handling_agency_code,
        started_on=started_on,
        length=length,
        due_on=found.on,
        provisional=found.provisional,
        stops=[],
        level="normal",
    )
    _plan(deadline, calendar)
    session.add(deadline)
    raise_alarm(session, case, found.missing)
    return deadline


def running(session: Session, case_id: int, kind: str, subject_id: int | None = None) -> Deadline | None:
    """The deadline of that kind (about that subject) which has not ended."""
    query = select(Deadline).where(Deadline.case_id == case_id, Deadline.kind == kind, Deadline.ended_at.is_(None))
    if subject_id is not None:
        query = query.where(Deadline.subject_id == subject_id)
    return session.scalars(query.order_by(Deadline.id.desc()).limit(1)).first()


def end(session: Session, case: Case, kind: str, at: datetime, *, due_on: date, subject_id: int | None = None) -> int:
    """Let it end with the instant `at`; by how much it was missed, in its unit, 0 in time. No row is read for it."""
    late = lateness(session, case, kind, due_on, at)
    ended = update(Deadline).where(Deadline.case_id == case.id, Deadline.kind == kind, Deadline.ended_at.is_(None))
    if subject_id is not None:
        ended = ended.where(Deadline.subject_id == subject_id)
    with session.no_autoflush:
        session.execute(ended.values(ended_at=at, late=late, next_level=None, next_at=None, stopped_on=None))
    return late


def lateness(session: Session, case: Case, kind: str, due_on: date, at: datetime) -> int:
    """By how much `at` misses `due_on`, in the unit of the kind; 0 in time."""
    if at.date() <= due_on:
        return 0
    calendar = calendar_of(session, case.handling_agency_code)
    return calendar.left(due_on, at.date(), deadline_kinds()[kind].unit)


# The time limit of a case


def stop_limit(session: Session, case: Case, on: date) -> None:
    """The time limit stands still from the end of `on` (K-21)."""
    if case.limit_stopped_on is not None:
        return
    case.limit_stopped_on = on
    deadline = running(session, case.id, TIME_LIMIT)
    if deadline is not None:
        deadline.stopped_on = on
        deadline.next_level = deadline.next_at = None


def resume_limit(session: Session, case: Case, on: date) -> int:
    """The time limit runs on after `on`; by how many working days its due day has moved."""
    stopped_on, case.limit_stopped_on = case.limit_stopped_on, None
    if stopped_on is None:
        return 0
    deadline = running(session, case.id, TIME_LIMIT)
    calendar = calendar_of(session, case.handling_agency_code if deadline is None else deadline.agency_code)
    moved = calendar.workdays_between(stopped_on, on)
    due = calendar.due(case.due_on, moved)
    raise_alarm(session, case, due.missing)
    case.due_on = due.on
    case.due_provisional = due.provisional or case.due_provisional
    if deadline is not None:
        deadline.stops = [*deadline.stops, {"from": stopped_on.isoformat(), "until": on.isoformat()}]
        deadline.stopped_on = None
        _move(deadline, calendar, case.due_on, case.due_provisional)
        session.flush()
    return moved


def recompute(session: Session, deadline: Deadline, case: Case) -> bool:
    """Its due day by the calendar as it is now; False where nothing changes. The case is locked."""
    kind = deadline_kinds()[deadline.kind]
    if kind.unit != "workdays":
        return False
    calendar = calendar_of(session, deadline.agency_code)
    stopped = sum(
        calendar.workdays_between(date.fromisoformat(stop["from"]), date.fromisoformat(stop["until"]))
        for stop in deadline.stops
    )
    due = calendar.due(deadline.started_on, deadline.length + stopped)
    raise_alarm(session, case, due.missing)
    if (due.on, due.provisional) == (deadline.due_on, deadline.provisional):
        return False
    _move(deadline, calendar, due.on, due.provisional)
    return True


def _move(deadline: Deadline, calendar: Calendar, due_on: date, provisional: str | None) -> None:
    """Another due day. What was said of the old one is said again where it comes true again."""
    deadline.due_on = due_on
    deadline.provisional = provisional
    kind = deadline_kinds()[deadline.kind]
    now = _standing(kind, calendar, clock.today(), due_on, _total(deadline, kind)).level
    deadline.level = min(deadline.level, now, key=_RANK.__getitem__)
    _plan(deadline, calendar)


# What it says by itself


def reach(session: Session, deadline: Deadline, case: Case) -> None:
    """Say which levels were reached by now, each once, and find out what comes next. The case is locked."""
    now = clock.now()
    calendar = calendar_of(session, deadline.agency_code)
    if deadline.next_level is None:
        _plan(deadline, calendar)
    reached = []
    while deadline.next_level is not None and deadline.next_at is not None and deadline.next_at <= now:
        deadline.level = deadline.next_level
        reached.append((deadline.level, deadline.next_at))
        _plan(deadline, calendar)
    for number, (level, moment) in enumerate(reached, 1):
        record_event(
            session,
            "deadline_overdue" if level == OVERDUE else "deadline_warned",
            at=now,
            actor=None,
            case_id=case.id,
            deadline=deadline.kind,
            deadline_id=deadline.id,
            subject_id=deadline.subject_id,
            level=level,
            reached_at=moment.isoformat(),
            due_on=deadline.due_on.isoformat(),
            provisional=deadline.provisional,
            overtaken=number < len(reached),
            agency=case.handling_agency_code,
        )


def _plan(deadline: Deadline, calendar: Calendar) -> None:
    """Which level comes next, and when: at the beginning of the first day on which it holds."""
    deadline.next_level = deadline.next_at = None
    kind = deadline_kinds()[deadline.kind]
    if kind.told_by != "tick" or deadline.stopped_on is not None or deadline.ended_at is not None:
        return
    for level, day in _levels(deadline, kind, calendar):
        if _RANK[level] > _RANK[deadline.level]:
            deadline.next_level, deadline.next_at = level, clock.start_of_day(day)
            return


def _levels(deadline: Deadline, kind: DeadlineKind, calendar: Calendar) -> Iterator[tuple[str, date]]:
    """Each level with the first day on which it holds; of several that begin on one day, the highest."""
    total = _total(deadline, kind)
    found = [
        (threshold.level, calendar.first_day_with(threshold.left(total), deadline.due_on, kind.unit))
        for threshold in kind.warnings
    ]
    found.append((OVERDUE, deadline.due_on + timedelta(days=1)))
    days = [day for _, day in found[1:]]
    yield from (one for one, following in zip(found, [*days, None], strict=True) if one[1] != following)


def _total(deadline: Deadline, kind: DeadlineKind) -> int:
    """The whole length in days of what is left: working days, or else calendar days."""
    return (deadline.due_on - deadline.started_on).days if kind.unit == "months" else deadline.length
