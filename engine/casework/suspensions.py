"""Suspension (中止) and resumption (恢复): the only thing that stops a time limit (K-21, DDL-05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from engine.casework import deadlines
from engine.models import Suspension

if TYPE_CHECKING:
    from engine.casework.context import CaseContext


def issue(context: CaseContext) -> None:
    """Issue the suspension with the reviewer's opinion and its notice (中止通知书)."""
    case = context.case
    opinion = context.opinion or ""
    suspension = Suspension(
        case_id=case.id,
        opinion=opinion,
        issued_by_id=context.actor.officer_id if context.actor else None,
        issued_on=context.at.date(),
    )
    _of_case(context).append(suspension)
    context.session.add(suspension)
    deadlines.stop_limit(context.session, case, suspension.issued_on)
    context.issue_document("suspension_notice", {"opinion": opinion, "due_on": case.due_on.isoformat()})
    context.record("case_suspended", opinion=opinion, due_on=case.due_on.isoformat())


def lift(context: CaseContext) -> None:
    """End the suspension; the due date moves by as many working days as it lasted."""
    suspension = _end(context)
    if suspension is not None:
        context.record("case_resumed", opinion=context.opinion, **_moved(context, suspension))


def close(context: CaseContext) -> None:
    """A transfer, a withdrawal or a voiding took the case out of its suspension, which stopped the limit until now."""
    suspension = _end(context)
    if suspension is not None:
        context.record("suspension_ended", **_moved(context, suspension))


def _of_case(context: CaseContext) -> list[Suspension]:
    query = select(Suspension).where(Suspension.case_id == context.case.id).order_by(Suspension.id)
    return context.dossier.rows("suspensions", query)


def _end(context: CaseContext) -> Suspension | None:
    case = context.case
    suspension = next((one for one in reversed(_of_case(context)) if one.resumed_on is None), None)
    if suspension is None:
        return None
    today = context.at.date()
    suspension.resumed_on = today
    suspension.resumed_by_id = context.actor.officer_id if context.actor else None
    suspension.moved_workdays = deadlines.resume_limit(context.session, case, today)
    return suspension


def _moved(context: CaseContext, suspension: Suspension) -> dict[str, Any]:
    return {"moved_workdays": suspension.moved_workdays, "due_on": context.case.due_on.isoformat()}
