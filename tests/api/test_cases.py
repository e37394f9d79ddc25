"""Cases over HTTP: who sees them, how they are listed, what is in the file."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pytest
from flask import Flask

from engine.casework import deadlines
from engine.db import transaction
from engine.models import Case
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

WORKER = "442000198405170316"


@pytest.mark.parametrize(
    ("username", "sees"),
    [
        (f"acceptor-{SHENZHEN}", True),
        (f"first-{ZHONGSHAN}", True),
        # 深圳 city oversees its 分局, the province everybody.
        ("supervisor-440399", True),
        ("auditor-440099", True),
        ("acceptor-440306", False),
        ("supervisor-440199", False),
    ],
)
def test_a_case_is_seen_where_it_was_accepted_or_is_handled_and_above(
    app: Flask, accepted: Telling, username: str, sees: bool
) -> None:
    officer = log_in(app, username)
    path = f"/api/v1/cases/{accepted.case_id}"

    listed = [case["id"] for case in officer.get("/api/v1/cases").json["items"]]

    assert listed == ([accepted.case_id] if sees else [])
    for address in (path, f"{path}/timeline"):
        answer = officer.get(address)
        assert answer.status_code == 200 if sees else is_problem(answer, 404, "not_found")


def test_somebody_elses_case_cannot_be_acted_upon_and_is_not_admitted_to_exist(app: Flask, accepted: Telling) -> None:
    supervisor = log_in(app, "supervisor-440199")
    path = f"/api/v1/cases/{accepted.case_id}"
    move = {"to_agency": "440199", "reason": "不属于本机构", "legal_ground": "三（五）"}

    for act in ("withdrawal", "voiding", "escalations"):
        assert is_problem(supervisor.post(f"{path}/{act}", {"reason": "理由"}), 404, "not_found")
    assert is_problem(supervisor.post(f"{path}/transfers", move), 404, "not_found")


def test_the_file_of_a_case_has_the_person_the_materials_the_tasks_and_the_receipt(
    app: Flask, accepted: Telling
) -> None:
    reviewer = log_in(app, f"first-{ZHONGSHAN}")
    reviewer.post(f"/api/v1/tasks/{accepted.open_task('assess_expense_lines')['id']}/claim")

    case = reviewer.get(f"/api/v1/cases/{accepted.case_id}").json

    assert case["person"]["identity_number"] == WORKER
    assert (case["service_name"], case["person_name"], case["overdue"]) == ("工伤医疗费", "陈志明", False)
    assert [task["element_id"] for task in case["tasks"]] == ["assess_expense_lines"]
    assert all(item["images"] for item in case["materials"] if item["mandatory"] and not item["waived_because"])
    assert case["documents"][0]["kind"] == "acceptance_receipt"
    assert [line["claimed"] for line in case["lines"]] == ["386.50", "12840.00", "215.30"]
    assert case["content"]["forms"]["1-1"]["worker_name"] == "陈志明"


def test_a_list_shows_no_identity_number(app: Flask, accepted: Telling) -> None:
    answer = log_in(app, f"first-{ZHONGSHAN}").get("/api/v1/cases")

    assert WORKER not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("service=medical_expense", True),
        ("service=death_benefit", False),
        ("handling_agency=442099&accepting_agency=440305", True),
        ("handling_agency=440305", False),
        ("open=true", True),
        ("open=false", False),
        ("accepted_from=2023-08-01&accepted_until=2023-08-01", True),
        ("accepted_from=2023-08-02", False),
        ("accepted_until=2023-07-31", False),
        ("state=archived", False),
    ],
)
def test_every_filter_narrows_the_list(app: Flask, accepted: Telling, query: str, found: bool) -> None:
    listed = log_in(app, f"first-{ZHONGSHAN}").get(f"/api/v1/cases?{query}").json["items"]

    assert [case["id"] for case in listed] == ([accepted.case_id] if found else [])


def test_a_person_is_looked_for_in_the_body_and_not_in_the_address(app: Flask, accepted: Telling) -> None:
    reviewer = log_in(app, f"first-{ZHONGSHAN}")

    found = reviewer.post("/api/v1/cases/search", {"identity_number": "442000 19840517 0316"}).json["items"]

    assert [case["id"] for case in found] == [accepted.case_id]
    assert reviewer.post("/api/v1/cases/search", {"identity_number": "x"}).json["items"] == []
    assert is_problem(reviewer.get(f"/api/v1/cases?identity_number={WORKER}"), 422, "invalid_input")


def test_pages_follow_one_another_without_gap_or_repetition(app: Flask, clock: FixedClock) -> None:
    ids = []
    for number in range(5):
        story = telling(app, clock, "medical_expense", {})
        story.through_intake(f"acceptor-{SHENZHEN}") if number == 0 else _again(story)
        ids.append(story.case_id)
    auditor = log_in(app, "auditor-440099")

    seen, after = [], ""
    for _ in range(3):
        page = auditor.get(f"/api/v1/cases?limit=2{after}").json
        seen += [case["id"] for case in page["items"]]
        after = f"&after={page['next_after']}"

    assert seen == sorted(ids, reverse=True)
    assert page["next_after"] is None


def _again(story: Telling) -> None:
    """The same claim once more: accepted, with the reason that it needs."""
    acceptor = f"acceptor-{SHENZHEN}"
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=acceptor)
    path = f"/applications/{story.application_id}/acceptance"
    story.case_id = story.client(acceptor).post(path, {"duplicate_reason": "补充费用"})["cases"][0]["id"]


def test_a_second_open_case_of_the_same_kind_is_shown_and_needs_a_reason(
    app: Flask, clock: FixedClock, accepted: Telling
) -> None:
    story = telling(app, clock, "medical_expense", {})
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=f"acceptor-{SHENZHEN}")
    acceptor = log_in(app, f"acceptor-{SHENZHEN}")
    path = f"/api/v1/applications/{story.application_id}"

    shown = acceptor.get(path).json["duplicates"]

    assert [case["id"] for case in shown] == [accepted.case_id]
    assert is_problem(acceptor.post(f"{path}/acceptance"), 422, "duplicate_case")


@pytest.mark.rule("DAT-05")
def test_a_voided_case_keeps_its_number(app: Flask, accepted: Telling) -> None:
    before = accepted.case()

    answer = log_in(app, f"supervisor-{ZHONGSHAN}").post(
        f"/api/v1/cases/{accepted.case_id}/voiding", {"reason": "重复录入"}
    )

    assert (answer.json["result"], answer.json["valid"]) == ("voided", False)
    assert answer.json["receipt_number"] == before["receipt_number"]


def test_the_applicant_can_withdraw_and_the_timeline_says_so(app: Flask, accepted: Telling) -> None:
    answer = log_in(app, f"acceptor-{SHENZHEN}").post(
        f"/api/v1/cases/{accepted.case_id}/withdrawal", {"reason": "申请人撤回申请"}
    )

    assert answer.json["result"] == "withdrawn"
    assert "case_withdrawn_requested" in accepted.timeline()


def test_the_timeline_says_who_did_what_where_when_and_by_which_rule(app: Flask, accepted: Telling) -> None:
    entry = next(one for one in accepted.entries("case_accepted"))

    assert entry["at"] == "2023-08-01T09:00:00+08:00"
    assert entry["officer"]
    assert "深圳" in entry["agency"]
    assert entry["because"][0]["quote"]


def test_a_scan_can_be_added_to_a_case_by_an_advanced_scanner_of_its_agency(app: Flask, accepted: Telling) -> None:
    scanner = log_in(app, f"scanner-{ZHONGSHAN}")
    page = (BytesIO(b"\x89PNG\r\n\x1a\nfurther"), "x.png")

    answer = scanner.open(
        "POST",
        f"/api/v1/cases/{accepted.case_id}/images",
        data={"material": "diagnosis", "file": page},
        content_type="multipart/form-data",
    )

    assert answer.status_code == 201
    assert len(answer.json["images"]) == 2


@pytest.mark.rule("DDL-04", "K-48")
@pytest.mark.parametrize(
    ("today", "level", "remaining", "over"),
    [
        # 15 working days from Tuesday 2023-08-01: due on the 22nd.
        ("2023-08-01", "一般", 15, 0),
        ("2023-08-15", "一般", 5, 0),
        ("2023-08-16", "临期", 4, 0),
        # On a weekend as much is left as on the Friday before.
        ("2023-08-20", "临期", 2, 0),
        ("2023-08-21", "紧急", 1, 0),
        ("2023-08-22", "紧急", 0, 0),
        ("2023-08-23", "超期", 0, 1),
        # Over National Day with both its make-up days.
        ("2023-10-08", "超期", 0, 29),
    ],
)
def test_every_list_shows_the_warning_level_and_the_working_days_left(
    app: Flask, accepted: Telling, clock: FixedClock, today: str, level: str, remaining: int, over: int
) -> None:
    assert accepted.case()["due_on"] == "2023-08-22"
    clock.set(f"{today}T10:00")
    reviewer = log_in(app, f"first-{ZHONGSHAN}")
    expected = (level, remaining, over)

    case = reviewer.get("/api/v1/cases").json["items"][0]
    task = reviewer.get("/api/v1/tasks").json["items"][0]

    for warning in (case["warning"], task["warning"], task["case"]["warning"]):
        assert (warning["level_name"], warning["remaining_workdays"], warning["overdue_workdays"]) == expected
    assert case["overdue"] is (over > 0)


@pytest.mark.rule("DDL-04")
def test_overdue_cases_are_found_and_a_suspended_one_is_none(app: Flask, accepted: Telling, clock: FixedClock) -> None:
    supervisor = log_in(app, "supervisor-440099")

    def found(answer: str) -> bool:
        return bool(supervisor.get(f"/api/v1/cases?overdue={answer}").json["items"])

    seen = []
    for moment in ("2023-08-22T23:59", "2023-08-23T00:00"):
        clock.set(moment)
        seen.append((found("true"), found("false")))
    with transaction() as session:
        deadlines.stop_limit(session, session.get_one(Case, accepted.case_id), date(2023, 8, 21))
    seen.append((found("true"), found("false")))

    assert seen == [(False, True), (True, False), (False, True)]
    assert accepted.case()["warning"]["level_name"] == "紧急"
    assert accepted.case()["overdue"] is False
