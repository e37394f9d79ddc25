"""How a story is printed: who, where, what, when, until when, by which rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from api.demo.steps import READER, Scene
from config.benefits import benefit_table
from config.deadlines import LEVELS, deadline_kinds
from config.legal import ASSUMPTION

#: Kind of event -> what an officer calls it.
EVENTS = {
    "agency_designated": "共同上级指定办理机构",
    "bank_account_changed": "银行账户变更，下次支付起生效",
    "benefit_determined": "核定",
    "case_accepted": "受理",
    "case_archived": "归档",
    "case_completed": "办结",
    "case_dispatched": "派发至业务办理地",
    "case_escalated": "报请共同上级",
    "case_first_reviewed": "初审意见已登记",
    "case_resumed": "恢复办理",
    "case_suspended": "中止",
    "case_terminated": "终止",
    "case_transferred": "移交完成，办理机构变更",
    "case_urged": "催办",
    "case_voided": "作废",
    "case_voided_requested": "要求作废",
    "case_withdrawn": "撤回",
    "case_withdrawn_requested": "申请人要求撤回",
    "certification_started": "待遇领取资格认证周期开始",
    "checklist_extended": "新办理地另需材料",
    "claim_recorded": "登记申报明细",
    "deadline_overdue": "超期",
    "deadline_warned": "期限预警",
    "dependant_found_elsewhere": "供养亲属已在他处登记",
    "dependants_recorded": "登记供养亲属",
    "determination_finished": "核定生效",
    "due_date_recomputed": "期限重新计算",
    "eligibility_checked": "核查享受条件",
    "escalation_overdue": "上报逾期",
    "escalation_withdrawn": "上报撤回",
    "filing_expired": "备案到期",
    "filing_registered": "备案生效",
    "filing_replaced": "原备案被替代",
    "filing_used": "备案已使用",
    "incident_raised": "异常，须由人员处理",
    "incident_resolved": "异常已处理",
    "limit_resumed": "办理时限恢复计算",
    "message_failed": "短信发送失败",
    "message_made": "短信",
    "message_not_configured": "短信（未配置）",
    "message_retried": "重新发送短信",
    "payees_recorded": "确定待遇领取人",
    "process_started": "流程启动",
    "referral_used": "使用转诊备案",
    "refusal_recommended": "建议不予办理",
    "rehabilitation_period_confirmed": "确认康复期",
    "relation_ended": "该次工伤保险关系终结",
    "replacement_checked": "核查最低使用年限",
    "result_delivered": "送达",
    "review_skipped": "无需审核",
    "supplement_cancelled": "补正通知不再有效",
    "supplement_expired": "补正逾期",
    "supplement_received": "收到补充材料",
    "supplement_requested": "通知补正",
    "suspension_ended": "中止结束",
    "task_assigned": "指派任务",
    "task_handed_over": "移交工作",
    "task_claimed": "获取任务",
    "task_completed": "完成任务",
    "task_released": "退回任务池",
    "transfer_accepted": "移交业务受理",
    "transfer_overdue": "移交逾期",
    "transfer_refused": "不同意移交",
    "transfer_started": "发起移交",
    "transfer_warned": "移交期限过半",
    "transfer_withdrawal_requested": "要求撤回移交",
    "transfer_withdrawn": "移交撤回",
}
#: What the machinery writes for itself.
_SILENT = {"process_started", "task_claimed", "message_not_configured", "claim_recorded"}
#: State of an application that became no case.
_STATES = {"blocked": "不能在本网点受理", "refused": "不予受理", "notified": "已一次性告知", "draft": "已登记"}
_OUTCOMES = {
    "pass": "通过", "not_passed": "不予通过", "send_back": "退回", "supplement": "补充材料", "suspend": "中止",
    "terminate": "终止", "not_ours": "不属于本机构管辖", "resume": "恢复", "refuse": "不同意", "done": "完成",
    "sufficient": "符合要求", "insufficient": "不符合要求", "settled": "已共同指定", "unsettled": "未达成一致",
}  # fmt: skip


def lines(scene: Scene) -> Iterator[str]:
    """The whole story as printed: each of its cases, or the application where there is none."""
    client = scene.cast.officer(READER)
    for application_id in scene.application_ids:
        application = client.get(f"/applications/{application_id}")
        if not application["cases"]:
            yield from _without_case(application)
    for case_id in scene.case_ids:
        case = client.get(f"/cases/{case_id}")
        yield f"  受理回执号 {case['receipt_number']}  {case['service_name']}  {case['person_name']}"
        yield f"  受理 {case['accepting_agency']['name']} → 办理 {case['handling_agency']['name']}"
        for entry in client.get(f"/cases/{case_id}/timeline")["items"]:
            if entry["kind"] not in _SILENT:
                yield _entry(entry)
        result = f"（{case['result_name']}）" if case["result_name"] else ""
        provisional = "（暂算）" if case["due_provisional"] else ""
        yield f"  结果：{case['state_name']}{result}，应于 {case['due_on']}{provisional} 前办结"


def _without_case(application: Mapping[str, Any]) -> Iterator[str]:
    place = (application["handling_agency"] or {}).get("name", "待认定")
    state = _STATES.get(application["state"], application["state"])
    when = datetime.fromisoformat(application["created_at"]).strftime("%Y-%m-%d %H:%M")
    yield f"  {application['person']['name']}  参保地 {place}"
    yield f"    {when}  {application['accepting_agency']['name']}  {state}"
    for gate in application["gates"]:
        if not gate["passed"]:
            yield f"    {gate['rule']}  {gate['message']}{_because(gate['because'])}"


def _entry(entry: Mapping[str, Any]) -> str:
    details = entry["details"] or {}
    when = datetime.fromisoformat(entry["at"]).strftime("%Y-%m-%d %H:%M")
    where = f"{entry['agency']} " if entry["agency"] else ""
    due = f"  应于 {details['due_on']} 前" if "due_on" in details else ""
    said = f"  “{entry['opinion']}”" if entry["opinion"] else ""
    what = _what(entry["kind"], details)
    return f"    {when}  {where}{entry['officer'] or '系统'}  {what}{due}{_because(entry['because'])}{said}"


def _what(kind: str, details: Mapping[str, Any]) -> str:
    if kind == "task_completed":
        outcome = str(details.get("outcome", ""))
        return f"{details.get('name', '')}：{_OUTCOMES.get(outcome, outcome)}"
    if kind == "benefit_determined":
        title = benefit_table().benefits[details["benefit"]].title
        monthly = "（每月）" if details.get("monthly") else ""
        return f"核定{title}{monthly} {Decimal(details['amount']) / 100:.2f} 元"
    if kind in ("deadline_warned", "deadline_overdue"):
        deadline = deadline_kinds()[details["deadline"]].title
        return f"{deadline}{LEVELS[details['level']]}"
    if kind == "case_transferred" and details.get("late_workdays"):
        return f"{EVENTS[kind]}，超期 {details['late_workdays']} 个工作日"
    return EVENTS.get(kind, kind)


def _because(reasons: Any) -> str:
    cited = [f"{_short(reason['document'])} {reason['article']}".strip(" —") for reason in reasons or ()]
    return f"  依据：{'；'.join(dict.fromkeys(cited))}" if cited else ""


def _short(document: str) -> str:
    """A document's number where it has one: 粤社保〔2023〕4号."""
    if document == ASSUMPTION:
        return "本系统的设定"
    number = re.search(r"（([^（）]+号[^（）]*)）$", document)
    return number[1] if number else document
