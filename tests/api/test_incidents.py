"""Incidents over HTTP: who sees them, notes, and retries of one or many with the outcome of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from engine.casework import timers
from engine.clock import SHANGHAI
from engine.db import transaction
from engine.errors import CannotProceed
from tests.api.conftest import ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.engine.casework import timed
from tests.stories.telling import Telling

DUE = datetime(2023, 8, 2, 17, tzinfo=SHANGHAI)


def _fail(case: Any) -> None:
    raise CannotProceed("派发规则缺失，请联系市级管理员。", code="no_dispatch_rule")


@pytest.fixture
def cases(accepted: Telling, clock: FixedClock) -> range:
    """Three cases of 中山 that stand still at the same step."""
    timed.misdeeds.clear()
    with transaction() as session:
        timed.publish(session)
        ids = timed.copies(session, accepted.case_id, 1000, 3)
        for case_id in ids:
            timed.begin(session, case_id, DUE)
            timed.misdeeds[case_id] = _fail
    clock.set(DUE)
    timers.tick()
    return ids


@pytest.fixture
def supervisor(app: Flask) -> OfficerClient:
    return log_in(app, f"supervisor-{ZHONGSHAN}")


def _listed(client: OfficerClient) -> list[dict[str, Any]]:
    return client.get("/api/v1/incidents").json["items"]


def test_a_supervisor_sees_what_failed_with_its_cause(cases: range, supervisor: OfficerClient) -> None:
    shown = _listed(supervisor)

    assert [one["case_id"] for one in shown] == list(cases)
    assert {(one["kind"], one["element_id"], one["operator"], one["code"]) for one in shown} == {
        ("step", "act", "test.act", "no_dispatch_rule")
    }
    assert shown[0]["message"] == "派发规则缺失，请联系市级管理员。"


def test_incidents_of_another_place_do_not_exist(app: Flask, cases: range, supervisor: OfficerClient) -> None:
    stranger = log_in(app, "supervisor-440402")
    (first, *_) = _listed(supervisor)

    assert _listed(stranger) == []
    assert is_problem(stranger.post(f"/api/v1/incidents/{first['id']}/retry"), 404, "not_found")
    answer = stranger.post("/api/v1/incidents/retries", {"ids": [first["id"]]})
    assert answer.json == {"outcomes": [{"id": first["id"], "outcome": "not_found", "incident": None}]}
    assert _listed(supervisor)[0]["attempts"] == 1


def test_a_reviewer_may_not_retry(app: Flask, cases: range) -> None:
    answer = log_in(app, f"first-{ZHONGSHAN}").post("/api/v1/incidents/retries", {"ids": [1]})

    assert is_problem(answer, 403, "role_missing")


def test_what_was_found_out_stays_with_the_incident(cases: range, supervisor: OfficerClient) -> None:
    (first, *_) = _listed(supervisor)

    supervisor.post(f"/api/v1/incidents/{first['id']}/note", {"note": "已通知市级管理员补录规则。"})

    assert _listed(supervisor)[0]["note"] == "已通知市级管理员补录规则。"


def test_many_are_retried_at_once_and_each_says_what_came_of_it(
    cases: range, supervisor: OfficerClient, clock: FixedClock
) -> None:
    mended, broken, other = (one["id"] for one in _listed(supervisor))
    del timed.misdeeds[cases[0]]
    clock.advance(hours=1)

    answer = supervisor.post("/api/v1/incidents/retries", {"ids": [broken, 99999, mended, broken]})
    second = supervisor.post("/api/v1/incidents/retries", {"ids": [mended]})

    outcomes = {one["id"]: one for one in answer.json["outcomes"]}
    assert [one["id"] for one in answer.json["outcomes"]] == [broken, 99999, mended]
    assert {number: one["outcome"] for number, one in outcomes.items()} == {
        broken: "failed",
        99999: "not_found",
        mended: "resolved",
    }
    assert outcomes[broken]["incident"]["attempts"] == 2
    assert datetime.fromisoformat(outcomes[mended]["incident"]["resolved_at"]) == DUE + timedelta(hours=1)
    assert second.json["outcomes"][0]["outcome"] == "already_resolved"
    # One that looks the same and was not named is left alone.
    assert {one["id"]: one["attempts"] for one in _listed(supervisor)} == {broken: 2, other: 1}
    with transaction() as session:
        assert timed.acted(session) == [cases[0]]


def test_the_course_of_the_case_says_that_it_goes_on_and_who_saw_to_it(cases: range, supervisor: OfficerClient) -> None:
    timed.misdeeds.clear()
    (first, *_) = _listed(supervisor)

    supervisor.post(f"/api/v1/incidents/{first['id']}/retry")

    entries = supervisor.get(f"/api/v1/cases/{cases[0]}/timeline").json["items"]
    (resolved,) = [entry for entry in entries if entry["kind"] == "incident_resolved"]
    assert resolved["officer"] is not None


def test_a_retry_that_fails_again_answers_with_the_cause_and_counts(cases: range, supervisor: OfficerClient) -> None:
    (first, *_) = _listed(supervisor)

    answer = supervisor.post(f"/api/v1/incidents/{first['id']}/retry")

    assert (answer.status_code, answer.json["resolved_at"], answer.json["attempts"]) == (200, None, 2)
    assert answer.json["code"] == "no_dispatch_rule"


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([], id="none"),
        pytest.param(list(range(1, 52)), id="too many"),
        pytest.param(["1"], id="text"),
        pytest.param([0], id="no id"),
        pytest.param("all", id="no list"),
        pytest.param(None, id="nothing"),
    ],
)
def test_retries_name_their_incidents(supervisor: OfficerClient, ids: Any) -> None:
    assert is_problem(supervisor.post("/api/v1/incidents/retries", {"ids": ids}), 422, "invalid_input")
