"""Sign-on by OpenID Connect, against a real small provider: who comes back, and whoever only says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.access import AccessSettings
from config.sign_on import SignOnSettings
from engine.accounts import identities
from engine.db import db, transaction
from engine.models import Applicant, AuditEntry, Officer
from tests.api.conftest import is_problem
from tests.api.online import MY, RELATIVE, STRANGER, WORKER, record_representation
from tests.api.provider import SECRET, Provider, serving
from tests.conftest import FixedClock
from tests.stories.telling import Telling

OFFICERS, APPLICANTS = "/api/v1/sign-on/officers", "/api/v1/sign-on/applicants"
REVIEWER = "first-442099"
COOKIE = "tongban_session"


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def provider(app: Flask, _provider: Provider) -> Provider:
    """The identity provider of officers and applicants, where the reviewer is `u-1`."""
    _provider.is_down, _provider.odd, _provider.person = False, {}, {"sub": "u-1"}
    sign_on = SignOnSettings(
        officers=_provider.sign_on, applicants=_provider.sign_on, public_address="http://localhost"
    )
    app.config["TONGBAN"] = replace(app.config["TONGBAN"], sign_on=sign_on)
    with transaction() as session:
        identities.bind(session, _provider.address, "u-1", REVIEWER)
    return _provider


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def _out(browser: FlaskClient, start: str = OFFICERS) -> str:
    """The browser goes to the provider and signs on there; the address that it is sent back to."""
    out = browser.get(start)
    assert out.status_code == 302, out.json
    back = requests.get(out.headers["Location"], allow_redirects=False, timeout=5)
    assert back.status_code == 302
    parts = urlsplit(back.headers["Location"])
    assert parts.path == f"{start}/return"
    return f"{parts.path}?{parts.query}"


def _sign_on(browser: FlaskClient, start: str = OFFICERS) -> TestResponse:
    return browser.get(_out(browser, start))


# Officers


def test_an_officer_signs_on_and_is_the_account_that_is_bound_to_him(browser: FlaskClient, provider: Provider) -> None:
    answer = _sign_on(browser)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookie = browser.get_cookie(COOKIE)
    assert (cookie.http_only, cookie.same_site) == (True, "Strict")
    me = browser.get("/api/v1/sessions/current").json
    assert (me["username"], me["due"]) == (REVIEWER, None)
    assert browser.get("/api/v1/tasks").status_code == 200
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_on.come_back_as_officer")).one()
    assert (entry.kind, entry.officer_id) == ("change", me["id"])


def test_the_way_out_asks_for_a_code_with_pkce_a_state_and_a_nonce(browser: FlaskClient, provider: Provider) -> None:
    asked = [parse_qs(urlsplit(browser.get(OFFICERS).headers["Location"]).query) for _ in range(2)]

    for query in asked:
        assert query["response_type"] == ["code"]
        assert query["code_challenge_method"] == ["S256"]
        assert query["redirect_uri"] == [f"http://localhost{OFFICERS}/return"]
    for once in ("state", "nonce", "code_challenge"):
        assert asked[0][once] != asked[1][once]
        assert len(asked[0][once][0]) >= 20


def test_signing_on_ends_the_session_that_the_browser_had_before(
    app: Flask, browser: FlaskClient, provider: Provider
) -> None:
    credentials = {"username": "analyst-440099", "password": "tongban-demo", "browser": True}
    browser.post("/api/v1/sessions", json=credentials)
    before = browser.get_cookie(COOKIE).value
    _sign_on(browser)

    assert browser.get_cookie(COOKIE).value != before
    other = app.test_client()
    other.set_cookie(COOKIE, before)
    assert other.get("/api/v1/sessions/current").status_code == 401


def test_a_session_that_somebody_else_has_put_into_the_browser_does_not_become_the_officer_s(
    app: Flask, browser: FlaskClient, provider: Provider
) -> None:
    browser.set_cookie(COOKIE, "planted")
    _sign_on(browser)

    assert browser.get_cookie(COOKIE).value != "planted"
    attacker = app.test_client()
    attacker.set_cookie(COOKIE, "planted")
    assert attacker.get("/api/v1/sessions/current").status_code == 401


def test_who_signed_on_logs_out_with_the_page_s_token_and_is_out(browser: FlaskClient, provider: Provider) -> None:
    _sign_on(browser)
    token = browser.get("/api/v1/sessions/current").json["csrf_token"]

    assert is_problem(browser.delete("/api/v1/sessions/current"), 403, "csrf_token_wrong")
    assert browser.delete("/api/v1/sessions/current", headers={"X-CSRF-Token": token}).status_code == 204
    assert browser.get("/api/v1/sessions/current").status_code == 401


def test_a_cookie_that_came_by_sign_on_is_no_bearer_token(
    app: Flask, browser: FlaskClient, provider: Provider, clock: FixedClock
) -> None:
    _sign_on(browser)
    headers = {"Authorization": f"Bearer {browser.get_cookie(COOKIE).value}"}

    assert app.test_client().get("/api/v1/sessions/current", headers=headers).status_code == 401
    clock.advance(minutes=30)
    assert is_problem(browser.get("/api/v1/sessions/current"), 401, "session_ended")


def test_local_accounts_remain_beside_it(browser: FlaskClient, provider: Provider) -> None:
    provider.is_down = True

    answer = browser.post("/api/v1/sessions", json={"username": REVIEWER, "password": "tongban-demo"})

    assert answer.status_code == 201


def test_somebody_whom_no_account_is_bound_to_gets_none(browser: FlaskClient, provider: Provider) -> None:
    provider.person = {"sub": "u-2"}

    assert is_problem(_sign_on(browser), 401, "sign_on_unknown")
    assert browser.get_cookie(COOKIE) is None
    assert db.session.scalars(select(AuditEntry.outcome).where(AuditEntry.outcome == "sign_on_unknown")).all()


def test_an_officer_who_left_does_not_get_in(browser: FlaskClient, provider: Provider) -> None:
    with transaction() as session:
        session.scalars(select(Officer).where(Officer.username == REVIEWER)).one().active = False

    assert is_problem(_sign_on(browser), 401, "sign_on_unknown")


@pytest.mark.parametrize(("methods", "status"), [(None, 403), (["pwd"], 403), (["pwd", "mfa"], 302)])
def test_who_must_have_a_second_factor_has_used_one_at_the_provider(
    app: Flask, browser: FlaskClient, provider: Provider, methods: list[str] | None, status: int
) -> None:
    strict = AccessSettings(second_factor="everyone")
    app.config["TONGBAN"] = replace(app.config["TONGBAN"], access=strict)
    provider.person = {"sub": "u-1", "amr": methods}

    answer = _sign_on(browser)

    assert answer.status_code == status
    if status == 302:
        assert browser.get("/api/v1/tasks").status_code == 200


@pytest.mark.parametrize(
    "odd",
    [
        {"iss": "https://somebody.example"},
        {"aud": "another-client"},
        {"aud": ["another-client"], "azp": "tongban"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "x" * 300},
        {"alg": "none"},
        {"key": RSAKey.generate_key(2048, {"kid": "r1"})},
        {"alg": "HS256", "key": OctKey.import_key(SECRET)},
        {"kid": "e1", "alg": "ES256", "key": RSAKey.generate_key(2048), "iss": None},
    ],
    ids=lambda odd: " ".join(odd),
)
def test_an_id_token_that_does_not_fit_logs_nobody_in(
    browser: FlaskClient, provider: Provider, odd: dict[str, Any]
) -> None:
    if odd.get("kid") == "e1":
        odd = {name: value for name, value in odd.items() if name != "key"}
    provider.odd = odd

    assert is_problem(_sign_on(browser), 401, "sign_on_failed")
    assert browser.get_cookie(COOKIE) is None


def test_a_way_back_that_another_browser_began_is_refused(app: Flask, browser: FlaskClient, provider: Provider) -> None:
    begun = _out(app.test_client())

    assert is_problem(browser.get(begun), 401, "sign_on_failed")
    _out(browser)
    assert is_problem(browser.get(begun), 401, "sign_on_failed")


def test_a_way_back_counts_once(browser: FlaskClient, provider: Provider) -> None:
    back = _out(browser)

    assert browser.get(back).status_code == 302
    assert is_problem(browser.get(back), 401, "sign_on_failed")


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=y", "?error=access_denied&error_description=%00%F0"])
def test_a_way_back_without_a_way_out_is_refused(browser: FlaskClient, provider: Provider, query: str) -> None:
    assert is_problem(browser.get(f"{OFFICERS}/return{query}"), 401, "sign_on_failed")


def test_a_code_is_worth_nothing_without_the_verifier(browser: FlaskClient, provider: Provider) -> None:
    back = _out(browser)
    for query in provider.codes.values():
        query["code_challenge"] = "another"

    assert is_problem(browser.get(back), 401, "sign_on_failed")


def test_a_provider_that_is_down_is_said_to_be(app: Flask, browser: FlaskClient, provider: Provider) -> None:
    app.extensions.pop("tongban_sign_on", None)
    provider.is_down = True

    assert is_problem(browser.get(OFFICERS), 503, "provider_unreachable")


@pytest.mark.parametrize("path", [OFFICERS, f"{OFFICERS}/return", APPLICANTS, f"{APPLICANTS}/return"])
def test_without_a_provider_in_the_settings_there_is_no_sign_on(browser: FlaskClient, path: str) -> None:
    assert is_problem(browser.get(path), 404, "sign_on_not_configured")


def test_one_account_is_bound_to_one_person_and_the_other_way_round(provider: Provider) -> None:
    for subject, username in (("u-1", "second-442099"), ("u-9", REVIEWER)):
        with pytest.raises(Exception, match="已经关联"), transaction() as session:
            identities.bind(session, provider.address, subject, username)


# Applicants

Person = Callable[..., None]


@pytest.fixture
def person(provider: Provider) -> Person:
    """`person(WORKER)`: who signs on at the provider of the 粤省事 kind."""

    def signs_on(who: dict[str, str], **changes: Any) -> None:
        claims = {"name": who["name"], "identity_number": who["identity_number"], "phone_number": who["phone"]}
        provider.person = {"sub": f"y-{who['phone']}", **claims, **changes}

    return signs_on


def _cases(browser: FlaskClient) -> list[int]:
    return [item["id"] for item in browser.get(f"{MY}/cases").json["items"]]


def test_a_worker_signs_on_with_name_and_number_and_sees_his_case(
    browser: FlaskClient, person: Person, accepted: Telling
) -> None:
    person(WORKER)

    assert _sign_on(browser, APPLICANTS).status_code == 302

    assert _cases(browser) == [accepted.case_id]
    assert is_problem(browser.get("/api/v1/cases"), 403, "officers_only")
    assert is_problem(browser.delete(f"{MY}/sessions/current"), 403, "csrf_token_wrong")
    _sign_on(browser, APPLICANTS)
    assert len(db.session.scalars(select(Applicant)).all()) == 1


def test_somebody_new_signs_on_and_sees_nothing_that_is_not_his(
    browser: FlaskClient, person: Person, accepted: Telling
) -> None:
    person(STRANGER)

    assert _sign_on(browser, APPLICANTS).status_code == 302

    assert _cases(browser) == []
    assert browser.get(f"{MY}/cases/{accepted.case_id}").status_code == 404


def test_whom_a_counter_recorded_signs_on_and_acts_for_the_worker(
    app: Flask, browser: FlaskClient, person: Person, accepted: Telling
) -> None:
    record_representation(app)
    person(RELATIVE)

    _sign_on(browser, APPLICANTS)

    assert _cases(browser) == [accepted.case_id]


def test_a_number_under_another_name_opens_nothing(browser: FlaskClient, person: Person, accepted: Telling) -> None:
    person(WORKER, name="陈志强")

    assert is_problem(_sign_on(browser, APPLICANTS), 401, "sign_on_unknown")


@pytest.mark.parametrize("changes", [{"identity_number": "442000198405170317"}, {"phone_number": "12345"}], ids=list)
def test_what_cannot_be_a_number_or_a_phone_opens_nothing(
    browser: FlaskClient, person: Person, accepted: Telling, changes: dict[str, str]
) -> None:
    person(WORKER, **changes)

    assert is_problem(_sign_on(browser, APPLICANTS), 401, "sign_on_failed")


def test_an_opaque_person_shows_name_and_number_once_and_is_known_from_then_on(
    browser: FlaskClient, person: Person, accepted: Telling
) -> None:
    person(WORKER, identity_number=None)
    _sign_on(browser, APPLICANTS)
    assert _cases(browser) == []
    sent = {"X-CSRF-Token": browser.get(f"{MY}/sessions/current").json["csrf_token"]}
    own = {name: WORKER[name] for name in ("name", "identity_number")}

    for wrong in ({**own, "name": "陈志强"}, {name: STRANGER[name] for name in own}):
        answer = browser.post(f"{MY}/identity", json=wrong, headers=sent)
        assert is_problem(answer, 404, "identity_not_confirmed")
    confirmed = browser.post(f"{MY}/identity", json=own, headers=sent)

    assert confirmed.json["identity_number"] == "4420**********0316"
    assert _cases(browser) == [accepted.case_id]
    _sign_on(browser, APPLICANTS)
    assert _cases(browser) == [accepted.case_id]


@pytest.mark.parametrize(
    "changes", [{"phone_number": STRANGER["phone"]}, {"phone_number_verified": False}, {"phone_number": None}], ids=str
)
def test_an_opaque_person_with_another_phone_is_not_whoever_he_says(
    browser: FlaskClient, person: Person, accepted: Telling, changes: dict[str, Any]
) -> None:
    person(WORKER, identity_number=None, **changes)
    _sign_on(browser, APPLICANTS)
    sent = {"X-CSRF-Token": browser.get(f"{MY}/sessions/current").json["csrf_token"]}
    own = {name: WORKER[name] for name in ("name", "identity_number")}

    answers = [browser.post(f"{MY}/identity", json=own, headers=sent) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [404] * 5 + [429]
    assert _cases(browser) == []
