"""Channel systems: a key that is shown once, an access token of the province's issuer, and what either lets them do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import RSAKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from config.catalogue import services
from config.form_schemas import other_services
from config.sign_on import SignOnSettings
from engine.accounts import channels
from engine.accounts.channels import ONLINE_CHANNELS
from engine.audit import verifying
from engine.db import db, transaction
from engine.models import Application, AuditEntry, ChannelKey, OnlineApplication
from tests.api.conftest import ZHONGSHAN, is_problem
from tests.api.online import CHECKED, OnlineClient, channel, handed_in
from tests.api.provider import Provider, serving
from tests.applications import log_in, token_of
from tests.conftest import FixedClock
from tests.stories.telling import Telling

WORKER = "442000198405170316"
SERVICES = "/api/v1/services"
APPLICATIONS = "/api/v1/channels/applications"


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def provider(app: Flask, _provider: Provider) -> Provider:
    """The issuer that this application trusts."""
    _provider.asked.clear()
    _provider.is_down = False
    app.config["TONGBAN"] = replace(app.config["TONGBAN"], sign_on=SignOnSettings(tokens=_provider.token_issuer))
    return _provider


@pytest.fixture
def key(app: Flask) -> str:
    """The key of the web hall, which may do everything that a channel may."""
    return register("web-hall", "web_hall", *channels.SCOPES)


def register(code: str, channel: str, *scopes: str) -> str:
    with transaction() as session:
        client = channels.add_client(session, code=code, name="网上办事大厅", channel=channel, scopes=scopes)
        return channels.issue_key(session, client).key


Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(app: Flask) -> Ask:
    """`ask(credential, "/api/v1/services")`: GET, or POST with a body."""

    def asked(credential: str, path: str = SERVICES, body: Any = None, **headers: str) -> TestResponse:
        method = "GET" if body is None else "POST"
        own = {"Authorization": f"Bearer {credential}", **headers}
        return app.test_client().open(path, method=method, json=body, headers=own)

    return asked


def _part(document: dict[str, Any]) -> str:
    return _encoded(json.dumps(document).encode())


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


# Keys


def test_a_key_opens_what_its_scopes_say_and_nothing_else(ask: Ask) -> None:
    reads = register("terminal-maker", "terminal", "catalogue:read")

    assert ask(reads).status_code == 200
    refused = ask(reads, "/api/v1/channels/progress", {"receipt_number": "x", "identity_number": "x"})
    assert is_problem(refused, 403, "scope_missing")
    assert refused.json["details"] == {"scope": "progress:read"}
    for path in ("/api/v1/cases", "/api/v1/tasks", "/api/v1/sessions/current", "/api/v1/audit"):
        assert is_problem(ask(reads, path), 403, "scope_missing")


def test_only_the_hash_of_a_key_is_stored(key: str) -> None:
    stored = db.session.scalars(select(ChannelKey)).one()

    assert stored.key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert stored.prefix in key
    assert len(key) > 50


@pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 12), slice(0, 4)])
def test_a_part_of_a_key_is_none(ask: Ask, key: str, cut: slice) -> None:
    assert is_problem(ask(key[cut]), 401, "invalid_key")


def test_the_prefix_of_one_key_does_not_open_with_the_rest_of_another(ask: Ask, key: str) -> None:
    other = register("app-maker", "app", "catalogue:read")
    mixed = key.rpartition("~")[0] + "~" + other.rpartition("~")[2]

    assert is_problem(ask(mixed), 401, "invalid_key")


def test_a_key_ends_by_itself(ask: Ask, key: str, clock: FixedClock) -> None:
    clock.advance(days=364)
    assert ask(key).status_code == 200
    clock.advance(days=1)
    assert is_problem(ask(key), 401, "invalid_key")


def test_after_a_rotation_both_keys_open_until_the_overlap_ends(ask: Ask, key: str, clock: FixedClock) -> None:
    with transaction() as session:
        client = channels.find_client(session, "web-hall")
        new = channels.rotate(session, client, overlap=timedelta(hours=2)).key

    assert [ask(key).status_code, ask(new).status_code] == [200, 200]
    clock.advance(hours=2)
    assert [ask(key).status_code, ask(new).status_code] == [401, 200]


def test_a_revoked_key_is_refused_at_once_and_the_others_still_open(ask: Ask, key: str) -> None:
    with transaction() as session:
        client = channels.find_client(session, "web-hall")
        second = channels.issue_key(session, client).key
        channels.revoke(session, client, channels.prefix_of(key))

    assert [ask(key).status_code, ask(second).status_code] == [401, 200]


def test_a_system_that_was_shut_off_gets_in_neither_by_key_nor_by_token(ask: Ask, key: str, provider: Provider) -> None:
    token = provider.access_token("web-hall", "catalogue:read")
    assert [ask(key).status_code, ask(token).status_code] == [200, 200]
    with transaction() as session:
        channels.revoke(session, channels.find_client(session, "web-hall"))

    assert [ask(key).status_code, ask(token).status_code] == [401, 401]


def test_it_is_known_about_when_a_key_was_used_last(ask: Ask, key: str, clock: FixedClock) -> None:
    clock.advance(days=2)
    ask(key)

    assert db.session.scalars(select(ChannelKey.used_at)).one() == clock.now()


# Access tokens


@pytest.mark.parametrize(("kid", "alg"), [("r1", "RS256"), ("r1", "PS256"), ("e1", "ES256")])
def test_an_access_token_opens_what_it_and_the_registration_both_allow(
    ask: Ask, key: str, provider: Provider, kid: str, alg: str
) -> None:
    token = provider.access_token("web-hall", "openid catalogue:read", kid=kid, alg=alg)

    assert ask(token).status_code == 200
    refused = ask(token, "/api/v1/channels/progress", {"receipt_number": "x", "identity_number": "x"})
    assert is_problem(refused, 403, "scope_missing")


def test_the_issuer_gives_no_more_than_the_system_is_registered_for(ask: Ask, provider: Provider) -> None:
    register("terminal-maker", "terminal", "progress:read")

    token = provider.access_token("terminal-maker", "catalogue:read progress:read")

    assert is_problem(ask(token), 403, "scope_missing")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://somebody.example"},
        {"aud": "https://another.example"},
        {"aud": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"jti": None},
        {"sub": None},
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": ["web-hall"]},
        {"scope": None},
        {"typ": "JWT"},
        {"exp": "tomorrow"},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_refused(
    ask: Ask, key: str, provider: Provider, changes: dict[str, Any]
) -> None:
    token = provider.access_token("web-hall", "catalogue:read", **changes)

    assert is_problem(ask(token), 401, "invalid_token")


def test_a_token_lasts_until_it_expires(ask: Ask, key: str, provider: Provider, clock: FixedClock) -> None:
    token = provider.access_token("web-hall", "catalogue:read")

    clock.advance(minutes=5)
    assert ask(token).status_code == 200
    clock.advance(minutes=1)
    assert is_problem(ask(token), 401, "invalid_token")


def test_a_signature_by_another_key_under_the_same_id_is_refused(ask: Ask, key: str, provider: Provider) -> None:
    forger = Provider(address=provider.address, keys={"r1": RSAKey.generate_key(2048, {"kid": "r1"})})

    assert is_problem(ask(forger.access_token("web-hall", "catalogue:read")), 401, "invalid_token")


def test_a_token_with_one_byte_changed_is_refused(ask: Ask, key: str, provider: Provider) -> None:
    header, claims, signature = provider.access_token("web-hall", "catalogue:read").split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other = _part({**said, "scope": "progress:read"})

    assert is_problem(ask(f"{header}.{other}.{signature}"), 401, "invalid_token")


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
def test_a_token_without_a_signature_is_refused(ask: Ask, key: str, provider: Provider, alg: str) -> None:
    _, claims, signature = provider.access_token("web-hall", "catalogue:read").split(".")
    header = _part({"alg": alg, "typ": "at+jwt", "kid": "r1"})

    for ending in ("", signature):
        assert is_problem(ask(f"{header}.{claims}.{ending}"), 401, "invalid_token")


def test_the_public_key_is_no_secret_to_sign_with(ask: Ask, key: str, provider: Provider) -> None:
    _, claims, _ = provider.access_token("web-hall", "catalogue:read").split(".")
    signed = f"{_part({'alg': 'HS256', 'kid': 'r1', 'typ': 'at+jwt'})}.{claims}"
    for encoding in ("PEM", "DER"):
        public = provider.keys["r1"].as_bytes(encoding, private=False)
        mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()

        assert is_problem(ask(f"{signed}.{_encoded(mac)}"), 401, "invalid_token")


@pytest.mark.parametrize("header", [{}, {"kid": 7}, {"kid": "unheard-of"}, {"kid": "r1", "crit": ["exp"], "exp": 1}])
def test_a_header_that_names_no_known_key_or_asks_for_more_is_refused(
    ask: Ask, key: str, provider: Provider, header: dict[str, Any]
) -> None:
    _, claims, signature = provider.access_token("web-hall", "catalogue:read").split(".")
    written = _part({"alg": "RS256", "typ": "at+jwt", **header})

    assert is_problem(ask(f"{written}.{claims}.{signature}"), 401, "invalid_token")


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "e30.e30.", "\xff.\xfe.x", "." + "x" * 20000 + ".", "bnVsbA.bnVsbA.x"]
)
def test_what_is_no_token_at_all_is_refused(ask: Ask, provider: Provider, token: str) -> None:
    assert is_problem(ask(token), 401, "invalid_token")


def test_without_an_issuer_in_the_settings_no_token_opens_anything(app: Flask, ask: Ask, _provider: Provider) -> None:
    register("web-hall", "web_hall", "catalogue:read")

    assert is_problem(ask(_provider.access_token("web-hall", "catalogue:read")), 401, "invalid_token")


def test_the_keys_are_fetched_once_and_again_only_for_one_that_is_new(
    ask: Ask, key: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("api.access_tokens.time.monotonic", lambda: seconds[0])
    for _ in range(3):
        assert ask(provider.access_token("web-hall", "catalogue:read")).status_code == 200
    assert provider.asked == ["/jwks"]

    provider.new_key("r2")
    renewed = provider.access_token("web-hall", "catalogue:read", kid="r2")
    # Whoever invents key ids does not make us ask each time.
    assert ask(renewed).status_code == 401
    seconds[0] += 31
    assert ask(renewed).status_code == 200
    assert provider.asked == ["/jwks", "/jwks"]


def test_an_issuer_that_is_down_stops_only_who_is_not_known_yet(
    ask: Ask, key: str, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("api.access_tokens.time.monotonic", lambda: seconds[0])
    provider.is_down = True
    token = provider.access_token("web-hall", "catalogue:read")
    assert is_problem(ask(token), 503, "issuer_unreachable")

    provider.is_down = False
    assert ask(token).status_code == 200
    provider.is_down = True
    seconds[0] += 3600
    assert ask(token).status_code == 200


# One credential at a time


def test_a_cookie_beside_a_key_or_a_token_is_refused(app: Flask, key: str, provider: Provider) -> None:
    browser = app.test_client()
    credentials = {"username": "analyst-440099", "password": "tongban-demo", "browser": True}
    assert browser.post("/api/v1/sessions", json=credentials).status_code == 201

    for credential in (key, provider.access_token("web-hall", "catalogue:read"), token_of(app, "analyst-440099")):
        answer = browser.get(SERVICES, headers={"Authorization": f"Bearer {credential}"})
        assert is_problem(answer, 401, "two_credentials")


def test_a_key_in_the_cookie_of_a_browser_is_none(app: Flask, key: str) -> None:
    browser = app.test_client()
    browser.set_cookie("tongban_session", key)

    assert browser.get(SERVICES).status_code == 401


# What a channel asks


def test_a_channel_shows_the_progress_of_a_case_and_the_log_names_the_channel(
    ask: Ask, key: str, accepted: Telling
) -> None:
    body = {"receipt_number": accepted.case()["receipt_number"], "identity_number": WORKER}

    answer = ask(key, "/api/v1/channels/progress", body)

    assert answer.status_code == 200
    assert answer.json["words"].startswith("您的")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "channels.show_progress")).one()
    assert (entry.actor, entry.party, entry.session_kind) == ("channel", "channel:web-hall", "key")
    assert (entry.case_id, entry.officer_id) == (accepted.case_id, None)
    assert WORKER not in answer.get_data(as_text=True)


def test_guesses_at_a_receipt_are_counted_through_a_channel_too(ask: Ask, key: str, accepted: Telling) -> None:
    body = {"receipt_number": accepted.case()["receipt_number"], "identity_number": "440106199001010017"}
    answers = [ask(key, "/api/v1/channels/progress", body) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [404] * 10 + [429]


def test_a_channel_applies_for_whom_it_vouches_and_the_place_of_insurance_accepts(app: Flask) -> None:
    hall = channel(app)

    answer = hall.post(APPLICATIONS, {**handed_in(), **CHECKED})

    assert answer.status_code == 201, answer.json
    number = answer.json["id"]
    assert (answer.json["channel"], answer.json["accepting_agency"]["code"]) == ("web_hall", ZHONGSHAN)
    assert all(gate["passed"] for gate in answer.json["gates"])
    for material in answer.json["missing"]:
        assert hall.upload(f"{APPLICATIONS}/{number}/images", material=material).status_code == 201
    counter = log_in(app, f"acceptor-{ZHONGSHAN}")
    path = f"/api/v1/applications/{number}"
    assert counter.post(f"{path}/checks", {"eligible": True, "complete": True}).status_code == 200
    [case] = counter.post(f"{path}/acceptance", {}).json["cases"]
    file = counter.get(f"/api/v1/cases/{case['id']}").json
    assert file["channel"] == "web_hall"
    # Nothing is left to scan: the work of the handling agency waits already.
    assert [task["element_id"] for task in file["tasks"]] == ["assess_expense_lines"]
    [shown] = hall.get(f"{APPLICATIONS}/{number}").json["cases"]
    assert (shown["receipt_number"], shown["title"]) == (case["receipt_number"], "工伤医疗费")
    vouched = db.session.get_one(OnlineApplication, number)
    assert (vouched.party, vouched.identity_check) == ("channel:web-hall", CHECKED["identity_check"])
    parties = {entry.party for entry in db.session.scalars(select(AuditEntry)) if entry.action.startswith("channels.")}
    assert parties == {"channel:web-hall"}


def test_another_channel_does_not_learn_of_the_application(app: Flask) -> None:
    number = channel(app).post(APPLICATIONS, {**handed_in(), **CHECKED}).json["id"]
    other = channel(app, "terminal-maker", "terminal")

    theirs, nobodys = (other.get(f"{APPLICATIONS}/{one}") for one in (number, 999999))
    assert is_problem(theirs, 404, "not_found")
    assert theirs.json == nobodys.json
    assert other.upload(f"{APPLICATIONS}/{number}/images", material="diagnosis").status_code == 404


@pytest.mark.parametrize(
    "check", [None, {}, {"method": "face"}, {"method": "guess", "reference": "x"}, {"method": "face", "reference": ""}]
)
def test_a_channel_that_vouches_for_nobody_hands_nothing_in(app: Flask, check: Any) -> None:
    stated = {**handed_in(), **({} if check is None else {"identity_check": check})}

    answer = channel(app).post(APPLICATIONS, stated)

    assert is_problem(answer, 422, "invalid_input")
    assert any(name.startswith("identity_check") for name in answer.json["fields"])
    assert db.session.scalars(select(Application)).all() == []


def test_what_is_sent_twice_under_one_key_is_one_application_for_each_channel(app: Flask) -> None:
    body = {**handed_in(), **CHECKED}
    hall, terminal = channel(app), channel(app, "terminal-maker", "terminal")

    def send(client: OnlineClient) -> TestResponse:
        headers = {"Authorization": f"Bearer {client.credential}", "Idempotency-Key": "the-same-key"}
        return app.test_client().post(APPLICATIONS, json=body, headers=headers)

    first, again, other = send(hall), send(hall), send(terminal)

    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.json["id"] != first.json["id"]
    assert other.json["channel"] == "terminal"


#: Days on which what the demo's applications state has happened.
LATER = "2024-04-01T09:00"


@pytest.mark.rule("SCO-08")
@pytest.mark.parametrize("kind", ONLINE_CHANNELS)
@pytest.mark.parametrize("service", services())
def test_each_service_that_has_a_diagram_is_taken_through_each_channel(
    app: Flask, clock: FixedClock, service: str, kind: str
) -> None:
    clock.set(LATER)

    answer = channel(app, "some-channel", kind).post(APPLICATIONS, {**handed_in(service), **CHECKED})

    assert answer.status_code == 201, answer.json
    assert (answer.json["services"], answer.json["channel"], answer.json["state"]) == ([service], kind, "draft")
    assert answer.json["materials"]


@pytest.mark.rule("SCO-08")
def test_every_service_is_in_the_catalogue_with_where_it_can_be_applied_for(app: Flask) -> None:
    hall = channel(app)

    items = hall.get("/api/v1/service-items").json["items"]

    assert {item["code"] for item in items} == services().keys() | other_services().keys()
    assert {item["code"] for item in items if item["province_wide"]} == set(services())
    assert {item["code"] for item in items if item["online"]} == set(services())
    assert all(item["title"] for item in items)
    for code in other_services():
        answer = hall.post(APPLICATIONS, {**handed_in(), **CHECKED, "services": [code]})
        assert is_problem(answer, 422, "service_not_online")
        assert answer.json["because"][0]["quote"].startswith("工伤保险全部经办服务事项")


def test_an_entry_that_names_another_channel_is_found_out(ask: Ask, key: str, accepted: Telling) -> None:
    body = {"receipt_number": accepted.case()["receipt_number"], "identity_number": WORKER}
    ask(key, "/api/v1/channels/progress", body)
    assert verifying.verify(db.session()).valid
    with transaction() as session:
        session.execute(db.text("DROP TRIGGER audit_entry_no_update"))
        session.execute(db.text("UPDATE audit_entry SET party = 'channel:other' WHERE party IS NOT NULL"))

    assert not verifying.verify(db.session()).valid
