"""A file that is not what it says, or whose name leads somewhere else; and what a download does in a browser."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.demo.steps import picture
from engine.errors import NotFound
from engine.files import LocalFiles
from tests.api.conftest import SHENZHEN, is_problem
from tests.applications import OfficerClient, log_in
from tests.attacks.trying import Route
from tests.stories.telling import Telling

NAMES = [
    "../../../../etc/cron.d/evil",
    "..\\..\\evil.exe",
    "/etc/passwd",
    "C:\\Windows\\evil.dll",
    "x.png\x00.exe",
    "evil.png\r\nX-Evil: 1",
    "invoice\u202egnp.exe",
    "a" * 5000 + ".png",
    "",
    ".",
    "..",
    ".htaccess",
    "CON",
    "scan.png; filename=evil.php",
    '"><script>alert(1)</script>.png',
    "${jndi:ldap://127.0.0.1:9/x}.png",
    "$(id).png",
    "x.svg",
    "x.html",
]


@pytest.fixture
def handed_in(story: Telling) -> Telling:
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    return story


def _upload(app: Flask, handed_in: Telling, content: bytes, name: str, kind: str = "image/png") -> Any:
    return log_in(app, f"acceptor-{SHENZHEN}").open(
        "POST",
        f"/api/v1/applications/{handed_in.application_id}/images",
        data={"material": "diagnosis", "file": (BytesIO(content), name, kind)},
        content_type="multipart/form-data",
    )


def _files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_an_upload_is_used_for_nothing(app: Flask, handed_in: Telling, tmp_path: Path, name: str) -> None:
    before = _files(tmp_path)
    content = picture(name)

    answer = _upload(app, handed_in, content, name)

    assert answer.status_code in (201, 422), answer.data
    new = {path for path in _files(tmp_path) - before if not path.startswith("tongban.sqlite3")}
    if answer.status_code == 201:
        sha256 = answer.json["images"][-1]
        assert new == {f"files/{sha256[:2]}/{sha256}"}
        assert not Path(tmp_path / "files" / sha256[:2] / sha256).stat().st_mode & 0o111
    else:
        assert new == set()
    assert not name or name not in answer.get_data(as_text=True)


def _png_of(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk + zlib.compress(bytes(1000))


HOSTILE = {
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "XML with an entity": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>',
    "a program": b"MZ\x90\x00" + bytes(100),
    "a program of this system": b"\x7fELF" + bytes(100),
    "a script": b"#!/bin/sh\nid\n",
    "an archive": b"PK\x03\x04" + bytes(100),
    "a packed bomb": b"\x1f\x8b\x08\x00" + zlib.compress(bytes(10_000_000)),
    "an old document with macros": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
    "PHP": b"<?php system($_GET['c']); ?>",
    "a picture further down": b"<script>alert(1)</script>" + b"\x89PNG\r\n\x1a\n",
    "GIF and script": b"GIF89a/*" + b"*/=1;alert(1)",
}


@pytest.mark.parametrize("name", list(HOSTILE))
@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "text/html"])
def test_what_is_no_scan_is_not_taken_whatever_it_calls_itself(
    app: Flask, handed_in: Telling, name: str, kind: str
) -> None:
    answer = _upload(app, handed_in, HOSTILE[name], "scan.png", kind)

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == ["content"]


def test_a_picture_of_many_pixels_is_stored_without_being_opened(app: Flask, handed_in: Telling) -> None:
    assert _upload(app, handed_in, _png_of(60_000, 60_000), "scan.png").status_code == 201


@pytest.mark.parametrize(
    "name", ["../x", "..", "/etc/passwd", "", "a" * 63, "a" * 65, "A" * 64, "%2e%2e", "a" * 63 + "/", "a" * 64 + "\n"]
)
def test_a_file_is_asked_for_by_its_hash_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        LocalFiles(tmp_path).get(name)


@pytest.mark.parametrize(
    "path",
    [
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/app.py",
        "....//app.py",
        "..\\app.py",
        "docs.js/../../app.py",
        "docs.js%00.css",
        "/etc/passwd",
        "docs.js::$DATA",
        "index.html~",
        ".git/config",
    ],
)
def test_the_page_of_the_description_serves_its_own_two_files(client: FlaskClient, path: str) -> None:
    assert client.get(f"/api/docs/{path}").status_code == 404


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "%2e%2e%2f", "medical_expense%00", "a" * 65, "a.b"])
def test_a_code_in_a_path_leads_to_no_file(app: Flask, name: str) -> None:
    analyst = log_in(app, "analyst-440099")

    for path in ("/api/v1/definitions", "/api/v1/forms", "/api/v1/facts"):
        assert analyst.get(f"{path}/{name}").status_code == 404


def test_nothing_is_answered_that_a_browser_would_run(
    app: Flask, everybody: OfficerClient, accepted: Telling, routes: list[Route]
) -> None:
    for route in routes:
        if route.changes or route.permission is None:
            continue
        answer = everybody.get(route.path().replace("/x", "/medical_expense"))
        assert answer.headers["X-Content-Type-Options"] == "nosniff", str(route)
        if answer.mimetype not in ("application/json", "application/problem+json"):
            # A file is saved and never shown in our own name.
            assert answer.headers["Content-Disposition"].startswith("attachment;"), str(route)


def test_a_reason_in_an_export_is_no_formula(
    app: Flask, accepted: Telling, officer: Callable[..., OfficerClient]
) -> None:
    case = f"/api/v1/cases/{accepted.case_id}/unmasking"
    first = log_in(app, "first-442099")
    for reason in ("=cmd|' /C calc'!A0", "+1+1", "-1", "@SUM(A1)", "\t=1"):
        first.post(case, {"field": "person.phone", "reason": reason})

    text = officer("442099", "auditor").get("/api/v1/audit/export?kind=unmask").get_data(as_text=True)

    cells = [line.rpartition(",")[2].strip('"') for line in text.splitlines()[1:]]
    assert len(cells) >= 4
    assert all(cell.startswith("'") for cell in cells), cells
