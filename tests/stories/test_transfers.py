"""A case in the wrong place: one transfer, then only the common superior (part L 5-8; S03, S04, S07, S11, S13-S17)."""

from __future__ import annotations

import pytest

from api.demo.client import Refused
from engine import clock
from engine.casework.province import configuration_for
from engine.db import transaction
from tests.stories.telling import Tell, Telling, dated

FOSHAN, DONGGUAN = "440605", "441999"
BASIS = "粤社保〔2023〕4号附件2三（五）"


def _accepted(tell: Tell, at: str = "2023-09-28T09:00", name: str = "transferred") -> Telling:
    story = tell(name, at=at)
    story.through_intake(f"acceptor-{story.story.application['outlet'][:6]}")
    return story


def _start(story: Telling, source: str, target: str) -> None:
    story.act("transfer", by=f"transfer-{source}", to=target, reason="受伤时在其他机构参保。", legal_ground=BASIS)


def _pass(story: Telling, source: str) -> None:
    story.act("task", by=f"first-{source}", task="transfer_first_review", outcome="pass", opinion="情况属实。")
    story.act("task", by=f"second-{source}", task="transfer_second_review", outcome="pass", opinion="同意。")


def _transferred(story: Telling, source: str, target: str) -> None:
    _start(story, source, target)
    _pass(story, source)


# --- the one working day


@pytest.mark.rule("JUR-01", "DDL-03", "K-10")
@pytest.mark.parametrize(
    ("found", "due"),
    [
        ("2023-08-01", "2023-08-02"),  # an ordinary Tuesday
        ("2023-08-04", "2023-08-07"),  # Friday
        ("2023-09-28", "2023-10-07"),  # before National Day: a Saturday that is a workday
        ("2024-02-09", "2024-02-18"),  # New Year's Eve is a workday, the Sunday after the holiday too
        ("2025-01-24", "2025-01-26"),  # an adjusted Sunday
        ("2025-01-27", "2025-02-05"),
    ],
)
def test_a_transfer_is_due_at_the_end_of_the_first_workday_after_arrival(tell: Tell, found: str, due: str) -> None:
    handed_in = dated("disputed_between_cities", injured="2022-06-01", signed="2023-07-31")
    story = tell("disputed_between_cities", at=f"{found}T09:00", **handed_in)
    story.through_intake("acceptor-440403")

    _start(story, "440403", "440705")

    assert story.case()["transfers"][0]["due_from_arrival_on"] == due


@pytest.mark.rule("JUR-01", "JUR-02", "K-11")
def test_a_late_transfer_alerts_once_goes_through_and_does_not_move_the_due_date(tell: Tell) -> None:
    story = _accepted(tell)
    due = story.case()["due_on"]
    _start(story, FOSHAN, DONGGUAN)

    story.clock("2023-10-08T09:00")
    story.clock("2023-10-08T10:00")
    _pass(story, FOSHAN)

    case = story.case()
    assert len(story.entries("transfer_overdue")) == 1
    assert case["transfers"][0]["late_workdays"] == 1
    assert case["handling_agency"]["code"] == DONGGUAN
    assert case["due_on"] == due


@pytest.mark.rule("JUR-01", "K-11")
def test_a_transfer_in_time_warns_at_half_time_and_raises_no_alert(tell: Tell) -> None:
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)

    story.clock("2023-10-07T15:00")
    _pass(story, FOSHAN)
    story.clock("2023-10-09T09:00")

    assert len(story.entries("transfer_warned")) == 1
    assert not story.entries("transfer_overdue")
    assert story.case()["transfers"][0]["late_workdays"] == 0


@pytest.mark.rule("K-11")
def test_the_tasks_of_a_transfer_head_the_queue(tell: Tell) -> None:
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)

    first = story.client(f"first-{FOSHAN}").get("/tasks", limit=1)["items"][0]

    assert first["element_id"] == "transfer_first_review"


@pytest.mark.rule("JUR-08")
def test_both_reviews_of_a_transfer_are_acquired_at_random_or_by_name(tell: Tell) -> None:
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)

    at_random = story.client(f"first-{FOSHAN}").post("/tasks/acquisitions", {})
    story.act("task", by=f"first-{FOSHAN}", task="transfer_first_review", outcome="pass")
    second = story.open_task("transfer_second_review")["id"]
    by_name = story.client(f"second-{FOSHAN}").post(f"/tasks/{second}/claim")

    assert (at_random["element_id"], at_random["claimed_how"]) == ("transfer_first_review", "random")
    assert (by_name["element_id"], by_name["claimed_how"]) == ("transfer_second_review", "self")


# --- what it is and what it is not


@pytest.mark.rule("JUR-06", "REV-06")
def test_the_three_steps_of_a_transfer_are_done_by_three_people(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    story.act(
        "task",
        by=f"first-{FOSHAN}",
        task="first_review",
        outcome="not_ours",
        opinion="不属于本机构管辖。",
        fields={"to_agency": DONGGUAN, "legal_ground": BASIS},
    )

    refusal = story.refusal("task", by=f"first-{FOSHAN}", task="transfer_first_review", outcome="pass")

    assert (refusal.status, refusal.code) == (403, "separation_of_duties")


@pytest.mark.rule("JUR-06", "REV-06")
def test_nobody_does_the_first_and_the_second_review_of_the_same_transfer(tell: Tell, officer_with) -> None:
    both = officer_with(FOSHAN, "first_reviewer", "second_reviewer")
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)
    story.act("task", by=both, task="transfer_first_review", outcome="pass")

    refusal = story.refusal("task", by=both, task="transfer_second_review", outcome="pass")

    assert (refusal.status, refusal.code) == (403, "separation_of_duties")
    assert "岗位不相容" in refusal.detail


@pytest.mark.rule("JUR-06")
def test_a_finished_case_cannot_be_transferred(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    story.act("pass_reviews", by=[f"first-{FOSHAN}", f"second-{FOSHAN}"])

    refusal = story.refusal("transfer", by=f"transfer-{FOSHAN}", to=DONGGUAN, reason="…", legal_ground=BASIS)

    assert (refusal.status, refusal.code) == (422, "case_finished")


@pytest.mark.rule("JUR-07", "JUR-11")
def test_a_transfer_to_oneself_or_without_a_reason_is_refused(tell: Tell) -> None:
    story = _accepted(tell)

    to_itself = story.refusal("transfer", by=f"transfer-{FOSHAN}", to=FOSHAN, reason="…", legal_ground=BASIS)
    to_nobody = story.refusal("transfer", by=f"transfer-{FOSHAN}", to="449999", reason="…", legal_ground=BASIS)
    unfounded = story.refusal("transfer", by=f"transfer-{FOSHAN}", to=DONGGUAN, reason=" ", legal_ground=BASIS)

    assert "to_agency" in to_itself.fields
    assert "to_agency" in to_nobody.fields
    assert "reason" in unfounded.fields
    assert not story.case()["transfers"]


@pytest.mark.rule("JUR-07")
def test_a_case_goes_only_where_its_service_is_taken_from_elsewhere(tell: Tell) -> None:
    story = _accepted(tell)
    with transaction() as session:
        row = configuration_for(session, DONGGUAN, "medical_expense", clock.today())
        row.distribution_mode = "local"

    refusal = story.refusal("transfer", by=f"transfer-{FOSHAN}", to=DONGGUAN, reason="…", legal_ground=BASIS)

    assert "没有开通" in refusal.fields["to_agency"][0]


@pytest.mark.rule("K-22", "JUR-07")
def test_the_province_may_be_the_target_and_the_operator_is_warned(tell: Tell) -> None:
    story = _accepted(tell)

    _transferred(story, FOSHAN, "440099")

    case = story.case()
    assert case["handling_agency"]["code"] == "440099"
    assert "上级" in case["transfers"][0]["warning"]
    assert story.entries("transfer_started")[0]["details"]["to_superior"] is True
    escalation = story.refusal("escalate", by="first-440099", reason="…")
    assert (escalation.status, escalation.code) == (422, "no_common_superior")


@pytest.mark.rule("JUR-07")
def test_not_ours_with_a_wrong_agency_is_refused_under_the_names_of_the_form(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    review = {"by": f"first-{FOSHAN}", "task": "first_review", "outcome": "not_ours", "opinion": "不属于本机构管辖。"}

    refusal = story.refusal("task", **review, fields={"to_agency": "x1", "legal_ground": BASIS})

    assert list(refusal.fields) == ["fields.to_agency"]
    assert story.open_task("first_review")["held_because"] is None


@pytest.mark.rule("JUR-09", "JUR-02")
def test_a_case_before_its_second_review_goes_over_with_its_numbers_and_starts_again_at_the_first(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    story.act("task", by=f"first-{FOSHAN}", task="first_review", outcome="pass", opinion="同意。")
    before = story.case()
    assert before["state"] == "awaiting_second_review"

    _transferred(story, FOSHAN, DONGGUAN)

    after = story.case()
    assert after["state"] == "scanned"
    assert {task["agency_code"] for task in after["tasks"]} == {DONGGUAN}
    assert "second_review" not in story.open_tasks()
    kept = ("receipt_number", "serial_number", "accepted_at", "due_on", "limit_workdays", "accepting_agency")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    story.assess(f"first-{DONGGUAN}", "268.00", "23650.00")
    assert story.open_tasks() == {"first_review"}


@pytest.mark.rule("JUR-09")
def test_the_timeline_shows_agency_and_state_before_and_after_the_transfer(tell: Tell) -> None:
    story = _accepted(tell)

    _transferred(story, FOSHAN, DONGGUAN)

    moved = story.entries("case_transferred")[0]["details"]
    started = story.entries("transfer_started")[0]["details"]
    assert (moved["from_agency"], moved["to_agency"]) == (FOSHAN, DONGGUAN)
    assert started["state"]


@pytest.mark.rule("JUR-09", "REV-02")
def test_the_old_agency_cannot_work_on_the_case_any_more(tell: Tell) -> None:
    story = _accepted(tell)
    old = story.open_task("assess_expense_lines")
    _transferred(story, FOSHAN, DONGGUAN)

    with pytest.raises(Exception, match="409"):
        story.client(f"first-{FOSHAN}").post(f"/tasks/{old['id']}/claim")


@pytest.mark.rule("JUR-06")
def test_while_a_transfer_runs_the_review_is_held_and_a_refused_one_gives_it_back_as_it_was(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    review = story.open_task("first_review")
    story.client(f"first-{FOSHAN}").post(f"/tasks/{review['id']}/claim")
    _start(story, FOSHAN, DONGGUAN)

    held = story.refusal("task", by=f"first-{FOSHAN}", task="first_review", outcome="pass")
    story.act("task", by=f"first2-{FOSHAN}", task="transfer_first_review", outcome="refuse", opinion="属本机构。")
    if "transfer_second_review" in story.open_tasks():
        story.act("task", by=f"second-{FOSHAN}", task="transfer_second_review", outcome="refuse", opinion="属本机构。")

    assert (held.status, held.code) == (409, "task_held")
    again = story.open_task("first_review")
    assert (again["id"], again["state"], again["held_because"]) == (review["id"], "claimed", None)
    assert story.case()["state"] == "awaiting_first_review"
    # A refused transfer is not the one transfer: another may follow.
    _start(story, FOSHAN, DONGGUAN)


@pytest.mark.rule("JUR-06")
def test_a_transfer_that_its_starter_withdraws_is_not_written_down_as_refused(tell: Tell) -> None:
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)
    story.act("task", by=f"first-{FOSHAN}", task="transfer_first_review", outcome="refuse", opinion="属本机构。")
    transfer = story.case()["transfers"][0]["id"]

    story.client(f"transfer-{FOSHAN}").post(f"/transfers/{transfer}/withdrawal", {"reason": "经核实属于本机构管辖。"})

    assert story.case()["transfers"][0]["state"] == "withdrawn"
    assert story.entries("transfer_withdrawn")
    assert not story.entries("transfer_refused")


@pytest.mark.rule("JUR-06")
def test_who_withdraws_a_transfer_too_late_hears_who_ended_it_and_when(tell: Tell) -> None:
    story = _accepted(tell)
    _transferred(story, FOSHAN, DONGGUAN)
    case = story.case()
    ended_by = story.entries("case_transferred")[0]["officer"]

    with pytest.raises(Refused) as refusal:
        story.client(f"transfer-{FOSHAN}").post(
            f"/transfers/{case['transfers'][0]['id']}/withdrawal", {"reason": "不移交了。"}
        )

    assert (refusal.value.status, refusal.value.code) == (409, "transfer_ended")
    assert refusal.value.details["by"] == ended_by
    assert f"{ended_by}于2023-09-28" in refusal.value.detail


@pytest.mark.rule("JUR-06")
def test_a_transfer_sent_back_at_its_first_review_is_refused_with_the_reviewers_words(tell: Tell) -> None:
    story = _accepted(tell)
    _start(story, FOSHAN, DONGGUAN)

    story.act("task", by=f"first-{FOSHAN}", task="transfer_first_review", outcome="send_back", opinion="请写明依据。")

    assert story.case()["transfers"][0]["state"] == "refused"
    assert story.entries("transfer_refused")[0]["opinion"] == "请写明依据。"


@pytest.mark.rule("JUR-09")
def test_what_the_old_agency_asked_for_is_asked_for_no_more_after_a_transfer(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    more = {"materials": [{"name": "费用清单", "what": "补交第二页"}]}
    review = {"by": f"first-{FOSHAN}", "task": "first_review"}
    story.act("task", **review, outcome="supplement", opinion="缺少一页。", fields=more)

    _transferred(story, FOSHAN, DONGGUAN)

    assert [supplement["state"] for supplement in story.case()["supplements"]] == ["cancelled"]
    assert story.entries("supplement_cancelled")


@pytest.mark.rule("K-17", "ACC-08")
def test_what_the_new_agency_asks_for_besides_must_come_before_it_decides(tell: Tell) -> None:
    story = _accepted(tell)
    with transaction() as session:
        row = configuration_for(session, DONGGUAN, "medical_expense", clock.today())
        counter = row.materials["counter"]
        statement = {**counter["main"][0], "code": "site_statement", "name": "工地说明", "form": None}
        row.materials = {**row.materials, "counter": {**counter, "main": [*counter["main"], statement]}}

    _transferred(story, FOSHAN, DONGGUAN)

    assert story.case()["state_name"] == "已扫描"
    assert story.entries("checklist_extended")[0]["details"]["materials"] == ["工地说明"]
    story.assess(f"first-{DONGGUAN}", "268.00", "23650.00")
    review = {"by": f"first-{DONGGUAN}", "task": "first_review"}
    early = story.refusal("task", **review, outcome="pass", opinion="同意。")
    assert (early.code, early.details["materials"]) == ("images_missing", ["site_statement"])
    more = {"materials": [{"material": "site_statement", "name": "工地说明", "what": "请提交"}]}
    story.act("task", **review, outcome="supplement", opinion="本市另需工地说明。", fields=more)
    story.act("scan", by=f"scanner-{DONGGUAN}", material="site_statement")
    story.act("task", by=f"scanner-{DONGGUAN}", task="collect_supplement")
    story.act("task", **review, outcome="pass", opinion="同意。")
    assert story.open_tasks() == {"second_review"}


@pytest.mark.rule("JUR-02", "JUR-09")
def test_a_suspension_ends_with_the_transfer_and_moves_the_due_date_by_its_own_days_alone(tell: Tell) -> None:
    story = _accepted(tell)
    story.assess(f"first-{FOSHAN}", "268.00", "23650.00")
    story.act("task", by=f"first-{FOSHAN}", task="first_review", outcome="suspend", opinion="等待诉讼结果。")
    promised = story.case()["due_on"]
    story.clock("2023-10-09T09:00")

    _transferred(story, FOSHAN, DONGGUAN)

    case = story.case()
    suspension = case["suspensions"][0]
    # 09-28 itself was worked on; 10-07, 10-08 and 10-09 were not.
    assert (suspension["resumed_on"], suspension["moved_workdays"]) == ("2023-10-09", 3)
    assert (promised, case["due_on"]) == ("2023-11-01", "2023-11-06")
    assert story.entries("suspension_ended")[0]["details"]["due_on"] == "2023-11-06"


# --- the receiver disagrees


@pytest.mark.rule("JUR-03", "JUR-05")
def test_the_receiver_may_only_ask_the_common_superior_and_after_its_answer_nothing_is_left(tell: Tell) -> None:
    story = _accepted(tell)
    _transferred(story, FOSHAN, DONGGUAN)

    again = story.refusal("transfer", by=f"transfer-{DONGGUAN}", to=FOSHAN, reason="…", legal_ground=BASIS)
    story.act("escalate", by=f"first-{DONGGUAN}", reason="项目未在东莞参保。")
    story.act(
        "task",
        by="superior-440099",
        task="designate_agency",
        fields={"agency": FOSHAN, "guidance": "由佛山市南海区办理。"},
    )

    assert (again.status, again.code) == (422, "already_transferred")
    case = story.case()
    assert (case["handling_agency"]["code"], case["state"]) == (FOSHAN, "scanned")
    transfer = story.refusal("transfer", by=f"transfer-{FOSHAN}", to=DONGGUAN, reason="…", legal_ground=BASIS)
    escalation = story.refusal("escalate", by=f"first-{FOSHAN}", reason="…")
    assert {transfer.code, escalation.code} == {"agency_designated"}
    reopening = story.client(f"supervisor-{FOSHAN}")
    with pytest.raises(Exception, match=r"40[34]"):
        reopening.post(f"/escalations/{case['escalations'][0]['id']}/reopening", {"reason": "再议"})


@pytest.mark.rule("JUR-05")
def test_only_the_superior_reopens_its_own_decision(tell: Tell) -> None:
    story = _accepted(tell)
    _transferred(story, FOSHAN, DONGGUAN)
    story.act("escalate", by=f"first-{DONGGUAN}", reason="项目未在东莞参保。")
    designation = {"task": "designate_agency", "by": "superior-440099"}
    story.act("task", **designation, fields={"agency": FOSHAN, "guidance": "由南海办理。"})
    escalation = story.case()["escalations"][0]["id"]

    story.client("superior-440099").post(f"/escalations/{escalation}/reopening", {"reason": "发现新的参保证明。"})
    story.act("task", **designation, fields={"agency": DONGGUAN, "guidance": "改由东莞办理。"})

    assert story.case()["handling_agency"]["code"] == DONGGUAN


@pytest.mark.rule("JUR-05")
@pytest.mark.parametrize("wrong", ["999999", "440605", "440106001", "不是编码"])  # 440605: of another city
def test_a_slip_of_the_superiors_pen_is_refused_at_once_and_the_question_stays_open(tell: Tell, wrong: str) -> None:
    story = _accepted(tell, at="2023-10-23T09:00", name="disputed_between_districts")
    _transferred(story, "440106", "440113")
    story.act("escalate", by="first-440113", reason="不属于本机构管辖。")

    refusal = story.refusal(
        "task", by="superior-440199", task="designate_agency", fields={"agency": wrong, "guidance": "由该机构办理。"}
    )

    assert (refusal.status, list(refusal.fields)) == (422, ["fields.agency"])
    assert story.open_task("designate_agency")["state"] == "claimed"
    assert not story.client("supervisor-440113").get("/incidents")["items"]


@pytest.mark.rule("JUR-05")
def test_a_town_that_the_superior_names_stands_for_its_city(tell: Tell) -> None:
    story = _accepted(tell)
    _transferred(story, FOSHAN, "440705")
    story.act("escalate", by="first-440705", reason="项目未在新会参保。")

    town = {"agency": "441900003", "guidance": "由东莞市办理。"}
    story.act("task", by="superior-440099", task="designate_agency", fields=town)

    assert story.case()["handling_agency"]["code"] == DONGGUAN


@pytest.mark.rule("JUR-04")
@pytest.mark.parametrize(
    ("name", "source", "target", "superior"),
    [
        ("disputed_between_districts", "440106", "440113", "440199"),  # two districts of one city: the city
        ("transferred", "440605", "441999", "440099"),  # two cities: the province
        ("suspended", "441303", "441399", "440099"),  # a district and its own city, a party itself: the province
    ],
)
def test_the_question_goes_to_the_lowest_common_superior_that_is_no_party(
    tell: Tell, name: str, source: str, target: str, superior: str
) -> None:
    story = _accepted(tell, at="2023-11-06T09:00", name=name)
    _transferred(story, source, target)

    story.act("escalate", by=f"first-{target}", reason="不属于本机构管辖。")

    task = story.open_task("designate_agency")
    assert task["agency_code"] == superior
    assert story.case()["escalations"][0]["superior_agency_code"] == superior


@pytest.mark.rule("JUR-04", "JUR-03")
def test_a_dispute_between_two_districts_reaches_the_city_and_not_the_province(tell: Tell) -> None:
    story = _accepted(tell, at="2023-10-23T09:00", name="disputed_between_districts")
    _transferred(story, "440106", "440113")

    story.act("escalate", by="first-440113", reason="不属于本机构管辖。")

    pools = {by: story.client(by).get("/tasks")["items"] for by in ("superior-440199", "superior-440099")}
    assert [task["element_id"] for task in pools["superior-440199"]] == ["designate_agency"]
    assert pools["superior-440099"] == []


@pytest.mark.rule("JUR-03")
def test_a_case_that_did_not_come_by_transfer_has_no_question_for_the_superior(tell: Tell) -> None:
    story = _accepted(tell)

    refusal = story.refusal("escalate", by=f"first-{FOSHAN}", reason="…")

    assert refusal.code == "not_transferred"
