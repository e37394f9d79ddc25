"""Somebody sends more than the form asks for, hoping that it is stored (mass assignment)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select

from engine.db import Base, db
from engine.models import Application, Case, Officer, Task
from tests.api import matrix, online
from tests.api.conftest import is_problem
from tests.applications import OfficerClient, log_in
from tests.attacks.trying import Route
from tests.stories.telling import Telling

#: What an officer would like to decide alone.
PRIVILEGED: dict[str, Any] = {
    "id": 1,
    "state": "archived",
    "result": "granted",
    "handling_agency_code": "440402",
    "accepting_agency_code": "440402",
    "agency_code": "440099",
    "accepted_by_id": 1,
    "claimed_by_id": 1,
    "roles": ["province_administrator"],
    "active": True,
    "due_on": "2099-01-01",
    "transfer_count": 0,
    "designated": True,
    "receipt_number": "GDGSBX202308010000099",
    "password_hash": "x",
    "must_change_password": False,
    "_sa_instance_state": {},
    "__class__": "x",
}


def _snapshot() -> dict[str, Any]:
    """Every row of the tables whose columns are worth having."""
    found = {
        model.__tablename__: [tuple(row) for row in db.session.execute(select(*inspect(model).columns))]
        for model in (Application, Case, Officer, Task)
    }
    db.session.rollback()
    return found


def _schemas(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and schema of every JSON body, and of every part of one, that a route reads."""
    waiting = [
        (f"{method.upper()} {path}", operation["requestBody"]["content"]["application/json"]["schema"])
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in ("post", "put", "patch", "delete")
        and "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    seen = set()
    while waiting:
        where, schema = waiting.pop()
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in seen:
                continue
            seen.add(name)
            schema = description["components"]["schemas"][name]
        for key in ("allOf", "anyOf", "oneOf"):
            waiting += [(where, inner) for inner in schema.get(key, [])]
        if isinstance(schema.get("items"), dict):
            waiting.append((f"{where}[]", schema["items"]))
        for name, inner in schema.get("properties", {}).items():
            waiting.append((f"{where}.{name}", inner))
        if "properties" in schema:
            yield where, schema


def test_no_form_takes_a_field_that_it_does_not_name(app: Flask) -> None:
    description = app.test_client().get("/api/openapi.json").json
    open_ones = [where for where, schema in _schemas(description) if schema.get("additionalProperties") is not False]

    assert len(list(_schemas(description))) > 15
    assert not open_ones


@pytest.mark.parametrize("field", list(PRIVILEGED))
def test_a_privileged_field_beside_a_good_body_is_refused_by_name(
    app: Flask, everybody: OfficerClient, accepted: Telling, routes: list[Route], field: str
) -> None:
    before = _snapshot()
    tried = 0
    for route in routes:
        ask = matrix.ASKS.get((route.method, matrix.route(route.rule)))
        if ask is None or not isinstance(ask.body, dict) or field in ask.body:
            continue
        tried += 1
        answer = everybody.open(route.method, route.path(), json={**ask.body, field: PRIVILEGED[field]})
        assert is_problem(answer, 422, "invalid_input"), str(route)
        assert field in answer.json["fields"], (str(route), answer.json["fields"])

    assert tried > 15
    assert _snapshot() == before


@pytest.mark.parametrize("place", [("worker",), ("employer",), ("applicant",), ("forms", "1-1"), ("facts",)])
def test_a_privileged_field_inside_an_application_is_refused(
    app: Flask, story: Telling, place: tuple[str, ...]
) -> None:
    for field, value in PRIVILEGED.items():
        body = copy.deepcopy(story.story.application)
        inner = body
        for step in place:
            inner = inner[step]
        inner[field] = value

        answer = log_in(app, "acceptor-440305").post("/api/v1/applications", body)

        assert answer.status_code == 422, (place, field)
        assert any(name.startswith(".".join(place)) for name in answer.json["fields"]), answer.json["fields"]
    assert db.session.scalar(select(func.count()).select_from(Application)) == 0
    db.session.rollback()


@pytest.mark.parametrize("party", ["applicant", "channel"])
def test_who_comes_without_a_counter_says_nothing_of_where_and_by_whom_it_was_taken_in(app: Flask, party: str) -> None:
    if party == "applicant":
        asker, path, body = online.applicant(app, online.WORKER), f"{online.MY}/applications", online.handed_in()
        # Nobody vouches for himself.
        tried = {**PRIVILEGED, "channel": "window", **online.CHECKED}
    else:
        body = {**online.handed_in(), **online.CHECKED}
        asker, path, tried = online.channel(app), "/api/v1/channels/applications", {**PRIVILEGED, "channel": "window"}
    before = _snapshot()

    for field, value in tried.items():
        answer = asker.post(path, {**body, field: value})
        assert is_problem(answer, 422, "invalid_input"), field
        assert field in answer.json["fields"], answer.json["fields"]

    assert _snapshot() == before
    assert asker.post(path, body).status_code == 201


def test_what_a_reviewer_fills_in_changes_no_column_of_the_case(app: Flask, accepted: Telling) -> None:
    first = log_in(app, "first-442099")
    task = accepted.open_task("assess_expense_lines")["id"]
    first.post(f"/api/v1/tasks/{task}/claim")
    before = _snapshot()

    for field, value in PRIVILEGED.items():
        body = {"outcome": "done", "fields": {"lines": matrix.LINES, field: value}}
        answer = first.post(f"/api/v1/tasks/{task}/completion", body)
        assert is_problem(answer, 422, "invalid_input"), field

    assert _snapshot() == before


def test_privileged_columns_are_those_of_the_tables(app: Flask) -> None:
    # A column that is renamed must be tried under its new name.
    columns = {column.name for table in Base.metadata.tables.values() for column in table.columns}

    assert {name for name in PRIVILEGED if not name.startswith("_")} <= columns
