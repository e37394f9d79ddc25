"""Tasks over HTTP: lists, acquisition, and who comes second."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from config.task_forms import task_forms
from engine.casework import timers
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in, token_of
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

ASSESSMENT = {
    "lines": [
        {"line": 1, "allowed": "386.50", "catalogue": "inside"},
        {"line": 2, "allowed": "12840.00", "catalogue": "inside"},
        {"line": 3, "allowed": "0.00", "catalogue": "outside", "reason": "营养品不属于工伤保险药品目录。"},
    ]
}


@pytest.fixture
def first(app: Flask) -> OfficerClient:
    return log_in(app, f"first-{ZHONGSHAN}")


def _only(client: OfficerClient, query: str = "") -> dict:
    items = client.get(f"/api/v1/tasks{query}").json["items"]
    assert len(items) == 1
    return items[0]


@pytest.mark.rule("REV-01", "REV-02")
def test_a_task_goes_from_the_pool_to_its_owner_and_from_there_to_what_is_done(
    first: OfficerClient, accepted: Telling
) -> None:
    waiting = _only(first)
    claimed = first.post("/api/v1/tasks/acquisitions", {"role": "first_reviewer"}).json
    done = first.post(
        f"/api/v1/tasks/{claimed['id']}/completion",
        {"outcome": "done", "fields": ASSESSMENT, "version": claimed["version"]},
    )

    assert (waiting["id"], waiting["state"], waiting["case"]["id"]) == (claimed["id"], "pool", accepted.case_id)
    assert (claimed["state"], claimed["claimed_how"]) == ("claimed", "random")
    assert done.status_code == 200
    assert (done.json["state"], done.json["fields"]["lines"][0]["allowed"]) == ("completed", "386.50")
    assert _only(first, "?scope=done")["id"] == claimed["id"]
    assert first.get("/api/v1/tasks?scope=mine").json["items"] == []
    assert _only(first)["element_id"] == "first_review"


def test_a_task_shows_the_form_to_fill_in(first: OfficerClient, accepted: Telling) -> None:
    task = first.get(f"/api/v1/tasks/{_only(first)['id']}").json

    spec = task["form_spec"]
    form = task_forms()[task["form"]]
    assert (spec["title"], [one["code"] for one in spec["outcomes"]]) == (
        form.title,
        [outcome.code for outcome in form.outcomes],
    )
    assert [field["name"] for field in spec["fields"]] == [field.name for field in form.fields]


def test_the_pool_can_be_narrowed_to_a_service_and_a_role(first: OfficerClient, accepted: Telling) -> None:
    assert _only(first, "?service=medical_expense&role=first_reviewer")
    assert first.get("/api/v1/tasks?service=death_benefit").json["items"] == []
    assert first.get("/api/v1/tasks?role=second_reviewer").json["items"] == []


def test_an_empty_pool_says_that_nothing_is_left(app: Flask) -> None:
    answer = log_in(app, f"second-{ZHONGSHAN}").post("/api/v1/tasks/acquisitions")

    assert is_problem(answer, 404, "nothing_left")


def test_the_second_claimant_is_told_who_was_first_and_when(
    app: Flask, first: OfficerClient, accepted: Telling
) -> None:
    task = _only(first)
    first.post(f"/api/v1/tasks/{task['id']}/claim")

    answer = log_in(app, f"first2-{ZHONGSHAN}").post(f"/api/v1/tasks/{task['id']}/claim")

    assert is_problem(answer, 409, "task_taken")
    name = first.get("/api/v1/sessions/current").json["name"]
    assert answer.json["details"]["by"] == name
    assert answer.json["details"]["at"] == "2023-08-01T09:00:00+08:00"
    assert name in answer.json["detail"]


def test_what_changed_since_it_was_opened_is_not_overwritten(first: OfficerClient, accepted: Telling) -> None:
    opened = first.post("/api/v1/tasks/acquisitions").json
    first.post(f"/api/v1/tasks/{opened['id']}/release")
    first.post(f"/api/v1/tasks/{opened['id']}/claim")

    answer = first.post(
        f"/api/v1/tasks/{opened['id']}/completion",
        {"outcome": "done", "fields": ASSESSMENT, "version": opened["version"]},
    )

    assert is_problem(answer, 409, "stale_version")


def test_a_form_with_faults_is_refused_by_field_and_the_task_stays(first: OfficerClient, accepted: Telling) -> None:
    task = first.post("/api/v1/tasks/acquisitions").json
    path = f"/api/v1/tasks/{task['id']}/completion"
    lines = [{"line": 1, "allowed": 386.5, "catalogue": "perhaps"}]

    answer = first.post(path, {"outcome": "done", "fields": {"lines": lines}})

    assert is_problem(answer, 422, "invalid_input")
    assert {"fields.lines.0.allowed", "fields.lines.0.catalogue"} <= set(answer.json["fields"])
    assert _only(first, "?scope=mine")["version"] == task["version"]


def test_a_supervisor_assigns_to_a_colleague_and_nobody_else_does(
    app: Flask, first: OfficerClient, accepted: Telling
) -> None:
    supervisor = log_in(app, f"supervisor-{ZHONGSHAN}")
    task = _only(first)
    path = f"/api/v1/tasks/{task['id']}/assignment"
    colleagues = supervisor.get("/api/v1/officers").json["items"]
    chosen = next(one for one in colleagues if one["roles"] == ["first_reviewer"])

    assert is_problem(first.post(path, {"officer_id": chosen["id"], "reason": "专长"}), 403, "role_missing")
    answer = supervisor.post(path, {"officer_id": chosen["id"], "reason": "专长"})

    assert (answer.json["claimed_how"], answer.json["claimed_by"]["id"]) == ("assigned", chosen["id"])


def test_a_supervisor_sees_the_open_tasks_of_the_agency_and_a_reviewer_does_not(
    app: Flask, first: OfficerClient, accepted: Telling
) -> None:
    assert _only(log_in(app, f"supervisor-{ZHONGSHAN}"), "?scope=agency")["case"]["id"] == accepted.case_id
    assert is_problem(first.get("/api/v1/tasks?scope=agency"), 403, "role_missing")


def test_a_task_of_another_agency_does_not_exist(app: Flask, first: OfficerClient, accepted: Telling) -> None:
    task = _only(first)
    stranger = log_in(app, "first-440402")

    assert is_problem(stranger.get(f"/api/v1/tasks/{task['id']}"), 404, "not_found")
    assert is_problem(stranger.post(f"/api/v1/tasks/{task['id']}/claim"), 404, "not_found")


def test_a_double_click_on_one_task_completes_it_once(any_app: Flask, clock: FixedClock) -> None:
    story = telling(any_app, clock, "medical_expense", {})
    story.through_intake(f"acceptor-{SHENZHEN}")
    reviewer = f"first-{ZHONGSHAN}"
    task = log_in(any_app, reviewer).post("/api/v1/tasks/acquisitions").json
    clients = [OfficerClient(any_app, reviewer, token_of(any_app, reviewer)) for _ in range(6)]
    together = Barrier(len(clients))

    def press(client: OfficerClient) -> int:
        together.wait(timeout=30)
        body = {"outcome": "done", "fields": ASSESSMENT}
        return client.post(f"/api/v1/tasks/{task['id']}/completion", body).status_code

    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        answers = sorted(pool.map(press, clients))

    assert answers == [200] + [409] * (len(clients) - 1)
    assert [one["element_id"] for one in story.case()["tasks"]] == ["first_review"]
    assert timers.tick() == 0
