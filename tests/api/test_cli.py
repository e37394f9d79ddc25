"""The `tongban` command: exit codes and sentences that others build on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from api.cli import main, tongban
from config.settings import Settings
from engine.db import db
from engine.models import InsuranceRelation
from tests.api.changed_diagrams import broken, with_another_task
from tests.factories import identity_number, uscc

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("workday", "2023-09-28", "1")`: exit code, what it printed, what it complained about."""

    def go(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(arguments))
        return (code, *capsys.readouterr())

    return go


@pytest.fixture
def system(app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The environment names the database of `app`."""
    monkeypatch.setenv("TONGBAN_MODE", "test")
    monkeypatch.setenv("TONGBAN_HOME", str(settings.home))
    monkeypatch.setenv("TONGBAN_DATABASE_URL", settings.sqlalchemy_url)
    return app


@pytest.fixture
def files(tmp_path: Path) -> Callable[[dict[str, str]], list[str]]:
    def write(contents: dict[str, str]) -> list[str]:
        for name, text in contents.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return [str(tmp_path / name) for name in contents]

    return write


def _commands(group: Any = tongban, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found += _commands(command, (*path, name)) if hasattr(command, "commands") else [(*path, name)]
    return found


@pytest.mark.parametrize("command", [one for one in _commands() if one != ("demo",)], ids=" ".join)
def test_every_command_explains_itself_and_speaks_json(run: Run, command: tuple[str, ...]) -> None:
    code, output, _ = run(*command, "--help")

    assert code == 0
    assert "--json" in output


# Working days and superiors (design, section 7)


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("2023-09-28", "1"), "2023-10-07"),
        # New Year's Eve 2024 was a working day, and a Sunday follows it as one (S03).
        (("2024-02-09", "1"), "2024-02-18"),
        (("2024-02-08", "1"), "2024-02-09"),
        (("2023-09-28", "0"), "2023-09-28"),
    ],
)
def test_workday_prints_the_day(run: Run, arguments: tuple[str, str], printed: str) -> None:
    assert run("workday", *arguments) == (0, f"{printed}\n", "")


def test_workday_never_guesses_a_year_without_an_official_calendar(run: Run) -> None:
    code, output, complaint = run("workday", "2026-12-31", "1")

    assert (code, output) == (3, "")
    assert "2027年" in complaint
    assert json.loads(run("workday", "2026-12-31", "1", "--json")[1])["year"] == 2027


@pytest.mark.parametrize(
    "arguments", [("2023-02-30", "1"), ("today", "1"), ("2023-09-28", "-1"), ("2023-09-28",), ("２０２３-09-28", "1")]
)
def test_workday_refuses_what_is_no_day_or_no_number(run: Run, arguments: tuple[str, ...]) -> None:
    code, output, complaint = run("workday", *arguments)

    assert (code, output) == (2, "")
    assert complaint


@pytest.mark.parametrize(
    ("first", "second", "superior"),
    [
        ("440106", "440113", "440199"),
        ("440305", "442099", "440099"),
        # By division code, and a city with its own district (S13).
        ("440100", "440113", "440099"),
    ],
)
def test_superior_prints_the_common_superior(run: Run, first: str, second: str, superior: str) -> None:
    assert run("superior", first, second) == (0, f"{superior}\n", "")
    assert json.loads(run("superior", first, second, "--json")[1])["superior"] == superior


@pytest.mark.parametrize(
    ("first", "second"), [("440106", "440106"), ("440106", "110101"), ("440099", "440106"), ("x", "")]
)
def test_superior_says_why_there_is_none(run: Run, first: str, second: str) -> None:
    code, output, complaint = run("superior", first, second)

    assert (code, output) == (2, "")
    assert complaint.strip().endswith("。")


# Diagrams


def test_the_stock_is_checked_without_a_database(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGBAN_HOME", "/nowhere/at/all")

    assert run("definitions", "check", "--all")[0] == 0
    assert json.loads(run("definitions", "check", "--all", "--json")[1]) == {"publishable": True, "faults": []}


def test_an_analyst_checks_publishes_lists_and_exports(
    run: Run, system: Flask, files: Callable[..., list[str]], tmp_path: Path
) -> None:
    changed = files(with_another_task())

    assert run("definitions", "check", *changed)[0] == 0
    code, output, _ = run("definitions", "publish", *changed, "--by", "analyst-440099", "--json")
    listed = json.loads(run("definitions", "list", "--json")[1])["definitions"]
    run("definitions", "export", str(tmp_path / "out"))

    published = json.loads(output)["published"]
    assert (code, [(one["process"], one["version"]) for one in published]) == (0, [("medical_expense", 2)])
    row = next(one for one in listed if one["name"] == "medical_expense")
    assert (row["version"], row["published_by"]) == (2, "analyst-440099")
    assert b"read_through" in (tmp_path / "out" / "services" / "medical_expense.bpmn").read_bytes()
    assert len(list((tmp_path / "out").rglob("*.dmn"))) == 5
    assert "没有变化" in run("definitions", "publish", *changed)[1]


def test_a_broken_diagram_is_refused_with_the_element_and_a_sentence(
    run: Run, system: Flask, files: Callable[..., list[str]]
) -> None:
    changed = files(broken())

    for command in ("check", "publish"):
        code, output, _ = run("definitions", command, *changed)
        assert code == 1
        assert "medical_expense.bpmn#determine_expense：" in output
    assert next(one for one in _library(run) if one["name"] == "medical_expense")["version"] == 1


def _library(run: Run) -> list[dict[str, Any]]:
    return json.loads(run("definitions", "list", "--json")[1])["definitions"]


# People


def test_relations_are_imported_and_bad_lines_are_named(
    run: Run, system: Flask, files: Callable[..., list[str]]
) -> None:
    before = _relations()
    good = f"{identity_number(sequence=77)},442099,中山市示例五金制品有限公司,{uscc(1)},2019-01-01,"
    text = "identity_number,agency_code,employer_name,employer_uscc,from_on,until_on\n"
    text += f"{good}\n{good.replace('442099', '999999')}\n"
    file = files({"relations.csv": text})[0]

    code, output, _ = run("relations", "import", file, "--json")

    report = json.loads(output)
    assert (code, report["added"], report["refused"]) == (1, 1, 1)
    assert report["errors"][0]["line"] == 3
    assert _relations() == before + 1
    assert json.loads(run("relations", "import", file, "--json")[1])["unchanged"] == 1


def _relations() -> int:
    db.session.rollback()
    counted = db.session.scalar(select(func.count()).select_from(InsuranceRelation)) or 0
    db.session.rollback()
    return counted


def test_a_file_that_is_no_register_is_refused_whole(run: Run, system: Flask, files: Callable[..., list[str]]) -> None:
    code, _, complaint = run("relations", "import", files({"x.csv": "a,b\n1,2\n"})[0])

    assert code == 1
    assert "identity_number" in complaint


def test_officers_are_listed_by_role_and_agency(run: Run, system: Flask) -> None:
    _, output, _ = run("officers", "list", "--agency", "442099", "--role", "first_reviewer", "--json")

    assert {one["username"] for one in json.loads(output)["officers"]} >= {"first-442099", "first2-442099"}


@pytest.mark.rule("PER-01")
def test_the_first_administrators_are_made_on_the_machine_itself(run: Run, system: Flask, client: FlaskClient) -> None:
    new = ("--name", "钟新", "--agency", "442099", "--role", "city_administrator", "--reason", "上线前调配。")

    assert run("officers", "create", "zhong-xin", *new) == (0, "已新增：zhong-xin\n", "")
    code, output, _ = run("officers", "password", "zhong-xin", "--reason", "上线前调配。", "--json")

    password = json.loads(output)["password"]
    opened = client.post("/api/v1/sessions", json={"username": "zhong-xin", "password": password})
    assert (code, opened.json["officer"]["due"]) == (0, "password_change_due")


def test_an_account_is_ended_and_begun_again_and_given_roles_for_a_time(run: Run, system: Flask) -> None:
    why = ("--reason", "借调。")

    assert run("officers", "deactivate", "first-442099", *why)[0] == 0
    assert "停用" in run("officers", "list", "--agency", "442099", "--role", "first_reviewer")[1]
    assert run("officers", "activate", "first-442099", *why)[0] == 0
    terms = ("--role", "first_reviewer", "--role", "archivist:2023-08-02:2023-08-31")
    assert run("officers", "roles", "first-442099", *terms, *why)[1] == "+archivist 2023-08-02~2023-08-31\n"
    assert run("officers", "unlock", "first-442099", *why)[0] == 0
    assert run("officers", "reset-second-factor", "first-442099", *why)[0] == 0


@pytest.mark.parametrize(
    "role", ["chief", "acceptor:yesterday", "acceptor:2023-08-02:2023-08-01", "auditor", "acceptor:::x"]
)
def test_a_role_that_cannot_be_given_is_a_sentence(run: Run, system: Flask, role: str) -> None:
    code, _, complaint = run(
        *("officers", "create", "zhong-xin", "--name", "钟新", "--agency", "440305", "--role", role, "--reason", "试。")
    )

    assert code in (1, 2)
    assert complaint.strip()
    assert run("officers", "unlock", "zhong-xin", "--reason", "试。")[0] == 1


@pytest.mark.rule("PER-01")
def test_readiness_names_what_a_city_lacks_and_is_quiet_where_nothing_is(run: Run, system: Flask) -> None:
    assert run("readiness", "4413")[0] == 0
    run("officers", "deactivate", "archivist-441303", "--reason", "离职。")

    code, output, _ = run("readiness", "4413", "--json")

    (lacking,) = (one for one in json.loads(output)["agencies"] if one["gaps"])
    assert (code, lacking["code"], lacking["gaps"][0]["element"]) == (1, "441303", "archive_case")
    assert "“整理归档”今天无人可以办理" in run("readiness", "441303")[1]
    assert run("readiness", "9999")[0] == 1


# The system


def test_a_second_init_keeps_what_is_there(run: Run, system: Flask) -> None:
    before = _relations()

    assert run("init")[0] == 0

    assert _relations() == before


def test_without_a_database_the_sentence_says_what_to_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONGBAN_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("TONGBAN_DATABASE_URL", raising=False)

    code, _, complaint = run("officers", "list")

    assert code == 1
    assert "tongban init" in complaint


@pytest.mark.parametrize(
    ("name", "value"), [("TONGBAN_PORT", "x"), ("TONGBAN_MODE", "party"), ("TONGBAN_MODE", "production")]
)
def test_a_setting_that_makes_no_sense_is_a_sentence_and_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    code, _, complaint = run("serve")

    assert code == 1
    assert "TONGBAN_" in complaint


def test_trace_answers_rule_by_rule(run: Run) -> None:
    rules = {rule["id"]: rule for rule in json.loads(run("trace", "--json")[1])["rules"]}

    assert set(rules["JUR-03"]) == {"id", "priority", "state", "elements", "code", "tests"}
