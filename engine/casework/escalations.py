"""Escalation (报请共同上级): the receiver of a transfer that disagrees may only ask the common superior (JUR-03…05).

The superior's adjudicator names the agency; that is no transfer, and afterwards both transfer and escalation are
closed. Only the superior can open its own decision again.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.register import reason as basis
from engine import clock
from engine.actor import Actor
from engine.casework import handling, instances
from engine.casework.access import find_visible_case, require_agency, require_role, visible_cases
from engine.casework.calendars import calendar_of
from engine.casework.events import record_event
from engine.casework.states import HOLDING
from engine.errors import Conflict, InvalidInput, NotFound, RuleRefused, TaskHeld
from engine.models import Case, Escalation, Instance, Transfer
from engine.ports import ports

PROCESS = "escalation"
WITHDRAWN = "escalation_withdrawn"
LIMIT = "escalation.reply_workdays"


def start_escalation(session: Session, case_id: int, actor: Actor, *, reason: str) -> Escalation:
    """The handling agency of a transferred case asks the common superior who is to decide it."""
    case = find_visible_case(session, case_id, actor, lock=True)
    require_agency(actor, case.handling_agency_code)
    require_role(actor, "first_reviewer", "second_reviewer", "transfer_operator", "supervisor")
    _require_escalatable(session, case)
    transfer = session.scalar(
        select(Transfer).where(Transfer.case_id == case.id, Transfer.state == "completed").order_by(Transfer.id.desc())
    )
    if transfer is None:
        raise RuleRefused(
            "办件不是移交而来的；如认为不属于本机构管辖，请发起移交。",
            code="not_transferred",
            because=[basis("JUR-03")],
        )
    superior = ports().jurisdiction.common_superior(case.handling_agency_code, transfer.from_agency_code)
    return _open(session, case, actor, other=transfer.from_agency_code, superior=superior, reason=reason)


def _require_escalatable(session: Session, case: Case) -> None:
    if case.result is not None:
        raise RuleRefused("办件已办结，不能上报。", code="case_finished", because=[basis("JUR-03")])
    if case.designated:
        raise RuleRefused(
            "办理机构已由共同上级指定，不能再移交或上报。", code="agency_designated", because=[basis("JUR-03")]
        )
    if case.state in HOLDING:
        raise TaskHeld(instances.HELD[case.state])


def _open(session: Session, case: Case, actor: Actor, *, other: str, superior: str, reason: str) -> Escalation:
    if not reason.strip():
        raise InvalidInput(fields={"reason": ["请填写理由。"]})
    at = clock.now()
    limit, because = ports().rules.value(LIMIT, at.date())
    due = calendar_of(session, superior).due(at.date(), int(limit))
    escalation = Escalation(
        case_id=case.id,
        from_agency_code=case.handling_agency_code,
        other_agency_code=other,
        superior_agency_code=superior,
        state="running",
        reason=reason,
        started_by_id=actor.officer_id,
        started_at=at,
        due_on=due.on,
    )
    session.add(escalation)
    session.flush()
    handling.hold(session, case, state="escalated", because=instances.HELD["escalated"])
    record_event(
        session,
        "case_escalated",
        at=at,
        actor=actor,
        case_id=case.id,
        opinion=reason,
        because=[basis("JUR-03"), because],
        escalation=escalation.id,
        superior=superior,
        due_on=due.on.isoformat(),
    )
    instances.start(session, process_id=PROCESS, subject="escalation", subject_row=escalation, actor=actor)
    return escalation


def find_escalation(session: Session, escalation_id: int, actor: Actor, *, lock: bool = False) -> Escalation:
    """The escalation, for officers who see its case."""
    escalation = session.get(Escalation, escalation_id)
    if escalation is not None:
        query = select(Case).where(Case.id == escalation.case_id, visible_cases(actor))
        if lock:
            query = query.with_for_update(of=Case).execution_options(populate_existing=True)
        if session.scalar(query) is not None:
            if lock:
                session.refresh(escalation)
            return escalation
    raise NotFound("没有找到这个上报。")


def reopen_escalation(session: Session, escalation_id: int, actor: Actor, reason: str) -> Escalation:
    """The superior looks at its own decision again: a new question about an unfinished case."""
    escalation = find_escalation(session, escalation_id, actor, lock=True)
    require_agency(actor, escalation.superior_agency_code)
    require_role(actor, "superior_adjudicator")
    case = session.get_one(Case, escalation.case_id)
    if escalation.state != "decided":
        raise Conflict("上报尚未答复，无需重新审议。", code="escalation_running")
    if case.result is not None:
        raise RuleRefused("办件已办结，不能重新指定。", code="case_finished", because=[basis("JUR-03")])
    if case.state in HOLDING:
        raise TaskHeld(instances.HELD[case.state])
    return _open(
        session,
        case,
        actor,
        other=escalation.other_agency_code,
        superior=escalation.superior_agency_code,
        reason=reason,
    )


def running_escalation(session: Session, case_id: int) -> Escalation | None:
    """The escalation under way, if any."""
    return session.scalar(select(Escalation).where(Escalation.case_id == case_id, Escalation.state == "running"))


def take_back(session: Session, escalation: Escalation, actor: Actor) -> None:
    """End a running escalation without a decision, by its own process."""
    instance = session.scalar(select(Instance).where(Instance.escalation_id == escalation.id))
    if instance is None:
        raise NotFound("没有找到这个上报。")
    instances.advance(session, instance, actor, lambda run: run.send(WITHDRAWN))
