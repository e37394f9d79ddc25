"""Supplements (补正): what the handling agency asks for, and its coming at either place (SUP-01, SUP-02)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from engine import clock
from engine.errors import CannotProceed
from engine.models import Supplement

if TYPE_CHECKING:
    from engine.casework.context import CaseContext

#: The number of working days, in config/rules.
REPLY_LIMIT = "supplement.reply_workdays"


def request(context: CaseContext) -> datetime:
    """Open the request the reviewer described in the form; the end of its last day."""
    case = context.case
    limit, reason = context.rule(REPLY_LIMIT, context.at.date())
    due = context.calendar.due(context.at.date(), int(limit))
    requested = list(context.form.get("materials") or [])
    if not requested:
        raise CannotProceed("补正内容为空，无法发出补正通知。", code="supplement_empty")
    supplement = Supplement(
        case_id=case.id,
        state="open",
        requested=requested,
        reason=context.opinion or "",
        requested_by_id=context.actor.officer_id if context.actor else None,
        requested_at=context.at,
        due_on=due.on,
    )
    _of_case(context).append(supplement)
    context.session.add(supplement)
    context.session.flush()
    context.issue_document("supplement_list", {"materials": requested, "due_on": due.on.isoformat()})
    context.record(
        "supplement_requested",
        because=[reason],
        opinion=context.opinion,
        due_on=due.on.isoformat(),
        materials=[item.get("name", "") for item in requested],
    )
    return clock.end_of_day(due.on)


def _of_case(context: CaseContext) -> list[Supplement]:
    query = select(Supplement).where(Supplement.case_id == context.case.id).order_by(Supplement.id)
    return context.dossier.rows("supplements", query)


def _open(context: CaseContext) -> Supplement | None:
    return next((one for one in reversed(_of_case(context)) if one.state == "open"), None)


def receive(context: CaseContext) -> None:
    """The applicant handed in at the place whose officer completed the task."""
    supplement = _open(context)
    if supplement is None:
        return
    supplement.state = "handed_in"
    supplement.handed_in_at = context.at
    if context.actor is not None:
        supplement.handed_in_agency_code = context.actor.agency_code
        supplement.handed_in_by_id = context.actor.officer_id
    context.record("supplement_received", late=context.at.date() > supplement.due_on)


def expire(context: CaseContext) -> None:
    """The last day has passed; the request is closed and the reviewer decides on what is there."""
    supplement = _open(context)
    if supplement is None:
        return
    supplement.state = "expired"
    context.record("supplement_expired", due_on=supplement.due_on.isoformat())


def cancel(context: CaseContext) -> None:
    """The case left the agency that asked, or has ended: nothing is asked for any more."""
    supplement = _open(context)
    if supplement is None:
        return
    supplement.state = "cancelled"
    context.record("supplement_cancelled")
