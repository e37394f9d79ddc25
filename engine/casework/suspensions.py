"""Suspension (中止) and resumption (恢复): the only thing that stops a time limit (K-21, DDL-05)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from engine.models import Suspension

if TYPE_CHECKING:
    from engine.casework.context import CaseContext


def issue(context: CaseContext) -> None:
    """Issue the suspension with the reviewer's opinion and its notice (中止通知书)."""
    case = context.case
    opinion = context.opinion or ""
    context.session.add(
        Suspension(
            case_id=case.id,
            opinion=opinion,
            issued_by_id=context.actor.officer_id if context.actor else None,
            issued_on=context.at.date(),
        )
    )
    context.issue_document("suspension_notice", {"opinion": opinion, "due_on": case.due_on.isoformat()})
    context.record("case_suspended", opinion=opinion, due_on=case.due_on.isoformat())


def lift(context: CaseContext) -> None:
    """End the suspension; the due date moves by as many working days as it lasted."""
    case = context.case
    suspension = context.session.scalar(
        select(Suspension)
        .where(Suspension.case_id == case.id, Suspension.resumed_on.is_(None))
        .order_by(Suspension.id.desc())
        .limit(1)
    )
    if suspension is None:
        return
    today = context.at.date()
    moved = context.calendar.workdays_between(suspension.issued_on, today)
    due = context.calendar.due(case.due_on, moved)
    suspension.resumed_on = today
    suspension.resumed_by_id = context.actor.officer_id if context.actor else None
    suspension.moved_workdays = moved
    case.due_on = due.on
    case.due_provisional = due.provisional or case.due_provisional
    context.record("case_resumed", opinion=context.opinion, moved_workdays=moved, due_on=due.on.isoformat())
