"""How a story is printed: who, where, what, when, until when, by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from api.demo.steps import READER, Scene
from config.legal import documents

#: Kind of event -> what an officer calls it.
EVENTS = {
    "agency_designated": "共同上级指定办理机构",
    "application_notified": "一次性告知",
    "application_received": "收件",
    "application_refused": "不予受理",
    "case_accepted": "受理",
    "case_archived": "归档",
    "case_completed": "办结",
    "case_dispatched": "派发至业务办理地",
    "case_escalated": "报请共同上级",
    "case_first_reviewed": "初审完成",
    "case_resumed": "恢复办理",
    "case_suspended": "中止",
    "case_terminated": "终止",
    "case_transferred": "移交完成，办理机构变更",
    "case_voided": "作废",
    "case_withdrawn": "申请人撤回",
    "determination_recorded": "核定",
    "escalation_overdue": "上报逾期",
    "filing_expired": "备案到期",
    "filing_registered": "备案生效",
    "filing_replaced": "原备案被替代",
    "filing_used": "备案已使用",
    "incident_opened": "发生异常",
    "incident_resolved": "异常已处理",
    "message_made": "短信",
    "message_not_configured": "短信（未配置）",
    "payees_recorded": "确定待遇领取人",
    "relation_chosen": "认定参保关系",
    "relation_closed": "工伤保险关系终结",
    "result_delivered": "送达",
    "review_skipped": "无需审核",
    "supplement_expired": "补正逾期",
    "supplement_received": "收到补充材料",
    "supplement_requested": "通知补正",
    "task_assigned": "指派任务",
    "task_claimed": "获取任务",
    "task_completed": "完成任务",
    "task_released": "退回任务池",
    "transfer_accepted": "移交业务受理",
    "transfer_overdue": "移交逾期",
    "transfer_refused": "不同意移交",
    "transfer_started": "发起移交",
    "transfer_warned": "移交期限过半",
    "transfer_withdrawal_requested": "撤回移交",
}
#: What the machinery writes for itself.
_SILENT = {"process_started", "task_claimed", "message_not_configured"}
_OUTCOMES = {
    "pass": "通过", "not_passed": "不予通过", "send_back": "退回", "supplement": "补充材料", "suspend": "中止",
    "terminate": "终止", "not_ours": "不属于本机构管辖", "resume": "恢复", "refuse": "不同意", "done": "完成",
    "sufficient": "符合要求", "insufficient": "不符合要求", "settled": "已共同指定", "unsettled": "未达成一致",
}  # fmt: skip


def lines(scene: Scene) -> Iterator[str]:
    """The whole story as printed: each of its cases, or the application where there is none."""
    client = scene.cast.officer(READER)
    for case_id in scene.case_ids:
        case = client.get(f"/cases/{case_id}")
        yield f"  受理回执号 {case['receipt_number']}  {case['service_name']}  {_name(case['person_name'])}"
        yield f"  受理 {case['accepting_agency']['name']} → 办理 {case['handling_agency']['name']}"
        for entry in client.get(f"/cases/{case_id}/timeline")["items"]:
            if entry["kind"] not in _SILENT:
                yield _entry(entry)
        result = f"（{case['result_name']}）" if case["result_name"] else ""
        provisional = "（暂算）" if case["due_provisional"] else ""
        yield f"  结果：{case['state_name']}{result}，应于 {case['due_on']}{provisional} 前办结"
    if not scene.case_ids:
        yield from _application(client.get(f"/applications/{scene.application_id}"))


def _application(application: Mapping[str, Any]) -> Iterator[str]:
    yield f"  申请 {application['id']}  {application['state_name']}"
    for gate in application["gates"]:
        if not gate["passed"]:
            yield f"  {gate['rule']}  {gate['message']}{_because(gate['because'])}"


def _entry(entry: Mapping[str, Any]) -> str:
    details = entry["details"] or {}
    what = EVENTS.get(entry["kind"], entry["kind"])
    if entry["kind"] == "task_completed":
        what = f"{details.get('name', '')}：{_OUTCOMES.get(details.get('outcome', ''), details.get('outcome', ''))}"
    when = datetime.fromisoformat(entry["at"]).strftime("%Y-%m-%d %H:%M")
    who = _name(entry["officer"]) if entry["officer"] else "系统"
    due = f"  应于 {details['due_on']} 前" if "due_on" in details else ""
    said = f"  “{entry['opinion']}”" if entry["opinion"] else ""
    return f"    {when}  {entry['agency'] or ''} {who}  {what}{due}{_because(entry['because'])}{said}"


def _name(name: str) -> str:
    """People are not named in full on a screen that others see: 陈**."""
    return name[:1] + "*" * (len(name) - 1)


def _because(reasons: Any) -> str:
    cited = [f"{_short(reason['document'])} {reason['article']}" for reason in reasons or ()]
    return f"  依据：{'；'.join(dict.fromkeys(cited))}" if cited else ""


def _short(document: str) -> str:
    """A document's number where it is one of the register."""
    found = documents().get(document.lower())
    return (found.number or found.label) if found else document
