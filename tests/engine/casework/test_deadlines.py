"""Deadlines: each says what it has to say once, at its moment, over the real calendar of 2023 to 2026."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from config.deadlines import LEVELS, deadline_kinds
from engine import clock as house_clock
from engine import jobs
from engine.casework import deadlines, timers
from engine.casework.deadline_ticks import tell_due
from engine.db import db, transaction
from engine.errors import CannotProceed, InvalidInput
from engine.models import Case, CaseEvent, Deadline, Incident
from handlers.rules.workdays import DueDay
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


def _accepted(app: Flask, clock: FixedClock) -> Telling:
    begun = telling(app, clock, "medical_expense", {})
    begun.through_intake("acceptor-440305")
    return begun


@pytest.fixture
def story(any_app: Flask, clock: FixedClock) -> Telling:
    """A case that other deadlines can be about, on SQLite and on PostgreSQL."""
    return _accepted(any_app, clock)


@pytest.fixture
def sqlite_story(app: Flask, clock: FixedClock) -> Telling:
    """The same on SQLite alone."""
    return _accepted(app, clock)


def _begin(story: Telling, kind: str, started_on: date, length: int, **more: int) -> int:
    """A stand-in for what other parts of the system begin."""
    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        deadline = deadlines.start(session, kind, case, started_on=started_on, length=length, **more)
        session.flush()
        return deadline.id


def _row(deadline_id: int) -> Deadline:
    db.session.rollback()
    return db.session.get_one(Deadline, deadline_id)


def _said(deadline_id: int) -> list[tuple[str, str]]:
    """Level and day of each event of the deadline, in order."""
    db.session.rollback()
    kinds = ("deadline_warned", "deadline_overdue")
    events = db.session.scalars(select(CaseEvent).where(CaseEvent.kind.in_(kinds)).order_by(CaseEvent.id))
    return [
        (event.details["level"], event.details["reached_at"][:16])
        for event in events
        if event.details["deadline_id"] == deadline_id
    ]


@pytest.mark.rule("DDL-04", "K-19", "K-20", "K-39")
@pytest.mark.parametrize(
    ("kind", "started_on", "length", "due_on", "near", "urgent"),
    [
        # Ten working days over National Day 2023, with both make-up days: 2023-10-07 and 08.
        ("time_limit", "2023-09-22", 10, "2023-10-12", "2023-10-09", "2023-10-11"),
        # Over New Year's Eve 2024, which is worked, and the made-up Sunday after the holiday.
        ("time_limit", "2024-02-07", 5, "2024-02-20", "2024-02-19", "2024-02-20"),
        # One working day has no warning but on the day itself.
        ("time_limit", "2025-01-24", 1, "2025-01-26", None, "2025-01-26"),
        ("time_limit", "2025-01-27", 1, "2025-02-05", None, "2025-02-05"),
        # The last weekend before a due Monday: what is left is the same from Friday on.
        ("time_limit", "2026-08-03", 20, "2026-08-31", "2026-08-21", "2026-08-27"),
        ("supplement", "2026-09-18", 10, "2026-10-09", "2026-09-29", "2026-10-08"),
        ("superior_guidance", "2026-09-30", 3, "2026-10-10", None, "2026-10-10"),
        # Calendar days and months end on whatever day that is, Labour Day too (S25).
        ("validity", "2026-03-02", 60, "2026-05-01", "2026-04-13", "2026-04-25"),
        ("calendar_days", "2024-02-19", 10, "2024-02-29", "2024-02-26", "2024-02-28"),
        ("calendar_month", "2024-01-31", 1, "2024-02-29", "2024-02-21", "2024-02-27"),
        ("certification_cycle", "2025-02-28", 12, "2026-02-28", "2025-12-30", "2026-01-29"),
    ],
)
def test_each_deadline_warns_before_it_is_due_and_is_overdue_the_day_after(
    sqlite_story: Telling,
    clock: FixedClock,
    kind: str,
    started_on: str,
    length: int,
    due_on: str,
    near: str | None,
    urgent: str,
) -> None:
    deadline_id = _begin(sqlite_story, kind, date.fromisoformat(started_on), length)
    assert _row(deadline_id).due_on.isoformat() == due_on
    after = date.fromisoformat(due_on) + timedelta(days=1)
    expected = [("near", near), ("urgent", urgent), ("overdue", after.isoformat())]

    day = datetime.fromisoformat(f"{started_on}T00:00+08:00")
    while day.date() <= after + timedelta(days=3):
        clock.set(day)
        tell_due(NEVER)
        day += timedelta(days=1)

    assert _said(deadline_id) == [(level, f"{day}T00:00") for level, day in expected if day is not None]


@pytest.mark.rule("DDL-04")
def test_a_warning_comes_at_its_midnight_and_not_a_second_earlier(story: Telling, clock: FixedClock) -> None:
    deadline_id = _begin(story, "time_limit", date(2023, 9, 28), 1)
    moments = ("2023-10-06T23:59:59", "2023-10-07T00:00:00", "2023-10-07T23:59:59", "2023-10-08T00:00:00")

    said = []
    for moment in moments:
        clock.set(moment)
        tell_due(NEVER)
        said.append([level for level, _ in _said(deadline_id)])

    assert said == [[], ["urgent"], ["urgent"], ["urgent", "overdue"]]


def test_what_was_missed_while_everything_was_down_is_said_once_with_its_original_time(
    story: Telling, clock: FixedClock
) -> None:
    deadline_id = _begin(story, "time_limit", date(2023, 9, 25), 10)
    clock.set("2023-10-20T08:30")

    # The case's own limit passed meanwhile, too.
    assert (timers.tick(), timers.tick()) == (2, 0)

    assert _said(deadline_id) == [
        ("near", "2023-10-10T00:00"),
        ("urgent", "2023-10-12T00:00"),
        ("overdue", "2023-10-14T00:00"),
    ]
    events = [event for event in story.entries("deadline_warned") if event["details"]["deadline_id"] == deadline_id]
    assert [event["details"]["overtaken"] for event in events] == [True, True]
    overdue = story.entries("deadline_overdue")[-1]
    assert (overdue["at"], overdue["details"]["overtaken"]) == ("2023-10-20T08:30:00+08:00", False)


def test_a_deadline_that_has_ended_or_stands_still_says_nothing(story: Telling, clock: FixedClock) -> None:
    deadline_id = _begin(story, "validity", date(2023, 8, 1), 60)
    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        deadlines.stop_limit(session, case, date(2023, 8, 2))
        late = deadlines.end(session, case, "validity", house_clock.now(), due_on=date(2023, 9, 30))
    clock.set("2024-01-02T00:00")

    assert (late, tell_due(NEVER)) == (0, 0)
    assert _said(deadline_id) == []
    assert _row(deadline_id).ended_at is not None


def test_how_late_a_deadline_ended_is_written_down_in_its_unit(story: Telling, clock: FixedClock) -> None:
    worked = _begin(story, "supplement", date(2026, 9, 29), 1)
    counted = _begin(story, "calendar_days", date(2026, 9, 20), 10)
    clock.set("2026-10-09T16:00")

    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        # Due on Wednesday 30 September; National Day lies between.
        deadlines.end(session, case, "supplement", house_clock.now(), due_on=date(2026, 9, 30))
        deadlines.end(session, case, "calendar_days", house_clock.now(), due_on=date(2026, 9, 30))

    assert (_row(worked).late, _row(counted).late) == (2, 9)


def test_a_due_date_before_the_start_is_refused_and_nothing_is_stored(story: Telling) -> None:
    with pytest.raises(InvalidInput) as refused, transaction() as session:
        case = session.get_one(Case, story.case_id)
        deadlines.start(
            session, "calendar_days", case, started_on=date(2023, 8, 1), length=0, due=DueDay(on=date(2023, 7, 31))
        )

    assert "早于起算日" in refused.value.fields["due_on"][0]
    with transaction() as session:
        assert [one.kind for one in session.scalars(select(Deadline))] == ["time_limit"]


def test_what_cannot_be_said_becomes_a_job_and_holds_up_nobody(
    story: Telling, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = _begin(story, "calendar_days", date(2023, 8, 1), 5)
    sound = _begin(story, "calendar_days", date(2023, 8, 1), 5)
    told = deadlines.reach

    def reach(session: object, deadline: Deadline, case: Case) -> None:
        if deadline.id == poisoned:
            raise CannotProceed("无法告知。", code="cannot_tell")
        told(session, deadline, case)  # type: ignore[arg-type]

    monkeypatch.setattr(deadlines, "reach", reach)
    clock.set("2023-08-07T09:00")

    tell_due(NEVER)
    jobs.queue().run_due(NEVER)

    assert [level for level, _ in _said(sound)] == ["near", "urgent", "overdue"]
    with transaction() as session:
        incident = session.scalars(select(Incident)).one()
        assert (incident.kind, incident.code, incident.case_id) == ("job", "cannot_tell", story.case_id)
    monkeypatch.setattr(deadlines, "reach", told)
    story.client("supervisor-442099").post(f"/incidents/{incident.id}/retry")
    assert [level for level, _ in _said(poisoned)] == ["near", "urgent", "overdue"]


# --- every configured rule fires exactly once


@dataclass
class _Course:
    """A deadline of a kind, and when somebody looks."""

    kind: str
    started_on: date
    length: int
    looks: list[int] = field(default_factory=list)


_COURSES = st.builds(
    _Course,
    kind=st.sampled_from([name for name, kind in deadline_kinds().items() if kind.told_by == "tick"]),
    started_on=st.dates(date(2023, 1, 1), date(2025, 12, 31)),
    length=st.integers(1, 40),
    looks=st.lists(st.integers(0, 200), min_size=1, max_size=6),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses=st.lists(_COURSES, min_size=1, max_size=4))
@pytest.mark.rule("DDL-04")
def test_every_rule_of_every_kind_fires_exactly_once_however_often_and_late_somebody_looks(
    story: Telling, clock: FixedClock, courses: list[_Course]
) -> None:
    clock.set("2023-01-01T00:00")
    for course in courses:
        # A cycle of forty years would end beyond every calendar.
        course.length = min(course.length, 12) if deadline_kinds()[course.kind].unit == "months" else course.length
    begun = [_begin(story, course.kind, course.started_on, course.length) for course in courses]
    looks = sorted(one.started_on + timedelta(days=after) for one in courses for after in one.looks)

    for day in looks:
        clock.set(f"{day.isoformat()}T10:00")
        tell_due(NEVER)
        # Nothing is remembered between two ticks: the next one may be another process.
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
    clock.set("2032-01-01T00:00")
    tell_due(NEVER)

    for deadline_id, course in zip(begun, courses, strict=True):
        said = [level for level, _ in _said(deadline_id)]
        configured = [threshold.level for threshold in deadline_kinds()[course.kind].warnings]
        assert len(said) == len(set(said))
        assert said == sorted(said, key=list(LEVELS).index)
        assert said[-1] == "overdue"
        assert set(said) <= {*configured, "overdue"}
        # A level that would begin on the same day as the next one is not said beside it.
        starts = dict(_said(deadline_id))
        assert len(set(starts.values())) == len(starts)
        assert tell_due(NEVER) == 0
