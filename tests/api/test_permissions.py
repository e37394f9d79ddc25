"""Every route declares who may ask it, and keeps to it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.auth import APPLICANTS, EVERYONE, PERMISSIONS, SCOPES, permission_of
from config.settings import Settings
from engine.process.diagram import ROLES
from tests.api.conftest import SHENZHEN, is_problem, make_officer
from tests.applications import log_in

#: What anybody may ask.
PUBLIC = {
    ("POST", "/api/v1/sessions"),
    ("POST", "/api/v1/progress"),
    ("GET", "/api/v1/sign-on/officers"),
    ("GET", "/api/v1/sign-on/officers/return"),
    ("GET", "/api/v1/sign-on/applicants"),
    ("GET", "/api/v1/sign-on/applicants/return"),
    ("POST", "/api/v1/my/codes"),
    ("POST", "/api/v1/my/sessions"),
    ("GET", "/healthz"),
    ("GET", "/api/v1/health"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/"),
    ("GET", "/api/docs"),
    ("GET", "/api/docs/<any('docs.js', 'docs.css'):file>"),
    ("GET", "/api/openapi.json"),
}


def _routes(app: Flask) -> list[tuple[str, str, object]]:
    return [
        (method, rule.rule, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _address(rule: str) -> str:
    for part, value in (("<id:", "1"), ("<code:", "x")):
        while part in rule:
            before, _, rest = rule.partition(part)
            rule = f"{before}{value}{rest.partition('>')[2]}"
    return rule


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> list[tuple[str, str, object]]:
    settings = Settings(mode="training", home=tmp_path_factory.mktemp("routes"), scheduler=False)
    return _routes(create_app(settings))


def test_every_route_declares_a_permission_or_is_on_the_list_of_public_ones(routes) -> None:
    undeclared = {(method, rule) for method, rule, view in routes if permission_of(view) is None}

    assert undeclared == PUBLIC
    assert all(hasattr(view, "permission") for _, _, view in routes)


def test_every_permission_is_asked_for_and_held_by_known_roles(routes) -> None:
    assert {permission_of(view) for _, _, view in routes} - {None} == PERMISSIONS.keys() | SCOPES.keys() | APPLICANTS
    assert all(roles and roles <= set(ROLES) for roles in PERMISSIONS.values())


def test_nobody_gets_in_without_a_session(app: Flask, client: FlaskClient) -> None:
    for method, rule, view in _routes(app):
        if permission_of(view) is not None:
            answer = client.open(_address(rule), method=method)
            assert answer.status_code == 401, (method, rule)


@pytest.mark.parametrize("role", sorted(EVERYONE))
def test_a_role_gets_no_further_than_its_permissions(app: Flask, role: str) -> None:
    officer = log_in(app, make_officer("somebody", SHENZHEN, role))

    for method, rule, view in _routes(app):
        permission = permission_of(view)
        if permission is None or (method, rule) == ("DELETE", "/api/v1/sessions/current"):
            continue
        answer = officer.open(method, _address(rule))
        if role in PERMISSIONS.get(permission, ()):
            assert (answer.json or {}).get("code") != "role_missing" or permission.startswith("task."), (method, rule)
        else:
            assert is_problem(answer, 403, "role_missing"), (method, rule)


def test_the_wrong_role_is_told_which_roles_may(app: Flask) -> None:
    auditor = log_in(app, make_officer("somebody", SHENZHEN, "auditor"))

    answer = auditor.post("/api/v1/applications", {})

    assert is_problem(answer, 403, "role_missing")
    assert answer.json["details"]["roles"] == ["acceptor"]
