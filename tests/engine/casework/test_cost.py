"""What an act costs the database: as few statements as it was built for, whatever else is added to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select, text

from engine.casework import tasks
from engine.casework.context import CaseContext
from engine.db import db, transaction
from engine.models import Incident
from engine.process.operators import Operator, _operators
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.promises.history import officer
from tests.stories.telling import Telling, telling

XIANGZHOU = "440402"
AT = "2023-08-21T14:00"
STAYS = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement and every commit while it lasts."""
    seen: list[str] = []
    statement: Callable[..., None] = lambda connection, cursor, sql, *others: seen.append(sql)  # noqa: E731
    commit: Callable[..., None] = lambda connection: seen.append("COMMIT")  # noqa: E731
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)


@pytest.fixture
def story(postgres_app: Flask, clock: FixedClock) -> Telling:
    clock.set(AT)
    begun = telling(postgres_app, clock, "inpatient_meals", {})
    begun.through_intake(f"acceptor-{XIANGZHOU}")
    return begun


def _client(app: Flask, name: str) -> OfficerClient:
    return log_in(app, f"{name}-{XIANGZHOU}")


@pytest.mark.postgres
def test_a_completion_is_one_commit_and_a_dozen_statements(postgres_app: Flask, story: Telling) -> None:
    first = _client(postgres_app, "first")
    story.act("task", by=f"first-{XIANGZHOU}", task="confirm_stays", fields={"stays": STAYS})
    review = story.open_task("first_review")["id"]
    first.post(f"/api/v1/tasks/{review}/claim")

    with counted() as seen:
        answer = first.post(f"/api/v1/tasks/{review}/completion", {"outcome": "pass", "opinion": "同意。"})

    assert answer.status_code == 200, answer.json
    assert seen.count("COMMIT") == 1
    assert len(seen) - 1 <= 16, seen


@pytest.mark.postgres
@pytest.mark.rule("REV-02")
def test_who_waits_for_a_task_is_told_who_got_it_meanwhile(postgres_app: Flask, story: Telling) -> None:
    task_id = story.open_task("confirm_stays")["id"]
    with transaction() as session:
        winner = officer(session, XIANGZHOU, "first_reviewer")
    with ThreadPoolExecutor(1) as pool:
        with transaction() as session:
            tasks.claim(session, task_id, winner)
            session.flush()
            answer = pool.submit(lambda: _client(postgres_app, "first2").post(f"/api/v1/tasks/{task_id}/claim"))
            _wait_for_somebody_at_the_lock()
        refused = answer.result(timeout=30)

    assert refused.status_code == 409
    assert refused.json["details"]["by"] == winner.name


def _wait_for_somebody_at_the_lock() -> None:
    until = monotonic() + 20
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while monotonic() < until:
        with db.engine.connect() as connection:
            if connection.scalar(waiting):
                return
        sleep(0.02)
    raise AssertionError("nobody waits")


def test_an_operator_that_fails_takes_nothing_else_of_its_step_with_it(
    app: Flask, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(AT)
    begun = telling(app, clock, "inpatient_meals", {})
    begun.through_intake(f"acceptor-{XIANGZHOU}")
    was = _operators["stays.determine"]

    def fail(case: CaseContext) -> None:
        case.record("half_done")
        raise ValueError("in the middle")

    monkeypatch.setitem(_operators, "stays.determine", Operator(was.name, was.title, was.returns, fail))

    begun.act("task", by=f"first-{XIANGZHOU}", task="confirm_stays", fields={"stays": STAYS})

    assert begun.timeline().count("task_completed") == 1
    assert "half_done" not in begun.timeline()
    assert begun.open_tasks() == set()
    with transaction() as session:
        assert [incident.operator for incident in session.scalars(select(Incident))] == ["stays.determine"]
