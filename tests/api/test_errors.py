"""Every refusal and every fault has one shape."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from api.app import create_app
from api.auth import public
from api.errors import STATUSES, status_of
from config import legal
from config.settings import Settings
from engine import errors
from engine.db import db
from engine.errors import Conflict, InvalidInput, RuleRefused, TongbanError
from tests.api.conftest import is_problem
from tests.applications import OfficerClient


def _tree(kind: type[TongbanError] = TongbanError) -> Iterator[type[TongbanError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


@pytest.mark.parametrize("kind", list(_tree()))
def test_every_class_of_the_tree_has_a_status(kind: type[TongbanError]) -> None:
    error = kind(fields={}) if issubclass(kind, InvalidInput) else kind("不行。")
    assert status_of(error) >= 400
    assert kind is TongbanError or status_of(error) != 500


def test_the_table_of_statuses_names_classes_of_the_tree_only() -> None:
    assert set(STATUSES) <= {value for value in vars(errors).values() if isinstance(value, type)}


def _raising(tmp_path, error: Exception) -> FlaskClient:
    app = create_app(Settings(mode="test", home=tmp_path, scheduler=False))

    @app.get("/fault/<int:case_id>")
    @public
    def fault(case_id: int) -> str:
        raise error

    return app.test_client()


def test_a_rule_that_refuses_shows_its_legal_basis(tmp_path) -> None:
    because = [{"document": "甲", "article": "一", "quote": "乙"}]
    client = _raising(tmp_path, RuleRefused("不能受理。", code="no", because=because, details={"gates": ["SCO-03"]}))

    answer = client.get("/fault/1")

    assert is_problem(answer, 422, "no")
    assert (answer.json["detail"], answer.json["because"]) == ("不能受理。", because)
    assert answer.json["details"] == {"gates": ["SCO-03"]}


def test_a_conflict_says_who_did_what_when(tmp_path) -> None:
    details = {"by": "陈志明", "at": "2023-08-01T09:00:00+08:00", "what": "获取"}

    answer = _raising(tmp_path, Conflict("已被获取。", details=details)).get("/fault/1")

    assert is_problem(answer, 409, "conflict")
    assert answer.json["details"] == details


def test_a_rule_that_is_not_in_force_yet_is_a_refusal_and_no_fault(tmp_path) -> None:
    rule = next(iter(legal.rules().values()))

    answer = _raising(tmp_path, legal.RuleNotInForce(rule, rule.values[0].in_force_from)).get("/fault/1")

    assert is_problem(answer, 422, "rule_not_in_force")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DataError("x", {}, Exception("out of range")), 422, "invalid_input"),
        (IntegrityError("x", {}, Exception("unique")), 409, "conflict"),
        (OperationalError("x", {}, Exception("locked")), 503, "busy"),
        (NoConnectionLeft("all connections are in use"), 503, "busy"),
    ],
)
def test_what_the_database_refuses_is_no_internal_error(tmp_path, error: Exception, status: int, code: str) -> None:
    assert is_problem(_raising(tmp_path, error).get("/fault/1"), status, code)


def test_a_fault_of_ours_is_logged_with_the_case_and_tells_nothing(tmp_path, capsys) -> None:
    answer = _raising(tmp_path, ZeroDivisionError("442000198405170316")).get("/fault/987654")

    assert is_problem(answer, 500, "internal_error")
    assert "442000198405170316" not in answer.get_data(as_text=True)
    assert "987654" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api//v1/tasks", 404, "not_found"),
        ("PUT", "/api/v1/tasks", 405, "method_not_allowed"),
        # Two to the power of 31 is beyond the database's range, and so is anything longer.
        ("GET", "/api/v1/cases/2147483648", 404, "not_found"),
        ("GET", f"/api/v1/cases/{10**40}", 404, "not_found"),
        ("GET", "/api/v1/cases/2147483647", 404, "not_found"),
        ("GET", "/api/v1/cases/-1", 404, "not_found"),
        ("GET", "/api/v1/cases/０", 404, "not_found"),
        ("GET", "/api/v1/cases/%00", 404, "not_found"),
        ("GET", "/api/v1/cases/%ff", 404, "not_found"),
        ("GET", "/api/v1/definitions/..%2f..%2fetc", 404, "not_found"),
        ("GET", "/api/v1/forms/9-9", 404, "not_found"),
    ],
)
def test_an_address_that_is_none_is_refused_in_the_same_shape(
    everybody: OfficerClient, method: str, path: str, status: int, code: str
) -> None:
    assert is_problem(everybody.open(method, path), status, code)


def test_a_method_that_is_not_allowed_names_the_ones_that_are(client: FlaskClient) -> None:
    assert "GET" in client.put("/api/v1/tasks").headers["Allow"]


def test_answers_are_not_kept_by_a_shared_computer(app: Flask, client: FlaskClient) -> None:
    headers = client.get("/api/v1/tasks").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src" not in headers["Content-Security-Policy"]


@pytest.mark.postgres
def test_an_answer_that_is_made_survives_the_loss_of_the_connection(postgres_app: Flask) -> None:
    @postgres_app.get("/cut")
    @public
    def cut() -> str:
        own = db.session.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
        return "answered"

    # A context of its own, as each request has one in a server.
    with ThreadPoolExecutor(1) as server:
        answers = [server.submit(postgres_app.test_client().get, "/cut").result() for _ in range(2)]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "answered")] * 2
