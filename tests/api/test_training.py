"""The movable clock exists in training mode and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from config.settings import Settings
from engine import clock as house_clock
from engine.db import db
from tests import databases
from tests.api.conftest import is_problem
from tests.applications import OfficerClient, build, close, log_in

CLOCK = "/api/v1/training/clock"


@pytest.fixture
def training(sqlite_template: databases.SqliteTemplate, tmp_path: Path) -> Iterator[Flask]:
    """The system in training mode, with a clock that runs; afterwards the house's clock is right again."""
    with sqlite_template.copy(tmp_path) as url:
        app = build(Settings(mode="training", home=tmp_path, database_url=url, scheduler=False))
        try:
            yield app
        finally:
            house_clock.move_to(datetime.now(house_clock.SHANGHAI))
            with app.app_context():
                db.session.remove()
            close(app)


@pytest.fixture
def auditor(training: Flask) -> OfficerClient:
    return log_in(training, "auditor-440099")


def test_the_clock_goes_on_from_where_it_was_put_and_nobody_is_thrown_out(auditor: OfficerClient) -> None:
    token = auditor.token

    moved = auditor.post(CLOCK, {"now": "2031-02-03T09:00:00+08:00"})
    shown = auditor.get(CLOCK)

    assert moved.status_code == shown.status_code == 200
    assert shown.json["now"].startswith("2031-02-03T09:00:0")
    assert shown.json["now"].endswith("+08:00")
    assert auditor.token == token
    assert house_clock.today().isoformat() == "2031-02-03"


@pytest.mark.parametrize(
    "now", ["yesterday", "2031-02-03", "2031-02-30T09:00:00+08:00", 7, None, "1999-01-01T00:00:00+08:00"]
)
def test_a_moment_that_is_none_is_refused(auditor: OfficerClient, now: object) -> None:
    before = house_clock.now()

    answer = auditor.post(CLOCK, {"now": now})

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == ["now"]
    assert house_clock.now() - before < timedelta(minutes=1)


@pytest.mark.parametrize("mode", ["development", "test", "production"])
def test_elsewhere_the_clock_cannot_be_moved(tmp_path: Path, mode: str) -> None:
    app = build(Settings(mode=mode, home=tmp_path, scheduler=False, secret="x" * 32))

    assert is_problem(app.test_client().post(CLOCK, json={"now": "2031-02-03T09:00:00+08:00"}), 404, "not_found")
    assert is_problem(app.test_client().get(CLOCK), 404, "not_found")
