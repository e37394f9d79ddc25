"""Line breaks, false names of the host and other things in the head of a request."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import is_problem
from tests.applications import OfficerClient, log_in
from tests.attacks.trying import OWN_LOG_IN, Route

BREAKS = [
    "\r\nX-Evil: 1",
    "%0d%0aX-Evil:%201",
    "\u560d\u560aX-Evil: 1",
    "\nSet-Cookie: a=b",
    "%E5%98%8D%E5%98%8AX-Evil:1",
]

LATIN = "甲乙丙丁戊己庚辛".encode().decode("latin-1")


@pytest.mark.parametrize("text", BREAKS)
def test_no_line_break_of_a_request_gets_into_the_head_of_an_answer(
    app: Flask, routes: list[Route], everybody: OfficerClient, text: str
) -> None:
    quoted = text if "%" in text else "".join(f"%{byte:02x}" for byte in text.encode())
    for route in routes:
        if (route.method, route.rule) == ("DELETE", OWN_LOG_IN):
            continue
        for path in (f"{route.path()}{quoted}", f"{route.path()}?after={quoted}", f"/{quoted}"):
            headers = everybody.open(route.method, path).headers
            assert "X-Evil" not in headers, path
            assert not any("\n" in value or "\r" in value for _, value in headers), path
            assert "Set-Cookie" not in headers, path


@pytest.mark.parametrize("key", ["short", "x" * 81, "with space in it", LATIN, "a\tb-12345"])
def test_a_key_for_repeated_requests_is_checked(app: Flask, key: str) -> None:
    answer = log_in(app, "first-442099").post("/api/v1/tasks/acquisitions", {}, headers={"Idempotency-Key": key})

    assert is_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:99999", "localhost@evil.example", "evil.example/x?", ""]
)
def test_a_false_host_is_repeated_nowhere(client: FlaskClient, host: str) -> None:
    # A request line that names a host and no path arrives with an empty one.
    for path in ("", "/", "//", "/api/docs", "/api/docs/", "/api/openapi.json", "/nowhere", "/api/v1/cases/"):
        head = {"Host": host, "X-Forwarded-Host": "evil.example"}
        answer = client.get("/", environ_overrides={"PATH_INFO": path}, headers=head)
        assert "evil.example" not in answer.headers.get("Location", "")
        assert "evil.example" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "//evil.example/..", "/api/v1//cases", "/docs/"])
def test_no_address_leads_out_of_the_house(client: FlaskClient, path: str) -> None:
    # As the server passes it on: a test client would take two slashes for the name of a host.
    answer = client.get("/", environ_overrides={"PATH_INFO": path})

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "PATCH", "DEBUG", LATIN])
def test_a_method_that_is_not_ours_is_refused(client: FlaskClient, method: str) -> None:
    assert client.open("/api/v1/cases", method=method).status_code in (400, 401, 405)


def test_every_answer_carries_the_rules_for_browsers_errors_too(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/falls", "falls", lambda: 1 // 0)
    officer = log_in(app, "first-442099")
    answers = [
        client.get("/api/v1/cases"),
        client.get("/nowhere"),
        client.post("/api/docs"),
        client.get("/falls"),
        officer.post("/api/v1/cases/search", {"identity_number": 1}),
        officer.open("POST", "/api/v1/cases/search", data=b"{", content_type="application/json"),
        client.get("/api/docs"),
        client.get("/api/openapi.json"),
        client.get("/"),
    ]

    assert [answer.status_code for answer in answers] == [401, 404, 405, 500, 422, 400, 200, 200, 302]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert not {"Server", "X-Powered-By"} & set(answer.headers.keys())


def test_a_fault_of_ours_tells_nothing_of_the_inside(app: Flask, client: FlaskClient) -> None:
    def fall() -> None:
        raise RuntimeError("442000198405170316 in /srv/secret.py")

    app.add_url_rule("/falls", "falls", fall)
    text = client.get("/falls").get_data(as_text=True)

    for told in ("442000198405170316", "secret.py", "Traceback", "RuntimeError"):
        assert told not in text
