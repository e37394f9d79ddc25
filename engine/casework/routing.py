"""Where an application belongs: the handling agency (业务办理地), the gates that follow from it, and the checklist.

The handling agency is that of the insurance relation on the day of the injury; the system finds it before anything is
asked of the applicant (ROU-01, ACC-05). Where it finds none or several, a person decides and nobody guesses (ROU-06).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from config.legal import LegalRef
from engine import clock
from engine.actor import Actor
from engine.casework import checklists
from engine.casework.events import record_event
from engine.casework.province import configuration_for
from engine.casework.relations import find_relations
from engine.errors import Conflict, InvalidInput
from engine.models import Agency, Application, InsuranceRelation, Outlet, ServiceConfiguration
from engine.ports import Gate, ports

_LONGEST_REASON = 1000

FOUND_BY = [LegalRef(document="gd-2023-4", article="附件2 三（五）", quote="发生工伤时的参保关系地").reason()]


def is_cross_place(accepting: Agency, handling: Agency) -> bool:
    """异地申请: the two agencies belong to different pooling areas (统筹区), so to different cities (ROU-02).

    A city, its districts and its towns are one place: any of them takes the application as the local agency would,
    and the gates for applications from elsewhere do not ask. The province is a place of its own.
    """
    return accepting.pooling_area != handling.pooling_area


def deciding_agency(session: Session, agency: Agency) -> Agency:
    """The agency that decides the cases of `agency`: itself, or its city where it is a branch (东莞, 中山)."""
    while not agency.decides and agency.superior_code is not None:
        agency = session.get_one(Agency, agency.superior_code)
    return agency


def route(session: Session, application: Application) -> None:
    """Find the relation on the day of the injury; exactly one settles the application, otherwise it is `unresolved`."""
    found = find_relations(session, application.person.identity_key, application.injured_on)
    state = {0: "none", 1: "found"}.get(len(found), "several")
    reason = {
        "none": "未找到该职工在工伤发生时的参保关系，须由主管核实后确定业务办理地。",
        "several": "该职工在工伤发生时有多个参保关系，须由主管认定责任单位的参保地。",
        "found": "",
    }[state]
    application.routing = {"state": state, "reason": reason, "relation_ids": [relation.id for relation in found]}
    if state == "found":
        configurations = settle(session, application, session.get_one(Agency, found[0].agency_code))
        checklists.refuse_unknown_ticks(application, configurations)
    else:
        checklists.refuse_unknown_ticks(application)
        application.state = "unresolved"
        application.gates = _answers(ports().gates.check(_facts(application)))


def choose_relation(
    session: Session,
    application: Application,
    *,
    relation_id: int | None = None,
    agency_code: str | None = None,
    reason: str,
    actor: Actor,
) -> None:
    """A person settles where the worker was insured: one of the relations found, or an agency, with the reason.

    Gates and checklist are made again. Raises InvalidInput for anything else, Conflict when it is settled already.
    """
    if application.state != "unresolved":
        raise Conflict("该申请的参保关系已经确定。", code="relation_settled", details={"what": application.state})
    agency = chosen_agency(session, application, relation_id=relation_id, agency_code=agency_code)
    sentence = _reason(reason)
    application.routing = {**application.routing, "state": "chosen", "reason": sentence, "chosen_relation": relation_id}
    settle(session, application, agency)
    application.version += 1
    record_event(
        session,
        "relation_chosen",
        at=clock.now(),
        actor=actor,
        application_id=application.id,
        opinion=sentence,
        because=FOUND_BY,
        relation=relation_id,
        handling_agency=application.handling_agency_code,
        state=application.state,
    )


def check_choice(session: Session, application: Application, fields: Mapping[str, Any]) -> None:
    """The officer's entry in the form `relation`, before the task is done: what cannot be chosen is refused at once.

    Raises InvalidInput under the names of the form's fields.
    """
    try:
        chosen_agency(session, application, relation_id=fields.get("relation_id"), agency_code=fields.get("agency"))
        _reason(fields.get("reason") or "")
    except InvalidInput as fault:
        names = {"agency_code": "agency"}
        raise InvalidInput(
            fields={f"fields.{names.get(name, name)}": sentences for name, sentences in fault.fields.items()}
        ) from None


def chosen_agency(
    session: Session, application: Application, *, relation_id: int | None, agency_code: str | None
) -> Agency:
    """The agency that a choice names. Raises InvalidInput unless it is exactly one of the two and exists."""
    if (relation_id is None) == (agency_code is None):
        raise InvalidInput(fields={"relation_id": ["请选择一个参保关系，或填写一个经办机构编码，只填一项。"]})
    if relation_id is not None:
        if relation_id not in application.routing["relation_ids"]:
            raise InvalidInput(fields={"relation_id": ["不是该职工在工伤发生时的参保关系。"]})
        return session.get_one(Agency, session.get_one(InsuranceRelation, relation_id).agency_code)
    agency = find_agency(session, agency_code)
    if agency is None:
        raise InvalidInput(fields={"agency_code": ["没有这个经办机构编码。"]})
    return agency


def find_agency(session: Session, code: Any) -> Agency | None:
    """The agency with this agency code or division code; None for whatever else an officer may have typed."""
    if not (isinstance(code, str) and code.isascii() and code.isdigit()):
        return None
    return session.scalar(select(Agency).where(or_(Agency.code == code, Agency.division_code == code)).limit(1))


def settle(session: Session, application: Application, insured_with: Agency) -> Mapping[str, ServiceConfiguration]:
    """The place of insurance is known: handling agency, gates, checklist, and the state that follows.

    Gives back the handling agency's configurations of the services.
    """
    handling = deciding_agency(session, insured_with)
    today = clock.today()
    configurations = {
        service: configuration_for(session, handling.code, service, today) for service in application.services
    }
    application.handling_agency_code = handling.code
    application.gates = _answers(ports().gates.check(_settled_facts(session, application, handling, configurations)))
    application.state = "draft" if all(gate["passed"] for gate in application.gates) else "blocked"
    checklists.draw_up(session, application, configurations)
    session.flush()
    return configurations


def _reason(reason: str) -> str:
    try:
        sentence = ports().identity.text(reason, _LONGEST_REASON, multiline=True)
    except ValueError as fault:
        raise InvalidInput(fields={"reason": [str(fault)]}) from None
    if not sentence:
        raise InvalidInput(fields={"reason": ["请填写认定的理由。"]})
    return sentence


def _facts(application: Application) -> dict[str, Any]:
    return {
        "services": list(application.services),
        "applicant_kind": application.applicant_kind,
        "channel": application.channel,
        "injured_on": application.injured_on,
        "received_on": application.created_at.date(),
        "advance_payment": application.advance_payment,
    }


def _settled_facts(
    session: Session, application: Application, handling: Agency, configurations: dict[str, ServiceConfiguration]
) -> dict[str, Any]:
    accepting = session.get_one(Agency, application.accepting_agency_code)
    hall = session.scalar(
        select(Outlet.name)
        .where(Outlet.agency_code == handling.code, Outlet.kind == "hall")
        .order_by(Outlet.code)
        .limit(1)
    )
    return {
        **_facts(application),
        "cross_place": is_cross_place(accepting, handling),
        "distribution_modes": {service: one.distribution_mode for service, one in configurations.items()},
        "place_of_insurance": f"{handling.name}（{hall}）" if hall else handling.name,
    }


def _answers(gates: Any) -> list[dict[str, Any]]:
    return [_answer(gate) for gate in gates]


def _answer(gate: Gate) -> dict[str, Any]:
    return {
        "rule": gate.rule,
        "code": gate.code,
        "passed": gate.passed,
        "message": gate.message,
        "because": [dict(reason) for reason in gate.because],
    }
