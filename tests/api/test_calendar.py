"""Official years and local orders: what may be entered, what it moves, and what stands open without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from api.cli import main
from config.settings import Settings
from engine.casework import timers
from engine.casework.deadline_ticks import tell_due
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, dated, telling

ZHONGSHAN = "442099"
ADMIN = "admin-440099"
#: Invented: nobody has published it yet.
YEAR_2027: dict[str, Any] = {
    "year": 2027,
    "notice": "测试用放假通知（2027）",
    "off_days": ["2027-01-01", "2027-01-04", "2027-01-05"],
    "work_days": ["2027-01-02", "2027-01-03"],
}


def _accepted_before(app: Flask, clock: FixedClock, at: str) -> Telling:
    clock.set(at)
    handed_in = dated("medical_expense", injured="2026-03-02", signed="2026-11-02")
    story = telling(app, clock, "medical_expense", handed_in)
    story.through_intake("acceptor-440305")
    return story


def _enter(app: Flask, **changes: Any) -> Any:
    return log_in(app, ADMIN).post("/api/v1/calendar/years", {**YEAR_2027, **changes})


@pytest.mark.rule("DDL-04", "K-19")
def test_a_year_without_a_calendar_is_an_alarm_and_is_computed_again_when_it_is_entered(
    any_app: Flask, clock: FixedClock
) -> None:
    story = _accepted_before(any_app, clock, "2026-12-22T09:00")
    before = story.case()
    admin = log_in(any_app, ADMIN)
    alarm = admin.get("/api/v1/calendar").json["alarms"]

    entered = _enter(any_app)
    while timers.tick():
        pass

    after = story.case()
    assert "2027年" in before["due_provisional"]
    # Seven working days are left of 2026; the others are counted Monday to Friday, without New Year's Day.
    assert before["due_on"] == "2027-01-06"
    assert [row["year"] for row in alarm] == [2027]
    assert "2027年" in alarm[0]["message"]
    assert entered.status_code == 201
    # Saturday 2 and Sunday 3 January are worked, Monday and Tuesday after them are not.
    assert (after["due_on"], after["due_provisional"]) == ("2027-01-06", None)
    assert admin.get("/api/v1/calendar").json["alarms"] == []
    (event,) = story.entries("due_date_recomputed")
    assert (event["details"]["due_on"], event["details"]["provisional"]) == ("2027-01-06", None)

    # A second notice about the same year: the whole week after New Year is off.
    week = [f"2027-01-{day:02}" for day in (1, 4, 5, 6, 7, 8)]
    _enter(any_app, notice="测试用更正通知", off_days=week, work_days=[])
    while timers.tick():
        pass
    moved = story.case()
    assert moved["due_on"] == "2027-01-13"
    assert {task["due_on"] for task in moved["tasks"]} == {"2027-01-13"}
    assert [event["details"]["before"] for event in story.entries("due_date_recomputed")] == ["2027-01-06"] * 2


@pytest.mark.rule("DDL-04")
def test_a_reminder_of_a_provisional_limit_says_that_it_is_one(app: Flask, clock: FixedClock) -> None:
    story = _accepted_before(app, clock, "2026-12-22T09:00")
    clock.set("2027-01-12T00:00")
    tell_due(lambda: False)

    warned = story.entries("deadline_warned")

    assert warned
    assert all("2027年" in event["details"]["provisional"] for event in warned)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"work_days": ["2027-01-05"], "off_days": []}, "work_days", "2027-01-05是星期二"),
        ({"off_days": ["2027-01-01", "2027-01-01"]}, "off_days", "2027-01-01写了不止一次"),
        ({"work_days": ["2027-01-02", "2027-01-02"]}, "work_days", "2027-01-02写了不止一次"),
        ({"off_days": ["2026-12-31"]}, "off_days", "不是2027年"),
        ({"off_days": ["2027-01-02"], "work_days": ["2027-01-02"]}, "work_days", "既是放假又是上班"),
        ({"year": 1949}, "year", "应当在"),
        ({"notice": " "}, "notice", "应当有"),
    ],
)
def test_a_year_that_contradicts_itself_is_refused_with_a_sentence_and_nothing_is_stored(
    app: Flask, changes: dict[str, Any], field: str, sentence: str
) -> None:
    answer = _enter(app, **changes)

    assert answer.status_code == 422
    assert sentence in answer.json["fields"][field][0]
    assert log_in(app, ADMIN).get("/api/v1/calendar").json["years"] == []


def test_an_agency_and_those_below_it_work_by_its_order_and_others_do_not(app: Flask, clock: FixedClock) -> None:
    clock.set("2023-08-01T09:00")
    order = {"notice": "台风停工通知", "days": [{"day": "2023-08-02", "workday": False}]}
    admin = log_in(app, f"admin-{ZHONGSHAN}")

    refused = admin.post("/api/v1/calendar/overrides", {"agency_code": "440399", **order})
    ordered = admin.post("/api/v1/calendar/overrides", {"agency_code": ZHONGSHAN, **order})
    story = telling(app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")

    assert (refused.status_code, refused.json["code"]) == (403, "other_agency")
    assert ordered.status_code == 201
    assert story.case()["due_on"] == "2023-08-23"


def test_an_order_about_a_day_of_a_running_limit_moves_its_due_day(app: Flask, clock: FixedClock) -> None:
    story = telling(app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")
    due_on = story.case()["due_on"]
    order = {"notice": "台风停工通知", "days": [{"day": "2023-08-10", "workday": False}] * 2}
    admin = log_in(app, ADMIN)

    twice = admin.post("/api/v1/calendar/overrides", {"agency_code": ZHONGSHAN, **order})
    admin.post("/api/v1/calendar/overrides", {"agency_code": ZHONGSHAN, **order, "days": order["days"][:1]})
    while timers.tick():
        pass

    assert "写了不止一次" in twice.json["fields"]["days"][0]
    assert (due_on, story.case()["due_on"]) == ("2023-08-22", "2023-08-23")


@pytest.mark.rule("DDL-04")
def test_a_year_is_imported_from_a_file_and_workday_counts_by_it(
    app: Flask,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TONGBAN_MODE", "test")
    monkeypatch.setenv("TONGBAN_HOME", str(settings.home))
    monkeypatch.setenv("TONGBAN_DATABASE_URL", settings.sqlalchemy_url)
    file, wrong = tmp_path / "2027.yaml", tmp_path / "wrong.yaml"
    file.write_text("year: 2027\nnotice: 测试\noff_days: [2027-01-01]\nwork_days: [2027-01-02]\n", encoding="utf-8")
    wrong.write_text("year: 2027\nnotice: 测试\noff_days: []\nwork_days: [2027-01-05]\n", encoding="utf-8")

    assert main(["calendar", "import", str(wrong)]) == 1
    assert "星期二" in capsys.readouterr().err
    assert main(["workday", "2026-12-31", "1"]) == 3
    assert main(["calendar", "import", str(file)]) == 0
    capsys.readouterr()
    assert main(["workday", "2026-12-31", "1"]) == 0
    assert capsys.readouterr().out == "2027-01-02\n"
    main(["calendar", "list", "--json"])
    assert json.loads(capsys.readouterr().out)["years"] == [{"year": 2027, "notice": "测试"}]
