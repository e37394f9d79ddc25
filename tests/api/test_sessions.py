"""Log-in: who, for how long, and how little a stranger learns."""

from __future__ import annotations

import hashlib

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from engine.db import db, transaction
from engine.models import Officer, OfficerSession
from tests.api.conftest import is_problem
from tests.applications import token_of
from tests.conftest import FixedClock

ANALYST = {"username": "analyst-440099", "password": "tongban-demo"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_officer_logs_in_and_learns_what_he_may_ask_for(client: FlaskClient) -> None:
    answer = client.post("/api/v1/sessions", json=ANALYST)

    officer = answer.json["officer"]
    assert answer.status_code == 201
    assert officer["agency"] == {"code": "440099", "name": "广东省社会保险基金管理局"}
    assert officer["roles"] == ["business_analyst"]
    assert "definition.publish" in officer["permissions"]
    assert "task.complete" not in officer["permissions"]
    assert client.get("/api/v1/sessions/current", headers=_bearer(answer.json["token"])).json == officer


def test_only_the_hash_of_a_token_is_stored(app: Flask, client: FlaskClient) -> None:
    token = client.post("/api/v1/sessions", json=ANALYST).json["token"]

    stored = db.session.scalars(select(OfficerSession.token_hash)).all()

    assert hashlib.sha256(token.encode()).hexdigest() in stored
    assert token not in stored
    assert len(token) >= 43


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "analyst-440099", "password": "tongban-demo2"},
        {"username": "nobody-440099", "password": "tongban-demo"},
    ],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(client: FlaskClient, wrong: dict[str, str]) -> None:
    answer = client.post("/api/v1/sessions", json=wrong)

    assert is_problem(answer, 401, "wrong_credentials")
    assert answer.json["detail"] == "用户名或密码不正确。"
    assert answer.json["details"] == {}


def test_for_an_unknown_name_the_same_work_is_done_as_for_a_wrong_password(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[tuple[str, str]] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, stored, typed: verified.append((stored, typed)) or verify(self, stored, typed),
    )
    # The cost stands in the hash: "$argon2id$v=19$m=65536,t=3,p=4$".
    for username in ("analyst-440099", "nobody-440099"):
        client.post("/api/v1/sessions", json={"username": username, "password": "wrong"})

    known, unknown = (stored for stored, _ in verified)
    assert [typed for _, typed in verified] == ["wrong", "wrong"]
    assert known.split("$")[:4] == unknown.split("$")[:4]


def test_an_officer_who_left_cannot_log_in_and_his_session_ends(app: Flask, client: FlaskClient) -> None:
    token = token_of(app, "analyst-440099")
    with transaction() as session:
        session.scalars(select(Officer).where(Officer.username == "analyst-440099")).one().active = False

    assert is_problem(client.post("/api/v1/sessions", json=ANALYST), 401, "wrong_credentials")
    assert is_problem(client.get("/api/v1/sessions/current", headers=_bearer(token)), 401, "session_ended")


def test_a_session_ends_after_twelve_hours(app: Flask, client: FlaskClient, clock: FixedClock) -> None:
    token = token_of(app, "analyst-440099")

    for _ in range(12 * 3 - 1):
        clock.advance(minutes=20)
        assert client.get("/api/v1/sessions/current", headers=_bearer(token)).status_code == 200
    clock.advance(minutes=20)
    assert is_problem(client.get("/api/v1/sessions/current", headers=_bearer(token)), 401, "session_ended")


def test_a_session_ends_after_half_an_hour_without_use(app: Flask, client: FlaskClient, clock: FixedClock) -> None:
    token = token_of(app, "analyst-440099")

    clock.advance(minutes=29)
    assert client.get("/api/v1/sessions/current", headers=_bearer(token)).status_code == 200
    clock.advance(minutes=30)
    assert is_problem(client.get("/api/v1/sessions/current", headers=_bearer(token)), 401, "session_ended")


def test_who_logs_out_is_out(app: Flask, client: FlaskClient) -> None:
    token = token_of(app, "analyst-440099")

    assert client.delete("/api/v1/sessions/current", headers=_bearer(token)).status_code == 204

    assert is_problem(client.get("/api/v1/sessions/current", headers=_bearer(token)), 401, "session_ended")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer \xff\xfe", "bearer x y", "Bearer " + "x" * 5000]
)
def test_a_token_that_is_none_is_refused(client: FlaskClient, header: str) -> None:
    answer = client.get("/api/v1/sessions/current", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
