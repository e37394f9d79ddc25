"""What happened to a case or an application, as the people whom it concerns read it (AH-07).

Officers' names, opinions and inner steps are not told: a kind of event that has no sentence here is left out.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Agency, CaseEvent

SENTENCES = {
    "application_submitted": "收到了您的申请。",
    "material_uploaded": "收到了上传的材料。",
    "materials_collected": "网点收到了您的材料。",
    "application_checked": "工作人员核对了申请资格和材料。",
    "notice_given": "一次性告知了需要补齐的材料。",
    "relation_chosen": "确定了参保地。",
    "application_refused": "申请不予受理，理由见不予受理回执单。",
    "case_accepted": "申请已受理，受理回执已出具。",
    "case_dispatched": "申请已分派给办理机构审核。",
    "case_first_reviewed": "申请完成了第一次审核。",
    "supplement_requested": "需要补交材料，请按补正通知提交。",
    "supplement_received": "收到了补交的材料。",
    "supplement_expired": "补交材料的期限已过。",
    "transfer_started": "正在确定由哪个机构办理。",
    "case_transferred": "申请已转到有管辖权的机构办理，办理期限不变。",
    "case_escalated": "已报请上级机构确定由哪个机构办理。",
    "case_suspended": "申请中止办理，原因消除后恢复。",
    "case_resumed": "申请恢复办理。",
    "case_withdrawn": "申请已按要求撤回。",
    "case_voided": "申请已作废。",
    "case_terminated": "申请终止办理，原因见终止通知书。",
    "case_completed": "申请已办结。",
    "case_archived": "档案已归档。",
}


def of_case(session: Session, case_id: int, application_id: int) -> list[dict[str, Any]]:
    """What is told of a case, from its application on, in order: [{"at", "words", "agency"}]."""
    return _told(session, (CaseEvent.case_id == case_id) | (CaseEvent.application_id == application_id))


def _told(session: Session, of_events: Any) -> list[dict[str, Any]]:
    query = select(CaseEvent.at, CaseEvent.kind, Agency.name).outerjoin(Agency, Agency.code == CaseEvent.agency_code)
    rows = session.execute(query.where(of_events, CaseEvent.kind.in_(SENTENCES)).order_by(CaseEvent.id))
    return [{"at": row.at, "words": SENTENCES[row.kind], "agency": row.name} for row in rows]
