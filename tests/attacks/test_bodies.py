"""A body that is built to break whoever reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from tests.api.conftest import is_problem
from tests.applications import OfficerClient, log_in
from tests.attacks.trying import Route

SEARCH = "/api/v1/cases/search"
JSON = "application/json"

BODIES: dict[str, bytes] = {
    "as deep as it goes": b"[" * 500_000,
    "deep and whole": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of a million digits": b'{"limit": ' + b"9" * 900_000 + b"}",
    "a number without end": b'{"limit": 1e99999}',
    "a negative nothing": b'{"limit": -0}',
    "no number": b'{"limit": NaN}',
    "no number either": b'{"limit": Infinity}',
    "a number as text": b'{"limit": "1"}',
    "a fraction for a count": b'{"limit": 1.0}',
    "a truth for a count": b'{"limit": true}',
    "a field twice": b'{"identity_number": "1", "identity_number": "2"}',
    "a field twice, once escaped": b'{"identity_number": "1", "identity_\\u006eumber": "2"}',
    "a hundred thousand fields": ("{" + ",".join(f'"f{n}": 1' for n in range(60_000)) + "}").encode(),
    "another prototype": b'{"__proto__": {"admin": true}, "constructor": {"prototype": {}}}',
    "another class": b'{"__class__": "os", "py/object": "os.system", "$type": "x", "@type": "x"}',
    "an operator of another database": b'{"identity_number": {"$ne": null}}',
    "a list for a text": b'{"identity_number": ["1"]}',
    "UTF-16": '{"identity_number": "1"}'.encode("utf-16"),
    "UTF-7": b"{+ACI-identity+AF8-number+ACI-: 1}",
    "a mark before it": b'\xef\xbb\xbf{"identity_number": "1"}',
    "longer than its longest letter": b'{"identity_number": "\xc0\xaf"}',
    "two documents": b'{"identity_number": "1"}{"identity_number": "2"}',
    "a remark": b'{"identity_number": "1" /* x */}',
    "NUL": b'{"identity_number": "\\u0000"}',
    "half a character": b'{"identity_number": "\\ud800"}',
    "a text of a megabyte": b'{"identity_number": "' + b"1" * 1_000_000 + b'"}',
}


@pytest.mark.parametrize("name", list(BODIES))
def test_the_body_is_refused_in_plain_words(app: Flask, name: str) -> None:
    answer = log_in(app, "first-442099").open("POST", SEARCH, data=BODIES[name], content_type=JSON)

    assert answer.status_code in (400, 413, 422), answer.data[:200]
    assert is_problem(answer, answer.status_code, answer.json["code"])
    assert len(answer.data) < 5_000_000


@pytest.mark.parametrize("name", list(BODIES))
def test_nobody_needs_to_be_known_to_be_refused_cheaply(app: Flask, name: str) -> None:
    # Who is not logged in is turned away before the body is looked at.
    answer = app.test_client().post(SEARCH, data=BODIES[name], content_type=JSON)

    assert is_problem(answer, 401, "not_authenticated")


@pytest.mark.parametrize("kind", ["application/xml", "text/html", "application/x-yaml", "application/x-python-pickle"])
def test_only_json_is_read_as_json(app: Flask, kind: str) -> None:
    officer = log_in(app, "first-442099")

    answer = officer.open("POST", SEARCH, data=b'{"identity_number": "1"}', content_type=kind)

    assert is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_packed_body_is_not_unpacked(app: Flask, encoding: str) -> None:
    officer = log_in(app, "first-442099")

    answer = officer.open(
        "POST", SEARCH, data=b"\x1f\x8b\x08\x00" + bytes(100), content_type=JSON, headers={"Content-Encoding": encoding}
    )

    assert answer.status_code == 400


def test_every_route_has_a_limit_to_what_it_reads(app: Flask, routes: list[Route], everybody: OfficerClient) -> None:
    huge = b'{"reason": "' + b"x" * 20_000_000 + b'"}'
    for route in routes:
        if route.method in ("POST", "PUT", "PATCH"):
            answer = everybody.open(route.method, route.path(), data=huge, content_type=JSON)
            assert answer.status_code in (400, 403, 404, 409, 413, 415, 422, 429), (str(route), answer.status_code)
            assert answer.status_code != 422 or "body" in answer.json["fields"] or len(answer.data) < 10_000


def test_many_parts_and_long_part_heads_are_refused(app: Flask, everybody: OfficerClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n'
    many = b"".join(part % number for number in range(5_000)) + b"--x--\r\n"
    long = b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 900_000 + b'"\r\n\r\n1\r\n--x--\r\n'

    for body in (many, long):
        answer = everybody.open(
            "POST", "/api/v1/cases/1/images", data=body, content_type="multipart/form-data; boundary=x"
        )
        assert answer.status_code in (400, 404, 413, 422), answer.data[:200]


def test_a_refusal_does_not_send_back_what_was_sent(app: Flask) -> None:
    marker = "<script>alert(1)</script>"
    body: dict[str, Any] = {"identity_number": "1", marker: marker}

    answer = log_in(app, "first-442099").open("POST", SEARCH, data=json.dumps(body), content_type=JSON)

    assert answer.content_type == "application/problem+json"
    assert json.dumps(answer.json["fields"]).count(marker) <= 1
