"""Whole stories with marked data: what is about a person lies nowhere in the database, the logs, the addresses.

Every text about somebody is marked before it is handed in or written by an officer; afterwards every column of every
table is read as it is stored, process states are unpacked, and what was logged and asked for is looked through.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import LargeBinary, Text, cast, select, type_coerce

from api import server
from api.demo.steps import Scene
from api.demo.story import Story, application, stories
from config.monitoring import MonitoringSettings
from engine import clock as house_clock
from engine.casework import outbox
from engine.db import Base, db
from engine.models import Instance
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.stories.telling import InProcess, InProcessCast

STORIES = {story.name: story for story in stories()}
TOLD = (
    "medical_expense", "assistive_device", "disability_benefit", "death_benefit", "medical_lump_sum",
    "bank_account_change", "referral_and_travel", "remote_treatment_filing", "disputed_between_cities", "suspended",
)  # fmt: skip

WATCHED = 9187
#: Put at the end of every text that somebody writes about somebody.
MARK = "甲㊙乙"
#: What an applicant writes: it is marked, or it is itself what must not be found.
MARKED = {
    "label", "hospital", "address", "remote_address", "insured_address", "hospital_opinion", "employer_opinion",
    "destination_hospital", "changes", "contact",
}  # fmt: skip
SECRET = {
    "identity_number", "phone", "account", "account_holder", "name", "worker_name", "relative_name", "relative_phone",
    "card_account", "card_holder", "worker_identity_number", "document_number", "after_account", "after_holder",
    "holder", "phone_1", "phone_2", "mobile", "home_phone",
}  # fmt: skip
#: What an officer writes.
WORDS = {"opinion", "reason", "basis", "guidance", "note", "what", "evidence_note", "confirmation_number"}


@dataclass(frozen=True)
class Marking(InProcess):
    """An officer whose words are marked, and who is watched for what stands in addresses."""

    addresses: list[str] = field(default_factory=list)

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        self.addresses.append(path)
        if body and (headers or {}).get("Content-Type") == "application/json":
            body = json.dumps(_marked_words(json.loads(body)), ensure_ascii=False).encode()
        return super()._exchange(method, path, body, headers)


@dataclass
class MarkingCast(InProcessCast):
    """Officers who write marked words."""

    addresses: list[str] = field(default_factory=list)

    def officer(self, username: str) -> InProcess:
        if username not in self._clients:
            officer = log_in(self.app, username)
            self._clients[username] = Marking("http://localhost", officer=officer, addresses=self.addresses)
        return self._clients[username]


def _marked_words(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _marked_words(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked_words(inner, name) for inner in value]
    # A code (a reason out of a list) stays one.
    return value + MARK if name in WORDS and isinstance(value, str) and not value.isascii() else value


def _marked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        # The employer is no person.
        return {key: inner if key == "employer" else _marked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner, name) for inner in value]
    return value + MARK if name in MARKED and isinstance(value, str) and not value.isascii() else value


def _secrets(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "employer":
                yield from _secrets(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, name)
    elif name in SECRET and isinstance(value, str):
        yield value


@dataclass
class Told:
    """A story that was told, and what must not be found of it."""

    secrets: set[str]
    addresses: list[str]
    logged: str
    figures: str
    home: Path


@pytest.fixture(params=TOLD)
def told(
    any_app: Flask,
    clock: FixedClock,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Told:
    server.configure_logs()
    watched = MonitoringSettings(port=WATCHED, access_log=True)
    any_app.config["TONGBAN"] = dataclasses.replace(any_app.config["TONGBAN"], monitoring=watched)
    story = STORIES[request.param]
    clock.set(story.at.replace(tzinfo=house_clock.SHANGHAI))
    marked = _with_marks(story)
    cast_ = MarkingCast("http://localhost", own_system=True, app=any_app, clock=clock)
    scene = Scene(cast_, marked)
    for step in scene.story.steps:
        scene.play(step)
    outbox.send_due(lambda: False)
    secrets = {MARK, *_secrets(marked.application)}
    for other in marked.further.values():
        secrets |= set(_secrets(other))
    logged = capsys.readouterr().err + caplog.text
    assert '"event": "request"' in logged
    figures = any_app.test_client().get("/metrics", base_url=f"http://localhost:{WATCHED}").text
    return Told(secrets, cast_.addresses, logged, figures, any_app.config["TONGBAN"].home)


def _with_marks(story: Story) -> Story:
    return dataclasses.replace(story, application=_marked(copy.deepcopy(story.application)))


def _rows() -> Iterator[tuple[str, str]]:
    """Every value of every column, as it is stored; process states unpacked."""
    db.session.rollback()
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                continue
            for value in db.session.scalars(select(cast(type_coerce(column, Text()), Text))):
                if value is not None:
                    yield f"{table.name}.{column.name}", value
    for state in db.session.scalars(select(Instance.state)):
        yield "instance.state", zlib.decompress(state[1:]).decode()
    db.session.rollback()


@pytest.mark.rule("SMS-09")
def test_a_story_leaves_nothing_about_a_person_in_plain(told: Told) -> None:
    assert len(told.secrets) > 3
    found = {(where, secret) for where, value in _rows() for secret in told.secrets if secret in value}

    assert not found
    for secret in told.secrets:
        assert not [address for address in told.addresses if secret in address]
        assert secret not in told.logged
        assert secret not in told.figures
    for file in told.home.rglob("*"):
        if file.is_file() and file.suffix in (".log", ".jsonl", ".txt"):
            assert not [secret for secret in told.secrets if secret in file.read_text(encoding="utf-8")]


def test_the_search_finds_what_is_stored_in_plain(told_once: None) -> None:
    # Otherwise the test above would prove nothing: the kind of a case event is not about a person.
    values = [value for _, value in _rows()]

    assert "application_submitted" in values
    assert any('"case_id"' in value for where, value in _rows() if where == "instance.state")


@pytest.fixture
def told_once(app: Flask, clock: FixedClock) -> None:
    story = STORIES["medical_expense"]
    clock.set(story.at.replace(tzinfo=house_clock.SHANGHAI))
    scene = Scene(InProcessCast("http://localhost", own_system=True, app=app, clock=clock), story)
    for step in scene.story.steps[:4]:
        scene.play(step)


def test_a_refusal_repeats_no_number_that_was_sent(app: Flask) -> None:
    handed_in = copy.deepcopy(application("medical_expense"))
    wrong = "442000198405170317"
    handed_in["worker"]["identity_number"] = wrong
    handed_in["applicant"]["phone"] = "1380001000"

    answer = log_in(app, "acceptor-440305").post("/api/v1/applications", handed_in)

    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert wrong not in text
    assert "1380001000" not in text
