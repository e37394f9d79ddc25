"""The drill: back up a system at work, restore it into an empty place, compare everything, and go on working there."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from api.backup import archive
from api.backup.databases import Postgres
from config.settings import Settings
from engine.audit import sealing, verifying
from engine.db import db
from engine.errors import CannotProceed
from tests import databases
from tests.api.test_cli import Run, run
from tests.applications import build, close, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

__all__ = ["run"]


@pytest.fixture
def story(any_app: Flask, clock: FixedClock) -> Telling:
    """A claim with images, accepted and sealed in the audit log."""
    found = telling(any_app, clock, "medical_expense", {})
    found.through_intake("acceptor-440305")
    sealing.seal()
    return found


@pytest.fixture
def backed_up(any_app: Flask, story: Telling, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The archive of that system."""
    _use(monkeypatch, any_app.config["TONGBAN"])
    file = tmp_path / "backups" / "tongban.tar"
    code, output, complaint = run("backup", str(file), "--json")
    assert code == 0, complaint
    assert json.loads(output)["files"] > 0
    return file


@pytest.fixture
def elsewhere(any_app: Flask, tmp_path: Path) -> Iterator[Settings]:
    """An empty place with a database of the same kind."""
    here: Settings = any_app.config["TONGBAN"]
    there = tmp_path / "elsewhere"
    if here.database_url.startswith("sqlite"):
        yield replace(here, home=there, database_url=f"sqlite:///{there / 'tongban.sqlite3'}")
        return
    server = databases.server()
    database = server.create(f"{os.getpid()}_restored")
    try:
        yield replace(here, home=there, database_url=server.url_of(database))
    finally:
        server.drop(database)


def _use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("TONGBAN_MODE", "test")
    monkeypatch.setenv("TONGBAN_HOME", str(settings.home))
    monkeypatch.setenv("TONGBAN_DATABASE_URL", settings.sqlalchemy_url)


def _rows() -> dict[str, list[str]]:
    """Every row of every table, as it is stored."""
    db.session.rollback()
    with db.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{name}"')))) for name in names}


def _files(home: Path) -> dict[str, bytes]:
    folder = home / "files"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_restored_is_what_was_there_and_work_goes_on(
    any_app: Flask, story: Telling, backed_up: Path, elsewhere: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, files = _rows(), _files(any_app.config["TONGBAN"].home)
    assert backed_up.stat().st_mode & 0o077 == 0

    _use(monkeypatch, elsewhere)
    code, _, complaint = run("restore", str(backed_up))
    assert code == 0, complaint

    restored = build(elsewhere)
    with restored.app_context():
        assert _rows() == rows
        assert len(rows) > 40
        assert _files(elsewhere.home) == files
        assert len(files) > 2
        assert restored.test_client().get("/readyz").status_code == 200
        reviewer = log_in(restored, "first-442099")
        found = reviewer.get(f"/api/v1/cases/{story.case_id}").json
        assert found["receipt_number"] == story.case()["receipt_number"]
        assert reviewer.post(f"/api/v1/tasks/{found['tasks'][0]['id']}/claim").status_code == 200
        sealing.seal()
        report = verifying.verify(db.session())
        assert (report.findings, report.unsealed) == ([], 0)
        db.session.remove()
    close(restored)


def test_a_backup_has_no_keys_in_it_and_says_which_are_needed(
    any_app: Flask, backed_up: Path, run: Run, tmp_path: Path
) -> None:
    settings: Settings = any_app.config["TONGBAN"]
    with tarfile.open(backed_up) as opened:
        content = opened.extractfile("manifest.json")
        assert content is not None
        manifest = json.loads(content.read())

    assert manifest["keys"] == ["default"]
    assert settings.secret.encode() not in backed_up.read_bytes()
    assert "密钥（default）和 TONGBAN_SECRET 不在备份中" in run("backup", str(tmp_path / "again.tar"))[1]


def _refused(run: Run, monkeypatch: pytest.MonkeyPatch, file: Path, settings: Settings) -> str:
    _use(monkeypatch, settings)
    code, _, complaint = run("restore", str(file))
    assert code == 1
    return complaint


def test_a_restore_overwrites_nothing(
    any_app: Flask, backed_up: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _rows()

    assert "只能恢复到空的数据库" in _refused(run, monkeypatch, backed_up, any_app.config["TONGBAN"])

    assert _rows() == before
    assert "已存在" in run("backup", str(backed_up))[2]


def test_a_restore_asks_for_the_same_keys_and_secret(
    backed_up: Path, elsewhere: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGBAN_SECRET", "another secret, of the same length or not")
    assert "TONGBAN_SECRET 与备份时不同" in _refused(run, monkeypatch, backed_up, elsewhere)

    monkeypatch.delenv("TONGBAN_SECRET")
    monkeypatch.setenv("TONGBAN_KEYS", f"2026b:{'ab' * 32}")
    assert "缺少密钥 default" in _refused(run, monkeypatch, backed_up, elsewhere)
    assert not (elsewhere.home / "tongban.sqlite3").exists()


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 3],
        lambda content: _flip(content, 40_000),
        lambda content: _flip(content, content.rindex(b"\x89PNG") + 20),
        lambda content: b"no archive at all",
        lambda content: b"",
    ],
    ids=["cut off", "a byte of the database", "a byte of an image", "something else", "nothing"],
)
def test_a_damaged_backup_is_refused_and_leaves_the_place_without_a_database(
    backed_up: Path,
    elsewhere: Settings,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[bytes], bytes],
) -> None:
    backed_up.write_bytes(damage(backed_up.read_bytes()))

    assert "备份" in _refused(run, monkeypatch, backed_up, elsewhere)

    assert archive.database_of(elsewhere).is_empty()


def test_a_backup_of_a_newer_version_is_refused(
    backed_up: Path, elsewhere: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.backup.commands._revisions", lambda app: {"0001"})

    assert "请先升级本系统" in _refused(run, monkeypatch, backed_up, elsewhere)


def test_a_disk_that_is_full_leaves_no_half_backup(
    app: Flask, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    _use(monkeypatch, app.config["TONGBAN"])
    monkeypatch.setattr(os, "fsync", full)
    file = tmp_path / "full" / "tongban.tar"

    code, _, complaint = run("backup", str(file))

    assert (code, "备份文件无法写入" in complaint) == (1, True)
    assert list(file.parent.iterdir()) == []


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sqlalchemy import make_url

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotProceed, match="postgresql-client"):
        Postgres(make_url("postgresql://x/y")).dump(tmp_path / "x")
