"""Somebody puts a session into the browser of an officer before he logs in, or uses one afterwards (fixation)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.attacks.trying import LOG_IN, OWN_LOG_IN

RIGHT = {"username": "analyst-440099", "password": "tongban-demo", "browser": True}
OTHER = {**RIGHT, "username": "auditor-440099"}
COOKIE = "tongban_session"


def _with(app: Flask, value: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie(COOKIE, value)
    return client


@pytest.mark.parametrize("planted", ["planted", "1", "", "a" * 3900, "'; DROP TABLE officer_session; --"])
def test_a_made_up_session_never_becomes_one(app: Flask, planted: str) -> None:
    victim = _with(app, planted)

    victim.post(LOG_IN, json=RIGHT)

    assert victim.get_cookie(COOKIE).value != planted
    assert _with(app, planted).get(OWN_LOG_IN).status_code == 401


def test_the_attackers_own_session_does_not_become_the_victims(app: Flask) -> None:
    attacker = app.test_client()
    attacker.post(LOG_IN, json=OTHER)
    planted = attacker.get_cookie(COOKIE).value
    victim = _with(app, planted)

    victim.post(LOG_IN, json=RIGHT)

    assert victim.get(OWN_LOG_IN).json["username"] == RIGHT["username"]
    assert victim.get_cookie(COOKIE).value != planted
    # It was brought along, so it has ended: neither officer goes on with it.
    assert attacker.get(OWN_LOG_IN).status_code == 401


def test_a_session_in_the_address_is_none(app: Flask) -> None:
    client = app.test_client()
    client.post(LOG_IN, json=RIGHT)
    kept = client.get_cookie(COOKIE).value

    for place in (f"?{COOKIE}={kept}", f"?session={kept}", f";{COOKIE}={kept}"):
        assert app.test_client().get(OWN_LOG_IN + place).status_code in (401, 404)


def test_a_log_out_ends_the_session_and_not_only_the_cookie(app: Flask) -> None:
    client = app.test_client()
    csrf = client.post(LOG_IN, json=RIGHT).json["officer"]["csrf_token"]
    kept = client.get_cookie(COOKIE).value

    assert client.delete(OWN_LOG_IN, headers={"X-CSRF-Token": csrf}).status_code == 204

    assert _with(app, kept).get(OWN_LOG_IN).status_code == 401


def test_a_wrong_log_in_leaves_no_session_behind(app: Flask) -> None:
    answer = app.test_client().post(LOG_IN, json={**RIGHT, "password": "wrong"})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
