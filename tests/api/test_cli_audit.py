"""`tongban audit` and `tongban keys`: exit codes, sentences and JSON that others build on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text

from config.settings import Settings
from engine.db import db, transaction
from engine.models import AuditEntry, Officer
from tests.api.conftest import ZHONGSHAN
from tests.api.test_cli import Run, run, system
from tests.applications import log_in

__all__ = ["run", "system"]

KEYS = ("TONGBAN_KEYS", "TONGBAN_CIPHER")


@pytest.fixture
def written(system: Flask) -> list[int]:
    """Three entries: an officer looks at cases that are not there."""
    officer = log_in(system, f"first-{ZHONGSHAN}")
    for number in range(3):
        officer.get(f"/api/v1/cases/{number + 1}")
    ids = list(db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)))
    db.session.rollback()
    return ids


def delete_entries(*ids: int) -> None:
    with transaction() as session:
        for table in ("audit_entry", "audit_seal"):
            session.execute(text(f"DROP TRIGGER {table}_no_delete"))
        for entry_id in ids:
            session.execute(text("DELETE FROM audit_entry WHERE id = :id").bindparams(id=entry_id))


def test_a_log_that_is_as_it_was_written_is_told_so(run: Run, written: list[int]) -> None:
    assert run("audit", "verify")[:2] == (0, "0 条链，已封存 0 条，待封存 3 条，核对锚点 0 个：没有发现问题。\n")

    assert run("audit", "seal")[1] == "已封存 3 条。\n"
    code, output, _ = run("audit", "verify", "--json")

    document = json.loads(output)
    assert (code, document["valid"], document["unsealed"], document["findings"]) == (0, True, 0, [])
    assert [(chain["chain"], chain["sealed"]) for chain in document["chains"]] == [(ZHONGSHAN, 3)]


def test_a_log_that_was_altered_is_told_row_by_row_with_exit_code_1(run: Run, written: list[int]) -> None:
    run("audit", "seal")
    delete_entries(written[1])

    code, output, _ = run("audit", "verify")
    json_code, document, _ = run("audit", "verify", "--json")

    assert (code, json_code) == (1, 1)
    assert f"{ZHONGSHAN}：第2号记录（编号{written[1]}）被删除。" in output
    assert json.loads(document)["findings"] == [
        {
            "chain": ZHONGSHAN,
            "number": 2,
            "entry_id": written[1],
            "code": "entry_removed",
            "message": f"第2号记录（编号{written[1]}）被删除。",
        }
    ]


def test_an_anchor_shows_a_tail_that_was_cut(run: Run, written: list[int], tmp_path: Path) -> None:
    code, anchor, _ = run("audit", "anchor")
    file = tmp_path / "anchor.json"
    file.write_text(anchor, encoding="utf-8")
    delete_entries(written[2])
    with transaction() as session:
        session.execute(text("DELETE FROM audit_seal WHERE number = 3"))

    assert code == 0
    assert run("audit", "verify")[0] == 0
    code, output, _ = run("audit", "verify", "--anchor", str(file))
    assert code == 1
    assert "锚点记有3条，现仅有2条：末尾被截去" in output


def test_an_anchor_that_was_altered_is_refused(run: Run, written: list[int], tmp_path: Path) -> None:
    document = json.loads(run("audit", "anchor")[1])
    document["tails"][0]["number"] = 2
    file = tmp_path / "anchor.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    code, _, complaint = run("audit", "verify", "--anchor", str(file))

    assert code == 1
    assert "签名不符" in complaint


def test_keys_are_made_changed_and_told_apart(
    run: Run, system: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run("keys", "new", "2023a")[1].strip()
    again = json.loads(run("keys", "new", "2023a", "--json")[1])
    assert made.startswith("2023a:")
    assert len(again["key"]) == 64
    assert made != f"2023a:{again['key']}"

    # The ring of a test is derived from its secret; that key is not to be had, so everything is written anew.
    names = list(db.session.scalars(select(Officer.name).order_by(Officer.id).limit(3)))
    db.session.rollback()
    with transaction() as session:
        session.execute(text("UPDATE officer SET name = '钟某'"))
    monkeypatch.setenv("TONGBAN_KEYS", made)
    before = json.loads(run("keys", "status", "--json")[1])
    code, output, _ = run("keys", "rotate")
    after = json.loads(run("keys", "status", "--json")[1])

    assert names
    assert (code, output) == (0, "全部个人信息已由使用中的密钥加密。\n")
    assert _keys(before, "officer.name").keys() == {"other"}
    assert _keys(after, "officer.name").keys() == {"2023a"}
    assert after["current"] == "2023a"


def _keys(status: dict, column: str) -> dict[str, int]:
    return next(row["keys"] for row in status["columns"] if row["column"] == column)


def test_what_is_done_on_the_command_line_is_on_record(run: Run, system: Flask) -> None:
    run("keys", "rotate")

    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.actor, entry.session_kind) == ("command.keys_rotate", "system", "command_line")
    db.session.rollback()
