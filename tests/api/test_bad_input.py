"""Whatever is sent: a 4xx with the field and a sentence, nothing stored, never a 500."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from api.demo.steps import picture
from api.schemas import Schema
from engine.db import db
from engine.models import Application, Case, CaseEvent, MaterialItem, Person, Task
from tests.api.conftest import SHENZHEN, is_problem
from tests.applications import OfficerClient, log_in
from tests.stories.telling import Telling

JSON = "application/json"

BODIES: dict[str, tuple[bytes, str]] = {
    "no body": (b"", JSON),
    "a list": (b"[]", JSON),
    "a number": (b"3", JSON),
    "null": (b"null", JSON),
    "a string": (b'"x"', JSON),
    "no JSON": (b"{", JSON),
    "not UTF-8": (b'{"reason": "\xff\xfe"}', JSON),
    "the wrong type": (b"reason=x", "application/x-www-form-urlencoded"),
    "text": (b'{"reason": "x"}', "text/plain"),
    "an unknown field": (b'{"surprise": 1}', JSON),
    "a field twice": (b'{"reason": "x", "reason": "y"}', JSON),
    "NUL": (b'{"reason": "\\u0000"}', JSON),
    "half a surrogate": (b'{"reason": "\\ud800", "outcome": "\\udfff"}', JSON),
    "deep nesting": (b'{"fields": ' + b"[" * 5000 + b"]" * 5000 + b"}", JSON),
    "a huge number": (b'{"version": 99999999999999999999999999, "officer_id": 1e999, "reason": 7}', JSON),
    "an integer beyond the database": (b'{"version": 4294967296, "officer_id": 4294967296}', JSON),
    "wrong types": (
        b'{"reason": [], "outcome": {}, "officer_id": "1", "files": [], "items": {}, "forms": 3, "eligible": "yes",'
        b' "missing": "x", "opinion": 3, "to_agency": [], "note": {}, "identity_number": 5, "receipt_number": [],'
        b' "duplicate_reason": 7, "username": [], "password": {}, "services": {}, "worker": [], "facts": "x"}',
        JSON,
    ),
    "ten megabytes": (b'{"reason": "' + b"x" * 10_000_000 + b'"}', JSON),
    "a broken multipart": (b"--x\r\nnothing", "multipart/form-data; boundary=x"),
}

#: A POST that needs no body may be sent one, or none, and then does what it does: 404, 409 or 2xx.
_NEEDS_NONE = ("/claim", "/release", "/retry", "/acquisitions", "/acceptance", "/notice")


@pytest.mark.parametrize("name", list(BODIES))
def test_no_body_makes_any_route_fail_or_store_something(
    app: Flask, everybody: OfficerClient, accepted: Telling, name: str
) -> None:
    body, kind = BODIES[name]
    before = _stored()

    for rule in _posts(app):
        if rule.endswith("/urging") and not body:
            continue  # A supervisor may urge without a word.
        answer = everybody.open("POST", rule, data=body, content_type=kind)
        assert 400 <= answer.status_code < 500 or rule.endswith(_NEEDS_NONE), (rule, answer.data)
        assert answer.status_code < 500, (rule, answer.data)
        if answer.status_code >= 400:
            assert is_problem(answer, answer.status_code, answer.json["code"])

    assert _stored() == before


def _posts(app: Flask) -> list[str]:
    rules = [rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    # The case of the story is another agency's intake: 1 exists, and the officer of 中山 may see it.
    return sorted(rule.split("<")[0] + "1" + rule.partition(">")[2] if "<" in rule else rule for rule in rules)


def _stored() -> dict[str, int]:
    """What a request would have left behind; a claimed task is no new row."""
    counts = {
        model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) or 0
        for model in (Application, Case, Person, MaterialItem, Task)
    }
    counts["decisions"] = (
        db.session.scalar(
            select(func.count()).select_from(CaseEvent).where(CaseEvent.kind.not_in(["task_claimed", "task_released"]))
        )
        or 0
    )
    db.session.rollback()
    return counts


QUERIES = {
    "an unknown filter": ("colour=red", "colour"),
    "a filter twice": ("limit=1&limit=2", "limit"),
    "no number": ("limit=x", "limit"),
    "another alphabet's digits": ("limit=٣", "limit"),
    "too many": ("limit=101", "limit"),
    "none": ("limit=0", "limit"),
    "beyond the database": ("limit=99999999999999999999", "limit"),
    "NUL": ("after=%00", "after"),
    "a control character": ("after=%07", "after"),
    "no place in the list": ("after=x", "after"),
    "a place beyond the list": ("after=99999999999999999999", "after"),
}


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/cases", "/api/v1/applications", "/api/v1/incidents"])
@pytest.mark.parametrize("name", list(QUERIES))
def test_a_query_that_makes_no_sense_is_refused_by_name(everybody: OfficerClient, path: str, name: str) -> None:
    query, field = QUERIES[name]

    answer = everybody.get(f"{path}?{query}")

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("service=%E5%8C%BB", "service"),
        ("state=gone", "state"),
        ("accepted_from=2023-02-30", "accepted_from"),
        ("accepted_from=20230701", "accepted_from"),
        ("accepted_from=0001-01-01", "accepted_from"),
        ("accepted_until=9999-12-31", "accepted_until"),
        ("open=yes", "open"),
        ("%00=1", "query"),
    ],
)
def test_a_filter_of_cases_is_checked(everybody: OfficerClient, query: str, field: str) -> None:
    answer = everybody.get(f"/api/v1/cases?{query}")

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == [field]


def test_whatever_is_wrong_with_a_field_is_said_in_chinese() -> None:
    said = {
        f"{schema.__name__}.{name}": [field.error_messages.get(kind, "无") for kind in ("required", "null", "invalid")]
        for schema in _subclasses(Schema)
        for name, field in schema().fields.items()
    }

    assert "ApplicationForm.worker" in said and "CaseQuery.open" in said
    assert not {field for field, sentences in said.items() if not all(map(_CHINESE.search, sentences))}


_CHINESE = re.compile("[\u4e00-\u9fff]")


def _subclasses(schema: type[Schema]) -> Iterator[type[Schema]]:
    for one in schema.__subclasses__():
        yield one
        yield from _subclasses(one)


def test_a_query_in_no_encoding_finds_nothing_and_breaks_nothing(everybody: OfficerClient) -> None:
    assert everybody.get("/api/v1/tasks?after=%ff%fe").status_code == 422


def _at(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        place: Any = body
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


FIRST_LINE = ("facts", "medical_expense", "lines", 0)

#: What is wrong with an application -> the field that is named.
APPLICATIONS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a wrong checksum": (_at("worker", "identity_number", to="442000198405170317"), "worker.identity_number"),
    "an impossible date": (_at("injured_on", to="2022-02-30"), "injured_on"),
    "an injury in the future": (_at("injured_on", to="2023-08-02"), "injured_on"),
    "an unknown service": (_at("services", to=["medical_miracle"]), "services.0"),
    "no service": (_at("services", to=[]), "services"),
    "a service twice": (_at("services", to=["medical_expense", "medical_expense"]), "services.1"),
    "an unknown outlet": (_at("outlet", to="999999-X9"), "outlet"),
    "an unknown channel": (_at("channel", to="pigeon"), "channel"),
    "money with three decimals": (_at(*FIRST_LINE, "amount", to="386.505"), "facts.medical_expense.lines.0.amount"),
    "money as a float": (_at(*FIRST_LINE, "amount", to=386.5), "facts.medical_expense.lines.0.amount"),
    "negative money": (_at(*FIRST_LINE, "amount", to="-1.00"), "facts.medical_expense.lines.0.amount"),
    "more money than there is": (_at(*FIRST_LINE, "amount", to="9" * 30), "facts.medical_expense.lines.0.amount"),
    "a control character in a name": (_at("worker", "name", to="陈\x07明"), "worker.name"),
    "a name of a thousand characters": (_at("worker", "name", to="陈" * 1000), "worker.name"),
    "a number for a name": (_at("worker", "name", to=7), "worker.name"),
    "a landline as a mobile": (_at("applicant", "phone", to="0760-88880001"), "applicant.phone"),
    "an integer beyond the database": (_at("forms", "1-1", "invoice_count", to=2**40), "forms.1-1.invoice_count"),
    "an integer beyond everything": (_at("forms", "1-1", "invoice_count", to=10**30), "forms.1-1.invoice_count"),
    "a truth as text": (_at("advance_payment", to="false"), "advance_payment"),
    "a form nobody asked for": (_at("forms", "1-7", to={}), "forms.1-7"),
    "facts of another service": (_at("facts", "death_benefit", to={}), "facts.death_benefit"),
    "a list for a person": (_at("worker", to=[]), "worker"),
    "null for services": (_at("services", to=None), "services"),
    "null for an outlet": (_at("outlet", to=None), "outlet"),
    "null for a person": (_at("worker", to=None), "worker"),
    "null for the forms": (_at("forms", to=None), "forms.1-1"),
    "null for the facts": (_at("facts", to=None), "facts.medical_expense.lines"),
    "a field nobody knows": (_at("worker", "shoe_size", to=43), "worker.shoe_size"),
}


@pytest.mark.parametrize("name", list(APPLICATIONS))
def test_an_application_with_a_fault_is_refused_by_field_and_not_stored(app: Flask, story: Telling, name: str) -> None:
    change, field = APPLICATIONS[name]
    body = copy.deepcopy(story.story.application)
    change(body)
    before = _stored()

    answer = log_in(app, f"acceptor-{SHENZHEN}").post("/api/v1/applications", body)

    assert is_problem(answer, 422, "invalid_input")
    assert field in answer.json["fields"], answer.json["fields"]
    assert all(_CHINESE.search(sentence) for sentences in answer.json["fields"].values() for sentence in sentences)
    assert _stored() == before


def test_every_fault_of_an_application_is_said_at_once(app: Flask, story: Telling) -> None:
    body = copy.deepcopy(story.story.application)
    for name in ("a wrong checksum", "money as a float", "an unknown channel"):
        APPLICATIONS[name][0](body)

    answer = log_in(app, f"acceptor-{SHENZHEN}").post("/api/v1/applications", body)

    assert {"channel", "worker.identity_number", "facts.medical_expense.lines.0.amount"} <= set(answer.json["fields"])


def test_a_name_that_few_fonts_have_is_a_name(app: Flask, story: Telling) -> None:
    body = copy.deepcopy(story.story.application)
    for place in (("worker", "name"), ("applicant", "name"), ("forms", "1-1", "worker_name")):
        _at(*place, to="𠮷祥")(body)

    answer = log_in(app, f"acceptor-{SHENZHEN}").post("/api/v1/applications", body)

    assert answer.status_code == 201, answer.json
    assert answer.json["person"]["name"] == "𠮷祥"


# Uploads


@pytest.fixture
def handed_in(story: Telling) -> Telling:
    """The application is registered; nothing is collected yet."""
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    return story


def _upload(app: Flask, handed_in: Telling, **parts: Any) -> Any:
    path = f"/api/v1/applications/{handed_in.application_id}/images"
    client = log_in(app, f"acceptor-{SHENZHEN}")
    return client.open("POST", path, data=parts, content_type="multipart/form-data")


def _file(content: bytes) -> Any:
    return (BytesIO(content), "scan.png")


def test_a_scan_is_stored_once_under_its_hash(app: Flask, handed_in: Telling) -> None:
    answers = [_upload(app, handed_in, material="diagnosis", file=_file(picture("x"))) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert [len(answer.json["images"]) for answer in answers] == [1, 1]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"material": "diagnosis"}, "file"),
        ({"material": "diagnosis", "file": b""}, "file"),
        ({"file": b"\x89PNG\r\n\x1a\n"}, "material"),
        ({"material": "", "file": b"\x89PNG\r\n\x1a\n"}, "material"),
        ({"material": "a\x00b", "file": b"\x89PNG\r\n\x1a\n"}, "material"),
        ({"material": "x" * 300, "file": b"\x89PNG\r\n\x1a\n"}, "material"),
        ({"material": "unheard_of", "file": b"\x89PNG\r\n\x1a\n"}, "material"),
        ({"material": "diagnosis", "file": b"MZ\x90\x00"}, "content"),
    ],
)
def test_an_upload_with_a_fault_is_refused_by_field(
    app: Flask, handed_in: Telling, parts: dict[str, Any], field: str
) -> None:
    sent = {name: _file(value) if name == "file" else value for name, value in parts.items()}

    answer = _upload(app, handed_in, **sent)

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == [field]


def test_an_upload_that_is_too_large_is_refused_unread(app: Flask, handed_in: Telling) -> None:
    path = f"/api/v1/applications/{handed_in.application_id}/images"
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="scan.png"\r\n\r\n'
    body = head + bytes(11_000_000) + b"\r\n--x--\r\n"

    answer = log_in(app, f"acceptor-{SHENZHEN}").open(
        "POST", path, data=body, content_type="multipart/form-data; boundary=x"
    )

    assert is_problem(answer, 413, "too_large")
    assert list(answer.json["fields"]) == ["body"]


def test_a_scan_that_is_no_upload_is_refused(app: Flask, handed_in: Telling) -> None:
    path = f"/api/v1/applications/{handed_in.application_id}/images"

    answer = log_in(app, f"acceptor-{SHENZHEN}").post(path, {"material": "diagnosis", "file": "x"})

    assert is_problem(answer, 415, "unsupported_media_type")
