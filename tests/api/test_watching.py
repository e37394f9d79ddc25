"""Watching the system: what it counts and shows, whether it is ready, and what a request leaves in the log."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update

from api import server
from api.app import create_app
from api.health.routes import TICKER
from api.ticking import Ticker
from config.environment import SettingsError
from config.monitoring import MonitoringSettings
from config.settings import Settings, from_environment
from engine import jobs
from engine.casework import faults
from engine.db import transaction
from engine.models import Instance
from tests.applications import OfficerClient
from tests.conftest import FixedClock
from tests.stories.telling import Telling

PORT = 9187
OWN = {"base_url": f"http://localhost:{PORT}"}
AT_A_TIME = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def watched(app: Flask) -> Flask:
    app.config["TONGBAN"] = replace(
        app.config["TONGBAN"], monitoring=MonitoringSettings(port=PORT, access_log=True, silence_seconds=5)
    )
    return app


def figures(app: Flask) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Name and labels -> value, as a monitoring system reads them."""
    answer = app.test_client().get("/metrics", **OWN)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


# Figures


def test_answers_are_counted_by_the_template_of_their_route(watched: Flask, accepted: Telling) -> None:
    labels = (("method", "GET"), ("route", "/api/v1/cases/<id:case_id>"))
    name = "tongban_http_requests_total"
    before = figures(watched).get((name, (*labels, ("status", "200"))), 0)
    timed = figures(watched).get(("tongban_http_request_seconds_count", labels), 0)

    accepted.case()

    after = figures(watched)
    assert after[name, (*labels, ("status", "200"))] == before + 1
    assert after["tongban_http_request_seconds_count", labels] == timed + 1


def test_an_unknown_address_and_an_invented_method_make_no_labels(watched: Flask, client: FlaskClient) -> None:
    client.get("/api/v1/people/440106198001011239")
    client.open("/api/v1/cases", method="INVENTED")

    labels = {labels for name, labels in figures(watched) if name == "tongban_http_requests_total"}
    assert (("method", "GET"), ("route", "unknown"), ("status", "404")) in labels
    assert not [value for one in labels for _, value in one if "4401061980" in value or "INVENTED" in value]


def test_what_waits_is_shown_with_its_age(watched: Flask, accepted: Telling, clock: FixedClock) -> None:
    with transaction() as session:
        session.execute(update(Instance).values(due_at=clock.now()))
        jobs.defer(session, "sessions.forget", {}, key="sessions.forget")
        faults.job_failed(session, "sessions.forget", {}, ValueError("anything"), clock.now())
    clock.set(clock.now() + timedelta(seconds=40))

    found = figures(watched)

    assert found["tongban_database_up", ()] == 1
    assert (found["tongban_timers_due", ()], found["tongban_timer_lag_seconds", ()]) == (1, 40)
    assert (found["tongban_jobs_due", ()], found["tongban_job_age_seconds", ()]) == (1, 40)
    assert (found["tongban_outbox_messages", ()], found["tongban_outbox_age_seconds", ()]) == (1, 40)
    assert [value for (name, _), value in found.items() if name == "tongban_incidents_open"] == [1]
    assert found["tongban_audit_unsealed", ()] > 0
    assert found["tongban_database_connections_in_use", ()] >= 0


def test_the_figures_are_on_their_own_port_and_nothing_else_is(watched: Flask, client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Host": f"localhost:{PORT}"}).status_code == 404
    assert client.get("/readyz", **OWN).status_code == 200
    assert client.get("/api/v1/cases", **OWN).status_code == 404
    assert client.get("/", **OWN).status_code == 404


def test_without_a_port_of_their_own_nobody_sees_them(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_a_database_that_is_gone_is_a_figure_too(tmp_path) -> None:
    gone = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    settings = Settings(mode="test", home=tmp_path, database_url=gone, monitoring=MonitoringSettings(port=PORT))
    app = create_app(settings)

    assert figures(app)["tongban_database_up", ()] == 0
    assert _readiness(app) == (503, ["database_unreachable", "tick_not_started"])


# Readiness


def _readiness(app: Flask) -> tuple[int, list[str]]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.json["reasons"]


@pytest.fixture
def ticker(watched: Flask) -> Ticker:
    """Its ticks are planned, and looked at without waiting."""
    found = Ticker(watched)
    watched.extensions[TICKER] = found
    return found


def test_a_process_is_ready_when_its_database_is_up_to_date(any_app: Flask) -> None:
    assert _readiness(any_app) == (200, [])

    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    assert _readiness(any_app) == (503, ["migrations_pending"])


def test_an_empty_database_is_not_ready(tmp_path) -> None:
    app = create_app(Settings(mode="test", home=tmp_path, scheduler=False))

    assert _readiness(app) == (503, ["migrations_pending"])


def test_a_process_whose_tick_is_silent_is_not_ready(
    watched: Flask, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticker.every("timers", 1, lambda stopped: None)
    assert _readiness(watched) == (200, [])

    monkeypatch.setattr("api.ticking.monotonic", lambda: 10.0**9)

    assert _readiness(watched) == (503, ["tick_silent:timers"])


def test_a_tick_that_is_long_at_work_lives_as_long_as_it_asks(
    watched: Flask, ticker: Ticker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    began = 10.0**9

    def work(stopped: Callable[[], bool]) -> None:
        monkeypatch.setattr("api.ticking.monotonic", lambda: began + 60)
        stopped()
        seen.append(ticker.silent(5))
        monkeypatch.setattr("api.ticking.monotonic", lambda: began + 120)
        seen.append(ticker.silent(5))

    monkeypatch.setattr("api.ticking.monotonic", lambda: began)
    ticker.every("timers", 1, work)
    ticker._call("timers", work)

    assert seen == [[], ["timers"]]


# Logs


@pytest.fixture
def logged(watched: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """What was logged since it was last asked."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    server.configure_logs()

    def lines() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        written.seek(0)
        written.truncate()
        return found

    return lines


def test_a_request_leaves_a_line_with_ids_and_its_route(
    logged: Callable[[], list[dict[str, Any]]], accepted: Telling, login: Callable[[str], OfficerClient]
) -> None:
    logged()
    reviewer = login("first-442099")
    task = accepted.open_task("assess_expense_lines")
    logged()

    answer = reviewer.post(f"/api/v1/tasks/{task['id']}/claim", headers={"X-Request-ID": AT_A_TIME})

    assert answer.headers["X-Request-ID"] == AT_A_TIME
    (line,) = logged()
    assert (line["event"], line["request_id"], line["case_id"]) == ("request", AT_A_TIME, accepted.case_id)
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/v1/tasks/<id:task_id>/claim", 200)
    assert line["officer_id"] > 0
    assert line["ms"] > 0
    assert set(line) == {
        "event", "level", "timestamp", "request_id", "case_id", "officer_id", "method", "route", "status", "ms",
    }  # fmt: skip


@pytest.mark.parametrize("given", ["", "short", "黄大明", "张三' OR 1=1", "x" * 32, "0" * 65])
def test_a_request_without_a_usable_id_gets_one(
    logged: Callable[[], list[dict[str, Any]]], client: FlaskClient, given: str
) -> None:
    headers = [("X-Request-ID", given.encode().decode("latin-1"))]
    ids = [client.get("/api/v1/cases", headers=headers).headers["X-Request-ID"] for _ in range(2)]

    assert len(set(ids)) == 2
    assert [line["request_id"] for line in logged()] == ids
    assert all(len(one) == 32 for one in ids)


def test_an_identity_number_as_a_requests_id_is_masked_in_the_log(
    logged: Callable[[], list[dict[str, Any]]], client: FlaskClient
) -> None:
    client.get("/api/v1/cases", headers={"X-Request-ID": "440106198001011239"})

    assert "19800101" not in json.dumps(logged())


def test_what_goes_wrong_meanwhile_is_logged_with_the_requests_id(
    logged: Callable[[], list[dict[str, Any]]], watched: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.health.routes.db", type("Broken", (), {"session": staticmethod(fail)}))

    watched.test_client().get("/healthz", headers={"X-Request-ID": AT_A_TIME})

    lines = logged()
    assert [line["event"] for line in lines] == ["request_failed", "request"]
    assert {line["request_id"] for line in lines} == {AT_A_TIME}


def test_being_watched_leaves_no_line(logged: Callable[[], list[dict[str, Any]]], client: FlaskClient) -> None:
    for path in ("/healthz", "/readyz"):
        client.get(path)
    client.get("/metrics", **OWN)

    assert logged() == []


# Settings


@pytest.mark.parametrize(
    "environment",
    [
        {"TONGBAN_METRICS_PORT": "8000"},
        {"TONGBAN_METRICS_PORT": "many"},
        {"TONGBAN_ACCESS_LOG": "loud"},
        {"TONGBAN_READY_SECONDS": "0"},
        {"TONGBAN_PROCESSES": "0"},
        {"TONGBAN_PROCESSES": "2"},
        {"TONGBAN_PROCESSES": "2", "TONGBAN_DATABASE_URL": "postgresql://x/y", "TONGBAN_METRICS_PORT": "9187"},
        {"TONGBAN_PROCESSES": "2", "TONGBAN_DATABASE_URL": "postgresql://x/y", "TONGBAN_MODE": "training"},
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"TONGBAN_|PROMETHEUS_"):
        from_environment(environment)


def test_production_logs_requests_and_others_do_so_on_demand() -> None:
    assert not from_environment({}).monitoring.access_log
    assert from_environment({"TONGBAN_ACCESS_LOG": "on"}).monitoring.access_log
