"""Numbers are masked for whoever does not work on the case just now, and unmasked one at a time with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from engine.db import db
from engine.models import AuditEntry
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

WORKER, PHONE = "442000198405170316", "13800010001"
MASKED = "4420**********0316"


@pytest.fixture
def case_path(accepted: Telling) -> str:
    return f"/api/v1/cases/{accepted.case_id}"


def unmask(client: OfficerClient, path: str, field: str, reason: str = "核对身份"):
    return client.post(f"{path}/unmasking", {"field": field, "reason": reason})


@pytest.mark.parametrize(
    "username", [f"acceptor-{SHENZHEN}", f"supervisor-{ZHONGSHAN}", f"first-{ZHONGSHAN}", "auditor-440099"]
)
def test_who_does_not_work_on_the_case_sees_masks_and_no_number(app: Flask, case_path: str, username: str) -> None:
    answer = log_in(app, username).get(case_path)

    case = answer.json
    assert case["person"] == {
        "name": "陈志明",
        "identity_type": "resident_identity_card",
        "identity_number": MASKED,
        "phone": "138****0001",
    }
    form = case["content"]["forms"]["1-1"]
    assert (form["identity_number"], form["phone"]) == (MASKED, "138****0001")
    # A company's telephone is nobody's, its own name neither; what was treated is somebody's.
    assert form["employer_contact_phone"] == case["content"]["employer"]["phone"] == "0760-88880001"
    assert {line["label"] for line in case["lines"]} == {"（已隐去）"}
    for secret in (WORKER, PHONE, "急诊清创缝合"):
        assert secret not in answer.get_data(as_text=True)


def test_who_holds_a_task_of_the_case_sees_it_in_full_as_long_as_it_is_held(
    app: Flask, accepted: Telling, case_path: str
) -> None:
    reviewer, task = log_in(app, f"first-{ZHONGSHAN}"), accepted.open_task("assess_expense_lines")["id"]

    reviewer.post(f"/api/v1/tasks/{task}/claim")
    held = reviewer.get(case_path).json
    reviewer.post(f"/api/v1/tasks/{task}/release")
    released = reviewer.get(case_path).json

    assert (held["person"]["identity_number"], held["lines"][0]["label"]) == (WORKER, "急诊清创缝合")
    assert released["person"]["identity_number"] == MASKED


def test_the_counter_sees_what_it_typed_in_until_the_case_is_accepted(app: Flask, story: Telling) -> None:
    acceptor = log_in(app, f"acceptor-{SHENZHEN}")
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=acceptor.username)
    path = f"/api/v1/applications/{story.application_id}"

    before = acceptor.get(path).json["person"]
    overseen = log_in(app, f"supervisor-{ZHONGSHAN}").get(path).json["person"]
    story.act("accept", by=acceptor.username)
    after = acceptor.get(path).json["person"]

    assert (before["identity_number"], overseen["identity_number"], after["identity_number"]) == (
        WORKER,
        MASKED,
        MASKED,
    )


@pytest.mark.rule("QRY-06")
def test_lists_show_the_surname_alone(app: Flask, accepted: Telling) -> None:
    reviewer = log_in(app, f"first-{ZHONGSHAN}")
    accepted_at = log_in(app, f"acceptor-{SHENZHEN}")

    shown = [
        reviewer.get("/api/v1/cases").json["items"][0]["person_name"],
        reviewer.post("/api/v1/cases/search", {"identity_number": WORKER}).json["items"][0]["person_name"],
        reviewer.get("/api/v1/tasks?scope=pool").json["items"][0]["case"]["person_name"],
        accepted_at.get(f"/api/v1/applications/{accepted.application_id}").json["cases"][0]["person_name"],
    ]

    assert set(shown) == {"陈**"}
    assert reviewer.get(f"/api/v1/cases/{accepted.case_id}").json["person_name"] == "陈志明"


@pytest.mark.rule("QRY-06")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("person.identity_number", WORKER),
        ("person.phone", PHONE),
        ("content.applicant.identity_number", WORKER),
        ("content.forms.1-1.phone", PHONE),
        ("lines.0.label", "急诊清创缝合"),
    ],
)
def test_one_value_at_a_time_is_unmasked_and_on_record_with_the_reason(
    app: Flask, accepted: Telling, case_path: str, field: str, value: str
) -> None:
    supervisor = log_in(app, f"supervisor-{ZHONGSHAN}")

    answer = unmask(supervisor, case_path, field, "当事人来电核对")

    assert answer.json == {"field": field, "value": value}
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.kind == "unmask")).one()
    assert (entry.case_id, entry.subject, entry.reason) == (accepted.case_id, field, "当事人来电核对")
    assert entry.officer_id is not None
    assert entry.person_id is not None


@pytest.mark.parametrize(
    "field",
    ["person.name", "person", "", "content.forms.1-1", "person.identity_number.0", "lines.9.label", "nothing", "id"],
)
def test_what_is_not_masked_is_not_unmasked(app: Flask, case_path: str, field: str) -> None:
    answer = unmask(log_in(app, f"supervisor-{ZHONGSHAN}"), case_path, field)

    assert is_problem(answer, 422, "invalid_input")
    assert "field" in answer.json["fields"]


def test_an_unmasking_needs_a_reason_and_somebody_who_works(app: Flask, officer, case_path: str) -> None:
    supervisor = log_in(app, f"supervisor-{ZHONGSHAN}")

    assert is_problem(supervisor.post(f"{case_path}/unmasking", {"field": "person.phone"}), 422, "invalid_input")
    assert is_problem(unmask(supervisor, case_path, "person.phone", " "), 422, "invalid_input")
    assert is_problem(unmask(officer(ZHONGSHAN, "auditor"), case_path, "person.phone"), 403, "role_missing")
    assert is_problem(unmask(log_in(app, "first-440402"), case_path, "person.phone"), 404, "not_found")
    assert not db.session.scalars(select(AuditEntry).where(AuditEntry.kind == "unmask")).all()


def test_an_application_is_unmasked_in_the_same_way(app: Flask, accepted: Telling) -> None:
    path = f"/api/v1/applications/{accepted.application_id}"

    answer = unmask(log_in(app, f"supervisor-{SHENZHEN}"), path, "content.worker.phone")

    assert answer.json["value"] == PHONE
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.kind == "unmask")).one()
    assert (entry.application_id, entry.action) == (accepted.application_id, "applications.unmask")


def test_the_payees_accounts_and_the_dependants_numbers_are_masked(
    app: Flask, clock: FixedClock, tell_demo: Callable[[str], Telling]
) -> None:
    story = tell_demo("death_benefit")

    text = json.dumps(log_in(app, "auditor-440099").get(f"/api/v1/cases/{story.case_id}").json, ensure_ascii=False)

    for secret in ("440802201203030293", "13800010008", "6200000000000000011", "6200000000000000037"):
        assert secret not in text
    assert "4408**********0293" in text
    assert "***************0011" in text


@pytest.fixture
def tell_demo(app: Flask, clock: FixedClock) -> Callable[[str], Telling]:
    """A demo's application, accepted."""

    def begin(name: str) -> Telling:
        clock.set("2023-09-11T09:00")
        story = telling(app, clock, name, {})
        story.through_intake("acceptor-440104")
        return story

    return begin
