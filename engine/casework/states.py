"""States of a case and of its work, with the words officers and applicants read."""

from __future__ import annotations

#: Case state -> the regulation's word (requirements, part K).
CASE_STATES = {
    "accepted": "已受理",
    "awaiting_scan": "待扫描",
    "scanned": "已扫描",
    "awaiting_first_review": "待初审",
    "first_reviewed": "已初审",
    "awaiting_second_review": "待复审",
    "completed": "办结",
    "awaiting_delivery": "待送达",
    "delivered": "已送达",
    "awaiting_archiving": "待归档",
    "archived": "已归档",
    "supplementing": "补正中",
    "suspended": "中止",
    "transferring": "移送中",
    "escalated": "上报指导中",
    "terminated": "终止",
}

#: Case result -> word.
RESULTS = {
    "approved": "予以办理",
    "not_approved": "不予办理",
    "terminated": "终止",
    "withdrawn": "申请人撤回",
    "voided": "作废",
}

#: While a transfer or an escalation runs, the case shows this and remembers what it was.
HOLDING = frozenset({"transferring", "escalated"})

#: What an applicant reads instead of the officers' words (AH-07).
PLAIN_WORDS = {
    "accepted": "您的申请已受理，材料正在整理。",
    "awaiting_scan": "您的申请已受理，工作人员正在扫描材料。",
    "scanned": "您的材料已送到办理机构，等待审核。",
    "awaiting_first_review": "办理机构正在审核您的申请。",
    "first_reviewed": "您的申请已完成第一次审核，等待第二次审核。",
    "awaiting_second_review": "您的申请已完成第一次审核，正在进行第二次审核。",
    "completed": "您的申请已经办结，结果即将送达。",
    "awaiting_delivery": "您的申请已经办结，结果正在送达。",
    "delivered": "您的申请已经办结，结果已送达。",
    "awaiting_archiving": "您的申请已经办结，结果已送达。",
    "archived": "您的申请已经办结，档案已归档。",
    "supplementing": "还需要您补交材料，请按补正通知到受理地或办理地提交。",
    "suspended": "您的申请已中止办理，原因消除后将恢复。",
    "transferring": "您的申请正在转往有管辖权的机构，办理期限不变。",
    "escalated": "您的申请由哪个机构办理正在由上级机构确定，办理期限不变。",
    "terminated": "您的申请已终止办理。",
}

#: A case without a decision is no case that is 办结, whatever is still delivered and filed.
_ENDED_WITHOUT_DECISION = {
    "terminated": "您的申请已终止办理，原因请看终止通知书。",
    "withdrawn": "您的申请已按要求撤回。",
    "voided": "您的申请已作废，原因请向办理机构了解。",
}


def plain_words(state: str, result: str | None) -> str:
    """What an applicant reads about a case in this state, with this result if it has one."""
    return _ENDED_WITHOUT_DECISION.get(result or "") or PLAIN_WORDS[state]
