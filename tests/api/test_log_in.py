"""What guards a log-in: lock-out, password rules, second factor, and the browser's cookie with its CSRF token."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from config.access import AccessSettings
from config.settings import SettingsError, from_environment
from engine.accounts import totp
from engine.accounts.passwords import faults
from engine.db import db, transaction
from engine.models import Attempt, Officer, OfficerSession
from tests.api.conftest import is_problem
from tests.conftest import FixedClock

NAME, PASSWORD = "analyst-440099", "tongban-demo"
RIGHT = {"username": NAME, "password": PASSWORD}
WRONG = {"username": NAME, "password": "wrong"}
NEW = "Xiang-Shan_2023"
SESSIONS, CURRENT = "/api/v1/sessions", "/api/v1/sessions/current"


def _try(client: FlaskClient, body: dict[str, str], times: int) -> list[int]:
    return [client.post(SESSIONS, json=body).status_code for _ in range(times)]


# --- lock-out


def test_five_wrong_passwords_lock_the_name_even_for_the_right_one(client: FlaskClient, clock: FixedClock) -> None:
    assert _try(client, WRONG, 6) == [401] * 5 + [429]

    answer = client.post(SESSIONS, json=RIGHT)
    assert is_problem(answer, 429, "locked")
    assert answer.headers["Retry-After"] == "900"
    clock.advance(minutes=15)
    assert client.post(SESSIONS, json=RIGHT).status_code == 201


def test_a_right_password_lets_the_name_start_anew(client: FlaskClient) -> None:
    assert _try(client, WRONG, 4) == [401] * 4
    assert client.post(SESSIONS, json=RIGHT).status_code == 201
    assert _try(client, WRONG, 5) == [401] * 5


def test_a_name_that_nobody_has_is_locked_alike(client: FlaskClient) -> None:
    nobody = {"username": "nobody-440099", "password": "wrong"}

    assert _try(client, nobody, 6) == [401] * 5 + [429]


def test_the_lock_is_kept_in_the_database_without_the_name(app: Flask, client: FlaskClient) -> None:
    _try(client, WRONG, 2)

    rows = db.session.scalars(select(Attempt)).all()

    assert sorted(row.count for row in rows) == [2, 2]
    assert all(NAME not in row.key and len(row.key) == 64 for row in rows)


def test_writing_the_name_otherwise_is_no_way_around_the_lock(client: FlaskClient) -> None:
    _try(client, WRONG, 5)

    assert is_problem(client.post(SESSIONS, json={**WRONG, "username": f" {NAME.upper()} "}), 429, "locked")


def test_an_address_that_tries_many_names_is_locked(app: Flask, client: FlaskClient) -> None:
    settings = app.config["TONGBAN"]
    app.config["TONGBAN"] = replace(settings, access=AccessSettings(address_failures=5))
    statuses = [
        client.post(SESSIONS, json={"username": f"nobody-{number}", "password": "wrong"}).status_code
        for number in range(6)
    ]

    assert statuses == [401] * 5 + [429]
    assert client.post(SESSIONS, json=RIGHT, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 201


def test_right_log_ins_lock_no_address(app: Flask, client: FlaskClient) -> None:
    settings = app.config["TONGBAN"]
    app.config["TONGBAN"] = replace(settings, access=AccessSettings(address_failures=5))

    assert _try(client, RIGHT, 7) == [201] * 7


def test_a_receipt_cannot_be_guessed_at_for_long(client: FlaskClient) -> None:
    body = {"receipt_number": "GDGSBX202308010000001", "identity_number": "442000198405170316"}

    statuses = [client.post("/api/v1/progress", json=body).status_code for _ in range(11)]

    assert statuses == [404] * 10 + [429]


# --- passwords


@pytest.mark.parametrize(
    "password", ["Short-1", "alllowercaseletters", "Aa1-Aa1-Aa1-", "x-First-440106-X", "Tongban-2023!"]
)
def test_a_weak_password_is_refused_with_the_reason(password: str) -> None:
    assert faults(password, "first-440106", least=10)


@pytest.mark.parametrize("password", ["Xiang-Shan_2023", "four quiet ferries cross the delta", "岭南Xk7-榕树下茶"])
def test_a_good_password_is_taken(password: str) -> None:
    assert faults(password, "first-440106", least=10) == []


def test_an_officer_changes_his_password_and_his_other_sessions_end(client: FlaskClient) -> None:
    here, there = (client.post(SESSIONS, json=RIGHT).json["token"] for _ in range(2))
    own = {"Authorization": f"Bearer {here}"}

    answer = client.post(f"{CURRENT}/password", json={"password": PASSWORD, "new_password": NEW}, headers=own)

    assert answer.status_code == 204
    assert client.get(CURRENT, headers=own).status_code == 200
    assert client.get(CURRENT, headers={"Authorization": f"Bearer {there}"}).status_code == 401
    assert client.post(SESSIONS, json=RIGHT).status_code == 401
    assert client.post(SESSIONS, json={"username": NAME, "password": NEW}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": "wrong", "new_password": NEW}, "password"),
        ({"password": PASSWORD, "new_password": PASSWORD}, "new_password"),
        ({"password": PASSWORD, "new_password": "short"}, "new_password"),
    ],
)
def test_a_change_of_password_with_a_fault_is_refused_by_field(
    client: FlaskClient, body: dict[str, str], field: str
) -> None:
    own = {"Authorization": f"Bearer {client.post(SESSIONS, json=RIGHT).json['token']}"}

    answer = client.post(f"{CURRENT}/password", json=body, headers=own)

    assert answer.status_code == 422
    assert set(answer.json["fields"]) == {field}


def test_a_stolen_session_is_no_way_to_guess_the_password(client: FlaskClient) -> None:
    own = {"Authorization": f"Bearer {client.post(SESSIONS, json=RIGHT).json['token']}"}
    body = {"password": "wrong", "new_password": NEW}

    statuses = [client.post(f"{CURRENT}/password", json=body, headers=own).status_code for _ in range(6)]

    assert statuses == [422] * 5 + [429]


def test_an_initial_password_must_be_changed_before_anything_else(app: Flask, client: FlaskClient) -> None:
    with transaction() as session:
        session.scalars(select(Officer).where(Officer.username == NAME)).one().must_change_password = True
    answer = client.post(SESSIONS, json=RIGHT)
    own = {"Authorization": f"Bearer {answer.json['token']}"}

    assert answer.json["officer"]["due"] == "password_change_due"
    assert is_problem(client.get("/api/v1/definitions", headers=own), 403, "password_change_due")
    client.post(f"{CURRENT}/password", json={"password": PASSWORD, "new_password": NEW}, headers=own)
    assert client.get("/api/v1/definitions", headers=own).status_code == 200


# --- the second factor

#: RFC 6238, appendix B, SHA-1: seconds since 1970 -> eight digits, for the secret "12345678901234567890".
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize(("seconds", "code"), RFC_VECTORS.items())
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, seconds // totp.STEP_SECONDS, digits=8) == code


def _code(secret: str, clock: FixedClock, steps: int = 0) -> str:
    return totp.code_at(secret, totp.step_of(clock.now()) + steps)


@pytest.fixture
def secret(client: FlaskClient, clock: FixedClock) -> str:
    """The second factor of the officer, in use since a minute ago."""
    own = {"Authorization": f"Bearer {client.post(SESSIONS, json=RIGHT).json['token']}"}
    made = client.post(f"{CURRENT}/second-factor", json={"password": PASSWORD}, headers=own)
    assert made.status_code == 201
    body = {"code": _code(made.json["secret"], clock)}
    assert client.post(f"{CURRENT}/second-factor/confirmation", json=body, headers=own).json["second_factor"] is True
    clock.advance(minutes=1)
    return str(made.json["secret"])


def test_with_a_second_factor_the_password_alone_opens_nothing(
    client: FlaskClient, clock: FixedClock, secret: str
) -> None:
    assert is_problem(client.post(SESSIONS, json=RIGHT), 401, "second_factor_required")
    assert client.post(SESSIONS, json={**RIGHT, "code": _code(secret, clock)}).status_code == 201


def test_a_code_is_taken_once(client: FlaskClient, clock: FixedClock, secret: str) -> None:
    body = {**RIGHT, "code": _code(secret, clock)}

    assert client.post(SESSIONS, json=body).status_code == 201
    assert is_problem(client.post(SESSIONS, json=body), 401, "wrong_credentials")


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 201), (1, 201), (2, 401)])
def test_a_clock_may_be_half_a_minute_off(
    client: FlaskClient, clock: FixedClock, secret: str, steps: int, status: int
) -> None:
    clock.advance(minutes=5)

    assert client.post(SESSIONS, json={**RIGHT, "code": _code(secret, clock, steps)}).status_code == status


def test_codes_cannot_be_guessed_at_for_long(client: FlaskClient, clock: FixedClock, secret: str) -> None:
    wrong = "000000" if _code(secret, clock) != "000000" else "000001"

    assert _try(client, {**RIGHT, "code": wrong}, 6) == [401] * 5 + [429]


def test_a_wrong_password_is_not_told_of_the_second_factor(client: FlaskClient, secret: str) -> None:
    assert is_problem(client.post(SESSIONS, json=WRONG), 401, "wrong_credentials")


def test_who_must_have_a_second_factor_sets_it_first(app: Flask, client: FlaskClient) -> None:
    settings = app.config["TONGBAN"]
    app.config["TONGBAN"] = replace(settings, access=AccessSettings(second_factor="administrators"))
    analyst = client.post(SESSIONS, json=RIGHT).json
    admin = client.post(SESSIONS, json={**RIGHT, "username": "admin-440099"}).json
    own = {"Authorization": f"Bearer {admin['token']}"}

    assert (analyst["officer"]["due"], admin["officer"]["due"]) == (None, "second_factor_due")
    assert is_problem(client.get("/api/v1/definitions", headers=own), 403, "second_factor_due")


def test_production_asks_administrators_for_a_second_factor_and_settings_are_checked() -> None:
    production = {"TONGBAN_MODE": "production", "TONGBAN_SECRET": "x" * 40, "TONGBAN_KEYS": f"1:{'0' * 64}"}

    assert from_environment(production).access.second_factor == "administrators"
    assert from_environment({}).access.second_factor == "off"
    for name, value in (("SECOND_FACTOR", "perhaps"), ("LOCK_AFTER", "0"), ("SESSION_IDLE_MINUTES", "x")):
        with pytest.raises(SettingsError, match=name):
            from_environment({f"TONGBAN_{name}": value})


# --- browsers


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser that is logged in; its CSRF token is in `csrf`."""
    client = app.test_client()
    answer = client.post(SESSIONS, json={**RIGHT, "browser": True})
    assert answer.status_code == 201
    assert answer.json["token"] is None
    client.csrf = answer.json["officer"]["csrf_token"]
    return client


CHECK = {"files": {"x.bpmn": "<x/>"}}


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(app: Flask) -> None:
    answer = app.test_client().post(SESSIONS, json={**RIGHT, "browser": True})

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("tongban_session=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_behind_tls_the_cookie_is_bound_to_this_host(app: Flask) -> None:
    app.config["TONGBAN"] = replace(app.config["TONGBAN"], mode="production", secret="x" * 40)

    answer = app.test_client().post(SESSIONS, json={**RIGHT, "browser": True})

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tongban_session=")
    assert "; Secure" in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_a_browser_reads_with_its_cookie_and_changes_with_the_token_beside_it(browser: FlaskClient) -> None:
    assert browser.get("/api/v1/definitions").status_code == 200
    assert browser.get(CURRENT).json["csrf_token"] == browser.csrf

    answer = browser.post("/api/v1/definitions/check", json=CHECK, headers={"X-CSRF-Token": browser.csrf})
    assert answer.status_code == 200


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}])
def test_a_page_of_somebody_else_cannot_use_the_cookie(browser: FlaskClient, headers: dict[str, str]) -> None:
    assert is_problem(browser.post("/api/v1/definitions/check", json=CHECK, headers=headers), 403, "csrf_token_wrong")
    assert is_problem(browser.delete(CURRENT, headers=headers), 403, "csrf_token_wrong")


def test_the_token_of_another_session_does_not_do(app: Flask, browser: FlaskClient) -> None:
    other = app.test_client().post(SESSIONS, json={**RIGHT, "browser": True}).json["officer"]["csrf_token"]

    answer = browser.post("/api/v1/definitions/check", json=CHECK, headers={"X-CSRF-Token": other})

    assert is_problem(answer, 403, "csrf_token_wrong")


def test_a_request_with_cookie_and_bearer_is_refused(browser: FlaskClient, client: FlaskClient) -> None:
    token = client.post(SESSIONS, json=RIGHT).json["token"]

    answer = browser.get(CURRENT, headers={"Authorization": f"Bearer {token}"})

    assert is_problem(answer, 401, "two_credentials")


def test_a_cookie_is_no_bearer_and_a_bearer_no_cookie(app: Flask, browser: FlaskClient, client: FlaskClient) -> None:
    kept = browser.get_cookie("tongban_session").value
    token = client.post(SESSIONS, json=RIGHT).json["token"]
    stranger = app.test_client()
    stranger.set_cookie("tongban_session", token)

    assert app.test_client().get(CURRENT, headers={"Authorization": f"Bearer {kept}"}).status_code == 401
    assert stranger.get(CURRENT).status_code == 401


def test_a_log_in_never_continues_the_session_a_browser_brought_along(app: Flask, browser: FlaskClient) -> None:
    before = browser.get_cookie("tongban_session").value

    browser.post(SESSIONS, json={**RIGHT, "browser": True})

    assert browser.get_cookie("tongban_session").value != before
    stale = app.test_client()
    stale.set_cookie("tongban_session", before)
    assert stale.get(CURRENT).status_code == 401


def test_a_planted_cookie_is_not_made_a_session(app: Flask) -> None:
    victim = app.test_client()
    victim.set_cookie("tongban_session", "planted-by-somebody-else")

    victim.post(SESSIONS, json={**RIGHT, "browser": True})

    assert victim.get_cookie("tongban_session").value != "planted-by-somebody-else"


def test_a_browser_that_logs_out_is_out_and_keeps_nothing(app: Flask, browser: FlaskClient) -> None:
    assert browser.delete(CURRENT, headers={"X-CSRF-Token": browser.csrf}).status_code == 204

    assert browser.get_cookie("tongban_session") is None
    assert db.session.scalars(select(OfficerSession.kind).where(OfficerSession.kind == "cookie")).all() == []


def test_every_answer_says_what_a_browser_may_do_with_it(client: FlaskClient) -> None:
    for path in ("/api/docs", "/healthz", "/api/v1/cases", "/nowhere"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_address_is_the_proxys_word_only_where_there_is_a_proxy_of_ours(app: Flask, client: FlaskClient) -> None:
    app.config["TONGBAN"] = replace(app.config["TONGBAN"], access=AccessSettings(address_failures=5))
    statuses = [
        client.post(
            SESSIONS,
            json={"username": f"nobody-{number}", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        ).status_code
        for number in range(6)
    ]

    assert statuses == [401] * 5 + [429]
