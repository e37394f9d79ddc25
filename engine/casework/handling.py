"""Where a case stands and who handles it: state, hold, change of agency, end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from engine.casework import checklists, deadlines, routing, supplements, suspensions
from engine.casework.province import configuration_for
from engine.casework.states import HOLDING
from engine.errors import CannotProceed
from engine.models import Agency, Case, Task

if TYPE_CHECKING:
    from engine.casework.context import CaseContext

DISPATCHED = "scanned"
FIRST_REVIEW = "awaiting_first_review"


def set_state(case: Case, state: str) -> None:
    """Show `state`. A held case keeps showing that it is held and goes back to `state` afterwards."""
    if case.state in HOLDING:
        case.state_before_hold = state
    else:
        case.state = state


def enter(case: Case, state: str) -> None:
    """Work of `state` begins to wait. A dispatched case stays 已扫描 until its review is acquired (JUR-09)."""
    if shown_state(case) == DISPATCHED and state == FIRST_REVIEW:
        return
    set_state(case, state)


def acquired(case: Case, task: Task) -> None:
    """Somebody has the task: a dispatched case is under first review now (已分配，待初审)."""
    of_case = task.transfer_id is None and task.escalation_id is None
    if of_case and task.agency_code == case.handling_agency_code and shown_state(case) == DISPATCHED:
        set_state(case, FIRST_REVIEW)


def shown_state(case: Case) -> str:
    """The state of the case's own course, under whatever holds it."""
    return case.state_before_hold or case.state


def hold(session: Session, case: Case, *, state: str, because: str) -> None:
    """Hold the review tasks of the case while `state` (transferring, escalated) lasts; an attempt says `because`.

    Scanning and supplements at the accepting place go on: the paper is needed whoever decides.
    """
    case.state_before_hold = case.state
    case.state = state
    session.execute(
        update(Task)
        .where(
            Task.case_id == case.id,
            Task.transfer_id.is_(None),
            Task.escalation_id.is_(None),
            Task.agency_code == case.handling_agency_code,
            Task.also_agency_code.is_(None),
            or_(Task.state == "pool", Task.state == "claimed"),
        )
        .values(held_because=because, version=Task.version + 1)
    )


def release(session: Session, case: Case) -> None:
    """Give the case its state and its held tasks back, exactly as they were."""
    if case.state in HOLDING and case.state_before_hold is not None:
        case.state = case.state_before_hold
    case.state_before_hold = None
    session.execute(
        update(Task)
        .where(Task.case_id == case.id, Task.held_because.is_not(None))
        .values(held_because=None, version=Task.version + 1)
    )


def change_handling_agency(context: CaseContext, agency_code: str) -> None:
    """Hand the case to `agency_code`: its configuration counts from now on, the due date does not move (K-17, JUR-02).

    Receipt number, acceptance time, limit and diagram stay. The old agency's tasks are closed when the case's own
    process hears of it.
    """
    session, case = context.session, context.case
    agency = session.get(Agency, agency_code)
    if agency is None or not agency.decides:
        raise CannotProceed("接收机构不存在或不办理工伤保险业务，请核对后重试。", code="unknown_agency")
    release(session, case)
    _close_interruptions(context)
    case.handling_agency_code = agency_code
    case.arrived_at = context.at
    configuration = configuration_for(session, agency_code, case.service, context.at.date())
    case.configuration_id = configuration.id
    case.cross_place = routing.is_cross_place(session.get_one(Agency, case.accepting_agency_code), agency)
    session.expire(case, ["handling_agency", "configuration"])
    added = checklists.redraw(session, case, configuration)
    if added:
        context.record("checklist_extended", materials=added, handling_agency=agency_code)


def finish(context: CaseContext, result: str) -> None:
    """The case is decided; the time limit stops now (办结)."""
    case = context.case
    if case.result is not None:
        # A second pass of the same step after a retry: the first decision stands.
        return
    _close_interruptions(context)
    case.result = result
    case.completed_at = context.at
    deadlines.end(context.session, case, deadlines.TIME_LIMIT, context.at, due_on=case.due_on)
    if result == "voided":
        case.valid = False


def _close_interruptions(context: CaseContext) -> None:
    """The process goes on elsewhere or ends: what it was waiting for in a review does not wait any more."""
    supplements.cancel(context)
    suspensions.close(context)
