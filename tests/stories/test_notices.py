"""Who is told of what by a notice (工作通知): a story for every event that the table names, and who hears nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from config.notices import notice_table
from engine import clock
from engine.casework.events import record_event
from engine.db import transaction
from engine.models import CaseEvent, Officer, OfficerNotice
from engine.process.operators import Operator, _operators
from tests.stories.telling import Tell, Telling

#: The bank counter in 深圳 accepts, 中山 handles; in the other story 南海 handles first, then 东莞.
SHENZHEN, ZHONGSHAN, NANHAI, DONGGUAN = "440305", "442099", "440605", "441999"
BASIS = "粤社保〔2023〕4号附件2三（五）"
FEE_LIST = {"materials": [{"material": "fee_list", "name": "费用清单", "what": "2023年6月的费用清单"}]}

#: User name -> the kinds of notice that the event made for him, also as one of those who hold a role.
Told = Mapping[str, str]


def notices(story: Telling, username: str, event: str | None = None) -> list[dict[str, Any]]:
    """What this officer has in his box, newest first."""
    items: list[dict[str, Any]] = story.client(username).get("/notices", limit=100)["items"]
    return [item for item in items if event in (None, item["event"])]


# --- a story for each event


def _between_two_cities(tell: Tell) -> Telling:
    """Accepted in 深圳, the first review of 中山 begun by nobody yet."""
    story = tell("medical_expense")
    story.through_intake(f"acceptor-{SHENZHEN}")
    story.act("task", by=f"first-{ZHONGSHAN}", task="assess_expense_lines", fields={"lines": LINES})
    return story


LINES = [
    {"line": 1, "allowed": "386.50", "catalogue": "inside"},
    {"line": 2, "allowed": "12840.00", "catalogue": "inside"},
    {"line": 3, "allowed": "0.00", "catalogue": "outside", "reason": "营养品不属于工伤保险药品目录。"},
]


def _claim(story: Telling, username: str, element: str) -> None:
    story.client(username).post(f"/tasks/{story.open_task(element)['id']}/claim")


def _supplemented(tell: Tell) -> Telling:
    story = _between_two_cities(tell)
    story.act(
        "task", by=f"first-{ZHONGSHAN}", task="first_review", outcome="supplement", opinion="请补交。", fields=FEE_LIST
    )
    story.act("scan", by=f"acceptor-{SHENZHEN}", material="fee_list")
    return story


def material_imaged(tell: Tell) -> tuple[Telling, Told]:
    return _supplemented(tell), {f"first-{ZHONGSHAN}": "material_arrived"}


def supplement_received(tell: Tell) -> tuple[Telling, Told]:
    story = _supplemented(tell)
    story.act("task", by=f"acceptor-{SHENZHEN}", task="collect_supplement")
    return story, {f"first-{ZHONGSHAN}": "supplement_arrived"}


def case_completed(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    story.act("pass_reviews", by=[f"first-{ZHONGSHAN}", f"second-{ZHONGSHAN}"])
    return story, {f"acceptor-{SHENZHEN}": "case_result"}


def case_terminated(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    for level in ("first", "second"):
        ends = {"by": f"{level}-{ZHONGSHAN}", "task": f"{level}_review", "outcome": "terminate"}
        story.act("task", opinion="费用已由第三人全额赔付，终止办理。", **ends)
    return story, {f"acceptor-{SHENZHEN}": "case_result"}


def case_withdrawn(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    _claim(story, f"first-{ZHONGSHAN}", "first_review")
    # The clerk who registers the withdrawal need not be told of it.
    path = f"/cases/{story.case_id}/withdrawal"
    story.client(f"acceptor-{SHENZHEN}").post(path, {"reason": "申请人要求撤回。"})
    return story, {f"first-{ZHONGSHAN}": "case_ended"}


def case_voided(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    _claim(story, f"first-{ZHONGSHAN}", "first_review")
    story.client(f"supervisor-{ZHONGSHAN}").post(f"/cases/{story.case_id}/voiding", {"reason": "重复受理。"})
    return story, {f"first-{ZHONGSHAN}": "case_ended", f"acceptor-{SHENZHEN}": "case_result"}


def task_assigned(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    task_id = story.open_task("first_review")["id"]
    body = {"officer_id": _officer_id(f"first2-{ZHONGSHAN}"), "reason": "人手不足。"}
    story.client(f"supervisor-{ZHONGSHAN}").post(f"/tasks/{task_id}/assignment", body)
    return story, {f"first2-{ZHONGSHAN}": "task_assigned"}


def _officer_id(username: str) -> int:
    with transaction() as session:
        return session.scalars(select(Officer.id).where(Officer.username == username)).one()


def _transferring(tell: Tell) -> Telling:
    story = tell("transferred", at="2023-09-28T09:00")
    story.through_intake(f"acceptor-{NANHAI}")
    moved = {"to": DONGGUAN, "reason": "受伤时在其他机构参保。", "legal_ground": BASIS}
    story.act("transfer", by=f"transfer-{NANHAI}", **moved)
    return story


def transfer_warned(tell: Tell) -> tuple[Telling, Told]:
    story = _transferring(tell)
    story.clock("2023-10-07T09:00")
    return story, {f"first2-{NANHAI}": "transfer_warned"}


def transfer_overdue(tell: Tell) -> tuple[Telling, Told]:
    story = _transferring(tell)
    _claim(story, f"first-{NANHAI}", "transfer_first_review")
    story.clock("2023-10-08T09:00")
    return story, {f"first-{NANHAI}": "transfer_overdue", f"supervisor-{NANHAI}": "transfer_overdue"}


def transfer_refused(tell: Tell) -> tuple[Telling, Told]:
    story = _transferring(tell)
    review = {"task": "transfer_first_review", "outcome": "send_back", "opinion": "应由本机构办理。"}
    story.act("task", by=f"first-{NANHAI}", **review)
    return story, {f"transfer-{NANHAI}": "transfer_refused"}


def _transferred(tell: Tell) -> Telling:
    story = _transferring(tell)
    for level in ("first", "second"):
        review = {"task": f"transfer_{level}_review", "outcome": "pass", "opinion": "情况属实。"}
        story.act("task", by=f"{level}-{NANHAI}", **review)
    return story


def case_transferred(tell: Tell) -> tuple[Telling, Told]:
    return _transferred(tell), {f"first2-{DONGGUAN}": "case_arrived", f"acceptor-{NANHAI}": "case_moved"}


def _escalated(tell: Tell) -> Telling:
    story = _transferred(tell)
    story.act("escalate", by=f"first-{DONGGUAN}", reason="受伤时不在本市参保。")
    return story


def case_escalated(tell: Tell) -> tuple[Telling, Told]:
    return _escalated(tell), {"superior-440099": "escalation_waiting"}


def escalation_overdue(tell: Tell) -> tuple[Telling, Told]:
    story = _escalated(tell)
    story.clock("2023-10-20T09:00")
    return story, {"superior-440099": "escalation_overdue"}


def agency_designated(tell: Tell) -> tuple[Telling, Told]:
    story = _escalated(tell)
    answer = {"agency": NANHAI, "guidance": "受伤时在南海参保，由南海办理。"}
    story.act("task", by="superior-440099", task="designate_agency", fields=answer)
    return story, {f"first-{DONGGUAN}": "agency_designated", f"first2-{NANHAI}": "case_arrived"}


def incident_raised(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    was = _operators["case.complete"]

    def fail(case: Any) -> None:
        raise ValueError("in the middle")

    _operators["case.complete"] = Operator(was.name, was.title, was.returns, fail)
    try:
        story.act("pass_reviews", by=[f"first-{ZHONGSHAN}", f"second-{ZHONGSHAN}"])
    finally:
        _operators["case.complete"] = was
    return story, {f"supervisor-{ZHONGSHAN}": "incident"}


def case_urged(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    _claim(story, f"first2-{ZHONGSHAN}", "first_review")
    story.act("urge", by="supervisor-440099", remark="申请人来访，请尽快办理。")
    return story, {f"first2-{ZHONGSHAN}": "urged", f"supervisor-{ZHONGSHAN}": "urged"}


def deadline_warned(tell: Tell) -> tuple[Telling, Told]:
    """Fifteen working days from 1 August: four are left on the 16th."""
    story = _between_two_cities(tell)
    _claim(story, f"first-{ZHONGSHAN}", "first_review")
    story.clock("2023-08-16T09:00")
    return story, {f"first-{ZHONGSHAN}": "urged"}


def deadline_overdue(tell: Tell) -> tuple[Telling, Told]:
    story = _between_two_cities(tell)
    _claim(story, f"first-{ZHONGSHAN}", "first_review")
    story.clock("2023-08-23T09:00")
    supervisors = {f"supervisor-{ZHONGSHAN}": "urged", "supervisor-440099": "urged"}
    return story, {f"first-{ZHONGSHAN}": "urged", **supervisors}


STORIES: Mapping[str, Callable[[Tell], tuple[Telling, Told]]] = {
    story.__name__: story
    for story in (
        agency_designated,
        case_completed,
        case_escalated,
        case_terminated,
        case_transferred,
        case_urged,
        case_voided,
        case_withdrawn,
        deadline_overdue,
        deadline_warned,
        escalation_overdue,
        incident_raised,
        material_imaged,
        supplement_received,
        task_assigned,
        transfer_overdue,
        transfer_refused,
        transfer_warned,
    )
}


def test_every_event_of_the_table_has_its_story() -> None:
    assert set(STORIES) == set(notice_table().events)


@pytest.mark.rule("SUP-01", "JUR-01")
@pytest.mark.parametrize("event", sorted(STORIES))
def test_whoever_must_know_of_it_is_told_once(tell: Tell, event: str) -> None:
    story, told = STORIES[event](tell)

    found = {username: notices(story, username, event) for username in told}
    assert {username: [item["kind"] for item in items] for username, items in found.items()} == {
        username: [kind] for username, kind in told.items()
    }
    # Nobody else is.
    with transaction() as session:
        of_event = select(func.count()).select_from(OfficerNotice).join(OfficerNotice.event)
        assert session.scalar(of_event.where(CaseEvent.kind == event)) == len(told)
    receipt = story.case()["receipt_number"]
    for items in found.values():
        assert receipt in items[0]["words"]
        assert (items[0]["case_id"], items[0]["read_at"]) == (story.case_id, None)
        assert "{" not in items[0]["words"]


# --- what a story says besides


def test_the_words_name_place_and_case_and_nobody(tell: Tell) -> None:
    story, _ = supplement_received(tell)

    words = notices(story, f"first-{ZHONGSHAN}", "supplement_received")[0]["words"]

    receipt = story.case()["receipt_number"]
    assert (
        words == f"工伤医疗费（受理回执号{receipt}）的补充材料已由深圳市社会保险基金管理局南山区分局收取，请继续办理。"
    )
    assert story.case()["person"]["name"] not in words


def test_ten_pages_of_one_material_are_one_notice_until_it_is_read(tell: Tell) -> None:
    story = _supplemented(tell)
    reviewer = f"first-{ZHONGSHAN}"
    for material in ("diagnosis", "receipts"):
        story.act("scan", by=f"acceptor-{SHENZHEN}", material=material)
    before = notices(story, reviewer, "material_imaged")
    story.client(reviewer).post(f"/notices/{before[0]['id']}/reading")

    story.act("scan", by=f"acceptor-{SHENZHEN}", material="medical_records")

    assert len(before) == 1
    assert Counter(item["read_at"] is None for item in notices(story, reviewer, "material_imaged")) == {
        True: 1,
        False: 1,
    }


def test_what_is_scanned_at_the_counter_before_the_case_is_dispatched_is_told_to_nobody(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(f"acceptor-{SHENZHEN}")

    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(OfficerNotice)) == 0


def test_a_case_that_its_own_agency_handles_gives_the_clerk_no_notice_of_the_result(tell: Tell) -> None:
    story = tell("inpatient_meals", at="2023-08-21T14:00")
    story.through_intake("acceptor-440402")
    stays = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
    story.act("task", by="first-440402", task="confirm_stays", fields={"stays": stays})
    story.act("pass_reviews", by=["first-440402", "second-440402"])

    assert story.case()["result"] == "approved"
    assert notices(story, "acceptor-440402") == []


def test_the_result_for_a_clerk_who_has_left_goes_to_the_counter(tell: Tell) -> None:
    story = _between_two_cities(tell)
    with transaction() as session:
        clerk = session.scalars(select(Officer).where(Officer.username == f"acceptor-{SHENZHEN}")).one()
        clerk.active = False
        session.add(
            Officer(username="new-clerk", name="钟新", agency_code=SHENZHEN, roles=["acceptor"], password_hash="-")
        )
    story.act("pass_reviews", by=[f"first-{ZHONGSHAN}", f"second-{ZHONGSHAN}"])

    assert [(item["kind"], item["role"]) for item in notices(story, "new-clerk")] == [("case_result", "acceptor")]


def test_a_supervisor_who_takes_the_task_himself_is_not_told_so(tell: Tell, officer_with, officer_id) -> None:
    both = officer_with(ZHONGSHAN, "supervisor", "first_reviewer")
    story = _between_two_cities(tell)
    task_id = story.open_task("first_review")["id"]

    story.client(both).post(f"/tasks/{task_id}/assignment", {"officer_id": officer_id(both), "reason": "亲自办理。"})

    assert notices(story, both, "task_assigned") == []


# --- deadlines of another kind than the limit of the case


def _reached(story: Telling, **details: Any) -> None:
    kind = "deadline_overdue" if details["level"] == "overdue" else "deadline_warned"
    with transaction() as session:
        said = {"overtaken": False, "due_on": "2023-08-15", **details}
        record_event(session, kind, at=clock.now(), actor=None, case_id=story.case_id, **said)


def _all_told() -> list[tuple[str, str, str]]:
    with transaction() as session:
        rows = session.scalars(select(OfficerNotice).where(OfficerNotice.kind.like("deadline%")))
        return sorted((row.kind, row.agency_code, row.role or "") for row in rows)


def test_the_end_of_a_supplement_is_told_to_whom_asked_for_it_and_to_the_supervisors(tell: Tell) -> None:
    story = _supplemented(tell)

    _reached(story, deadline="supplement", level="near")
    _reached(story, deadline="supplement", level="urgent", overtaken=True)
    _reached(story, deadline="supplement", level="overdue")

    near, missed = reversed([n for n in notices(story, f"first-{ZHONGSHAN}") if n["kind"].startswith("deadline")])
    receipt = story.case()["receipt_number"]
    assert near["words"] == f"工伤医疗费（受理回执号{receipt}）：补充材料期限将于2023-08-15届满，请留意。"
    assert missed["words"] == f"工伤医疗费（受理回执号{receipt}）：补充材料期限已于2023-08-15届满，请处理。"
    assert _all_told() == [
        ("deadline_missed", ZHONGSHAN, ""),
        ("deadline_missed", ZHONGSHAN, "supervisor"),
        ("deadline_near", ZHONGSHAN, ""),
    ]


def test_the_end_of_the_superiors_time_is_told_at_the_superior(tell: Tell) -> None:
    story = _escalated(tell)
    escalation = story.case()["escalations"][0]["id"]

    for level in ("urgent", "overdue"):
        _reached(story, deadline="superior_guidance", subject_id=escalation, level=level)

    # Of its end the adjudicators hear by `escalation_overdue`.
    assert _all_told() == [
        ("deadline_missed", "440099", "supervisor"),
        ("deadline_near", "440099", "superior_adjudicator"),
    ]


def test_any_other_deadline_is_told_to_whom_has_the_case(tell: Tell) -> None:
    story = _between_two_cities(tell)

    _reached(story, deadline="calendar_month", level="near")

    assert _all_told() == [("deadline_near", ZHONGSHAN, "first_reviewer")]
