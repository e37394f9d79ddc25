"""An analyst changes a shipped diagram: checked, published, and who runs which version."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.api.changed_diagrams import broken, stock, with_another_task, with_one_review
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.api.test_tasks import ASSESSMENT
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

PATH = "/api/v1/definitions"
FIRST, SECOND = f"first-{ZHONGSHAN}", f"second-{ZHONGSHAN}"


@pytest.fixture
def analyst(app: Flask) -> OfficerClient:
    return log_in(app, "analyst-440099")


@pytest.fixture
def later(app: Flask, clock: FixedClock, accepted: Telling) -> Telling:
    """The same claim, handed in while the case of `accepted` runs; `accept_again` accepts it."""
    story = telling(app, clock, "medical_expense", {})
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=f"acceptor-{SHENZHEN}")
    return story


def _accept(story: Telling) -> None:
    path = f"/applications/{story.application_id}/acceptance"
    cases = story.client(f"acceptor-{SHENZHEN}").post(path, {"duplicate_reason": "另一次住院"})["cases"]
    story.case_id = cases[0]["id"]


def _assess(story: Telling) -> None:
    story.act("task", by=FIRST, task="assess_expense_lines", fields=ASSESSMENT)


def test_a_case_begun_after_a_publication_runs_it_and_one_begun_before_ends_on_the_old(
    analyst: OfficerClient, accepted: Telling, later: Telling
) -> None:
    checked = analyst.post(f"{PATH}/check", {"files": with_another_task()})
    published = analyst.post(PATH, {"files": with_another_task()})
    _accept(later)

    assert checked.json == {"publishable": True, "faults": []}
    assert published.status_code == 201
    version = published.json["items"][0]
    assert [(one["process_id"], one["version"]) for one in published.json["items"]] == [("medical_expense", 2)]
    assert version["published_by"] == "analyst-440099"
    assert accepted.open_tasks() == {"assess_expense_lines"}
    assert later.open_tasks() == {"read_through"}
    assert (
        later.case()["definition_hash"] == version["hash"],
        accepted.case()["definition_hash"] == version["hash"],
    ) == (
        True,
        False,
    )
    later.act("task", by=FIRST, task="read_through")
    for story in (accepted, later):
        _assess(story)
        story.act("pass_reviews", by=[FIRST, SECOND])
        story.act("to_the_archive", by=ZHONGSHAN)
        assert story.case()["state"] == "archived"


def test_another_decision_table_changes_the_way_of_new_cases_alone(
    analyst: OfficerClient, accepted: Telling, later: Telling
) -> None:
    published = analyst.post(PATH, {"files": with_one_review()})
    _accept(later)
    for story in (accepted, later):
        _assess(story)
        story.act("task", by=FIRST, task="first_review", outcome="pass", opinion="符合规定。")

    assert "medical_expense" in {one["process_id"] for one in published.json["items"]}
    assert accepted.open_tasks() == {"second_review"}
    assert later.open_tasks() == {"deliver_result"}


def test_a_broken_diagram_is_refused_with_the_element_and_a_sentence_and_nothing_changes(
    analyst: OfficerClient, accepted: Telling
) -> None:
    before = analyst.get(PATH).json

    checked = analyst.post(f"{PATH}/check", {"files": broken()})
    refused = analyst.post(PATH, {"files": broken()})

    fault = checked.json["faults"][0]
    assert (checked.json["publishable"], fault["file"], fault["element"]) == (
        False,
        "medical_expense.bpmn",
        "determine_expense",
    )
    assert is_problem(refused, 422, "diagram_refused")
    assert refused.json["fields"] == {"medical_expense.bpmn#determine_expense": [fault["message"]]}
    assert analyst.get(PATH).json == before


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ({}, "files"),
        ({"x.bpmn": ""}, "files.x.bpmn.value"),
        ({"x.bpmn": 7}, "files.x.bpmn.value"),
        ({"../x.bpmn": "<a/>"}, "files.../x.bpmn.key"),
        ({"x.exe": "<a/>"}, "files.x.exe.key"),
        ({f"x{number}.bpmn": "<a/>" for number in range(61)}, "files"),
        ([], "files"),
        ("x", "files"),
    ],
)
def test_files_that_are_none_are_refused_by_name(analyst: OfficerClient, files: object, field: str) -> None:
    answer = analyst.post(PATH, {"files": files})

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == [field]


@pytest.mark.parametrize(
    "text",
    [
        "no XML",
        "<a/>",
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "<bpmn:definitions/>",
        "<a>" * 5000,
    ],
)
def test_a_file_that_is_no_diagram_is_a_fault_and_not_ours(analyst: OfficerClient, text: str) -> None:
    checked = analyst.post(f"{PATH}/check", {"files": {"x.bpmn": text}})
    published = analyst.post(PATH, {"files": {"x.bpmn": text}})

    assert checked.status_code == 200
    assert checked.json["faults"][0]["file"] == "x.bpmn"
    assert is_problem(published, 422, "diagram_refused")


def test_the_library_lists_the_eleven_services_and_gives_their_source(analyst: OfficerClient) -> None:
    library = {one["name"]: one for one in analyst.get(PATH).json["items"]}

    source = analyst.get(f"{PATH}/medical_expense")

    assert (library["medical_expense"]["version"], library["medical_expense"]["published_by"]) == (1, "stock")
    assert library["review"]["version"] is None
    assert source.json["content"].encode() == stock("medical_expense.bpmn")
    assert is_problem(analyst.get(f"{PATH}/unheard_of"), 404, "not_found")


def test_who_is_no_analyst_publishes_nothing(app: Flask) -> None:
    administrator = log_in(app, "admin-440099")

    assert is_problem(administrator.post(PATH, {"files": with_another_task()}), 403, "role_missing")
    assert is_problem(administrator.post(f"{PATH}/check", {"files": with_another_task()}), 403, "role_missing")


def test_the_whole_library_fits_into_one_request(analyst: OfficerClient) -> None:
    files = {
        one["file"]: analyst.get(f"{PATH}/{one['name']}").json["content"] for one in analyst.get(PATH).json["items"]
    }

    answer = analyst.post(PATH, {"files": files})

    assert (answer.status_code, answer.json["items"]) == (201, [])
