"""The description of the API and the page that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.auth import permission_of

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def description(client: FlaskClient) -> dict[str, Any]:
    return client.get("/api/openapi.json").json


def _operations(description: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_it_is_openapi_3_1_and_describes_every_route(app: Flask, description: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, method, _ in _operations(description)}
    routes = {
        (method, re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/") and rule.endpoint.partition(".")[0] != "health"
    }

    assert description["openapi"] == "3.1.0"
    assert described == routes


def _types(value: Any) -> Iterator[list[str]]:
    """Every list of types in the description."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from _types(part)
    if isinstance(value, dict) and isinstance(value.get("type"), list):
        yield value["type"]


def test_no_type_is_named_twice(description: dict[str, Any]) -> None:
    # JSON Schema forbids it, and programs that read the description refuse the whole of it then.
    types = list(_types(description))

    assert len(types) > 20
    assert not [names for names in types if len(names) != len(set(names))]


def test_every_operation_has_a_chinese_title_and_says_its_permission(app: Flask, description: dict[str, Any]) -> None:
    permissions = {permission_of(view) for view in app.view_functions.values()}

    for path, method, operation in _operations(description):
        assert re.search(r"[\u4e00-\u9fff]", operation["summary"]), (method, path)
        assert operation.get("x-permission") in permissions, (method, path)
        assert ("security" in operation) == ("x-permission" in operation), (method, path)


def test_every_error_is_described_as_problem_json(description: dict[str, Any]) -> None:
    for response in description["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
    for path, method, operation in _operations(description):
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/DEFAULT_ERROR"}, (method, path)


def test_every_operation_says_with_what_it_may_be_refused(description: dict[str, Any]) -> None:
    for path, method, operation in _operations(description):
        refusals = {status for status in operation["responses"] if status.startswith(("4", "5"))}
        expected = {"429", "503"}
        if "x-permission" in operation:
            expected |= {"401", "403"}
        if "{" in path:
            expected |= {"404"}
        if method != "get":
            expected |= {"409"}
        if "requestBody" in operation:
            expected |= {"400", "404", "413", "415", "422"}
        assert expected <= refusals, (method, path)


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        place: Any = description
        for part in reference.split("/"):
            place = place[part]
        assert place


def test_every_changing_operation_takes_an_idempotency_key(description: dict[str, Any]) -> None:
    # A log-in and what belongs to it: secrets are answered once and kept nowhere.
    own = {f"/api/v1/sessions/current/{part}" for part in ("password", "second-factor", "second-factor/confirmation")}
    own.add("/api/v1/accounts/{officer_id}/password")
    asking = {"/api/v1/cases/search", "/api/v1/definitions/check", "/api/v1/sms/preview"}
    asking |= {f"/api/v1/{name}s/{{{name}_id}}/unmasking" for name in ("case", "application")}
    own |= {"/api/v1/my/codes", "/api/v1/my/sessions", "/api/v1/my/identity"}
    reading = {"/api/v1/sessions", "/api/v1/progress", "/api/v1/channels/progress"} | asking | own
    without = {
        path
        for path, method, operation in _operations(description)
        if method == "post"
        and "Idempotency-Key" not in {parameter.get("name") for parameter in operation.get("parameters", [])}
    }

    assert without == reading


def test_patterns_are_written_as_every_reader_understands_them(description: dict[str, Any]) -> None:
    for pattern in re.findall(r'"pattern": "([^"]+)"', json.dumps(description)):
        assert pattern.startswith("^")
        assert pattern.endswith("$")


def test_whoever_opens_the_address_is_shown_the_page(client: FlaskClient) -> None:
    answer = client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/api/docs")


def test_the_page_loads_nothing_from_outside_and_runs_no_script_of_its_own(client: FlaskClient) -> None:
    page = client.get("/api/docs").get_data(as_text=True)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert set(loaded) == {"data:,", "docs/docs.css", "docs/docs.js", "openapi.json"}
    assert not re.search(r"<script(?![^>]*src=)|\son[a-z]+=|style=", page)
    for file in ("docs.js", "docs.css"):
        answer = client.get(f"/api/docs/{file}")
        assert answer.status_code == 200
        assert "http" not in answer.get_data(as_text=True)
    assert client.get("/api/docs/../app.py").status_code == 404


def test_the_page_may_run_under_its_own_rules(client: FlaskClient) -> None:
    policy = client.get("/api/docs").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    assert "default-src 'self'" in policy
