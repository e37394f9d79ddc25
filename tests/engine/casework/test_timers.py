"""Timers that are due: each fires once, whatever the others do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from engine.casework import incidents, instances, timers
from engine.casework.context import CaseContext
from engine.clock import SHANGHAI
from engine.db import db, transaction
from engine.errors import CannotProceed, RetryLater
from engine.models import Case, CaseEvent, DefinitionRow, Incident, Instance, Job
from tests.conftest import FixedClock
from tests.engine.casework import timed
from tests.promises.history import officer
from tests.stories.telling import telling

SUPERVISOR = "supervisor"
ZHONGSHAN = "442099"
DUE = datetime(2023, 8, 2, 17, tzinfo=SHANGHAI)


@pytest.fixture
def cases(any_app: Flask, clock: FixedClock) -> range:
    """Four cases that wait for the same moment, an hour away."""
    return waiting(any_app, clock, 4)


def waiting(app: Flask, clock: FixedClock, count: int) -> range:
    timed.misdeeds.clear()
    story = telling(app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")
    clock.set(DUE - timedelta(hours=1))
    with transaction() as session:
        timed.publish(session)
        ids = timed.copies(session, story.case_id, 1000, count)
        for case_id in ids:
            timed.begin(session, case_id, DUE)
    return ids


def _instance(case_id: int) -> Instance:
    db.session.rollback()
    return db.session.scalars(select(Instance).where(Instance.case_id == case_id)).one()


def _incident() -> Incident:
    db.session.rollback()
    return db.session.scalars(select(Incident).where(Incident.resolved_at.is_(None))).one()


def _acted() -> list[int]:
    db.session.rollback()
    return timed.acted(db.session())


def _retry(incident: Incident) -> Incident:
    with transaction() as session:
        return incidents.retry(session, incident.id, officer(session, ZHONGSHAN, SUPERVISOR))


def test_a_timer_fires_at_its_moment_and_not_before(cases: range, clock: FixedClock) -> None:
    clock.set(DUE - timedelta(seconds=1))
    before = timers.fire_due()
    clock.set(DUE)

    assert (before, timers.fire_due(), timers.fire_due()) == (0, len(cases), 0)
    assert _acted() == list(cases)


@pytest.mark.rule("JUR-01")
def test_a_time_missed_while_everything_was_down_fires_once_with_its_original_time(
    cases: range, clock: FixedClock
) -> None:
    clock.set("2023-10-09T08:30")

    assert (timers.fire_due(), timers.fire_due()) == (len(cases), 0)
    with transaction() as session:
        events = session.scalars(select(CaseEvent).where(CaseEvent.kind == timed.ACTED)).all()
        assert sorted(event.case_id for event in events) == list(cases)
        assert {event.details["due_at"] for event in events} == {DUE.isoformat()}
        assert {event.at.isoformat() for event in events} == {"2023-10-09T08:30:00+08:00"}


def test_an_application_that_is_no_case_yet_has_timers_too(cases: range, clock: FixedClock) -> None:
    with transaction() as session:
        application = session.get_one(Case, cases[0]).application
        timed.plans.append(DUE)
        instance = instances.start(
            session, process_id="timed", subject="application", subject_row=application, actor=None
        )
        spoiled = instances.start(
            session, process_id="timed", subject="application", subject_row=application, actor=None
        )
        spoiled.state = b"nonsense"
        application_id, agency = application.id, application.accepting_agency_code
    clock.set(DUE)

    assert timers.fire_due() == len(cases) + 1

    with transaction() as session:
        events = session.scalars(select(CaseEvent).where(CaseEvent.kind == timed.ACTED, CaseEvent.case_id.is_(None)))
        assert [event.application_id for event in events] == [application_id]
        assert session.get_one(Instance, instance.id).ended_at == DUE
    assert (_incident().instance_id, _incident().case_id, _incident().agency_code) == (spoiled.id, None, agency)


def test_one_round_fires_everything_that_is_due_however_much_it_is(app: Flask, clock: FixedClock) -> None:
    ids = waiting(app, clock, 450)
    clock.set(DUE)

    assert timers.fire_due() == len(ids)


def test_a_worker_that_is_told_to_stop_finishes_one_timer_and_leaves_the_others(
    cases: range, clock: FixedClock
) -> None:
    clock.set(DUE)

    fired = timers.fire_due(stopped=lambda: bool(_acted()))

    assert (fired, _acted()) == (1, [cases[0]])
    assert timers.fire_due() == len(cases) - 1


# --- what cannot be fired


def _corrupt(case_id: int) -> Callable[[], None]:
    with transaction() as session:
        instance = session.scalars(select(Instance).where(Instance.case_id == case_id)).one()
        sound, instance.state = instance.state, instance.state[: len(instance.state) // 2]

    def mend() -> None:
        with transaction() as session:
            session.scalars(select(Instance).where(Instance.case_id == case_id)).one().state = sound

    return mend


def _lose_the_definition(case_id: int) -> Callable[[], None]:
    """The instance is of a version whose diagram is not there."""
    with transaction() as session:
        instance = session.scalars(select(Instance).where(Instance.case_id == case_id)).one()
        sound = instance.definition_hash
        row = session.get_one(DefinitionRow, sound)
        lost = DefinitionRow(
            hash="0" * 64,
            process_id=row.process_id,
            version=99,
            title=row.title,
            sources={"timed": "f" * 64},
            published_at=row.published_at,
            published_by="test",
        )
        session.add(lost)
        session.flush()
        instance.definition_hash = lost.hash

    def mend() -> None:
        with transaction() as session:
            session.scalars(select(Instance).where(Instance.case_id == case_id)).one().definition_hash = sound

    return mend


def _leave_the_process(case_id: int) -> Callable[[], None]:
    """The operator ends the thread that runs it: nothing that the runtime could make an incident of the step."""

    def leave(case: CaseContext) -> None:
        raise SystemExit(1)

    timed.misdeeds[case_id] = leave
    return lambda: timed.misdeeds.clear()


@pytest.mark.parametrize("spoil", [_corrupt, _lose_the_definition, _leave_the_process])
def test_what_cannot_be_fired_becomes_an_incident_holds_up_nobody_and_goes_on_once_it_is_mended(
    cases: range, clock: FixedClock, spoil: Callable[[int], Callable[[], None]]
) -> None:
    poisoned = cases[1]
    mend = spoil(poisoned)
    clock.set(DUE)

    fired = timers.fire_due()

    incident = _incident()
    assert fired == len(cases) - 1
    assert _acted() == [case_id for case_id in cases if case_id != poisoned]
    assert (incident.case_id, incident.kind, incident.agency_code) == (poisoned, "timer", ZHONGSHAN)
    assert (incident.attempts, incident.retry_at, _instance(poisoned).due_at) == (1, None, None)
    assert timers.fire_due() == 0

    assert _retry(incident).attempts == 2
    assert _incident().id == incident.id
    mend()
    assert _retry(incident).resolved_at == clock.now()
    assert _acted() == list(cases)
    assert _instance(poisoned).ended_at == clock.now()


class Unspeakable(Exception):
    """An error that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def _endless() -> None:
    _endless()


def _raise(error: Exception) -> Callable[[CaseContext], None]:
    def act(case: CaseContext) -> None:
        raise error

    return act


@pytest.mark.parametrize(
    "misdeed",
    [
        pytest.param(_raise(CannotProceed("材料有误。", code="material_wrong")), id="needs an officer"),
        pytest.param(_raise(Unspeakable()), id="has no text"),
        pytest.param(lambda case: _endless(), id="recursion"),
        pytest.param(lambda case: case.session.execute(text("SELECT nonsense")), id="bad SQL"),
        pytest.param(lambda case: case.session.add(CaseEvent(kind=None)), id="a row that cannot be stored"),
    ],
)
def test_an_operator_that_raises_anything_stops_its_own_case_alone(
    cases: range, clock: FixedClock, misdeed: Callable[[CaseContext], object]
) -> None:
    timed.misdeeds[cases[0]] = misdeed
    clock.set(DUE)

    assert timers.fire_due() == len(cases)

    incident = _incident()
    assert (incident.case_id, incident.kind, incident.operator) == (cases[0], "step", "test.act")
    assert _acted() == list(cases[1:])
    timed.misdeeds.clear()
    assert _retry(incident).resolved_at == clock.now()
    assert _acted() == list(cases)


# --- a passing fault


def test_a_passing_fault_is_tried_again_by_itself_after_growing_pauses_and_then_waits_for_an_officer(
    cases: range, clock: FixedClock
) -> None:
    timed.misdeeds[cases[0]] = _raise(RetryLater("对方系统暂时没有应答。"))
    clock.set(DUE)
    timers.tick()

    pauses = []
    while (retry_at := _incident().retry_at) is not None:
        pauses.append((retry_at - clock.now()) / timedelta(minutes=1))
        clock.set(retry_at - timedelta(seconds=1))
        assert timers.tick() == 0
        clock.set(retry_at)
        assert timers.tick() == 1

    assert pauses == [1, 2, 4, 8, 16, 32]
    assert (_incident().attempts, _incident().message) == (7, "对方系统暂时没有应答。")
    with transaction() as session:
        assert session.scalars(select(Job)).all() == []


def test_a_passing_fault_that_has_passed_is_forgotten(cases: range, clock: FixedClock) -> None:
    timed.misdeeds[cases[0]] = _raise(RetryLater("对方系统暂时没有应答。"))
    clock.set(DUE)
    timers.tick()
    timed.misdeeds.clear()
    clock.advance(minutes=1)

    assert timers.tick() == 1

    assert _acted() == list(cases)
    with transaction() as session:
        incident = session.scalars(select(Incident)).one()
        assert (incident.resolved_at, incident.resolved_by_id, incident.retry_at) == (clock.now(), None, None)


def test_a_retry_by_an_officer_takes_the_place_of_the_one_that_was_planned(cases: range, clock: FixedClock) -> None:
    timed.misdeeds[cases[0]] = _raise(RetryLater("对方系统暂时没有应答。"))
    clock.set(DUE)
    timers.tick()
    _retry(_incident())
    planned_at = _incident().retry_at
    clock.advance(minutes=1)

    timers.tick()

    assert (_incident().attempts, _incident().retry_at) == (2, planned_at)


@pytest.mark.postgres
def test_a_database_that_goes_away_in_the_middle_says_nothing_about_the_case(
    postgres_app: Flask, clock: FixedClock
) -> None:
    cases = waiting(postgres_app, clock, 3)
    timed.misdeeds[cases[0]] = lambda case: case.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    clock.set(DUE)

    timers.fire_due()

    assert _acted() == list(cases[1:])
    assert _instance(cases[0]).due_at == DUE
    assert db.session.scalars(select(Incident)).all() == []
    timed.misdeeds.clear()
    assert timers.fire_due() == 1


# --- several at work


@pytest.mark.postgres
def test_a_case_that_an_officer_holds_is_passed_over_and_fires_afterwards(
    postgres_app: Flask, clock: FixedClock
) -> None:
    cases = waiting(postgres_app, clock, 3)
    clock.set(DUE)
    with db.engine.connect() as officers:
        officers.execute(select(Case.id).where(Case.id == cases[0]).with_for_update())
        meanwhile = timers.fire_due()
        officers.rollback()

    assert (meanwhile, timers.fire_due()) == (2, 1)
    assert _acted() == list(cases)
