"""Transfer (全省通办业务移交): one per case, a business of its own; it never moves the due date (JUR-*, K-10, K-11).

A reviewer's 'not ours' or a transfer operator starts it and is its acceptor. While it runs the case's review tasks
are held; refused or withdrawn, it gives them back as they were and does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from config.province import province
from config.register import reason as basis
from engine import clock
from engine.actor import Actor
from engine.casework import handling, instances, routing
from engine.casework.access import NO_SUCH_CASE, find_visible_case, require_agency, require_role, visible_cases
from engine.casework.calendars import calendar_of
from engine.casework.events import record_event
from engine.casework.numbers import next_numbers
from engine.casework.province import configuration_for
from engine.casework.states import CASE_STATES, HOLDING
from engine.errors import Conflict, InvalidInput, NotFound, RuleRefused, TaskHeld
from engine.models import Agency, Case, CaseEvent, Instance, Officer, Task, Transfer
from engine.ports import ports

PROCESS = "case_transfer"
WITHDRAWN = "transfer_withdrawn"
LIMIT = "transfer.limit_workdays"
_ENDS = ("case_transferred", "transfer_refused", "transfer_withdrawn")
_ENDED = {"completed": "移交完成", "refused": "不予移交", "withdrawn": "已撤回"}
#: 全省模式: the agency takes cases of the service that were accepted elsewhere (CFG-09).
PROVINCE_WIDE = "province"


def start_transfer(
    session: Session, case_id: int, actor: Actor, *, to_agency: str, reason: str, legal_ground: str
) -> Transfer:
    """Begin the transfer of an unfinished case to `to_agency` (agency or division code), at its handling agency."""
    case = find_visible_case(session, case_id, actor, lock=True)
    require_agency(actor, case.handling_agency_code)
    require_role(actor, "transfer_operator", "first_reviewer", "second_reviewer", "supervisor")
    return _start(session, case, actor, to_agency=to_agency, reason=reason, legal_ground=legal_ground)


def start_from_review(
    session: Session, task: Task, actor: Actor, *, opinion: str | None, fields: Mapping[str, Any]
) -> Transfer:
    """A reviewer says 'not ours'; the review task stays his and is held. The case is locked by the caller."""
    case = session.get_one(Case, task.case_id)
    require_agency(actor, case.handling_agency_code)
    try:
        return _start(
            session,
            case,
            actor,
            to_agency=str(fields.get("to_agency") or ""),
            reason=opinion or "",
            legal_ground=str(fields.get("legal_ground") or ""),
        )
    except InvalidInput as fault:
        names = {"reason": "opinion"}
        raise InvalidInput(
            fields={names.get(name, f"fields.{name}"): sentences for name, sentences in fault.fields.items()}
        ) from None


def _start(session: Session, case: Case, actor: Actor, *, to_agency: str, reason: str, legal_ground: str) -> Transfer:
    require_transferable(session, case)
    target = _target(session, case, to_agency)
    _require_text(reason=reason, legal_ground=legal_ground)
    found_at = clock.now()
    limit, because = ports().rules.value(LIMIT, found_at.date())
    calendar = calendar_of(session, case.handling_agency_code)
    from_arrival = calendar.due(case.arrived_at.date(), int(limit))
    from_finding = calendar.due(found_at.date(), int(limit))
    _serial, receipt = next_numbers(session, found_at)
    transfer = Transfer(
        receipt_number=receipt,
        case_id=case.id,
        from_agency_code=case.handling_agency_code,
        to_agency_code=target.code,
        state="running",
        reason=reason,
        legal_ground=legal_ground,
        started_by_id=actor.officer_id,
        found_at=found_at,
        due_from_arrival_on=from_arrival.on,
        due_from_finding_on=from_finding.on,
        due_provisional=from_arrival.provisional,
    )
    session.add(transfer)
    session.flush()
    state = CASE_STATES[case.state]
    handling.hold(session, case, state="transferring", because=instances.HELD["transferring"])
    record_event(
        session,
        "transfer_started",
        at=found_at,
        actor=actor,
        case_id=case.id,
        opinion=reason,
        because=[because],
        transfer=transfer.id,
        from_agency=transfer.from_agency_code,
        to_agency=target.code,
        to_superior=goes_to_superior(transfer),
        state=state,
        due_on=from_arrival.on.isoformat(),
        due_from_finding_on=from_finding.on.isoformat(),
    )
    instances.start(session, process_id=PROCESS, subject="transfer", subject_row=transfer, actor=actor)
    return transfer


def require_transferable(session: Session, case: Case) -> None:
    """Raises RuleRefused or Conflict where a transfer is closed for this case (JUR-03, JUR-05, JUR-06)."""
    if case.result is not None:
        raise RuleRefused("办件已办结，不能移交。", code="case_finished", because=[basis("JUR-06")])
    if case.designated:
        raise RuleRefused(
            "办理机构已由共同上级指定，不能再移交或上报。", code="agency_designated", because=[basis("JUR-03")]
        )
    if case.transfer_count > 0:
        raise RuleRefused(
            "办件是移交而来的，不得再自行移送；如认为不属于本机构管辖，请报请共同上级指导。",
            code="already_transferred",
            because=[basis("JUR-03")],
        )
    if case.state in HOLDING:
        running = running_transfer(session, case.id)
        if running is not None:
            starter = session.get_one(Officer, running.started_by_id)
            raise Conflict(
                f"{starter.name}已于{running.found_at:%Y-%m-%d %H:%M:%S}发起移交。",
                code="transfer_running",
                details={"by": starter.name, "at": running.found_at.isoformat(), "what": "发起移交"},
            )
        raise TaskHeld(instances.HELD[case.state])


def running_transfer(session: Session, case_id: int) -> Transfer | None:
    """The transfer under way, if any."""
    return session.scalar(select(Transfer).where(Transfer.case_id == case_id, Transfer.state == "running"))


def _target(session: Session, case: Case, code: str) -> Agency:
    named = routing.find_agency(session, code)
    if named is None:
        raise InvalidInput(fields={"to_agency": [f"没有代码为“{code[:16]}”的经办机构。"]})
    # A town's branch acts for its city (东莞, 中山).
    agency = routing.deciding_agency(session, named)
    if agency.code == case.handling_agency_code:
        raise InvalidInput(fields={"to_agency": ["接收机构就是当前办理机构，请选择其他机构。"]})
    configuration = configuration_for(session, agency.code, case.service, clock.today())
    if configuration.distribution_mode != PROVINCE_WIDE and routing.is_cross_place(case.accepting_agency, agency):
        title = services()[case.service].title
        raise InvalidInput(fields={"to_agency": [f"{agency.name}没有开通“{title}”的全省通办，请核对接收机构。"]})
    return agency


def goes_to_superior(transfer: Transfer) -> bool:
    """The receiving agency is above the sending one, which is allowed and unusual (K-22)."""
    sender, receiver = (province().agencies.get(code) for code in (transfer.from_agency_code, transfer.to_agency_code))
    return sender is not None and receiver is not None and sender.path.startswith(receiver.path)


def _require_text(**texts: str) -> None:
    names = {"reason": "移交理由", "legal_ground": "法律依据"}
    missing = {key: [f"请填写{names[key]}。"] for key, text in texts.items() if not text.strip()}
    if missing:
        raise InvalidInput(fields=missing)


def find_transfer(session: Session, transfer_id: int, actor: Actor, *, lock: bool = False) -> Transfer:
    """The transfer, for officers who see its case and for the receiving agency."""
    transfer = session.get(Transfer, transfer_id)
    if transfer is None:
        raise NotFound("没有找到这个移交业务。")
    query = select(Case).where(Case.id == transfer.case_id)
    if actor.agency_code != transfer.to_agency_code:
        query = query.where(visible_cases(actor))
    if lock:
        query = query.with_for_update(of=Case).execution_options(populate_existing=True)
    if session.scalar(query) is None:
        raise NotFound("没有找到这个移交业务。")
    if lock:
        session.refresh(transfer)
    return transfer


def withdraw_transfer(session: Session, transfer_id: int, actor: Actor, reason: str) -> Transfer:
    """The starter (or a supervisor of his agency) takes the transfer back before it is done."""
    transfer = find_transfer(session, transfer_id, actor, lock=True)
    require_agency(actor, transfer.from_agency_code)
    if actor.officer_id != transfer.started_by_id:
        require_role(actor, "supervisor")
    _require_text(reason=reason)
    if transfer.state != "running":
        raise _ended(session, transfer)
    take_back(session, transfer, actor, reason)
    return transfer


def _ended(session: Session, transfer: Transfer) -> Conflict:
    """How the transfer ended, by whom and when."""
    event = session.scalar(
        select(CaseEvent)
        .where(CaseEvent.case_id == transfer.case_id, CaseEvent.kind.in_(_ENDS), CaseEvent.at == transfer.ended_at)
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )
    by = event.officer.name if event is not None and event.officer is not None else ""
    at = transfer.ended_at
    when = f"于{at:%Y-%m-%d %H:%M:%S}" if at else ""
    return Conflict(
        f"移交已由{by or '系统'}{when}结束（{_ENDED[transfer.state]}），不能撤回。",
        code="transfer_ended",
        details={"by": by, "at": at.isoformat() if at else None, "what": transfer.state},
    )


def take_back(session: Session, transfer: Transfer, actor: Actor, reason: str) -> None:
    """End a running transfer without effect, by its own process."""
    record_event(
        session,
        "transfer_withdrawal_requested",
        at=clock.now(),
        actor=actor,
        case_id=transfer.case_id,
        opinion=reason,
        transfer=transfer.id,
    )
    instance = session.scalar(select(Instance).where(Instance.transfer_id == transfer.id))
    if instance is None:
        raise NotFound(NO_SUCH_CASE)
    instances.advance(session, instance, actor, lambda run: run.send(WITHDRAWN))
