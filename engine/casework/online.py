"""Applications without a counter (网上申请, SCO-08): handed in by a channel system or by the applicant himself.

They go the way of every application: place of insurance, gates, checklist, and acceptance by officers of the agency
that they were handed in to. Pages that are uploaded stand for paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from config.form_schemas import other_services
from engine import clock
from engine.actor import ApplicantActor, ChannelActor, OnlineParty
from engine.casework import applications, intake, materials, representing, routing
from engine.casework.access import NO_SUCH_APPLICATION
from engine.casework.events import record_event
from engine.casework.relations import find_relations
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import Agency, Applicant, Application, DefinitionRow, MaterialItem, OnlineApplication, Outlet
from engine.ports import ports

#: How a channel system may have made sure who sits in front of it.
IDENTITY_CHECKS = {"real_name": "实名认证账户", "face": "人脸识别", "card": "读取身份证或社会保障卡"}


def submit_for(
    session: Session, command: Mapping[str, Any], channel: ChannelActor, identity_check: Mapping[str, str]
) -> Application:
    """Register what a channel system hands in for somebody whose identity it vouches for."""
    return _submit(session, {**command, "channel": channel.channel}, channel, dict(identity_check))


def submit_own(session: Session, command: Mapping[str, Any], applicant: ApplicantActor) -> Application:
    """Register what an applicant hands in, for himself or for somebody whom he represents.

    Who applies is who is logged in, whatever the form says. Raises NotFound for a worker whom he does not represent.
    """
    row = session.get_one(Applicant, applicant.applicant_id)
    stated = command.get("applicant")
    kind = stated.get("kind") if isinstance(stated, Mapping) else None
    worker = command.get("worker")
    number = worker.get("identity_number") if isinstance(worker, Mapping) else None
    key = ports().identity_key(number) if isinstance(number, str) else None
    if kind == "worker":
        if key is None or key != applicant.identity_key:
            raise NotFound(representing.NOT_REPRESENTED, code="not_represented")
    elif key is None or not representing.represents(session, applicant, key, kind):
        raise NotFound(representing.NOT_REPRESENTED, code="not_represented")
    own = {
        "name": row.name,
        "identity_type": row.identity_type,
        "identity_number": row.identity_number,
        "phone": row.phone,
    }
    known = {name: value for name, value in own.items() if value is not None}
    filled = {"applicant": {**(stated if isinstance(stated, Mapping) else {}), **known}}
    if kind == "agent":
        filled["agent"] = known
    return _submit(session, {**command, **filled, "channel": "web_hall"}, applicant, None)


def _submit(
    session: Session, command: Mapping[str, Any], party: OnlineParty, identity_check: dict[str, str] | None
) -> Application:
    at = clock.now()
    handed_in = intake.read(command, at.date(), online=True)
    outlet = _outlet(session, handed_in)
    application = applications.register(session, handed_in, outlet, at, None, channel=handed_in.channel)
    session.add(OnlineApplication(application_id=application.id, party=party.party, identity_check=identity_check))
    return application


def _outlet(session: Session, handed_in: intake.Intake) -> Outlet:
    """The outlet that was named, or that of the place of insurance on the day of the injury."""
    if handed_in.outlet_code:
        outlet = session.get(Outlet, handed_in.outlet_code)
    else:
        outlet = _outlet_of_insurance(session, handed_in)
    if outlet is None:
        said = "没有这个受理网点。" if handed_in.outlet_code else "未能确定参保地，请选择受理网点。"
        raise InvalidInput(fields={"outlet": [said]})
    return outlet


def _outlet_of_insurance(session: Session, handed_in: intake.Intake) -> Outlet | None:
    key = ports().identity_key(handed_in.worker["identity_number"])
    found = find_relations(session, key, handed_in.injured_on)
    if len(found) != 1:
        return None
    agency = routing.deciding_agency(session, session.get_one(Agency, found[0].agency_code))
    of_agency = select(Outlet).where(Outlet.agency_code == agency.code)
    return session.scalar(of_agency.order_by((Outlet.kind == "hall").desc(), Outlet.code).limit(1))


def find_handed_in(session: Session, application_id: int, party: ChannelActor, *, lock: bool = False) -> Application:
    """The application, if this system handed it in. Raises NotFound."""
    query = (
        select(Application)
        .join(OnlineApplication)
        .where(Application.id == application_id, OnlineApplication.party == party.party)
    )
    return locked(session, query, lock=lock)


def find_own(session: Session, application_id: int, applicant: ApplicantActor, *, lock: bool = False) -> Application:
    """The application, if it is about this applicant, or somebody whom he represents. Raises NotFound."""
    query = select(Application).where(
        Application.id == application_id, representing.about_own(Application.person_id, applicant)
    )
    return locked(session, query, lock=lock)


def locked(session: Session, query: Any, *, lock: bool) -> Application:
    """The application of the query. Raises NotFound."""
    if lock:
        query = query.with_for_update(of=Application).execution_options(populate_existing=True)
    application: Application | None = session.scalar(query)
    if application is None:
        raise NotFound(NO_SUCH_APPLICATION)
    return application


def add_page(session: Session, application: Application, material: str, content: bytes) -> MaterialItem:
    """A page of one material, uploaded by whoever handed the application in, before it is accepted.

    Raises InvalidInput for what is not on the list or no image, Conflict once the agency has decided.
    """
    if application.state not in ("draft", "notified", "unresolved"):
        raise Conflict("该申请不在收取材料的阶段。", code="application_closed", details={"what": application.state})
    item = materials.line_of(session, application, material)
    sha256 = materials.stored(content, item)
    if sha256 is not None:
        item.uploads += 1
        record_event(
            session,
            "material_uploaded",
            at=clock.now(),
            actor=None,
            application_id=application.id,
            material=material,
            sha256=sha256,
        )
    return item


def service_items(session: Session) -> list[dict[str, Any]]:
    """Every service of work-injury insurance: whether any counter of the province takes it, and the channels."""
    today = clock.today()
    published = set(
        session.scalars(select(DefinitionRow.process_id).where(DefinitionRow.process_id.in_(services())).distinct())
    )
    own = sorted(services().values(), key=lambda service: service.number)
    titles = {**{service.code: service.title for service in own}, **other_services()}
    return [
        {
            "code": code,
            "title": title,
            "province_wide": code in services() and ports().gates.is_province_wide(code, today),
            "online": code in published,
        }
        for code, title in titles.items()
    ]
