"""The plain course of a case and its side ways: the states an officer sees, and who is on record for what."""

from __future__ import annotations

import pytest

from engine.db import transaction
from engine.models import Case
from tests.conftest import FixedClock
from tests.stories.conftest import Tell
from tests.stories.telling import Telling

ZHONGSHAN = "442099"
COUNTER = "acceptor-440305"
LINES = ("386.50", "15200.00")


def _accepted(tell: Tell) -> Telling:
    story = tell("medical_expense", at="2023-08-21T09:00")
    story.through_intake(COUNTER)
    return story


def _assessed(tell: Tell) -> Telling:
    story = _accepted(tell)
    lines = [
        {"line": number, "allowed": line["claimed"], "catalogue": "inside"}
        for number, line in enumerate(story.case()["lines"], 1)
    ]
    story.act("task", by=f"first-{ZHONGSHAN}", task="assess_expense_lines", fields={"lines": lines})
    return story


def _review(story: Telling, level: str, outcome: str, **more: object) -> None:
    story.act(
        "task", by=f"{level}-{ZHONGSHAN}", task=f"{level}_review", outcome=outcome, opinion="按规定办理。", **more
    )


@pytest.mark.rule("DAT-04", "REV-03", "ROU-03")
def test_a_case_shows_the_states_of_the_notice_one_after_the_other(tell: Tell) -> None:
    story = _accepted(tell)
    seen = [story.case()["state_name"]]
    story.client(f"first-{ZHONGSHAN}").post(f"/tasks/{story.open_task('assess_expense_lines')['id']}/claim")
    seen.append(story.case()["state_name"])
    lines = [
        {"line": number, "allowed": line["claimed"], "catalogue": "inside"}
        for number, line in enumerate(story.case()["lines"], 1)
    ]
    story.act("task", by=f"first-{ZHONGSHAN}", task="assess_expense_lines", fields={"lines": lines})
    for level in ("first", "second"):
        _review(story, level, "pass")
        seen.append(story.case()["state_name"])
    story.act("to_the_archive", by=ZHONGSHAN)
    seen.append(story.case()["state_name"])

    assert seen == ["已扫描", "待初审", "待复审", "待送达", "已归档"]
    assert story.case()["completed_at"]


@pytest.mark.rule("REV-05", "REV-03")
def test_who_decided_what_is_on_record_with_agency_time_and_opinion(tell: Tell) -> None:
    story = _assessed(tell)
    _review(story, "first", "pass")
    _review(story, "second", "pass")

    decided = [entry for entry in story.entries("task_completed") if entry["details"]["name"] in ("初审", "复审")]

    assert [entry["details"]["outcome"] for entry in decided] == ["pass", "pass"]
    assert all(entry["officer"] and entry["at"] and entry["opinion"] for entry in decided)
    assert {entry["agency"] for entry in decided} == {"中山市社会保险基金管理局"}


@pytest.mark.rule("REV-07", "DAT-04")
@pytest.mark.parametrize(
    ("outcome", "result", "document", "slot"),
    [
        ("not_passed", "not_approved", "not_approved_notice", "not_passed"),
        ("terminate", "terminated", "termination_notice", "termination"),
    ],
)
def test_each_other_end_has_its_document_and_its_message(
    tell: Tell, outcome: str, result: str, document: str, slot: str
) -> None:
    story = _assessed(tell)
    _review(story, "first", outcome)
    _review(story, "second", outcome)

    case = story.case()

    assert case["result"] == result
    assert document in {issued["kind"] for issued in case["documents"]}
    assert [entry["details"]["slot"] for entry in story.entries("message_made")].count(slot) == 1


@pytest.mark.rule("REV-07", "DAT-04", "DDL-05", "K-21")
def test_a_suspension_stops_the_limit_until_it_is_lifted(tell: Tell, clock: FixedClock) -> None:
    story = _assessed(tell)
    due = story.case()["due_on"]
    _review(story, "first", "suspend")
    assert story.case()["state_name"] == "中止"

    story.clock("2023-08-28T09:00")
    story.act("task", by=f"first-{ZHONGSHAN}", task="resume_or_terminate", outcome="resume")

    after = story.case()
    assert (due, after["due_on"]) == ("2023-09-11", "2023-09-18")
    assert after["suspensions"][0]["moved_workdays"] == 5
    assert "suspension_notice" in {issued["kind"] for issued in after["documents"]}


@pytest.mark.rule("REV-06", "REV-07", "REV-03")
def test_a_suspended_case_is_terminated_by_two_people(tell: Tell) -> None:
    story = _assessed(tell)
    _review(story, "first", "suspend")
    story.act(
        "task", by=f"first-{ZHONGSHAN}", task="resume_or_terminate", outcome="terminate", opinion="申请人已获赔偿。"
    )

    case = story.case()
    assert (case["state_name"], case["result"]) == ("待复审", None)
    assert "termination_notice" not in {issued["kind"] for issued in case["documents"]}

    _review(story, "second", "terminate")

    case = story.case()
    assert case["result"] == "terminated"
    assert "termination_notice" in {issued["kind"] for issued in case["documents"]}


@pytest.mark.rule("REV-07")
def test_what_is_sent_back_returns_to_the_officer_who_did_it(tell: Tell) -> None:
    story = _assessed(tell)
    _review(story, "first", "pass")
    _review(story, "second", "send_back")

    again = story.open_task("first_review")

    assert again["state"] == "claimed"
    assert again["claimed_by"] == story.client(f"first-{ZHONGSHAN}").get(f"/tasks/{again['id']}")["claimed_by"]
    story.act("task", by=f"first-{ZHONGSHAN}", task="first_review", outcome="pass", opinion="已补正。")
    assert story.open_tasks() == {"second_review"}


@pytest.mark.rule("SUP-01", "SUP-02")
@pytest.mark.parametrize("place", ["scanner-442099", "scanner-440305", COUNTER])
def test_the_applicant_supplements_at_the_handling_or_at_the_accepting_place(tell: Tell, place: str) -> None:
    story = _asked_for_more(tell)
    (asked,) = story.case()["supplements"][0]["requested"]

    # What stands on no checklist has its line too, or nobody could scan it; and nothing has come before it is scanned.
    early = story.refusal("task", by=place, task="collect_supplement")
    assert (early.code, early.details["materials"]) == ("images_missing", [asked["material"]])
    story.act("scan", by=place, material=asked["material"])
    story.act("task", by=place, task="collect_supplement")

    case = story.case()
    (line,) = (item for item in case["materials"] if item["material"] == asked["material"])
    assert (line["name"], len(line["images"]), line["mandatory"]) == ("出院记录", 1, False)
    supplement = case["supplements"][0]
    assert line["supplement_id"] == supplement["id"]
    assert supplement["state"] == "handed_in"
    assert supplement["handed_in_agency_code"] == place.rpartition("-")[2]
    assert story.open_tasks() == {"first_review"}


@pytest.mark.rule("SUP-02")
@pytest.mark.parametrize("stranger", ["scanner-440499", "first-442099"])
def test_a_third_place_or_an_ordinary_reviewer_cannot_take_the_supplement(tell: Tell, stranger: str) -> None:
    story = _asked_for_more(tell)
    task = story.open_task("collect_supplement")

    with pytest.raises(Exception, match=r"40[34]"):
        story.client(stranger).post(f"/tasks/{task['id']}/claim")

    assert story.open_tasks() == {"collect_supplement"}


def test_a_supplement_that_does_not_come_goes_back_to_the_reviewer_without_it(tell: Tell) -> None:
    story = _asked_for_more(tell)
    due = story.case()["supplements"][0]["due_on"]

    story.clock(f"{due}T23:00")
    assert story.open_tasks() == {"collect_supplement"}
    story.clock("2023-09-20T09:00")

    assert story.case()["supplements"][0]["state"] == "expired"
    assert story.open_tasks() == {"first_review"}


def _asked_for_more(tell: Tell) -> Telling:
    story = _assessed(tell)
    _review(
        story, "first", "supplement", fields={"materials": [{"name": "出院记录", "what": "请提供加盖公章的出院记录"}]}
    )
    assert story.case()["state_name"] == "补正中"
    return story


@pytest.mark.rule("JUR-08")
def test_the_reviews_of_a_transfer_are_acquired_at_random_and_by_name_like_any_task(tell: Tell) -> None:
    story = _accepted(tell)
    story.act(
        "transfer",
        by=f"transfer-{ZHONGSHAN}",
        to="441999",
        reason="受伤时参保关系在东莞。",
        legal_ground="粤社保〔2023〕4号附件2三（五）",
    )

    drawn = story.client(f"first-{ZHONGSHAN}").post("/tasks/acquisitions", {"role": "first_reviewer"})
    assert drawn["element_id"] == "transfer_first_review"
    story.act("task", by=f"first-{ZHONGSHAN}", task="transfer_first_review", outcome="pass", opinion="情况属实。")
    named = story.open_task("transfer_second_review")
    claimed = story.client(f"second-{ZHONGSHAN}").post(f"/tasks/{named['id']}/claim")

    assert (drawn["claimed_how"], claimed["claimed_how"]) == ("random", "self")


@pytest.mark.rule("DAT-05")
def test_a_voided_case_keeps_its_number_and_counts_no_more(tell: Tell) -> None:
    story = _assessed(tell)
    number = story.case()["receipt_number"]

    story.client(f"supervisor-{ZHONGSHAN}").post(f"/cases/{story.case_id}/voiding", {"reason": "重复受理"})

    voided = story.case()
    assert (voided["receipt_number"], voided["valid"], voided["result"]) == (number, False, "voided")


@pytest.mark.rule("SZ-25")
def test_the_applicant_withdraws_before_the_decision_and_not_after(tell: Tell) -> None:
    story = _assessed(tell)
    story.client(COUNTER).post(f"/cases/{story.case_id}/withdrawal", {"reason": "申请人要求撤回"})

    assert story.case()["result"] == "withdrawn"
    with pytest.raises(Exception, match="case_finished"):
        story.client(COUNTER).post(f"/cases/{story.case_id}/withdrawal", {"reason": "再次撤回"})


@pytest.mark.rule("SZ-25")
@pytest.mark.parametrize(
    ("outcome", "fields", "ended"),
    [
        ("supplement", {"materials": [{"name": "出院记录", "what": "补交"}]}, "supplement_cancelled"),
        ("suspend", {}, "suspension_ended"),
    ],
)
def test_who_withdraws_is_waited_for_no_more(tell: Tell, outcome: str, fields: dict[str, object], ended: str) -> None:
    story = _assessed(tell)
    _review(story, "first", outcome, fields=fields)

    story.client(COUNTER).post(f"/cases/{story.case_id}/withdrawal", {"reason": "申请人要求撤回"})

    case = story.case()
    assert story.entries(ended)
    assert [one["state"] for one in case["supplements"]] in ([], ["cancelled"])
    assert all(one["resumed_on"] for one in case["suspensions"])


@pytest.mark.rule("ACC-01")
def test_what_happened_before_acceptance_can_be_read_too(tell: Tell) -> None:
    story = tell("medical_expense", at="2023-08-21T09:00")
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=COUNTER)
    story.act("refuse", by=COUNTER, opinion="申请人要求不再办理。", ground="附件2 三（二）")

    told = story.client(COUNTER).get(f"/applications/{story.application_id}/timeline")["items"]

    kinds = [entry["kind"] for entry in told]
    assert kinds[0] == "application_submitted"
    assert {"application_checked", "application_refused"} <= set(kinds)
    assert all(entry["officer"] and entry["agency"] for entry in told if not entry["kind"].startswith("message_"))


def test_a_message_that_quotes_an_opinion_ends_with_one_full_stop(tell: Tell) -> None:
    story = _assessed(tell)
    _review(story, "first", "terminate")
    _review(story, "second", "terminate")

    texts = [entry["opinion"] for entry in story.entries("message_made") if entry["details"]["slot"] == "termination"]

    assert texts
    assert all("按规定办理。" in text and "。。" not in text for text in texts)


@pytest.mark.rule("DDL-05", "K-21")
@pytest.mark.parametrize(("stops", "due"), [(False, "2023-09-11"), (True, "2023-09-14")])
def test_a_supplement_counts_unless_the_switch_of_the_item_says_otherwise(tell: Tell, stops: bool, due: str) -> None:
    story = _assessed(tell)
    with transaction() as session:
        configuration = session.get_one(Case, story.case_id).configuration
        configuration.switches = {**configuration.switches, "supplement_stops_clock": stops}
    _review(
        story, "first", "supplement", fields={"materials": [{"name": "出院记录", "what": "请提供加盖公章的出院记录"}]}
    )

    story.clock("2023-08-24T10:00")
    (asked,) = story.case()["supplements"][0]["requested"]
    story.act("scan", by="scanner-442099", material=asked["material"])
    story.act("task", by="scanner-442099", task="collect_supplement")

    assert story.case()["due_on"] == due
    assert story.case()["limit_stopped_on"] is None
