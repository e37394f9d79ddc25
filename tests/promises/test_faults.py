"""What breaks in the midst of a request: the answer says so, nothing is half done, and the repetition is done once."""

from __future__ import annotations

import errno
import io
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from api import server
from api.demo.steps import picture
from api.demo.story import application
from config.settings import Settings
from engine.db import Base, db
from tests.api.conftest import is_problem
from tests.applications import OfficerClient, build, close, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

REVIEWER, ACCEPTOR = "first-442099", "acceptor-440305"
KEY = {"Idempotency-Key": "sent-again-and-again"}
LINES = [
    {"line": number, "allowed": amount, "catalogue": "inside"}
    for number, amount in enumerate(("386.50", "12840.00", "0.00"), 1)
]
LINES[2] |= {"catalogue": "outside", "reason": "不属于工伤保险药品目录。"}


@pytest.fixture(autouse=True)
def _logs_as_in_life() -> None:
    server.configure_logs()


@pytest.fixture
def story(any_app: Flask, clock: FixedClock) -> Telling:
    """A medical claim whose lines a reviewer of 中山 is about to answer."""
    found = telling(any_app, clock, "medical_expense", {})
    found.through_intake(ACCEPTOR)
    return found


@pytest.fixture
def complete(any_app: Flask, story: Telling) -> Callable[[], TestResponse]:
    """The completion of the task, always the same request."""
    reviewer = log_in(any_app, REVIEWER)
    task = story.open_task("assess_expense_lines")
    assert reviewer.post(f"/api/v1/tasks/{task['id']}/claim").status_code == 200
    path = f"/api/v1/tasks/{task['id']}/completion"
    return lambda: reviewer.post(path, {"outcome": "done", "fields": {"lines": LINES}}, headers=KEY)


def contents() -> dict[str, list[Any]]:
    """Every row of every table."""
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"'))))
            for name in Base.metadata.tables
        }


@contextmanager
def failing(target: Any, name: str, error: Callable[[], BaseException], after: int = 0) -> Iterator[None]:
    """SQLAlchemy's event fails, not the first `after` times."""
    times = iter(range(10**6))

    def fail(*_: Any) -> None:
        if next(times) >= after:
            raise error()

    event.listen(target, name, fail)
    try:
        yield
    finally:
        event.remove(target, name, fail)


def _gone() -> BaseException:
    return OperationalError("COMMIT", None, Exception("the disk is gone"))


def test_a_commit_that_fails_leaves_nothing_and_the_repetition_is_done_once(
    complete: Callable[[], TestResponse], story: Telling
) -> None:
    before = contents()

    with failing(Engine, "commit", _gone):
        answer = complete()
        assert is_problem(answer, 503, "busy")
        assert answer.headers["Retry-After"] == "5"
    assert contents() == before

    done, again = complete(), complete()
    assert (done.status_code, again.status_code) == (200, 200)
    assert done.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(story.entries("task_completed")) == 1


def test_a_statement_that_fails_wherever_it_stands_leaves_nothing(complete: Callable[[], TestResponse]) -> None:
    before = contents()

    for statement in itertools.count():
        with failing(Engine, "before_cursor_execute", _gone, after=statement):
            answer = complete()
        if answer.status_code == 200:
            break
        assert is_problem(answer, 503, "busy")
        assert contents() == before, f"statement {statement}"

    assert statement > 5


# A full disk


def test_a_scan_for_which_there_is_no_room_is_not_on_record(
    any_app: Flask, story: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    acceptor = log_in(any_app, ACCEPTOR)
    folder: Path = any_app.config["TONGBAN"].files
    before, files = contents(), _files(folder)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        answer = _scan(acceptor, story)

    assert is_problem(answer, 503, "storage_unavailable")
    assert contents() == before
    assert _files(folder) == files
    assert _scan(acceptor, story).status_code == 201
    assert len(_files(folder)) == len(files) + 1


def _scan(acceptor: OfficerClient, story: Telling) -> TestResponse:
    page = (picture("a page that is scanned later"), "scan.png")
    return _upload(acceptor, f"/api/v1/applications/{story.application_id}/images", page)


def _upload(acceptor: OfficerClient, path: str, page: tuple[bytes, str]) -> TestResponse:
    data = {"material": "fee_list", "file": (io.BytesIO(page[0]), page[1])}
    return acceptor.post(path, data=data, content_type="multipart/form-data", headers=KEY)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_an_embedded_database_without_room_refuses_and_stays_whole(app: Flask, clock: FixedClock) -> None:
    def limit(connection: Any, record: Any, proxy: Any) -> None:
        # The limit of pages stands for the disk's; it cannot be set below what there is.
        connection.execute("PRAGMA max_page_count = 1")

    acceptor = log_in(app, ACCEPTOR)
    event.listen(db.engine, "checkout", limit)
    try:
        for number in range(50):
            before = contents()
            answer = _hand_in(acceptor, number)
            if answer.status_code != 201:
                break
        assert is_problem(answer, 503, "busy")
        assert contents() == before
    finally:
        event.remove(db.engine, "checkout", limit)
        db.session.remove()
        db.engine.dispose()

    with db.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    assert _hand_in(acceptor, number).status_code == 201


def _hand_in(acceptor: OfficerClient, number: int) -> TestResponse:
    headers = {"Idempotency-Key": f"handed-in-{number:04d}"}
    return acceptor.post("/api/v1/applications", application("medical_expense"), headers=headers)


# A slow database


@pytest.mark.postgres
def test_a_statement_that_waits_too_long_is_given_up_and_nothing_is_half_done(
    postgres_template: Any, clock: FixedClock, tmp_path: Path
) -> None:
    with postgres_template.copy(tmp_path) as url:
        app = build(Settings(mode="test", home=tmp_path, database_url=url, scheduler=False))
        server.limit_statements(app, seconds=0.2)
        with app.app_context():
            story = telling(app, clock, "medical_expense", {})
            story.through_intake(ACCEPTOR)
            reviewer = log_in(app, REVIEWER)
            path = f"/api/v1/tasks/{story.open_task('assess_expense_lines')['id']}/claim"
            before = contents()
            with db.engine.connect() as holding:
                holding.execute(text('SELECT * FROM "case" FOR UPDATE'))
                answer = reviewer.post(path, headers=KEY)
                holding.rollback()

            assert is_problem(answer, 503, "busy")
            assert contents() == before
            assert reviewer.post(path, headers=KEY).status_code == 200
            db.session.remove()
        close(app)
