"""What comes over HTTP is on record: every change, every look at personal data, every refused try at a case."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from api import auditing
from engine.audit import sealing, verifying
from engine.db import db
from engine.models import AuditEntry, Officer, Person
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling

WORKER = "442000198405170316"
AUDIT = "/api/v1/audit"
#: Nothing of anybody is in what they answer, though they are sent as a POST.
HARMLESS_POSTS = {"definitions.check_definitions", "sms_templates.preview_text", "training.move_clock"}


def entries(**wanted: Any) -> list[AuditEntry]:
    """The entries with these values, in order."""
    found = db.session.scalars(select(AuditEntry).filter_by(**wanted).order_by(AuditEntry.id)).all()
    db.session.rollback()
    return list(found)


def officer_id(username: str) -> int:
    return db.session.scalars(select(Officer.id).where(Officer.username == username)).one()


@pytest.fixture
def reviewer(app: Flask) -> OfficerClient:
    return log_in(app, f"first-{ZHONGSHAN}")


# --- routes declare


def _routes(app: Flask) -> list[tuple[str, str, Any]]:
    return [
        (method, rule.endpoint, app.view_functions[rule.endpoint])
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith("health.")
    ]


def test_every_route_declares_what_it_puts_on_record_together_with_its_permission(app: Flask) -> None:
    known = {auditing.READ, auditing.CHANGE, auditing.UNMASK, auditing.EXPORT, auditing.NOTHING}

    undeclared = [endpoint for _, endpoint, view in _routes(app) if auditing.kind_of(view) not in known]

    assert not undeclared, f"say audit=... in the route (api/auditing.py): {undeclared}"


def test_what_changes_something_is_on_record(app: Flask) -> None:
    silent = {
        endpoint
        for method, endpoint, view in _routes(app)
        if method != "GET" and auditing.kind_of(view) == auditing.NOTHING
    }

    assert silent <= HARMLESS_POSTS


# --- reads and changes


def test_a_look_at_a_case_is_on_record_before_the_answer_leaves(
    reviewer: OfficerClient, accepted: Telling, clock: FixedClock
) -> None:
    before = len(entries())

    reviewer.get(f"/api/v1/cases/{accepted.case_id}", environ_base={"REMOTE_ADDR": "10.9.8.7"})

    entry = entries()[before:][0]
    assert len(entries()) == before + 1
    assert (entry.kind, entry.action, entry.outcome) == ("read", "cases.show_case", "done")
    assert (entry.officer_id, entry.agency_code) == (officer_id(f"first-{ZHONGSHAN}"), ZHONGSHAN)
    assert (entry.address, entry.session_kind, entry.actor, entry.at) == ("10.9.8.7", "bearer", "officer", clock.now())
    assert (entry.case_id, entry.application_id) == (accepted.case_id, accepted.application_id)
    assert entry.person_id == db.session.scalars(select(Person.id)).one()
    assert entry.chain == ZHONGSHAN


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("/cases/{case}/timeline", "cases.show_timeline"),
        ("/applications/{application}", "applications.show_application"),
        ("/applications/{application}/timeline", "applications.show_timeline"),
        ("/tasks/{task}", "tasks.show_task"),
    ],
)
def test_every_way_to_somebodys_data_is_on_record(
    reviewer: OfficerClient, accepted: Telling, path: str, action: str
) -> None:
    task = accepted.open_task("assess_expense_lines")["id"]

    path = path.format(case=accepted.case_id, application=accepted.application_id, task=task)
    assert reviewer.get(f"/api/v1{path}").status_code == 200

    entry = entries(action=action)[-1]
    assert (entry.kind, entry.application_id) == ("read", accepted.application_id)
    assert entry.officer_id == officer_id(reviewer.username)
    assert entry.person_id is not None


def test_lists_that_are_masked_write_nothing(reviewer: OfficerClient, accepted: Telling) -> None:
    before = len(entries())

    for path in ("/cases", "/tasks", "/agencies", "/definitions", "/sessions/current"):
        assert reviewer.get(f"/api/v1{path}").status_code == 200

    assert len(entries()) == before


def test_a_search_says_who_was_searched_for(reviewer: OfficerClient, accepted: Telling) -> None:
    reviewer.post("/api/v1/cases/search", {"identity_number": WORKER})
    reviewer.post("/api/v1/cases/search", {"identity_number": "H0000000"})

    found, nobody = entries(action="cases.search_cases")
    assert (found.kind, found.rows, found.person_id) == ("read", 1, db.session.scalars(select(Person.id)).one())
    assert (nobody.rows, nobody.person_id) == (0, None)


def test_a_change_is_on_record_in_its_own_transaction_with_its_reason(app: Flask, accepted: Telling) -> None:
    supervisor = log_in(app, f"supervisor-{ZHONGSHAN}")

    refused = supervisor.post(f"/api/v1/cases/{accepted.case_id}/voiding", {"reason": " "})
    done = supervisor.post(f"/api/v1/cases/{accepted.case_id}/voiding", {"reason": "重复受理，电话13800010001"})

    assert (refused.status_code, done.status_code) == (422, 200)
    (entry,) = entries(action="cases.void_case")
    assert (entry.kind, entry.outcome, entry.case_id) == ("change", "done", accepted.case_id)
    # The audit log is for reading: what looks like a number is masked even here.
    assert entry.reason == "重复受理，电话138****0001"


def test_an_acceptance_is_on_record_for_each_case(app: Flask, accepted: Telling) -> None:
    (entry,) = entries(action="applications.accept_application")

    assert (entry.kind, entry.case_id, entry.application_id) == ("change", accepted.case_id, accepted.application_id)


def test_a_repeated_request_changes_nothing_and_its_answer_is_a_look(app: Flask, accepted: Telling) -> None:
    supervisor, key = log_in(app, f"supervisor-{ZHONGSHAN}"), {"Idempotency-Key": "once-only-1"}
    path = f"/api/v1/cases/{accepted.case_id}/voiding"

    for _ in range(2):
        assert supervisor.post(path, {"reason": "重复受理"}, headers=key).status_code == 200

    assert [entry.kind for entry in entries(action="cases.void_case")] == ["change", "read"]


def test_the_clockwork_is_on_record_as_the_system_itself(app: Flask, story: Telling) -> None:
    story.through_intake(f"acceptor-{SHENZHEN}")
    officer = f"transfer-{ZHONGSHAN}"
    story.act("transfer", by=officer, to="440605", reason="参保地不在本市。", legal_ground="附件2三（五）")

    story.clock("2023-08-09T10:00")

    fired = entries(action="timers.fire")
    assert {(entry.actor, entry.session_kind, entry.officer_id) for entry in fired} == {("system", "process", None)}
    assert {(entry.case_id, entry.chain) for entry in fired} == {(story.case_id, ZHONGSHAN)}


# --- refused tries


@pytest.mark.parametrize(
    ("username", "act", "outcome"),
    [
        ("first-440402", "", "not_found"),
        ("first-440402", "/timeline", "not_found"),
        (f"business-{ZHONGSHAN}", "", "role_missing"),
    ],
)
def test_a_try_at_somebody_elses_case_is_on_record(
    app: Flask, officer, accepted: Telling, username: str, act: str, outcome: str
) -> None:
    stranger = officer(ZHONGSHAN, "business_analyst") if username.startswith("business") else log_in(app, username)

    assert stranger.get(f"/api/v1/cases/{accepted.case_id}{act}").status_code in (403, 404)

    (entry,) = entries(kind="refused")
    assert (entry.outcome, entry.case_id, entry.application_id) == (outcome, accepted.case_id, accepted.application_id)
    assert entry.officer_id == officer_id(stranger.username)


def test_a_try_at_a_case_that_does_not_exist_is_on_record_like_any_other(reviewer: OfficerClient) -> None:
    assert is_problem(reviewer.get("/api/v1/cases/999999"), 404, "not_found")

    (entry,) = entries(kind="refused")
    assert (entry.case_id, entry.application_id, entry.person_id) == (999999, None, None)


def test_the_clerk_who_accepted_one_case_of_a_worker_cannot_open_another_one_unseen(
    app: Flask, accepted: Telling
) -> None:
    # S34: 汕头 accepted a case of the worker, who has a later one in 深圳 and 中山.
    clerk = log_in(app, "acceptor-440507")

    answer = clerk.get(f"/api/v1/cases/{accepted.case_id}")

    assert is_problem(answer, 404, "not_found")
    (entry,) = entries(kind="refused", agency_code="440507")
    assert entry.case_id == accepted.case_id
    # The auditors of the agency whose case it is see who tried.
    seen = log_in(app, f"auditor-{PROVINCE}").get(f"{AUDIT}?kind=refused&case_id={accepted.case_id}").json["items"]
    assert [item["officer"]["username"] for item in seen] == ["acceptor-440507"]


PROVINCE = "440099"


def test_a_separation_of_duties_that_was_tried_is_on_record(app: Flask, accepted: Telling) -> None:
    stranger = log_in(app, f"second-{ZHONGSHAN}")
    task = accepted.open_task("assess_expense_lines")["id"]

    assert stranger.post(f"/api/v1/tasks/{task}/claim").status_code == 403

    (entry,) = entries(kind="refused")
    assert (entry.action, entry.case_id, entry.subject) == ("tasks.claim_task", accepted.case_id, f"task:{task}")


# --- log-in and applicants


def test_log_in_and_log_out_are_on_record_and_so_are_wrong_ones(client: FlaskClient) -> None:
    right = {"username": f"first-{ZHONGSHAN}", "password": "tongban-demo"}
    client.post("/api/v1/sessions", json={**right, "password": "wrong"})
    client.post("/api/v1/sessions", json={"username": "nobody", "password": "wrong"})
    token = client.post("/api/v1/sessions", json=right).json["token"]
    client.delete("/api/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})

    known = officer_id(f"first-{ZHONGSHAN}")
    assert [(one.action, one.outcome, one.officer_id, one.subject) for one in entries()] == [
        ("sessions.log_in", "wrong_credentials", None, f"officer:{known}"),
        ("sessions.log_in", "wrong_credentials", None, None),
        ("sessions.log_in", "done", known, None),
        ("sessions.log_out", "done", known, None),
    ]


def test_an_applicants_query_is_on_record_and_so_is_a_wrong_one(client: FlaskClient, accepted: Telling) -> None:
    receipt = accepted.case()["receipt_number"]

    client.post("/api/v1/progress", json={"receipt_number": receipt, "identity_number": WORKER})
    client.post("/api/v1/progress", json={"receipt_number": receipt, "identity_number": "H0000000"})

    right, wrong = entries(action="progress.show_progress")
    assert (right.kind, right.actor, right.case_id, right.chain) == ("read", "applicant", accepted.case_id, ZHONGSHAN)
    assert (wrong.kind, wrong.outcome, wrong.case_id) == ("refused", "no_such_progress", accepted.case_id)


def test_the_log_of_a_whole_story_is_sealed_and_genuine(reviewer: OfficerClient, accepted: Telling) -> None:
    reviewer.get(f"/api/v1/cases/{accepted.case_id}")

    assert sealing.seal() == len(entries())

    report = verifying.verify(db.session())
    assert report.valid
    assert {"442099", "440399"} <= set(report.tails)


# --- auditors


@pytest.fixture
def auditor(app: Flask) -> OfficerClient:
    return log_in(app, f"auditor-{PROVINCE}")


@pytest.mark.parametrize(
    ("query", "actions"),
    [
        ("action=applications.accept_application", {"applications.accept_application"}),
        ("kind=refused", {"cases.show_case"}),
        ("kind=refused&outcome=role_missing", set()),
        (f"username=acceptor-{SHENZHEN}&action=cases.show_case", set()),
        ("username=nobody", set()),
        ("from_at=2023-08-02T00:00:00%2B08:00", set()),
        ("until_at=2023-07-31T00:00:00%2B08:00", set()),
    ],
)
def test_every_filter_narrows(
    app: Flask, accepted: Telling, auditor: OfficerClient, query: str, actions: set[str]
) -> None:
    log_in(app, "first-440402").get(f"/api/v1/cases/{accepted.case_id}")

    listed = auditor.get(f"{AUDIT}?{query}").json["items"]

    assert {item["action"] for item in listed} == actions


def test_pages_follow_one_another(accepted: Telling, auditor: OfficerClient) -> None:
    whole = [item["id"] for item in auditor.get(f"{AUDIT}?kind=change&limit=100").json["items"]]
    seen: list[int] = []
    after = ""
    while after is not None:
        page = auditor.get(f"{AUDIT}?kind=change&limit=3" + (f"&after={after}" if after else "")).json
        seen += [item["id"] for item in page["items"]]
        after = page["next_after"]

    assert seen == whole == sorted(whole, reverse=True)
    assert len(whole) > 3


@pytest.mark.parametrize(("agency", "sees"), [(ZHONGSHAN, True), (SHENZHEN, True), ("440399", True), ("440402", False)])
def test_an_auditor_sees_who_did_what_on_the_cases_of_the_own_agencies(
    officer, accepted: Telling, agency: str, sees: bool
) -> None:
    listed = officer(agency, "auditor").get(f"{AUDIT}?kind=change&limit=100").json["items"]

    assert (accepted.case_id in {item["case_id"] for item in listed}) == sees


def test_an_entry_is_shown_in_words(accepted: Telling, auditor: OfficerClient) -> None:
    item = auditor.get(f"{AUDIT}?action=applications.accept_application").json["items"][0]

    assert (item["kind_name"], item["action_name"]) == ("办理", "受理")
    assert item["officer"]["username"] == f"acceptor-{SHENZHEN}"


def test_looking_at_the_log_is_itself_on_record(auditor: OfficerClient) -> None:
    auditor.get(AUDIT)
    auditor.get(f"{AUDIT}/export?kind=change").get_data()

    assert [(one.kind, one.action, one.subject) for one in entries()] == [
        ("read", "audit.list_entries", None),
        ("export", "audit.export_entries", "kind"),
    ]


def test_nobody_but_an_auditor_reads_the_log(app: Flask, reviewer: OfficerClient) -> None:
    for path in (AUDIT, f"{AUDIT}/export"):
        for client in (reviewer, log_in(app, "admin-440099")):
            assert is_problem(client.get(path), 403, "role_missing")


def test_the_export_has_every_entry_and_no_formula(
    app: Flask, accepted: Telling, auditor: OfficerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.audit.searching.PIECE", 4)
    supervisor = log_in(app, f"supervisor-{ZHONGSHAN}")
    supervisor.post(f"/api/v1/cases/{accepted.case_id}/voiding", {"reason": "=HYPERLINK(1)"})
    count = len(entries(kind="change"))

    answer = auditor.get(f"{AUDIT}/export?kind=change")

    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert len(rows) == count
    assert rows[-1]["理由"] == "'=HYPERLINK(1)"
    assert rows[-1]["用户名"] == f"supervisor-{ZHONGSHAN}"
