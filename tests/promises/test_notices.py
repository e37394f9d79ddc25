"""No event gives two notices to one recipient and none is lost, whatever happens to the cases and to the processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from config.notices import notice_table
from engine import clock as house_clock
from engine.casework import cases
from engine.casework.events import record_event
from engine.db import db, transaction
from engine.models import Case, CaseEvent, Escalation, Officer, OfficerNotice, Task
from tests.conftest import FixedClock
from tests.promises.history import History, officer

SEEDS = range(21, 27)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_told_once_to_each_whom_it_concerns(any_app: Flask, clock: FixedClock, seed: int) -> None:
    history = History(seed, clock)
    history.begin()
    history.go_on(50)
    history.finish()

    with transaction() as session:
        events = {event.id: event for event in session.scalars(select(CaseEvent))}
        notices = session.scalars(select(OfficerNotice)).all()
        told = Counter((notice.event_id, notice.agency_code, notice.role, notice.officer_id) for notice in notices)
        assert set(told.values()) <= {1}
        for notice in notices:
            event = events[notice.event_id]
            assert notice.kind in {rule.notice for rule in notice_table().events[event.kind]}
            assert notice.officer_id is None or notice.officer_id != event.officer_id
            assert notice.made_at == event.at
        expected = [one for event in events.values() for one in _owed(session, event)]
        assert expected, "a history in which nobody must know anything proves nothing"
        assert not set(expected) - set(told)


def _owed(session: Session, event: CaseEvent) -> Iterator[tuple[int, str, str | None, int | None]]:
    """Whom the event must reach whatever came before it, worked out from what is on record: (event, recipient)."""
    details = event.details
    if event.kind in ("case_transferred", "agency_designated") and details["to_agency"] != details["from_agency"]:
        yield event.id, details["to_agency"], "first_reviewer", None
    if event.kind in ("case_escalated", "escalation_overdue"):
        superior = session.get_one(Escalation, details["escalation"]).superior_agency_code
        yield event.id, superior, "superior_adjudicator", None
    if event.kind in ("case_completed", "case_terminated", "case_withdrawn", "case_voided"):
        case = session.get_one(Case, event.case_id)
        if case.accepting_agency_code != case.handling_agency_code and event.officer_id != case.accepted_by_id:
            yield event.id, case.accepting_agency_code, None, case.accepted_by_id
    if event.kind == "supplement_received":
        asked = _asked_before(session, event)
        if asked is not None and asked.id != event.officer_id:
            yield event.id, asked.agency_code, None, asked.id
    if event.kind == "transfer_overdue":
        yield event.id, details["agency"], "supervisor", None


def _asked_before(session: Session, event: CaseEvent) -> Officer | None:
    """Who asked for the supplement that has come: a transfer ends what was asked before it."""
    query = select(CaseEvent).where(CaseEvent.case_id == event.case_id, CaseEvent.id < event.id)
    asked = session.scalars(
        query.where(CaseEvent.kind == "supplement_requested").order_by(CaseEvent.id.desc()).limit(1)
    ).one()
    return asked.officer


def _open_case(clock: FixedClock) -> int:
    """A case that one agency accepted and another handles."""
    for seed in range(40):
        history = History(seed, clock, cases=1)
        history.begin()
        with transaction() as session:
            case = session.get_one(Case, history.case_ids[0])
            if case.accepting_agency_code != case.handling_agency_code:
                return case.id
    raise AssertionError("every case was accepted where it is handled")


def _void(session: Session, case_id: int) -> None:
    case = session.get_one(Case, case_id)
    cases.void(session, case_id, officer(session, case.handling_agency_code, "supervisor"), "重复受理")


def _of_case(case_id: int) -> Counter[str]:
    with transaction() as session:
        return Counter(session.scalars(select(OfficerNotice.kind).where(OfficerNotice.case_id == case_id)))


def test_what_is_rolled_back_is_told_to_nobody_and_told_once_when_it_is_done_again(
    any_app: Flask, clock: FixedClock
) -> None:
    case_id = _open_case(clock)
    with pytest.raises(RuntimeError, match="in the last moment"), transaction() as session:
        _void(session, case_id)
        session.flush()
        assert session.scalar(select(func.count()).select_from(OfficerNotice)) == 1
        raise RuntimeError("in the last moment")
    assert _of_case(case_id) == {}

    with transaction() as session:
        _void(session, case_id)

    assert _of_case(case_id) == {"case_result": 1}


@pytest.mark.postgres
def test_a_connection_that_is_killed_before_the_commit_leaves_neither_event_nor_notice(
    postgres_app: Flask, clock: FixedClock
) -> None:
    case_id = _open_case(clock)
    with pytest.raises(DBAPIError), transaction() as session:
        _void(session, case_id)
        session.flush()
        process = session.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
    db.session.remove()
    assert _of_case(case_id) == {}

    with transaction() as session:
        _void(session, case_id)

    assert _of_case(case_id) == {"case_result": 1}


def test_the_database_itself_refuses_a_second_notice_of_one_event(any_app: Flask, clock: FixedClock) -> None:
    with transaction() as session:
        record_event(session, "incident_raised", at=house_clock.now(), actor=None, step="派发", agency="442099")
        clerk = officer(session, "442099", "acceptor")
        task = record_event(
            session, "task_assigned", at=house_clock.now(), actor=None, name="初审", to=clerk.officer_id
        )
        session.flush()
        first = session.scalars(select(OfficerNotice)).all()
        assert [(one.role, one.officer_id) for one in first] == [("supervisor", None), (None, clerk.officer_id)]
        assert task.id == first[1].event_id
    for one in first:
        again = {name: getattr(one, name) for name in ("kind", "event_id", "agency_code", "role", "officer_id")}
        with pytest.raises(DBAPIError), transaction() as session:
            session.add(OfficerNotice(**again, facts={}, made_at=house_clock.now()))


def test_an_act_that_nobody_must_know_of_makes_no_notice(any_app: Flask, clock: FixedClock) -> None:
    case_id = _open_case(clock)
    with transaction() as session:
        kinds = set(session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case_id)))
        tasks = session.scalars(select(Task).where(Task.case_id == case_id)).all()

    assert "case_accepted" in kinds and tasks
    assert _of_case(case_id) == {}
