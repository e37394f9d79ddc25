"""What applicants are told by text message, from whom and in which words (part L 1 and 11)."""

from __future__ import annotations

from typing import Any

import pytest

from api.demo.story import application
from engine import clock
from engine.casework import outbox
from engine.casework.sms import emit_for_case
from engine.db import transaction
from engine.models import Case
from tests.gateways import RecognisingGateway, plug_in
from tests.stories.telling import Tell, Telling

SHENZHEN, ZHONGSHAN = "440305", "442099"
#: 深圳市福田区 took it in; 中山 decides.
TAKEN_IN_BY, DECIDED_BY, CONFIRMED_BY = "acceptor-440305", "first-442099", "second-442099"


def messages(story: Telling) -> dict[str, Any]:
    """The messages of the case by slot."""
    return {message["slot"]: message for message in story.case()["messages"]}


def renamed(name: str, **changes: str) -> dict[str, Any]:
    """The medical claim of somebody else: another name, another number."""
    stated = application("medical_expense")
    person = {**stated["worker"], "name": name, **changes}
    form = {**stated["forms"]["1-1"], "worker_name": name}
    return {
        "applicant": {"kind": "worker", **person},
        "worker": person,
        "forms": {**stated["forms"], "1-1": form},
    }


def assessed(story: Telling) -> None:
    """The first reviewer of 中山 has answered every line of the claim."""
    lines = [
        {"line": 1, "allowed": "386.50", "catalogue": "inside"},
        {"line": 2, "allowed": "12840.00", "catalogue": "inside"},
        {"line": 3, "allowed": "0.00", "catalogue": "outside", "reason": "营养品不属于药品目录。"},
    ]
    story.act("task", by=DECIDED_BY, task="assess_expense_lines", fields={"lines": lines})


@pytest.mark.rule("SMS-01", "ACC-04", "SMS-07")
def test_the_acceptance_is_told_by_the_accepting_place_and_the_result_by_the_handling_place(any_tell: Tell) -> None:
    story = any_tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)
    story.act("pass_reviews", by=[DECIDED_BY, "second-442099"])

    told = messages(story)
    receipt = story.case()["receipt_number"]
    assert told["acceptance"]["sender_agency_code"] == SHENZHEN
    assert told["acceptance"]["text"] == "尊敬的 陈志明 先生/女士,你好, 您办理的工伤医疗费在2023年08月01日受理成功。"
    assert told["completion"]["sender_agency_code"] == ZHONGSHAN
    assert told["completion"]["text"] == (
        f"尊敬的陈志明先生/女士，您办理的工伤医疗费（受理回执号{receipt}）已办结，结果将由中山市社会保险基金管理局送达。"
    )


@pytest.mark.rule("SMS-08")
def test_both_messages_leave_the_house_once_and_in_their_order(any_tell: Tell) -> None:
    story = any_tell("medical_expense")
    gateway = plug_in(RecognisingGateway())
    story.through_intake(TAKEN_IN_BY)
    assessed(story)
    story.act("pass_reviews", by=[DECIDED_BY, "second-442099"])

    for _ in range(3):
        outbox.send_due()

    told = messages(story)
    assert gateway.order == [str(told["acceptance"]["id"]), str(told["completion"]["id"])]
    assert {message.phone for message in gateway.messages} == {"13800010001"}


@pytest.mark.rule("SMS-02")
def test_a_slot_without_a_text_sends_nothing_and_is_on_record(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)

    story.act("task", by=DECIDED_BY, task="first_review", outcome="pass", opinion="符合规定。")

    told = messages(story)["first_reviewed"]
    assert (told["state"], told["state_name"], told["text"]) == ("not_configured", "未配置", None)
    assert [entry["details"]["slot"] for entry in story.entries("message_not_configured")] == ["first_reviewed"]


@pytest.mark.rule("SMS-06")
def test_somebody_whose_name_is_a_key_is_called_by_it(tell: Tell) -> None:
    story = tell("medical_expense", **renamed("XM"))

    story.through_intake(TAKEN_IN_BY)

    assert messages(story)["acceptance"]["text"].startswith("尊敬的 XM 先生/女士")


def test_an_applicant_without_a_mobile_number_is_accepted_and_the_message_says_why_it_failed(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)
    with transaction() as session:
        filed = session.get_one(Case, story.case_id).application
        applicant = {**filed.content["applicant"], "phone": "0760-88880001"}
        filed.content = {**filed.content, "applicant": applicant}

    story.act("task", by=DECIDED_BY, task="first_review", outcome="suspend", opinion="等待诉讼结果。")

    told = messages(story)["suspension"]
    assert (told["state"], told["failure"]) == ("failed", "no_mobile")
    assert story.case()["state"] == "suspended"
    assert [entry["details"]["reason"] for entry in story.entries("message_failed")] == ["no_mobile"]
    assert "88880001" not in str(told)


@pytest.mark.rule("SMS-06")
def test_a_suspension_and_a_termination_say_each_their_own_opinion(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)
    story.act("task", by=DECIDED_BY, task="first_review", outcome="suspend", opinion="等待诉讼结果。")
    story.act("task", by=DECIDED_BY, task="resume_or_terminate", outcome="terminate", opinion="已获全额赔偿。")
    story.act("task", by=CONFIRMED_BY, task="second_review", outcome="terminate", opinion="诉讼已获全额赔偿。")

    told = messages(story)
    assert "中止意见：等待诉讼结果。" in told["suspension"]["text"]
    assert "终止意见：诉讼已获全额赔偿。" in told["termination"]["text"]


def test_a_withdrawal_is_confirmed_with_its_reason(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)

    story.client(TAKEN_IN_BY).post(f"/cases/{story.case_id}/withdrawal", {"reason": "改在参保地申请"})

    assert "终止意见：改在参保地申请。" in messages(story)["termination"]["text"]


def test_a_long_opinion_is_cut_and_does_not_stop_the_case(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)

    story.act("task", by=DECIDED_BY, task="first_review", outcome="suspend", opinion="等待诉讼结果。" * 60)

    text = messages(story)["suspension"]["text"]
    assert "等待诉讼结果。等" in text
    assert len(text) < 250


@pytest.mark.rule("K-48")
@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2023-08-01T10:00", "15"),
        ("2023-08-21T10:00", "1"),
        # The day itself, and any day after it.
        ("2023-08-22T10:00", "0"),
        ("2023-09-22T10:00", "0"),
    ],
)
def test_the_days_that_are_left_never_fall_below_0(tell: Tell, at: str, days: str) -> None:
    story = tell("medical_expense")
    story.through_intake(TAKEN_IN_BY)
    story.clock(at)

    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        text = emit_for_case(session, case, slot="urging", occasion="test", at=clock.now()).text

    assert f"剩余办理时间{days}个工作日" in str(text)


@pytest.mark.rule("JUR-11")
def test_a_transferred_case_names_the_place_it_left(tell: Tell) -> None:
    story = tell("transferred", at="2023-09-28T09:00")
    _choose(story, "441999", "XM的业务由ZCDADDRESS转来，已办结。")
    story.through_intake("acceptor-440605")
    story.act("transfer", by="transfer-440605", to="441999", reason="在东莞参保。", legal_ground="附件2三（五）")
    for task, officer in (("transfer_first_review", "first-440605"), ("transfer_second_review", "second-440605")):
        story.act("task", by=officer, task=task, outcome="pass", opinion="情况属实。")
    story.assess("first-441999", "268.00", "23650.00")
    story.act("pass_reviews", by=["first-441999", "second-441999"])

    assert "由佛山市" in messages(story)["completion"]["text"]


@pytest.mark.rule("SMS-09")
def test_a_case_that_left_no_place_is_told_in_the_words_of_the_province(tell: Tell) -> None:
    story = tell("medical_expense")
    _choose(story, ZHONGSHAN, "XM的业务由ZCDADDRESS转来，已办结。")
    story.through_intake(TAKEN_IN_BY)
    assessed(story)
    story.act("pass_reviews", by=[DECIDED_BY, "second-442099"])

    told = messages(story)["completion"]
    assert told["text"].startswith("尊敬的陈志明先生/女士，您办理的工伤医疗费（受理回执号")
    assert told["state"] == "made"


@pytest.mark.rule("SMS-06")
def test_a_monthly_benefit_names_the_month_it_begins(tell: Tell) -> None:
    story = tell("disability_benefit", at="2023-09-04T09:40")
    _choose(story, "440599", "XM的待遇自DYXSKSNY起享受。", service="disability_benefit")
    story.through_intake("acceptor-440511")
    story.act(
        "task",
        by="acceptor2-440511",
        task="choose_allowance_way",
        fields={"way": "one", "medical_insurance": "withheld"},
    )
    benefits = [
        {"benefit": "disability_lump_sum", "amount": "165600.00", "basis": "三级23个月。"},
        {"benefit": "disability_allowance", "amount": "5760.00", "basis": "三级80%。", "from_month": "2023-07-01"},
        {"benefit": "care_allowance", "amount": "3522.80", "basis": "护理三级。", "from_month": "2023-06-01"},
    ]
    story.act("task", by="first-440511", task="enter_determination", fields={"benefits": benefits})
    story.act("pass_reviews", by=["first-440511", "second-440511"])

    assert messages(story)["completion"]["text"].endswith("的待遇自2023年06月起享受。")


def _choose(story: Telling, city: str, content: str, service: str = "medical_expense") -> None:
    """The administrator of the city writes this text and puts it into the slot of the result."""
    admin = story.client(f"admin-{city}")
    category = admin.post("/sms/categories", {"name": "结果"})
    body = {"category_id": category["id"], "function_code": "BJ", "name": "办结", "content": content}
    template = admin.post("/sms/templates", body)
    admin.post(f"/sms/templates/{template['id']}/publication", {"version": template["version"]})
    seen = admin.get(f"/sms/slots/{service}")["version"]
    choice = {"version": seen, "slots": {"completion": {"template_id": template["id"]}}}
    assert admin.officer is not None
    assert admin.officer.put(f"/api/v1/sms/slots/{service}", choice).status_code == 200
