"""Somebody forges, guesses, keeps or finds a token and asks with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from engine.db import db, transaction
from engine.models import Officer, OfficerSession
from tests.api.conftest import is_problem
from tests.applications import token_of
from tests.attacks.trying import OWN_LOG_IN, Route
from tests.conftest import FixedClock

NAME = "analyst-440099"


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


CLAIMS = {"sub": NAME, "iss": "tongban", "exp": 9999999999, "roles": ["province_administrator"]}
SIGNED = f"{_part({'alg': 'HS256'})}.{_part(CLAIMS)}"
FORGED = {
    "unsigned": f"{_part({'alg': 'none', 'typ': 'at+jwt'})}.{_part(CLAIMS)}.",
    "unsigned, written otherwise": f"{_part({'alg': 'nOnE'})}.{_part(CLAIMS)}.",
    "signed with nothing": f"{SIGNED}.{base64.urlsafe_b64encode(hmac.digest(b'', SIGNED.encode(), 'sha256')).decode()}",
    "signed with the secret everybody knows": (
        f"{SIGNED}.{base64.urlsafe_b64encode(hmac.digest(b'development-only', SIGNED.encode(), 'sha256')).decode()}"
    ),
    "with a key of the attacker's": f"{_part({'alg': 'ES256', 'jwk': {'kty': 'EC'}})}.{_part(CLAIMS)}.AAAA",
    "with a key from elsewhere": f"{_part({'alg': 'RS256', 'jku': 'http://127.0.0.1:9/keys'})}.{_part(CLAIMS)}.AAAA",
    "with a key out of a file": f"{_part({'alg': 'HS256', 'kid': '../../../../dev/null'})}.{_part(CLAIMS)}.AAAA",
    "a row number": "1",
    "everything": "%",
    "SQL": "' OR '1'='1",
    "SQL with a row": "x' UNION SELECT token_hash FROM officer_session --",
    "nothing visible": "\u200b",
    "a list": '["a"]',
    "very long": "a" * 100_000,
}


def _ask(client: FlaskClient, token: str) -> Any:
    return client.get(OWN_LOG_IN, headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")})


@pytest.mark.parametrize("name", list(FORGED))
def test_a_forged_token_opens_nothing(client: FlaskClient, name: str) -> None:
    assert _ask(client, FORGED[name]).status_code == 401


def test_what_lies_in_the_database_is_no_token(app: Flask, client: FlaskClient) -> None:
    token = token_of(app, NAME)
    stored = db.session.scalars(select(OfficerSession.token_hash)).one()
    db.session.rollback()

    assert _ask(client, stored).status_code == 401
    assert _ask(client, hashlib.sha256(stored.encode()).hexdigest()).status_code == 401
    assert _ask(client, token).status_code == 200


@pytest.mark.parametrize("change", ["swapcase", "longer", "shorter", "one letter"])
def test_nearly_right_is_wrong(app: Flask, client: FlaskClient, change: str) -> None:
    token = token_of(app, NAME)
    nearly = {
        "swapcase": token.swapcase(),
        "longer": token + "A",
        "shorter": token[:-1],
        "one letter": token[:-1] + ("A" if token[-1] != "A" else "B"),
    }

    assert _ask(client, nearly[change]).status_code == 401


def test_a_token_that_ran_out_stays_out(app: Flask, client: FlaskClient, clock: FixedClock) -> None:
    token = token_of(app, NAME)
    clock.advance(hours=13)

    assert is_problem(_ask(client, token), 401, "session_ended")
    # And a clock that is put back brings nothing to life that was closed.
    client.delete(OWN_LOG_IN, headers={"Authorization": f"Bearer {token}"})
    with transaction() as session:
        session.execute(update(OfficerSession).values(used_at=clock.now()))
    assert is_problem(_ask(client, token), 401, "session_ended")


def test_roles_are_looked_up_and_never_read_from_what_was_issued(app: Flask, client: FlaskClient) -> None:
    token = token_of(app, NAME)
    with transaction() as session:
        session.scalars(select(Officer).where(Officer.username == NAME)).one().roles = ["auditor"]

    answer = client.post("/api/v1/definitions/check", json={"files": {}}, headers={"Authorization": f"Bearer {token}"})

    assert is_problem(answer, 403, "role_missing")


def test_a_token_counts_in_the_header_alone(app: Flask, client: FlaskClient, routes: list[Route]) -> None:
    token = token_of(app, NAME)

    for place in ("access_token", "token", "api_key", "Authorization"):
        assert client.get(f"{OWN_LOG_IN}?{place}={token}").status_code == 401
        assert client.post("/api/v1/cases/search", json={place: token}).status_code == 401
        client.set_cookie(place, token)
    assert client.get(OWN_LOG_IN).status_code == 401


@pytest.mark.parametrize(
    "header", ["X-Forwarded-User", "X-Remote-User", "Remote-User", "X-User", "X-Officer-Id", "X-Roles", "X-Api-Key"]
)
def test_nobody_is_taken_at_his_word(client: FlaskClient, header: str) -> None:
    assert client.get(OWN_LOG_IN, headers={header: NAME}).status_code == 401


def test_without_a_token_every_door_is_shut(client: FlaskClient, routes: list[Route]) -> None:
    open_to_all = [
        str(route)
        for route in routes
        if route.permission is not None and client.open(route.path(), method=route.method, json={}).status_code != 401
    ]

    assert not open_to_all


@pytest.mark.parametrize("trick", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Original-URL", "X-Rewrite-URL"])
def test_no_header_makes_another_request_of_it(app: Flask, client: FlaskClient, trick: str) -> None:
    own = {"Authorization": f"Bearer {token_of(app, NAME)}"}

    answer = client.get(OWN_LOG_IN, headers={**own, trick: "DELETE" if "Method" in trick else "/api/v1/cases"})

    assert answer.json["username"] == NAME
    assert client.get(OWN_LOG_IN, headers=own).status_code == 200
