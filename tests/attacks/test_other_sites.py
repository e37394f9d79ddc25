"""A page of somebody else, open in the browser of an officer who is logged in (CSRF, CORS, clickjacking)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import is_problem
from tests.attacks.trying import LOG_IN, OWN_LOG_IN, Route

RIGHT = {"username": "analyst-440099", "password": "tongban-demo", "browser": True}
EVIL = "https://evil.example"
CHECK = {"files": {"x.bpmn": "<x/>"}}


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """The officer's browser; what only our own page knows is in `csrf`."""
    client = app.test_client()
    client.csrf = client.post(LOG_IN, json=RIGHT).json["officer"]["csrf_token"]
    return client


def test_no_change_is_made_with_the_cookie_alone(browser: FlaskClient, routes: list[Route]) -> None:
    for route in routes:
        if route.changes and route.permission is not None:
            answer = browser.open(route.path(), method=route.method, json={}, headers={"Origin": EVIL})
            assert is_problem(answer, 403, "csrf_token_wrong"), str(route)


@pytest.mark.parametrize("token", ["", "null", "undefined", "0" * 64, "\x00", "甲".encode().decode("latin-1")])
def test_no_change_is_made_with_a_guessed_token(browser: FlaskClient, token: str) -> None:
    answer = browser.post("/api/v1/definitions/check", json=CHECK, headers={"X-CSRF-Token": token})

    assert is_problem(answer, 403, "csrf_token_wrong")


def test_the_token_of_the_attackers_own_log_in_does_not_help(app: Flask, browser: FlaskClient) -> None:
    own = app.test_client().post(LOG_IN, json=RIGHT).json["officer"]["csrf_token"]

    answer = browser.post("/api/v1/definitions/check", json=CHECK, headers={"X-CSRF-Token": own})

    assert is_problem(answer, 403, "csrf_token_wrong")


def test_the_token_counts_in_the_header_alone(browser: FlaskClient) -> None:
    for name in ("csrf_token", "X-CSRF-Token", "_csrf"):
        browser.set_cookie(name, browser.csrf)
        answer = browser.post(f"/api/v1/definitions/check?{name}={browser.csrf}", json={**CHECK, name: browser.csrf})
        assert is_problem(answer, 403, "csrf_token_wrong")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_where_the_browser_says_that_another_site_asks_even_the_right_token_is_not_taken(
    browser: FlaskClient, site: str
) -> None:
    own = {"X-CSRF-Token": browser.csrf}

    answer = browser.post("/api/v1/definitions/check", json=CHECK, headers={**own, "Sec-Fetch-Site": site})

    assert is_problem(answer, 403, "csrf_token_wrong")
    same = browser.post("/api/v1/definitions/check", json=CHECK, headers={**own, "Sec-Fetch-Site": "same-origin"})
    assert same.status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_foreign_form_can_send_is_not_read(browser: FlaskClient, kind: str) -> None:
    # A form of another site sends these three without asking first; JSON it cannot.
    own = {"X-CSRF-Token": browser.csrf, "Content-Type": kind}

    answer = browser.post("/api/v1/definitions/check", data='{"files": {"x.bpmn": "<x/>"}}', headers=own)

    assert answer.status_code in (415, 422)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_nobody_is_logged_in_as_the_attacker_behind_his_back(app: Flask, kind: str) -> None:
    body = '{"username": "analyst-440099", "password": "tongban-demo", "browser": true}'

    answer = app.test_client().post(LOG_IN, data=body, headers={"Content-Type": kind, "Origin": EVIL})

    assert answer.status_code in (415, 422)
    assert "Set-Cookie" not in answer.headers


def test_no_other_site_is_told_that_it_may_read(browser: FlaskClient, routes: list[Route]) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-csrf-token"}
    for route in routes:
        for method in ("OPTIONS", "GET"):
            headers = browser.open(route.path(), method=method, headers=asked).headers
            assert not [name for name, _ in headers if name.lower().startswith("access-control-")], str(route)


def test_no_other_site_can_frame_a_page_or_run_a_script_in_it(browser: FlaskClient, routes: list[Route]) -> None:
    for route in routes:
        if route.rule == "/api/v1/sessions/current" and route.changes:
            continue
        headers = browser.open(route.path(), method=route.method).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'", str(route)
        assert policy.get("script-src", policy["default-src"]) == "'self'", str(route)
        assert "unsafe" not in headers["Content-Security-Policy"], str(route)
        assert headers["X-Frame-Options"] == "DENY", str(route)
        assert headers["X-Content-Type-Options"] == "nosniff", str(route)
        assert headers["Referrer-Policy"] == "no-referrer", str(route)


def test_two_credentials_at_once_are_refused_everywhere(browser: FlaskClient, routes: list[Route]) -> None:
    for route in routes:
        if route.permission is not None:
            bearer = {"Authorization": "Bearer " + "x" * 43, "X-CSRF-Token": browser.csrf}
            answer = browser.open(route.path(), method=route.method, headers=bearer)
            assert is_problem(answer, 401, "two_credentials"), str(route)
    assert browser.get(OWN_LOG_IN).status_code == 200
