"""Four workers and thousands of timers that are due among ten times as many that wait: each fires once.

`make timers` runs it with 20,000 among 200,000; the suite with fewer.
"""

from __future__ import annotations

import os
import random
import time
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import func, select

from engine.clock import SHANGHAI
from engine.db import db, transaction
from engine.models import CaseEvent, Incident, Instance
from tests.conftest import FixedClock
from tests.engine.casework import timed
from tests.stories.telling import telling
from tests.workers import Workers, wait_for, workers

pytestmark = pytest.mark.postgres

DUE = int(os.environ.get("TONGBAN_TEST_TIMERS", "1000"))
WAITING = DUE * 9
WORKERS = 4
DEATHS = max(4, DUE // 1000)
#: Enough for 20,000 on two slow cores.
PATIENCE = 1800.0

FIRST = 1_000_000
#: What the prepared state is due at: replaced in each copy.
MARK = datetime(2001, 1, 1, tzinfo=SHANGHAI)
END_OF_DAY = datetime(2024, 2, 18, 23, 59, 59, tzinfo=SHANGHAI)
LATER = datetime(2099, 1, 1, tzinfo=SHANGHAI)


def _due_at(number: int) -> datetime:
    """Most deadlines are the end of a day, so many are due at one instant; the rest lie days apart or far ahead."""
    if number >= DUE:
        return LATER + timedelta(minutes=number)
    return END_OF_DAY if number % 3 else END_OF_DAY - timedelta(minutes=number)


@pytest.fixture
def backlog(postgres_app: Flask, clock: FixedClock) -> str:
    """The database with the cases and their instances; its address."""
    story = telling(postgres_app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")
    with transaction() as session:
        timed.publish(session)
        timed.copies(session, story.case_id, FIRST, DUE + WAITING)
        prepared = timed.begin(session, story.case_id, MARK)
        session.flush()
        driver: Any = session.connection().connection.driver_connection
        columns = "id, subject, case_id, definition_hash, state, version, due_at"
        with driver.cursor().copy(f"COPY instance ({columns}) FROM STDIN") as copy:
            for row in _rows(prepared, story.case_id):
                copy.write_row(row)
        session.delete(prepared)
    clock.close()
    return str(postgres_app.config["SQLALCHEMY_DATABASE_URI"])


def _rows(prepared: Instance, case_id: int) -> Iterator[tuple[Any, ...]]:
    """The rows of the instances: the prepared state with an own token, case and due time in each."""
    state = zlib.decompress(prepared.state[1:]).decode()
    token = orjson.loads(state)[1]
    assert (state.count(token), state.count(MARK.isoformat())) == (1, 2), state
    for number in range(DUE + WAITING):
        due_at = _due_at(number)
        own = (
            state.replace(token, f"{number:016x}")
            .replace(MARK.isoformat(), due_at.isoformat())
            .replace(f'"case_id":{case_id}', f'"case_id":{FIRST + number}')
        )
        content = prepared.state[:1] + zlib.compress(own.encode(), 1)
        yield FIRST + number, "case", FIRST + number, prepared.definition_hash, content, 1, due_at


def _left() -> int:
    """How many are due and not fired."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Instance.due_at < LATER)) or 0


def _check_each_fired_once() -> None:
    due = range(FIRST, FIRST + DUE)
    db.session.rollback()
    events = db.session.scalars(select(CaseEvent).where(CaseEvent.kind == timed.ACTED).order_by(CaseEvent.case_id))
    assert [(event.case_id, event.details["due_at"], event.details["task"][:16]) for event in events] == [
        (case_id, _due_at(case_id - FIRST).isoformat(), f"{case_id - FIRST:016x}") for case_id in due
    ]
    fired = select(func.count()).where(Instance.version == 2, Instance.due_at.is_(None), Instance.ended_at.is_not(None))
    waiting = select(func.count()).where(Instance.version == 1, Instance.due_at >= LATER, Instance.ended_at.is_(None))
    ours = Instance.id >= FIRST
    assert [db.session.scalar(query.where(ours)) for query in (fired, waiting)] == [DUE, WAITING]
    assert db.session.scalars(select(Incident)).all() == []


def _report(found: Workers, began: float) -> None:
    took = time.monotonic() - began
    print(f"\n{DUE} timers among {DUE + WAITING}: {took:.1f} s, {DUE / took:.0f}/s, {found.killed} workers killed")


def test_four_workers_fire_each_due_timer_once(backlog: str, tmp_path: Path) -> None:
    with workers(backlog, tmp_path, "tests.engine.jobs.worker", {}) as found:
        began = time.monotonic()
        found.start(WORKERS)
        wait_for(lambda: not _left(), "the timers to fire", PATIENCE)
        _report(found, began)
        codes = found.stop()

    assert codes == [0] * WORKERS
    assert "tick_failed" not in found.log()
    _check_each_fired_once()


def test_workers_that_are_killed_at_random_lose_no_timer_and_fire_none_twice(backlog: str, tmp_path: Path) -> None:
    chance = random.Random(20231007)
    # So many timers after each other: a worker is killed wherever it is when they are gone.
    deaths = sorted(chance.sample(range(DUE // 20, DUE - DUE // 20), DEATHS), reverse=True)
    with workers(backlog, tmp_path, "tests.engine.jobs.worker", {}) as found:
        began = time.monotonic()
        found.start(WORKERS)
        for left in deaths:
            wait_for(lambda most=left: _left() <= most, "timers to fire", PATIENCE)
            found.kill(chance.randrange(WORKERS))
            found.start()
        wait_for(lambda: not _left(), "the timers to fire", PATIENCE)
        _report(found, began)
        found.stop()

    assert found.killed == len(deaths)
    _check_each_fired_once()


def test_a_worker_that_is_told_to_stop_finishes_the_timer_it_is_at_and_exits_at_once(
    backlog: str, tmp_path: Path
) -> None:
    with workers(backlog, tmp_path, "tests.engine.jobs.worker", {}) as found:
        found.start()
        wait_for(lambda: _left() < DUE - 20, "some timers to fire", PATIENCE)
        codes = found.stop()

    fired = len(timed.acted(db.session()))
    assert codes == [0]
    assert 20 < fired < DUE
    assert _left() == DUE - fired
    assert "error" not in found.log()
