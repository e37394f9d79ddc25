"""Acceptance (受理): one transaction from application to cases at their first wait (ACC-01…03, ACC-05, ACC-12)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from config.register import reason
from engine import clock
from engine.actor import Actor
from engine.casework import applications, deadlines, instances, materials
from engine.casework.access import find_visible_application, require_agency, require_role
from engine.casework.calendars import calendar_of
from engine.casework.documents import issue_document
from engine.casework.events import record_event
from engine.casework.numbers import next_numbers
from engine.casework.province import configuration_for
from engine.errors import InvalidInput, RuleRefused
from engine.models import Agency, Application, Case, Person
from engine.process import definitions


def accept_application(
    session: Session, application_id: int, actor: Actor, *, duplicate_reason: str | None = None
) -> list[Case]:
    """Accept the application: a case for each of its services, with receipt, message and running process.

    Raises RuleRefused when a gate, a check or a material stands in the way; Conflict when it is no longer open.
    """
    application = find_visible_application(session, application_id, actor, lock=True)
    require_agency(actor, application.accepting_agency_code)
    require_role(actor, "acceptor")
    _require_open(session, application)
    _require_gates(application)
    _require_checks(session, application)
    _require_reason_for_duplicates(session, application, duplicate_reason)
    at = clock.now()
    cases = [_open_case(session, application, service, actor, at, duplicate_reason) for service in application.services]
    application.state = "accepted"
    application.version += 1
    session.flush()
    for case in cases:
        instances.start(
            session,
            process_id=case.service,
            subject="case",
            subject_row=case,
            actor=actor,
            definition_hash=case.definition_hash,
        )
    return cases


def _require_open(session: Session, application: Application) -> None:
    if application.state in ("accepted", "refused"):
        raise applications.not_open(session, application)
    if application.state == "unresolved" or application.handling_agency_code is None:
        raise RuleRefused(
            "参保地尚未确定，请先由主管认定参保关系，再受理。",
            code="relation_unresolved",
            because=[reason("ROU-01")],
        )


def _require_gates(application: Application) -> None:
    failed = [gate for gate in application.gates if not gate["passed"]]
    if failed:
        raise RuleRefused(
            failed[0]["message"],
            code=failed[0]["code"],
            because=[basis for gate in failed for basis in gate["because"]],
            details={"gates": [gate["rule"] for gate in failed]},
        )


def _require_checks(session: Session, application: Application) -> None:
    """Eligibility and completeness were checked on the spot, by somebody, before (ACC-01)."""
    checks = application.eligibility_checked
    if not checks:
        raise RuleRefused(
            "受理前应当场核对申领人资格和材料完整性，请先登记核对结果。",
            code="checks_missing",
            because=[reason("ACC-01")],
        )
    if not checks.get("eligible"):
        raise RuleRefused("核对结果为申领人不具备资格，不能受理。", code="not_eligible", because=[reason("ACC-01")])
    missing = materials.missing_materials(session, application)
    if missing:
        raise RuleRefused(
            "必要材料不齐全，请一次性告知申请人补齐：" + "、".join(item.name for item in missing) + "。",
            code="materials_missing",
            because=[reason("ACC-01")],
            details={"materials": [item.material for item in missing]},
        )


def _require_reason_for_duplicates(session: Session, application: Application, given: str | None) -> None:
    # Another counter may be accepting for the same person in this very moment: it waits, and then sees this case.
    session.execute(select(Person.id).where(Person.id == application.person_id).with_for_update())
    duplicates = applications.open_duplicates(session, application)
    if duplicates and not (given or "").strip():
        receipts = "、".join(case.receipt_number for case in duplicates)
        raise RuleRefused(
            f"同一人员同一工伤的同一事项已有未办结的办件（{receipts}），如仍需受理请填写理由。",
            code="duplicate_case",
            details={"receipt_numbers": [case.receipt_number for case in duplicates]},
        )
    if given is not None and len(given) > 200:
        raise InvalidInput(fields={"duplicate_reason": ["理由不能超过200字。"]})


def _open_case(
    session: Session, application: Application, service: str, actor: Actor, at: datetime, duplicate_reason: str | None
) -> Case:
    handling = application.handling_agency_code
    assert handling is not None  # `_require_open` refused it
    configuration = configuration_for(session, handling, service, at.date())
    due = calendar_of(session, handling).due(at.date(), configuration.limit_workdays)
    serial, receipt = next_numbers(session, at)
    case = Case(
        receipt_number=receipt,
        serial_number=serial,
        service=service,
        application_id=application.id,
        person_id=application.person_id,
        injured_on=application.injured_on,
        state="accepted",
        channel=application.channel,
        outlet_code=application.outlet_code,
        accepting_agency_code=application.accepting_agency_code,
        handling_agency_code=handling,
        cross_place=applications.is_cross_place(session, application),
        accepted_by_id=actor.officer_id,
        accepted_at=at,
        arrived_at=at,
        limit_workdays=configuration.limit_workdays,
        due_on=due.on,
        due_provisional=due.provisional,
        definition_hash=definitions.current(session, service).hash,
        configuration_id=configuration.id,
        duplicate_reason=duplicate_reason,
    )
    session.add(case)
    session.flush()
    deadlines.start(session, deadlines.TIME_LIMIT, case, started_on=at.date(), length=case.limit_workdays, due=due)
    _record_acceptance(session, case, application, actor, at)
    return case


def _record_acceptance(session: Session, case: Case, application: Application, actor: Actor, at: datetime) -> None:
    """The event, and the record of the receipt: issued by the accepting place (谁受理、谁负责, ACC-03)."""
    accepting = session.get_one(Agency, case.accepting_agency_code)
    handling = session.get_one(Agency, case.handling_agency_code)
    issue_document(
        session,
        "acceptance_receipt",
        issuing_agency_code=accepting.code,
        issued_by_id=actor.officer_id,
        at=at,
        case_id=case.id,
        content={
            "receipt_number": case.receipt_number,
            "serial_number": case.serial_number,
            "service": services()[case.service].title,
            "accepting_agency": accepting.name,
            "handling_agency": handling.name,
            "accepted_at": at.isoformat(),
            "due_on": case.due_on.isoformat(),
            "due_provisional": case.due_provisional,
            "materials": [
                {"name": item.name, "copies": item.brought}
                for item in materials.of_application(session, application.id)
                if item.brought
            ],
        },
    )
    absent = actor.acts_for("acceptor")
    in_place: dict[str, Any] = {} if absent is None else {"on_behalf_of": absent}
    record_event(
        session,
        "case_accepted",
        at=at,
        actor=actor,
        case_id=case.id,
        because=[reason("ACC-02")],
        receipt_number=case.receipt_number,
        accepting_agency=case.accepting_agency_code,
        handling_agency=case.handling_agency_code,
        due_on=case.due_on.isoformat(),
        provisional=case.due_provisional,
        **in_place,
    )


def linked_cases(session: Session, case: Case) -> list[Case]:
    """The other cases of the same application (K-27)."""
    return list(
        session.scalars(
            select(Case).where(Case.application_id == case.application_id, Case.id != case.id).order_by(Case.id)
        )
    )
