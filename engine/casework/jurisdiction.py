"""How a transfer or an escalation ends: the steps their diagrams take, in the transaction of the diagram's step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from engine.casework import handling, routing
from engine.errors import CannotProceed, InvalidInput
from engine.models import Agency, Escalation

if TYPE_CHECKING:
    from engine.casework.context import CaseContext


def mark_alerted(context: CaseContext) -> None:
    """The alert of an overdue transfer, once, with the time at which it was due (JUR-01, K-11)."""
    transfer = context.transfer
    if transfer.alerted_at is not None or transfer.state != "running":
        return
    transfer.alerted_at = context.at
    context.record(
        "transfer_overdue",
        transfer=transfer.id,
        agency=transfer.from_agency_code,
        due_on=transfer.due_from_arrival_on.isoformat(),
    )


def complete_transfer(context: CaseContext) -> None:
    """The case goes to the other agency; how late it went is written once and stays (JUR-09, K-10)."""
    transfer, case = context.transfer, context.case
    if transfer.state != "running":
        return
    transfer.state = "completed"
    transfer.ended_at = context.at
    transfer.late_workdays = context.calendar.workdays_between(transfer.due_from_arrival_on, context.at.date())
    case.transfer_count += 1
    handling.change_handling_agency(context, transfer.to_agency_code)
    context.record(
        "case_transferred",
        opinion=transfer.reason,
        transfer=transfer.id,
        from_agency=transfer.from_agency_code,
        to_agency=transfer.to_agency_code,
        late_workdays=transfer.late_workdays,
        due_on=case.due_on.isoformat(),
    )


def give_transfer_back(context: CaseContext) -> None:
    """Refused or sent back in review, or withdrawn: nothing has moved."""
    transfer = context.transfer
    if transfer.state != "running":
        return
    # A review that was interrupted by the withdrawal leaves no outcome in the process, whatever its task said.
    refused = context.data.get("outcome") is not None
    transfer.state = "refused" if refused else "withdrawn"
    transfer.ended_at = context.at
    handling.release(context.session, context.case)
    context.record(
        "transfer_refused" if refused else "transfer_withdrawn",
        opinion=context.opinion if refused else None,
        transfer=transfer.id,
    )


_OUTSIDE = "没有这个经办机构，或者它不在上级机构的管辖范围内，请核对编码。"


def check_designation(session: Session, escalation: Escalation, code: Any) -> None:
    """The superior's entry, before the task is done: a slip of the pen is refused at once, not found in the process.

    Raises InvalidInput under the name of the form's field.
    """
    if _named_agency(session, escalation, code) is None:
        raise InvalidInput(fields={"fields.agency": [_OUTSIDE]})


def _named_agency(session: Session, escalation: Escalation, code: Any) -> Agency | None:
    """The agency that a designation means, inside the superior's area; a town's branch stands for its city."""
    superior = session.get_one(Agency, escalation.superior_agency_code)
    agency = routing.find_agency(session, code)
    if agency is None or not agency.path.startswith(superior.path):
        return None
    return routing.deciding_agency(session, agency)


def designate(context: CaseContext, code: str, guidance: str) -> bool:
    """The superior's answer; True when the case stays where it is.

    Raises CannotProceed for what `check_designation` refuses.
    """
    escalation, case = context.escalation, context.case
    agency = _named_agency(context.session, escalation, code)
    if agency is None:
        raise CannotProceed(_OUTSIDE, code="unknown_agency")
    stays = agency.code == case.handling_agency_code
    before = case.handling_agency_code
    escalation.state = "decided"
    escalation.designated_agency_code = agency.code
    escalation.guidance = guidance
    escalation.decided_at = context.at
    escalation.decided_by_id = context.actor.officer_id if context.actor else None
    case.designated = True
    if stays:
        handling.release(context.session, case)
    else:
        handling.change_handling_agency(context, agency.code)
    context.record(
        "agency_designated",
        opinion=guidance,
        escalation=escalation.id,
        from_agency=before,
        to_agency=agency.code,
        due_on=case.due_on.isoformat(),
    )
    return stays


def give_escalation_back(context: CaseContext) -> None:
    """The question has become pointless; the tasks are as they were."""
    escalation = context.escalation
    if escalation.state != "running":
        return
    escalation.state = "withdrawn"
    handling.release(context.session, context.case)
    context.record("escalation_withdrawn", escalation=escalation.id)
