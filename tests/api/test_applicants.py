"""Applicants: how they log in, what is theirs, for whom they act, and what nobody else learns."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from engine.db import db, transaction
from engine.models import Applicant, ApplicantCode, ApplicantSession, Application, AuditEntry, Message, Person
from tests.api.conftest import ZHONGSHAN, is_problem
from tests.api.online import (
    COUNTER,
    MY,
    RELATIVE,
    REPRESENTATION,
    STRANGER,
    WORKER,
    OnlineClient,
    applicant,
    handed_in,
    record_representation,
    sent_code,
)
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling


@pytest.fixture
def injured(app: Flask, accepted: Telling) -> OnlineClient:
    """The injured worker, after his case was accepted."""
    return applicant(app, WORKER)


@pytest.fixture
def relative(app: Flask, accepted: Telling) -> OnlineClient:
    """Somebody who is not on record as acting for anybody yet."""
    return applicant(app, RELATIVE)


def _cases(client: OnlineClient) -> list[int]:
    return [item["id"] for item in client.get(f"{MY}/cases").json["items"]]


# Logging in


def test_a_worker_logs_in_with_the_code_that_came_to_his_phone(client: FlaskClient, accepted: Telling) -> None:
    sent = client.post(f"{MY}/codes", json=WORKER)
    code = sent_code(WORKER["phone"])
    opened = client.post(f"{MY}/sessions", json={**WORKER, "code": code})

    assert (sent.status_code, opened.status_code) == (202, 201)
    me = OnlineClient(client.application, opened.json["token"])
    assert me.get(f"{MY}/sessions/current").json["identity_number"] == "4420**********0316"
    assert _cases(me) == [accepted.case_id]


@pytest.mark.parametrize(
    "other",
    [{"name": "陈志强"}, {"phone": STRANGER["phone"]}, {"identity_number": STRANGER["identity_number"]}],
    ids=list,
)
def test_who_is_not_known_gets_the_same_answer_and_no_message(
    client: FlaskClient, accepted: Telling, other: dict[str, str]
) -> None:
    right = client.post(f"{MY}/codes", json=WORKER)
    before = db.session.scalars(select(Message.id).where(Message.slot == "sign_on_code")).all()
    wrong = client.post(f"{MY}/codes", json={**WORKER, **other})

    assert (wrong.status_code, wrong.json) == (right.status_code, right.json)
    assert db.session.scalars(select(Message.id).where(Message.slot == "sign_on_code")).all() == before
    answers = [
        client.post(f"{MY}/sessions", json={**WORKER, **change, "code": "000000"}).json for change in (other, {})
    ]
    assert answers[0] == answers[1]


def test_the_code_is_stored_neither_in_plain_nor_as_a_hash_that_can_be_tried_out(
    client: FlaskClient, accepted: Telling
) -> None:
    client.post(f"{MY}/codes", json=WORKER)
    code = sent_code(WORKER["phone"])
    rows = db.session.execute(db.text("SELECT * FROM applicant_code")).all()
    text = str(rows) + str(db.session.execute(db.text("SELECT * FROM message WHERE slot = 'sign_on_code'")).all())

    assert db.session.scalars(select(ApplicantCode.code_hash)).one() != code
    assert f"{code}" not in text


def test_the_code_goes_to_the_phone_that_was_given_at_a_counter_last(
    app: Flask, client: FlaskClient, injured: OnlineClient, accepted: Telling
) -> None:
    new = {**WORKER, "phone": "13800010088"}
    with transaction() as session:
        session.scalars(select(Person)).one().phone = new["phone"]
    for who in (WORKER, new):
        client.post(f"{MY}/codes", json=who)

    assert sent_code(WORKER["phone"]) is None
    code = sent_code(new["phone"])
    assert client.post(f"{MY}/sessions", json={**new, "code": code}).status_code == 201


def test_a_code_opens_once_and_for_five_minutes(client: FlaskClient, accepted: Telling, clock: FixedClock) -> None:
    client.post(f"{MY}/codes", json=WORKER)
    body = {**WORKER, "code": sent_code(WORKER["phone"])}
    assert client.post(f"{MY}/sessions", json=body).status_code == 201
    assert is_problem(client.post(f"{MY}/sessions", json=body), 401, "wrong_code")

    client.post(f"{MY}/codes", json=WORKER)
    late = {**WORKER, "code": sent_code(WORKER["phone"])}
    clock.advance(minutes=5)
    assert is_problem(client.post(f"{MY}/sessions", json=late), 401, "wrong_code")


def test_only_the_code_that_was_sent_last_opens(client: FlaskClient, accepted: Telling) -> None:
    client.post(f"{MY}/codes", json=WORKER)
    first = sent_code(WORKER["phone"])
    client.post(f"{MY}/codes", json=WORKER)
    second = sent_code(WORKER["phone"])
    statuses = [client.post(f"{MY}/sessions", json={**WORKER, "code": code}).status_code for code in (first, second)]

    assert statuses == ([401, 201] if first != second else [201, 401])


def test_after_five_wrong_codes_the_right_one_is_refused_too(client: FlaskClient, accepted: Telling) -> None:
    client.post(f"{MY}/codes", json=WORKER)
    right = sent_code(WORKER["phone"])
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        assert client.post(f"{MY}/sessions", json={**WORKER, "code": wrong}).status_code == 401

    answer = client.post(f"{MY}/sessions", json={**WORKER, "code": right})

    assert is_problem(answer, 429, "locked")
    assert db.session.scalars(select(AuditEntry).where(AuditEntry.outcome == "wrong_code")).all()


def test_one_number_gets_five_codes_in_a_row_known_or_not(client: FlaskClient, accepted: Telling) -> None:
    for who in (WORKER, STRANGER):
        statuses = [client.post(f"{MY}/codes", json=who).status_code for _ in range(6)]
        assert statuses == [202] * 5 + [429]


def test_who_logs_in_with_his_code_is_not_counted_against(client: FlaskClient, accepted: Telling) -> None:
    for _ in range(7):
        assert client.post(f"{MY}/codes", json=WORKER).status_code == 202
        body = {**WORKER, "code": sent_code(WORKER["phone"])}
        assert client.post(f"{MY}/sessions", json=body).status_code == 201


def test_a_browser_s_new_log_in_ends_whatever_it_had_before_and_needs_the_page_s_token(
    app: Flask, accepted: Telling
) -> None:
    browser = app.test_client()
    officer = {"username": "analyst-440099", "password": "tongban-demo", "browser": True}
    assert browser.post("/api/v1/sessions", json=officer).status_code == 201
    before = browser.get_cookie("tongban_session").value
    browser.post(f"{MY}/codes", json=WORKER)
    body = {**WORKER, "code": sent_code(WORKER["phone"]), "browser": True}
    opened = browser.post(f"{MY}/sessions", json=body)

    cookie = browser.get_cookie("tongban_session")
    assert (opened.json["token"], cookie.http_only, cookie.same_site) == (None, True, "Strict")
    assert cookie.value != before
    assert browser.get(f"{MY}/cases").status_code == 200
    assert is_problem(browser.get("/api/v1/sessions/current"), 403, "officers_only")
    stale = app.test_client()
    stale.set_cookie("tongban_session", before)
    assert stale.get("/api/v1/sessions/current").status_code == 401
    assert is_problem(browser.delete(f"{MY}/sessions/current"), 403, "csrf_token_wrong")
    sent = {"X-CSRF-Token": opened.json["applicant"]["csrf_token"]}
    assert browser.delete(f"{MY}/sessions/current", headers=sent).status_code == 204
    stale.set_cookie("tongban_session", cookie.value)
    assert stale.get(f"{MY}/cases").status_code == 401


def test_a_session_ends_by_itself_and_a_cookie_is_no_bearer_token(
    app: Flask, injured: OnlineClient, clock: FixedClock
) -> None:
    browser = app.test_client()
    browser.set_cookie("tongban_session", injured.credential)
    assert browser.get(f"{MY}/cases").status_code == 401
    for _ in range(2):
        clock.advance(minutes=29)
        assert injured.get(f"{MY}/cases").status_code == 200
    clock.advance(minutes=30)
    assert is_problem(injured.get(f"{MY}/cases"), 401, "session_ended")
    assert db.session.scalars(select(ApplicantSession.token_hash)).one() != injured.credential


def test_an_officer_who_reads_messages_in_production_does_not_read_the_code(
    app: Flask, client: FlaskClient, accepted: Telling
) -> None:
    client.post(f"{MY}/codes", json=WORKER)
    code = sent_code(WORKER["phone"])
    admin = log_in(app, "admin-440099")
    shown = admin.get("/api/v1/messages?slot=sign_on_code").get_data(as_text=True)
    app.config["TONGBAN"] = app.config["TONGBAN"].__class__(
        mode="production", home=app.config["TONGBAN"].home, secret="x" * 32
    )
    hidden = admin.get("/api/v1/messages?slot=sign_on_code").get_data(as_text=True)

    assert code in shown
    assert "登录验证码" in hidden
    assert code not in hidden


# What is one's own


def test_a_worker_reads_in_plain_words_how_far_his_case_is(injured: OnlineClient, accepted: Telling) -> None:
    case = injured.get(f"{MY}/cases/{accepted.case_id}").json
    told = injured.get(f"{MY}/cases/{accepted.case_id}/events").json["items"]

    assert case["own"]
    assert case["words"].startswith("您的")
    assert {item["material"] for item in case["materials"]}
    assert [event["words"] for event in told][:2] == ["收到了您的申请。", "网点收到了您的材料。"]
    assert "申请已受理，受理回执已出具。" in [event["words"] for event in told]
    text = str(case) + str(told)
    assert accepted.case()["accepted_by"]["name"] not in text
    assert WORKER["identity_number"] not in text


def test_a_stranger_is_answered_as_if_there_were_no_such_case(app: Flask, accepted: Telling) -> None:
    stranger = applicant(app, STRANGER)

    assert _cases(stranger) == []
    for path in ("", "/events"):
        theirs = stranger.get(f"{MY}/cases/{accepted.case_id}{path}")
        nobodys = stranger.get(f"{MY}/cases/999999{path}")
        assert is_problem(theirs, 404, "not_found")
        assert theirs.json == nobodys.json
    assert stranger.get(f"{MY}/applications/{accepted.application_id}").status_code == 404
    assert (
        stranger.upload(f"{MY}/applications/{accepted.application_id}/images", material="diagnosis").status_code == 404
    )


def test_the_log_names_the_applicant_who_looked_and_is_searched_by_him(
    app: Flask, injured: OnlineClient, accepted: Telling
) -> None:
    injured.get(f"{MY}/cases/{accepted.case_id}")
    found = log_in(app, "auditor-440099").get("/api/v1/audit?party=applicant:1").json["items"]
    assert [(item["action"], item["actor"]) for item in found] == [("my.show_case", "applicant")]

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "my.show_case")).one()
    own = db.session.scalars(select(Applicant.id)).one()
    assert (entry.actor, entry.party, entry.case_id) == ("applicant", f"applicant:{own}", accepted.case_id)
    assert (entry.kind, entry.session_kind) == ("read", "bearer")


def test_an_applicant_gets_nothing_that_is_for_officers_and_an_officer_nothing_that_is_an_applicant_s(
    app: Flask, injured: OnlineClient, accepted: Telling
) -> None:
    for path in (f"cases/{accepted.case_id}", "cases", "tasks", "audit", "messages", "representations"):
        assert is_problem(injured.get(f"/api/v1/{path}"), 403, "officers_only")
    assert injured.get("/api/v1/services").status_code == 200
    assert is_problem(log_in(app, COUNTER).get(f"{MY}/cases"), 403, "role_missing")


# Acting for somebody


def test_a_relative_sees_the_worker_s_cases_from_the_day_on_which_papers_were_shown(
    app: Flask, relative: OnlineClient, accepted: Telling
) -> None:
    assert _cases(relative) == []
    record_representation(app)

    assert _cases(relative) == [accepted.case_id]
    case = relative.get(f"{MY}/cases/{accepted.case_id}").json
    assert (case["own"], case["worker"]) == (False, WORKER["name"])
    [told] = relative.get(f"{MY}/representations").json["items"]
    assert (told["kind_name"], told["worker"], told["until_on"]) == ("近亲属", WORKER["name"], "2024-07-31")


def test_a_representation_without_papers_gives_nothing(app: Flask, relative: OnlineClient, accepted: Telling) -> None:
    record_representation(app, papers=False)

    assert _cases(relative) == []
    assert relative.get(f"{MY}/cases/{accepted.case_id}").status_code == 404
    assert is_problem(relative.post(f"{MY}/applications", _as_relative()), 404, "not_represented")


def test_a_representation_counts_from_its_first_to_its_last_day(
    app: Flask, relative: OnlineClient, accepted: Telling, clock: FixedClock
) -> None:
    record_representation(app, from_on="2023-08-02", until_on="2023-08-03")

    seen = {}
    for day in range(1, 5):
        clock.set(f"2023-08-0{day}T10:00")
        seen[day] = _cases(applicant(app, RELATIVE))
    assert seen == {1: [], 2: [accepted.case_id], 3: [accepted.case_id], 4: []}
    assert is_problem(applicant(app, RELATIVE).post(f"{MY}/applications", _as_relative()), 404, "not_represented")


@pytest.mark.parametrize("who", ["worker", "relative", "counter"])
def test_a_representation_that_was_revoked_gives_nothing_from_now_on(
    app: Flask, injured: OnlineClient, relative: OnlineClient, accepted: Telling, who: str
) -> None:
    number = record_representation(app)
    paths = {"counter": f"/api/v1/representations/{number}/revocation"}
    clients: dict[str, Any] = {"worker": injured, "relative": relative, "counter": log_in(app, COUNTER)}
    path = paths.get(who, f"{MY}/representations/{number}/revocation")

    assert clients[who].post(path).status_code == 200

    assert _cases(relative) == []
    assert relative.get(f"{MY}/cases/{accepted.case_id}").status_code == 404
    assert is_problem(clients[who].post(path), 409, "representation_revoked")


def test_nobody_else_revokes_a_representation_or_learns_of_it(app: Flask, accepted: Telling) -> None:
    number = record_representation(app)
    stranger = applicant(app, STRANGER)

    assert stranger.get(f"{MY}/representations").json == {"items": []}
    assert is_problem(stranger.post(f"{MY}/representations/{number}/revocation"), 404, "not_found")
    elsewhere = log_in(app, f"acceptor-{ZHONGSHAN}")
    assert elsewhere.get(f"/api/v1/representations/{number}").status_code == 404
    assert elsewhere.get("/api/v1/representations").json["items"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"until_on": "2023-07-31"}, "until_on"),
        ({"until_on": "2029-08-01"}, "until_on"),
        ({"representative": {**RELATIVE, "identity_number": WORKER["identity_number"]}}, "representative"),
        ({"representative": {**RELATIVE, "phone": "12345"}}, "representative.phone"),
        ({"worker": {"name": "陈志强", "identity_number": WORKER["identity_number"]}}, "worker.name"),
        ({"kind": "friend"}, "kind"),
    ],
    ids=str,
)
def test_a_representation_that_cannot_be_is_refused_by_field(
    app: Flask, accepted: Telling, changes: dict[str, Any], field: str
) -> None:
    answer = log_in(app, COUNTER).post("/api/v1/representations", {**REPRESENTATION, **changes})

    assert answer.status_code == 422
    assert any(name.startswith(field) for name in answer.json["fields"])


# Applying


def _as_relative(**changes: Any) -> dict[str, Any]:
    return handed_in(**{"applicant": {"kind": "relative", "relation": "配偶"}, **changes})


def test_a_worker_applies_by_himself_and_officers_of_the_place_of_insurance_accept(
    app: Flask, injured: OnlineClient, accepted: Telling
) -> None:
    stated = handed_in()
    stated["applicant"] = {"kind": "worker", "name": "别人", "phone": "13800010098"}

    answer = injured.post(f"{MY}/applications", stated)
    assert answer.status_code == 201, answer.json
    number = answer.json["id"]
    assert (answer.json["state"], answer.json["accepting_agency"]["code"]) == ("draft", ZHONGSHAN)
    for material in answer.json["missing"]:
        added = injured.upload(f"{MY}/applications/{number}/images", material=material)
        assert added.status_code == 201, added.json
    assert injured.get(f"{MY}/applications/{number}").json["missing"] == []

    counter = log_in(app, f"acceptor-{ZHONGSHAN}")
    waiting = counter.get("/api/v1/applications?channel=web_hall&state=draft").json["items"]
    assert [item["id"] for item in waiting] == [number]
    path = f"/api/v1/applications/{number}"
    assert counter.get(path).json["content"]["applicant"]["name"] == WORKER["name"]
    assert counter.post(f"{path}/checks", {"eligible": True, "complete": True}).status_code == 200
    done = counter.post(f"{path}/acceptance", {"duplicate_reason": "网上另行申请"})
    assert done.status_code == 201, done.json
    [case] = done.json["cases"]
    assert _cases(injured) == [case["id"], accepted.case_id]
    assert counter.get(f"/api/v1/cases/{case['id']}").json["channel"] == "web_hall"
    assert db.session.scalars(select(Application.created_by_id).where(Application.id == number)).one() is None


def test_nobody_applies_for_a_worker_whom_he_does_not_represent(
    app: Flask, relative: OnlineClient, accepted: Telling
) -> None:
    unknown = {**handed_in()["worker"], "identity_number": STRANGER["identity_number"]}
    answers = [
        relative.post(f"{MY}/applications", body)
        for body in (_as_relative(), _as_relative(worker=unknown), handed_in(), handed_in(applicant={}), {})
    ]

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(404, "not_represented")] * 5
    assert len({str(answer.json) for answer in answers}) == 1


def test_who_acts_for_a_worker_applies_under_his_own_name_and_leaves_the_worker_s_phone_alone(
    app: Flask, relative: OnlineClient, accepted: Telling
) -> None:
    record_representation(app)
    body = _as_relative(worker={**handed_in()["worker"], "phone": RELATIVE["phone"]})

    answer = relative.post(f"{MY}/applications", body)

    assert answer.status_code == 201, answer.json
    content = db.session.get_one(Application, answer.json["id"]).content
    assert (content["applicant"]["name"], content["applicant"]["kind"]) == (RELATIVE["name"], "relative")
    assert db.session.scalars(select(Person)).one().phone == WORKER["phone"]
    assert relative.post(f"{MY}/applications", _as_relative(applicant={"kind": "employer"})).status_code == 404


def test_an_agent_applies_under_his_own_name_in_both_places(
    app: Flask, relative: OnlineClient, accepted: Telling
) -> None:
    record_representation(app, kind="agent")
    other = {"name": "别人", "identity_number": STRANGER["identity_number"]}
    body = handed_in(applicant={"kind": "agent", **other}, agent=other)

    answer = relative.post(f"{MY}/applications", body)

    assert answer.status_code == 201, answer.json
    content = db.session.get_one(Application, answer.json["id"]).content
    for party in ("applicant", "agent"):
        assert content[party]["identity_number"] == RELATIVE["identity_number"]


def test_without_a_place_of_insurance_an_outlet_must_be_chosen(
    app: Flask, injured: OnlineClient, accepted: Telling
) -> None:
    nowhere = handed_in(injured_on="2014-03-02")
    nowhere["forms"]["1-1"]["injured_on"] = "2014-03-02"

    refused = injured.post(f"{MY}/applications", nowhere)
    assert is_problem(refused, 422, "invalid_input")
    assert "outlet" in refused.json["fields"]
    chosen = injured.post(f"{MY}/applications", {**nowhere, "outlet": "440305-H1"})
    assert (chosen.status_code, chosen.json["state"]) == (201, "unresolved")


def test_a_page_is_taken_once_and_none_after_the_acceptance(
    app: Flask, injured: OnlineClient, accepted: Telling
) -> None:
    number = injured.post(f"{MY}/applications", handed_in()).json["id"]
    path = f"{MY}/applications/{number}/images"
    assert [injured.upload(path, material="diagnosis").status_code for _ in range(2)] == [201, 201]
    pages = {item["material"]: item["pages"] for item in injured.get(f"{MY}/applications/{number}").json["materials"]}
    assert pages["diagnosis"] == 1
    assert injured.upload(path, material="unheard_of").status_code == 422
    with transaction() as session:
        session.get_one(Application, number).state = "refused"

    assert is_problem(injured.upload(path, material="diagnosis"), 409, "application_closed")
