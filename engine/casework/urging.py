"""Urging (催办) by hand: a supervisor reminds whoever has a case that it waits (REV-09).

At the warning levels it happens by itself: the deadline's event makes the same notice. Both reach the officers who hold
the open tasks, or the role that may acquire them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.register import reason
from engine import clock
from engine.actor import Actor
from engine.casework.access import find_visible_case, require_role
from engine.casework.events import record_event
from engine.errors import Conflict, NotAllowed, RuleRefused
from engine.models import Case, CaseEvent
from engine.ports import ports

#: The number of days, in config/rules.
INTERVAL = "urging.interval_days"
URGED = "case_urged"


def urge(session: Session, case_id: int, actor: Actor, *, remark: str | None = None) -> Case:
    """Remind the officers who have the case, with a remark of the supervisor's.

    Raises NotAllowed unless the supervisor is of the handling agency or of one above it, RuleRefused once the case is
    decided, Conflict with who and when where somebody has urged it too short a time ago.
    """
    case = find_visible_case(session, case_id, actor, lock=True)
    require_role(actor, "supervisor")
    if not actor.oversees(case.handling_agency.path):
        raise NotAllowed("只有办理机构或其上级机构的主管可以催办。", code="other_agency")
    if case.result is not None:
        raise RuleRefused("办件已办结，无需催办。", code="case_finished", because=[reason("REV-09")])
    at = clock.now()
    _require_patience(session, case, at)
    record_event(
        session,
        URGED,
        at=at,
        actor=actor,
        case_id=case.id,
        opinion=remark,
        because=[reason("REV-09")],
        due_on=case.due_on.isoformat(),
    )
    return case


def _require_patience(session: Session, case: Case, at: datetime) -> None:
    """The last urging by hand lies long enough back; the case is locked, so of two at once the second is refused."""
    days, because = ports().rules.value(INTERVAL, at.date())
    last = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.kind == URGED)
        .order_by(CaseEvent.id.desc())
        .limit(1)
    ).first()
    if last is None or last.at.date() + timedelta(days=int(days)) <= at.date():
        return
    again_on = last.at.date() + timedelta(days=int(days))
    name = last.officer.name if last.officer is not None else "其他人员"
    raise Conflict(
        f"{name}已于{last.at:%Y-%m-%d %H:%M:%S}催办，{again_on.isoformat()}起可以再次催办。",
        code="urged_already",
        details={
            "by": name,
            "at": last.at.isoformat(),
            "what": "催办",
            "again_on": again_on.isoformat(),
            "because": because["quote"],
        },
    )
