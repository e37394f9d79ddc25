"""The transfer business, the question to the common superior, and the choice of an insurance relation."""

from __future__ import annotations

from engine import clock
from engine.casework.context import CaseContext
from engine.process.operators import Scalar, operator


@operator("transfer.register", "受理移交", returns=("transfer_due_at", "transfer_warning_at"))
def register_transfer(case: CaseContext) -> dict[str, Scalar]:
    """Due at the end of the first working day after the case arrived, warning at half time (K-10, K-11)."""
    due_at = clock.end_of_day(case.transfer.due_from_arrival_on)
    warning_at = case.case.arrived_at + (due_at - case.case.arrived_at) / 2
    case.record("transfer_accepted", transfer=case.transfer.id, due_on=case.transfer.due_from_arrival_on.isoformat())
    return {"transfer_due_at": due_at.isoformat(), "transfer_warning_at": warning_at.isoformat()}


@operator("transfer.warn", "移交时限预警")
def warn(case: CaseContext) -> None:
    """Half of the time is gone. Where all of it is gone already, the alert says so instead."""
    if case.at <= clock.end_of_day(case.transfer.due_from_arrival_on):
        case.record("transfer_warned", transfer=case.transfer.id, due_on=case.transfer.due_from_arrival_on.isoformat())


@operator("transfer.alert", "移交逾期告警")
def alert(case: CaseContext) -> None:
    """The due time passed and the transfer is not done: once, to the supervisor of the sending agency (JUR-01)."""
    case.mark_transfer_alerted()


@operator("transfer.execute", "执行移交")
def execute(case: CaseContext) -> None:
    """Both reviews passed: the responsible agency changes; everything the applicant was told stays (JUR-09)."""
    case.complete_transfer()


@operator("transfer.give_back", "移交退回")
def give_back(case: CaseContext) -> None:
    """Refused or withdrawn: the held tasks are given back, and it does not count as the one transfer."""
    case.give_transfer_back()


@operator("escalation.register", "报请共同上级", returns=("superior_due_at",))
def register_escalation(case: CaseContext) -> dict[str, Scalar]:
    """Until when the superior should answer."""
    return {"superior_due_at": clock.end_of_day(case.escalation.due_on).isoformat()}


@operator("escalation.remind", "提醒上级")
def remind(case: CaseContext) -> None:
    """The superior's time is over; the question stays open."""
    case.record("escalation_overdue", escalation=case.escalation.id, due_on=case.escalation.due_on.isoformat())


@operator("escalation.designate", "指定办理机构", returns=("stays",))
def designate(case: CaseContext) -> dict[str, Scalar]:
    """The superior named the agency. That is no transfer; afterwards transfer and escalation are closed (JUR-05)."""
    return {"stays": case.designate_agency(str(case.form.get("agency") or ""), str(case.form.get("guidance") or ""))}


@operator("escalation.give_back", "撤回上报")
def give_escalation_back(case: CaseContext) -> None:
    """The question has become pointless: the applicant withdrew or the case was voided."""
    case.give_escalation_back()


@operator("relation.choose", "认定参保关系")
def choose_relation(case: CaseContext) -> None:
    """A person settles what the system cannot know (ROU-06)."""
    relation_id = case.form.get("relation_id")
    case.choose_relation(
        relation_id=int(relation_id) if relation_id else None,
        agency_code=str(case.form["agency"]) if case.form.get("agency") else None,
        reason=case.opinion or str(case.form.get("reason") or ""),
    )
