"""Somebody sends more than anybody has to say, or guesses on and on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from api.rate_limits import Buckets
from config.access import AccessSettings
from config.settings import Settings, from_environment
from engine.db import db
from engine.errors import TooOften
from tests import databases
from tests.api.conftest import is_problem
from tests.applications import build, close, token_of
from tests.attacks.trying import LOG_IN, OWN_LOG_IN
from tests.conftest import FixedClock


@pytest.fixture
def limited(sqlite_template: databases.SqliteTemplate, tmp_path: Path, clock: FixedClock) -> Iterator[Flask]:
    """The application with small limits: five requests a log-in, eight an address."""
    access = AccessSettings(requests_per_log_in=5, requests_per_address=8)
    with sqlite_template.copy(tmp_path) as url:
        settings = Settings(mode="test", home=tmp_path, database_url=url, scheduler=False)
        app = build(replace(settings, access=access))
        with app.app_context():
            yield app
            db.session.remove()
        close(app)


def test_a_log_in_that_asks_too_often_is_told_to_wait(limited: Flask) -> None:
    own, other = ({"Authorization": f"Bearer {token_of(limited, 'analyst-440099')}"} for _ in range(2))
    client = limited.test_client()

    answers = [client.get(OWN_LOG_IN, headers=own) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert is_problem(answers[-1], 429, "too_many_requests")
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "default-src 'self'" in answers[-1].headers["Content-Security-Policy"]
    assert client.get(OWN_LOG_IN, headers=other).status_code == 200


def test_another_made_up_token_for_each_request_is_no_way_around(limited: Flask) -> None:
    client = limited.test_client()
    statuses = [
        client.get(OWN_LOG_IN, headers={"Authorization": f"Bearer {number}"}).status_code for number in range(9)
    ]

    assert statuses == [401] * 8 + [429]
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    assert client.get(OWN_LOG_IN, environ_base=elsewhere).status_code == 401


def test_a_bucket_fills_again_evenly() -> None:
    now = [0.0]
    buckets = Buckets(60, clock=lambda: now[0])
    for _ in range(60):
        buckets.take("a")
    with pytest.raises(TooOften) as refused:
        buckets.take("a")
    assert refused.value.details == {"seconds": 1}

    now[0] += 2.5
    buckets.take("a")
    buckets.take("a")
    with pytest.raises(TooOften):
        buckets.take("a")


def test_buckets_of_those_who_are_gone_are_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rate_limits._MOST_BUCKETS", 100)
    now = [0.0]
    buckets = Buckets(60, clock=lambda: now[0])
    for number in range(1000):
        now[0] += 1
        buckets.take(str(number))

    assert len(buckets._left) <= 100


def test_whoever_runs_it_has_limits_unless_he_says_otherwise() -> None:
    usual = from_environment({}).access
    free = from_environment({"TONGBAN_LOG_IN_REQUESTS": "0", "TONGBAN_ADDRESS_REQUESTS": "0"}).access

    assert (usual.requests_per_log_in, usual.requests_per_address) == (1200, 12000)
    assert (free.requests_per_log_in, free.requests_per_address) == (0, 0)


def test_a_log_in_costs_one_check_of_a_password_whoever_is_named(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, stored, typed: checked.append(stored) or verify(self, stored, typed)
    )
    costs = {}
    for username in ("analyst-440099", "nobody-440099", "' OR 1=1 --", "x" * 64):
        checked.clear()
        assert client.post(LOG_IN, json={"username": username, "password": "wrong"}).status_code == 401
        costs[username] = [stored.split("$")[:4] for stored in checked]

    assert all(len(cost) == 1 for cost in costs.values())
    assert len({str(cost) for cost in costs.values()}) == 1


def test_a_locked_name_costs_nothing_whoever_has_it(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {}
    for username in ("analyst-440099", "nobody-440099"):
        for _ in range(5):
            client.post(LOG_IN, json={"username": username, "password": "wrong"})
        monkeypatch.setattr(PasswordHasher, "verify", lambda *_: pytest.fail("a password was checked"))
        locked = client.post(LOG_IN, json={"username": username, "password": "wrong"})
        answers[username] = (locked.status_code, locked.json["code"], locked.json["detail"])
        monkeypatch.undo()

    assert len(set(answers.values())) == 1
    assert answers["nobody-440099"][:2] == (429, "locked")
