"""Somebody writes SQL, or the signs that LIKE and patterns understand, into whatever is searched with."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from api.auth import EVERYONE
from engine.db import db
from tests.api import online
from tests.api.conftest import ZHONGSHAN, make_officer
from tests.api.online import OnlineClient
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

INJECTIONS = (
    "%",
    "________________",
    "44%",
    "4420__",
    "\\",
    "1 OR 1=1",
    "' OR '1'='1",
    "x') OR ('1'='1",
    "'; DROP TABLE application; --",
    "1 UNION SELECT password_hash FROM officer",
    "$$%(name)s:name?{}",
    "＇ OR 1=1 --",
)
OWN, NUMBER = "/api/v1/my/", "442000198405170316"


def _filters(description: dict[str, Any]) -> list[tuple[str, str]]:
    """(path, name) of every filter in an address."""
    return [
        (path.replace("{service}", "medical_expense"), parameter["name"])
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method == "get"
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    ]


def _tables() -> dict[str, list[Any]]:
    found = {
        name: list(db.session.execute(text(f"SELECT * FROM {name} ORDER BY id")))
        for name in ("application", "officer", "person")
    }
    db.session.rollback()
    return found


@pytest.fixture
def searched(any_app: Flask, clock: FixedClock) -> Telling:
    """A case at its first review, so that there would be something to find; nothing of it changes."""
    story = telling(any_app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")
    online.record_representation(any_app)
    return story


@pytest.fixture
def everywhere(any_app: Flask) -> OfficerClient:
    """An officer of 中山 who holds every role, whichever the database."""
    return log_in(any_app, make_officer("everywhere", ZHONGSHAN, *EVERYONE))


def _rows(answer: TestResponse) -> list[Any]:
    """What was found: the entries of a list, the lines of an export, or the one thing shown."""
    if answer.is_json:
        return answer.json.get("items", [answer.json])
    return answer.get_data(as_text=True).splitlines()[1:]


def test_no_filter_finds_more_than_what_it_names(any_app: Flask, searched: Telling, everywhere: OfficerClient) -> None:
    injured = online.applicant(any_app, online.WORKER)
    filters = _filters(any_app.test_client().get("/api/openapi.json").json)
    before = _tables()
    # Otherwise there would be nothing to find.
    full = [path for path, _ in filters if _rows((injured if path.startswith(OWN) else everywhere).get(path))]
    assert len(set(full)) > 6, full

    for path, name in filters:
        for injection in INJECTIONS:
            asker = injured if path.startswith(OWN) else everywhere
            answer = asker.get(f"{path}?{name}={quote(injection)}")
            assert answer.status_code in (200, 404, 422), (path, name, injection, answer.get_data(as_text=True))
            assert answer.status_code != 200 or _rows(answer) == [], (path, name, injection)

    assert len(filters) > 60
    assert _tables() == before


def test_no_body_finds_more_than_what_it_names(
    any_app: Flask, searched: Telling, everywhere: OfficerClient, clock: FixedClock
) -> None:
    right = {
        "/api/v1/cases/search": {"identity_number": NUMBER},
        "/api/v1/progress": {"receipt_number": searched.case()["receipt_number"], "identity_number": NUMBER},
        "/api/v1/sessions": {"username": "analyst-440099", "password": "tongban-demo"},
        f"{OWN}codes": {"name": "陈志明", "identity_number": NUMBER, "phone": "13800010001"},
    }

    def ask(path: str, body: dict[str, str]) -> TestResponse:
        # All but the officers' search is asked by somebody who is not logged in.
        return (everywhere if "/cases/" in path else OnlineClient(any_app, "-")).post(path, body)

    found = {path: ask(path, body).status_code for path, body in right.items()}
    assert found == {**dict.fromkeys(right, 200), "/api/v1/sessions": 201, f"{OWN}codes": 202}
    before = _tables()

    for path, body in right.items():
        # A password is compared with its hash, and a few wrong ones lock the account.
        for name in body.keys() - {"password"}:
            for injection in INJECTIONS:
                # Whoever guesses fast is locked out, and would be told nothing.
                clock.advance(minutes=20)
                answer = ask(path, {**body, name: injection})
                told = (path, name, injection, answer.get_data(as_text=True))
                assert answer.status_code in (200, 202, 401, 404, 422), told
                assert answer.status_code != 200 or answer.json.get("items") == [], told

    assert _tables() == before


def test_signs_of_a_pattern_in_what_is_stored_are_plain_signs(everywhere: OfficerClient) -> None:
    names = {"100%", "a_b", "x\\y", "O'Brien", "'; DROP TABLE officer; --"}
    for name in sorted(names):
        assert everywhere.post("/api/v1/sms/categories", {"name": name}).status_code == 201

    found = {item["name"] for item in everywhere.get("/api/v1/sms/categories").json["items"]}

    assert names <= found
