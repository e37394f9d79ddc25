"""Leave, substitutes and work that changes hands (请假, 代理, 移交工作), under separation of duties."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from api.demo.client import Refused
from api.housekeeping import return_stranded_tasks
from engine.db import transaction
from engine.models import Officer, Task
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.stories.telling import Tell, Telling

ZHUHAI = "440402"
STAYS = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
FIRST, SECOND, SUPERVISOR = f"first-{ZHUHAI}", f"second-{ZHUHAI}", f"supervisor-{ZHUHAI}"
Ids = Callable[[str], int]


@pytest.fixture
def story(tell: Tell) -> Telling:
    """A claim for meals of 珠海 that waits for its first look; Monday 2023-08-21."""
    begun = tell("inpatient_meals", at="2023-08-21T14:00")
    begun.through_intake(f"acceptor-{ZHUHAI}")
    return begun


def _leave(story: Telling, officer_id: Ids, who: str, substitute: str | None, **changes: Any) -> dict[str, Any]:
    body = {
        "officer_id": officer_id(who),
        "substitute_id": None if substitute is None else officer_id(substitute),
        "from_on": "2023-08-21",
        "until_on": "2023-08-25",
        "reason": "年休假。",
        **changes,
    }
    made: dict[str, Any] = story.client(SUPERVISOR).post("/absences", body)
    return made


def _refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value


@pytest.mark.rule("PER-01", "REV-06")
def test_a_substitute_does_what_the_absent_officer_could_and_the_record_says_for_whom(
    story: Telling, officer_id: Ids
) -> None:
    _leave(story, officer_id, FIRST, f"archivist-{ZHUHAI}")
    substitute = story.client(f"archivist-{ZHUHAI}")

    own = substitute.get("/sessions/current")
    story.act("task", by=f"archivist-{ZHUHAI}", task="confirm_stays", fields={"stays": STAYS})

    assert own["roles"] == ["archivist", "first_reviewer"]
    assert own["stands_in"][0]["officer"]["id"] == officer_id(FIRST)
    done = story.entries("task_completed")[-1]
    assert done["details"]["on_behalf_of"] == officer_id(FIRST)
    assert done["on_behalf_of"] == story.client(FIRST).get("/sessions/current")["name"]
    mine = substitute.get("/tasks?scope=done")["items"][0]
    assert mine["completed_by"]["id"] == officer_id(f"archivist-{ZHUHAI}")
    assert mine["completed_for"]["id"] == officer_id(FIRST)


@pytest.mark.rule("REV-06", "K-47")
def test_a_substitute_who_accepted_the_case_does_not_review_it(story: Telling, officer_id: Ids) -> None:
    _leave(story, officer_id, FIRST, f"acceptor-{ZHUHAI}")

    refusal = story.refusal("task", by=f"acceptor-{ZHUHAI}", task="confirm_stays", fields={"stays": STAYS})

    assert (refusal.status, refusal.code) == (403, "separation_of_duties")


@pytest.mark.rule("REV-06")
def test_what_the_absent_officer_must_not_do_his_substitute_must_not_do_for_him(
    story: Telling, officer_with: Callable[..., str], officer_id: Ids
) -> None:
    both = officer_with(ZHUHAI, "first_reviewer", "second_reviewer")
    story.act("task", by=both, task="confirm_stays", fields={"stays": STAYS})
    story.act("task", by=both, task="first_review", outcome="pass", opinion="同意。")
    _leave(story, officer_id, both, f"archivist-{ZHUHAI}")

    refusal = story.refusal("task", by=f"archivist-{ZHUHAI}", task="second_review", outcome="pass", opinion="同意。")

    assert refusal.code == "separation_of_duties"
    story.act("task", by=SECOND, task="second_review", outcome="pass", opinion="同意。")


@pytest.mark.rule("REV-06")
def test_whoever_was_stood_in_for_at_the_first_review_does_not_do_the_second(
    story: Telling, officer_with: Callable[..., str], officer_id: Ids
) -> None:
    both = officer_with(ZHUHAI, "first_reviewer", "second_reviewer")
    away = _leave(story, officer_id, both, f"archivist-{ZHUHAI}")
    story.act("task", by=f"archivist-{ZHUHAI}", task="confirm_stays", fields={"stays": STAYS})
    story.act("task", by=f"archivist-{ZHUHAI}", task="first_review", outcome="pass", opinion="同意。")
    story.client(both).post(f"/absences/{away['id']}/ending")

    refusal = story.refusal("task", by=both, task="second_review", outcome="pass", opinion="同意。")

    assert refusal.code == "separation_of_duties"


def test_on_leave_nothing_is_done_and_the_way_back_is_open(story: Telling, officer_id: Ids) -> None:
    away = _leave(story, officer_id, FIRST, None)
    officer = story.client(FIRST)

    assert _refusal(lambda: officer.post("/tasks/acquisitions")).code == "on_leave"
    assert officer.get("/sessions/current")["on_leave"] is True
    officer.post(f"/absences/{away['id']}/ending")
    assert officer.post("/tasks/acquisitions")["element_id"] == "confirm_stays"


def test_a_substitution_ends_with_the_leave(story: Telling, officer_id: Ids) -> None:
    _leave(story, officer_id, FIRST, f"archivist-{ZHUHAI}")

    story.clock("2023-08-26T09:00")

    assert story.client(f"archivist-{ZHUHAI}").get("/sessions/current")["roles"] == ["archivist"]
    assert story.client(FIRST).get("/sessions/current")["on_leave"] is False


# Before the leave


@pytest.mark.rule("PER-01")
def test_a_leave_begins_with_empty_hands(story: Telling, officer_id: Ids) -> None:
    task = story.open_task("confirm_stays")["id"]
    story.client(FIRST).post(f"/tasks/{task}/claim")

    refusal = _refusal(lambda: _leave(story, officer_id, FIRST, f"first2-{ZHUHAI}"))
    assert (refusal.status, refusal.code) == (409, "open_tasks")
    assert refusal.details["tasks"] == [task]

    given = {"to_officer_id": officer_id(f"first2-{ZHUHAI}"), "reason": "年休假。"}
    outcome = story.client(FIRST).post("/tasks/hand-overs", given)["outcomes"]
    assert outcome == [{"task_id": task, "outcome": "handed_over", "code": None, "message": None}]
    _leave(story, officer_id, FIRST, f"first2-{ZHUHAI}")
    assert story.open_task("confirm_stays")["claimed_by"]["id"] == officer_id(f"first2-{ZHUHAI}")
    assert story.entries("task_handed_over")[0]["opinion"] == "年休假。"


@pytest.mark.rule("REV-06")
def test_work_is_not_handed_to_whom_separation_or_role_or_agency_or_leave_forbids(
    story: Telling, officer_with: Callable[..., str], officer_id: Ids
) -> None:
    everything = officer_with(ZHUHAI, "acceptor", "first_reviewer", "second_reviewer")
    story.act("task", by=everything, task="confirm_stays", fields={"stays": STAYS})
    story.act("task", by=everything, task="first_review", outcome="pass", opinion="同意。")
    task = story.open_task("second_review")["id"]
    story.client(SECOND).post(f"/tasks/{task}/claim")
    _leave(story, officer_id, f"second2-{ZHUHAI}", None)
    supervisor = story.client(SUPERVISOR)

    def handed_to(username: str) -> str:
        body = {"from_officer_id": officer_id(SECOND), "to_officer_id": officer_id(username), "reason": "年休假。"}
        (outcome,) = supervisor.post("/tasks/hand-overs", body)["outcomes"]
        assert outcome["outcome"] == "refused"
        assert outcome["message"]
        code: str = outcome["code"]
        return code

    def assigned_to(username: str) -> str:
        body = {"officer_id": officer_id(username), "reason": "人手不足。"}
        return _refusal(lambda: supervisor.post(f"/tasks/{task}/assignment", body)).code

    for give in (handed_to, assigned_to):
        assert give(everything) == "separation_of_duties"
        assert give(f"archivist-{ZHUHAI}") == "role_missing"
        assert give(f"second2-{ZHUHAI}") == "on_leave"
    assert assigned_to("second-442099") == "invalid_input"
    stranger = {"from_officer_id": officer_id(SECOND), "to_officer_id": officer_id("second-442099"), "reason": "试。"}
    assert _refusal(lambda: supervisor.post("/tasks/hand-overs", stranger)).code == "not_found"
    assert story.open_task("second_review")["claimed_by"]["id"] == officer_id(SECOND)


def test_only_a_supervisor_hands_over_the_work_of_others(story: Telling, officer_id: Ids) -> None:
    task = story.open_task("confirm_stays")["id"]
    story.client(FIRST).post(f"/tasks/{task}/claim")
    body = {"from_officer_id": officer_id(FIRST), "task_ids": [task], "reason": "试。"}

    assert _refusal(lambda: story.client(f"first2-{ZHUHAI}").post("/tasks/hand-overs", body)).code == "role_missing"
    assert _refusal(lambda: story.client("supervisor-442099").post("/tasks/hand-overs", body)).code == "not_found"
    assert story.client(SUPERVISOR).post("/tasks/hand-overs", body)["outcomes"][0]["outcome"] == "handed_over"
    assert story.open_task("confirm_stays")["claimed_by"] is None


def test_what_is_held_by_a_transfer_changes_hands_and_stays_held(tell: Tell, officer_id: Ids) -> None:
    story = tell("medical_expense", at="2023-08-01T09:00")
    story.through_intake("acceptor-440305")
    first, colleague = "first-442099", "first2-442099"
    task = story.open_task("assess_expense_lines")["id"]
    story.client(first).post(f"/tasks/{task}/claim")
    story.act("transfer", by="transfer-442099", to="440605", reason="参保地不在本市。", legal_ground="附件2三（五）")

    body = {"task_ids": [task], "to_officer_id": officer_id(colleague), "reason": "年休假。"}
    outcome = story.client(first).post("/tasks/hand-overs", body)["outcomes"][0]

    assert outcome["outcome"] == "handed_over"
    held = story.client(colleague).get(f"/tasks/{task}")
    assert (held["claimed_by"]["id"], bool(held["held_because"])) == (officer_id(colleague), True)


def test_tasks_that_a_leave_of_its_day_overtakes_go_back_to_the_pool(
    story: Telling, officer_id: Ids, clock: FixedClock
) -> None:
    task = story.open_task("confirm_stays")["id"]
    story.client(FIRST).post(f"/tasks/{task}/claim")
    _leave(story, officer_id, FIRST, f"first2-{ZHUHAI}", from_on="2023-08-22")

    _return_stranded()
    assert story.open_task("confirm_stays")["claimed_by"]["id"] == officer_id(FIRST)
    clock.set("2023-08-22T08:30")
    _return_stranded()

    assert story.open_task("confirm_stays")["claimed_by"] is None
    assert story.entries("task_released")[0]["details"]["holder"] == officer_id(FIRST)


def _return_stranded() -> None:
    with transaction() as session:
        return_stranded_tasks(session)


def test_work_that_comes_back_does_not_go_to_somebody_on_leave(story: Telling, officer_id: Ids, app: Flask) -> None:
    story.act("task", by=FIRST, task="confirm_stays", fields={"stays": STAYS})
    story.act("task", by=FIRST, task="first_review", outcome="pass", opinion="同意。")
    _leave(story, officer_id, FIRST, f"first2-{ZHUHAI}")

    story.act("task", by=SECOND, task="second_review", outcome="send_back", opinion="请核对天数。")

    with transaction() as session:
        again = session.scalars(select(Task).where(Task.case_id == story.case_id, Task.state == "pool")).one()
        assert again.role == "first_reviewer"


# Who may stand in


@pytest.mark.rule("PER-02")
@pytest.mark.parametrize(
    ("who", "substitute", "code"),
    [
        (FIRST, FIRST, "invalid_input"),
        (FIRST, "first-442099", "invalid_input"),
        (FIRST, SUPERVISOR, "own_account"),
    ],
)
def test_nobody_stands_in_for_himself_elsewhere_or_by_his_own_word(
    story: Telling, officer_id: Ids, who: str, substitute: str, code: str
) -> None:
    assert _refusal(lambda: _leave(story, officer_id, who, substitute)).code == code


@pytest.mark.rule("PER-02")
def test_an_administrator_and_an_auditor_stand_in_for_nobody(story: Telling, officer_id: Ids) -> None:
    body = {"from_on": "2023-08-21", "until_on": "2023-08-22", "reason": "年休假。"}
    admin = {"officer_id": officer_id("admin-440499"), "substitute_id": officer_id("first-440499"), **body}
    refusal = _refusal(lambda: story.client("supervisor-440499").post("/absences", admin))

    assert refusal.code == "invalid_input"


@pytest.mark.parametrize(
    ("who", "substitute"), [(FIRST, SECOND), (f"first2-{ZHUHAI}", FIRST), (SECOND, None), (f"first2-{ZHUHAI}", SECOND)]
)
def test_nobody_is_away_twice_or_stands_in_for_two_or_while_away(
    story: Telling, officer_id: Ids, who: str, substitute: str | None
) -> None:
    _leave(story, officer_id, FIRST, SECOND)

    refusal = _refusal(lambda: _leave(story, officer_id, who, substitute, from_on="2023-08-25", until_on="2023-08-28"))

    assert (refusal.status, refusal.code) == (409, "absence_overlaps")


@pytest.mark.parametrize(
    "days", [("2023-08-20", "2023-08-22"), ("2023-08-23", "2023-08-22"), ("2023-08-21", "2024-08-22")]
)
def test_a_leave_lies_ahead_and_has_an_end(story: Telling, officer_id: Ids, days: tuple[str, str]) -> None:
    refusal = _refusal(lambda: _leave(story, officer_id, FIRST, None, from_on=days[0], until_on=days[1]))

    assert refusal.code == "invalid_input"


def test_leaves_are_listed_for_the_agency_and_hidden_from_others(story: Telling, officer_id: Ids) -> None:
    made = _leave(story, officer_id, FIRST, SECOND)

    assert [one["id"] for one in story.client(SUPERVISOR).get("/absences")["items"]] == [made["id"]]
    assert story.client("supervisor-442099").get("/absences")["items"] == []
    refusal = _refusal(lambda: story.client("supervisor-442099").post(f"/absences/{made['id']}/ending"))
    assert refusal.code == "not_found"
    story.client(SUPERVISOR).post(f"/absences/{made['id']}/ending")
    refusal = _refusal(lambda: story.client(FIRST).post(f"/absences/{made['id']}/ending"))
    assert refusal.code == "absence_ended"


@pytest.mark.postgres
def test_two_leaves_at_once_for_one_substitute_leave_one_of_them(postgres_app: Flask, clock: FixedClock) -> None:
    with transaction() as session:
        ids = {row.username: row.id for row in session.scalars(select(Officer).where(Officer.agency_code == ZHUHAI))}
    supervisor = log_in(postgres_app, SUPERVISOR)
    days = {"from_on": "2023-08-02", "until_on": "2023-08-04", "reason": "年休假。"}

    def leave(who: str) -> int:
        body = {"officer_id": ids[who], "substitute_id": ids[f"archivist-{ZHUHAI}"], **days}
        return supervisor.post("/api/v1/absences", body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, (FIRST, SECOND))) == [201, 409]
