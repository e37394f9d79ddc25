"""Cases: find, search, timeline, withdrawal, voiding, and the applicant's progress (AH-07)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, not_, select
from sqlalchemy.orm import Session, joinedload

from config.catalogue import services
from engine import clock
from engine.actor import Actor
from engine.casework import escalations, instances, transfers
from engine.casework.access import find_visible_case, require_agency, require_role, visible_cases
from engine.casework.events import record_event
from engine.casework.paging import Page, key_in, page_size
from engine.casework.states import CASE_STATES, RESULTS, plain_words
from engine.errors import InvalidInput, NotFound, RuleRefused
from engine.models import Case, Person
from engine.ports import ports

WITHDRAWN = "case_withdrawn"
VOIDED = "case_voided"


def find_case(session: Session, case_id: int, actor: Actor) -> Case:
    """The case, if this officer may see it; NotFound otherwise."""
    return find_visible_case(session, case_id, actor)


#: What a list shows of each case, read with it.
_SHOWN = (
    joinedload(Case.person).load_only(Person.name),
    joinedload(Case.accepting_agency),
    joinedload(Case.handling_agency),
)


def search(
    session: Session,
    actor: Actor,
    *,
    filters: Mapping[str, Any] | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Case]:
    """Cases that the officer's agency accepted or handles, newest first; every filter narrows (QRY-02).

    Filters: receipt_number, serial_number, service, state, accepting_agency, handling_agency, accepted_from,
    accepted_until (days, both included), identity_number, open (bool), overdue (bool: not
    decided, and the due day is past).
    """
    size = page_size(limit)
    query = _filtered(select(Case).where(visible_cases(actor)).options(*_SHOWN), dict(filters or {}))
    if after is not None:
        query = query.where(Case.id < key_in(after))
    rows = list(session.scalars(query.order_by(Case.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def _filtered(query: Select[Case], filters: dict[str, Any]) -> Select[Case]:
    columns = {
        "receipt_number": Case.receipt_number,
        "serial_number": Case.serial_number,
        "service": Case.service,
        "state": Case.state,
        "accepting_agency": Case.accepting_agency_code,
        "handling_agency": Case.handling_agency_code,
    }
    for name, column in columns.items():
        if filters.get(name) is not None:
            query = query.where(column == filters[name])
    if filters.get("identity_number") is not None:
        key = ports().identity_key(filters["identity_number"])
        query = query.where(Case.person.has(identity_key=key))
    if filters.get("accepted_from") is not None:
        query = query.where(Case.accepted_at >= _start_of(filters["accepted_from"]))
    if filters.get("accepted_until") is not None:
        query = query.where(Case.accepted_at <= clock.end_of_day(filters["accepted_until"]))
    if filters.get("overdue") is not None:
        stood_on = func.coalesce(Case.limit_stopped_on, clock.today())
        overdue = and_(Case.result.is_(None), Case.due_on < clock.today(), Case.due_on < stood_on)
        query = query.where(overdue if filters["overdue"] else not_(overdue))
    if filters.get("open") is not None:
        query = query.where(Case.result.is_(None) if filters["open"] else Case.result.is_not(None))
    return query


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=clock.SHANGHAI)


def withdraw(session: Session, case_id: int, actor: Actor, reason: str) -> Case:
    """The applicant takes the application back, before the determination; registered at either place."""
    case = find_visible_case(session, case_id, actor, lock=True)
    require_agency(actor, case.accepting_agency_code, case.handling_agency_code)
    require_role(actor, "acceptor", "first_reviewer", "second_reviewer", "supervisor")
    return _end(session, case, actor, WITHDRAWN, reason)


def void(session: Session, case_id: int, actor: Actor, reason: str) -> Case:
    """A supervisor declares the case void (作废); its number stays (DAT-05)."""
    case = find_visible_case(session, case_id, actor, lock=True)
    require_agency(actor, case.accepting_agency_code, case.handling_agency_code)
    require_role(actor, "supervisor")
    return _end(session, case, actor, VOIDED, reason)


def _end(session: Session, case: Case, actor: Actor, message: str, reason: str) -> Case:
    if not reason.strip():
        raise InvalidInput(fields={"reason": ["请填写理由。"]})
    if case.result is not None:
        raise RuleRefused("办件已作出决定，不能撤回或作废。", code="case_finished")
    # The opinion comes first: the message to the applicant quotes it.
    record_event(session, f"{message}_requested", at=clock.now(), actor=actor, case_id=case.id, opinion=reason)
    session.flush()
    transfer = transfers.running_transfer(session, case.id)
    if transfer is not None:
        transfers.take_back(session, transfer, actor, reason)
    escalation = escalations.running_escalation(session, case.id)
    if escalation is not None:
        escalations.take_back(session, escalation, actor)
    if not instances.deliver(session, case.id, message, actor):
        raise RuleRefused("办件已进入决定之后的环节，不能撤回或作废。", code="case_finished")
    case.version += 1
    return case


def id_of_receipt(session: Session, receipt_number: str) -> int | None:
    """The case with that receipt number, for the audit log; it says nothing to whoever asked."""
    return session.scalar(select(Case.id).where(Case.receipt_number == receipt_number))


def progress(session: Session, receipt_number: str, identity_number: str) -> dict[str, Any]:
    """What an applicant may know, in plain words: state, who has it, until when, whom to ask (AH-07, RES-04).

    Raises NotFound unless both numbers belong together; which of them is wrong is not said.
    """
    case = session.scalar(select(Case).where(Case.receipt_number == receipt_number))
    if case is None or case.person.identity_key != ports().identity_key(identity_number):
        raise NotFound("没有找到与受理回执号和证件号码相符的办件，请核对后重试。", code="no_such_progress")
    return progress_of(case)


def progress_of(case: Case) -> dict[str, Any]:
    """The same, for somebody whose case it is."""
    return {
        "receipt_number": case.receipt_number,
        "service": services()[case.service].title,
        "state": CASE_STATES[case.state],
        "words": plain_words(case.state, case.result),
        "result": RESULTS[case.result] if case.result else None,
        "accepted_at": case.accepted_at,
        "due_on": case.due_on if case.result is None else None,
        "due_provisional": case.due_provisional if case.result is None else None,
        "in_time": None if case.completed_at is None else case.completed_at.date() <= case.due_on,
        "accepting_agency": case.accepting_agency.name,
        "handling_agency": case.handling_agency.name,
    }
