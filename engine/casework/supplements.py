"""Supplements (补正): what the handling agency asks for, and its coming at either place (SUP-01, SUP-02)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from engine import clock
from engine.casework import deadlines, materials
from engine.errors import CannotProceed
from engine.models import Case, MaterialItem, Supplement

if TYPE_CHECKING:
    from engine.casework.context import CaseContext

#: The number of working days, in config/rules.
REPLY_LIMIT = "supplement.reply_workdays"


def request(context: CaseContext) -> datetime:
    """Open the request the reviewer described in the form; the end of its last day."""
    case = context.case
    limit, reason = context.rule(REPLY_LIMIT, context.at.date())
    due = context.calendar.due(context.at.date(), int(limit))
    asked = list(context.form.get("materials") or [])
    if not asked:
        raise CannotProceed("补正内容为空，无法发出补正通知。", code="supplement_empty")
    requested, lines = _with_their_lines(context, asked)
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
    for line in lines:
        line.supplement_id = supplement.id
    context.session.add_all(lines)
    if (case.configuration.switches or {}).get("supplement_stops_clock"):
        deadlines.stop_limit(context.session, case, context.at.date())
    context.issue_document("supplement_list", {"materials": requested, "due_on": due.on.isoformat()})
    context.record(
        "supplement_requested",
        because=[reason],
        opinion=context.opinion,
        due_on=due.on.isoformat(),
        materials=[item.get("name", "") for item in requested],
    )
    return clock.end_of_day(due.on)


def _with_their_lines(
    context: CaseContext, asked: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[MaterialItem]]:
    """What is asked for, each with its material, and new lines for what does not stand on this case's checklist.

    That may be a material of the service that did not seem needed, by its code or name, or anything else. Without a
    line of its own, what the applicant brings could not be scanned and would lie nowhere (ACC-07).
    """
    case, stock = context.case, services()[context.case.service].materials
    there = {item.material: item for item in materials.of_application(context.session, case.application_id)}
    names = {code: material.name for code, material in stock.items()} | {code: one.name for code, one in there.items()}
    by_name = {name: code for code, name in names.items()}
    own = f"supplement_{case.id}_"
    before = sum(code.startswith(own) for code in there)
    requested: list[dict[str, Any]] = []
    lines: list[MaterialItem] = []
    for row in asked:
        material = row.get("material") if row.get("material") in names else by_name.get(row["name"])
        if material is None:
            material = f"{own}{before + len(lines) + 1}"
        if material not in there:
            there[material] = MaterialItem(
                application_id=case.application_id,
                material=material,
                name=names.get(material, row["name"]),
                mandatory=False,
                services=[case.service],
                paper_copies=0,
                images=[],
            )
            lines.append(there[material])
        elif case.service not in there[material].services:
            # Another case of the same application has it already.
            there[material].services = [*there[material].services, case.service]
        requested.append({**row, "material": material})
    return requested, lines


def without_images(session: Session, case: Case) -> list[MaterialItem]:
    """What the open request asks for and nobody has scanned."""
    query = select(Supplement).where(Supplement.case_id == case.id, Supplement.state == "open")
    asked = {row.get("material") for supplement in session.scalars(query) for row in supplement.requested}
    return [item for item in materials.of_case(session, case) if item.material in asked and not item.images]


def _of_case(context: CaseContext) -> list[Supplement]:
    query = select(Supplement).where(Supplement.case_id == context.case.id).order_by(Supplement.id)
    return context.dossier.rows("supplements", query)


def _open(context: CaseContext) -> Supplement | None:
    return next((one for one in reversed(_of_case(context)) if one.state == "open"), None)


def _run_on(context: CaseContext) -> None:
    """Where the item's switch let the time limit stand still for the supplement, it runs on (K-21)."""
    if deadlines.resume_limit(context.session, context.case, context.at.date()):
        context.record("limit_resumed", due_on=context.case.due_on.isoformat())


def receive(context: CaseContext) -> None:
    """The applicant handed in at the place whose officer completed the task."""
    supplement = _open(context)
    if supplement is None:
        return
    supplement.state = "handed_in"
    _run_on(context)
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
    _run_on(context)
    context.record("supplement_expired", due_on=supplement.due_on.isoformat())


def cancel(context: CaseContext) -> None:
    """The case left the agency that asked, or has ended: nothing is asked for any more."""
    supplement = _open(context)
    if supplement is None:
        return
    supplement.state = "cancelled"
    _run_on(context)
    context.record("supplement_cancelled")
