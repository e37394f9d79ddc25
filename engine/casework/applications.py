"""Applications at the counter (申请): handed in, checked on the spot, noticed, refused (ACC-01, ACC-11, S21).

Acceptance is `engine.casework.acceptance`; where an application belongs is `engine.casework.routing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config.catalogue import services
from config.legal import LegalRef
from engine import clock
from engine.actor import Actor
from engine.casework import instances, intake, materials, people, routing
from engine.casework.access import find_visible_application, require_agency, require_role, subtree
from engine.casework.documents import issue_document
from engine.casework.events import record_event
from engine.casework.messages import emit
from engine.casework.paging import Page, key_in, page_size
from engine.casework.province import configuration_for
from engine.errors import Conflict, InvalidInput, NotAllowed, RuleRefused
from engine.models import Agency, Application, Case, CaseEvent, MaterialItem, Outlet, Person
from engine.ports import ports

ON_THE_SPOT = [
    LegalRef(
        document="gd-2023-4", article="附件2 三（二）", quote="应当场对申领人的资格和申请材料的完整性进行检查"
    ).reason()
]
ONE_TIME = [LegalRef(document="gd-2023-4", article="附件3 二", quote="补正材料单").reason()]

#: State -> what officers read.
STATES = {
    "draft": "已登记",
    "blocked": "不能在本网点受理",
    "unresolved": "参保关系待认定",
    "notified": "已一次性告知",
    "refused": "不予受理",
    "accepted": "已受理",
}


def submit_application(session: Session, command: Mapping[str, Any], actor: Actor) -> Application:
    """Register what was handed in: find the place of insurance, ask the gates, show its checklist.

    The state says how it goes on: `draft` materials are collected, `blocked` a gate says where to go instead,
    `unresolved` a supervisor must settle the relation. Raises InvalidInput and RuleRefused as `intake.read` does;
    NotAllowed for an outlet of another agency.
    """
    require_role(actor, "acceptor")
    at = clock.now()
    handed_in = intake.read(command, at.date())
    outlet = _own_outlet(session, handed_in.outlet_code, actor)
    return register(session, handed_in, outlet, at, actor)


def register(
    session: Session, handed_in: intake.Intake, outlet: Outlet, at: datetime, actor: Actor | None, **details: Any
) -> Application:
    """Register what was read and checked; `actor`: the officer at the counter, None where there was none."""
    worker = handed_in.worker
    # Whoever acts for the worker online must not put his own phone in place of the worker's, to which codes are sent.
    person = people.register_person(
        session,
        identity_type=worker["identity_type"],
        identity_number=worker["identity_number"],
        name=worker["name"],
        phone=worker.get("phone") if actor or handed_in.content["applicant"]["kind"] == "worker" else None,
    )
    application = Application(
        state="draft",
        services=handed_in.services,
        channel=handed_in.channel,
        outlet_code=outlet.code,
        accepting_agency_code=outlet.agency_code,
        person=person,
        applicant_kind=handed_in.content["applicant"]["kind"],
        injured_on=handed_in.injured_on,
        advance_payment=handed_in.advance_payment,
        content=handed_in.content,
        gates=[],
        routing={},
        checklist={},
        notices=[],
        created_by_id=actor.officer_id if actor else None,
        created_at=at,
    )
    session.add(application)
    session.flush()
    routing.route(session, application)
    record_event(
        session,
        "application_submitted",
        at=at,
        actor=actor,
        application_id=application.id,
        because=[reason for gate in application.gates if not gate["passed"] for reason in gate["because"]],
        services=application.services,
        state=application.state,
        routing=application.routing["state"],
        handling_agency=application.handling_agency_code,
        gates=[gate["rule"] for gate in application.gates if not gate["passed"]],
        **details,
    )
    if application.state == "unresolved":
        instances.start(
            session, process_id="resolve_relation", subject="application", subject_row=application, actor=actor
        )
    return application


def _own_outlet(session: Session, code: str, actor: Actor) -> Outlet:
    """The outlet, which the officer's own agency must be responsible for (SCO-06, ARC-07)."""
    outlet = session.get(Outlet, code)
    if outlet is None:
        raise InvalidInput(fields={"outlet": ["没有这个受理网点。"]})
    if outlet.agency_code != actor.agency_code:
        raise NotAllowed("只能在本机构负责的网点受理业务。", code="other_outlet")
    return outlet


def find_application(session: Session, application_id: int, actor: Actor) -> Application:
    """The application, for officers who may see it. Raises NotFound."""
    return find_visible_application(session, application_id, actor)


def handed_in(
    session: Session,
    actor: Actor,
    *,
    state: str | None = None,
    channel: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Application]:
    """What was handed in at the counters of the officer's agency and those below it, or to them online, newest first.

    So that an applicant who comes back after a notice is found again (S21).
    """
    size = page_size(limit)
    counters = select(Agency.code).where(subtree(actor))
    query = select(Application).where(Application.accepting_agency_code.in_(counters)).options(*_SHOWN)
    if state is not None:
        query = query.where(Application.state == state)
    if channel is not None:
        query = query.where(Application.channel == channel)
    if after is not None:
        query = query.where(Application.id < key_in(after))
    rows = list(session.scalars(query.order_by(Application.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


#: What a list shows of each application, read with it.
_SHOWN = (
    joinedload(Application.person).load_only(Person.name),
    joinedload(Application.accepting_agency),
    joinedload(Application.handling_agency),
)


def is_cross_place(session: Session, application: Application) -> bool:
    """异地申请 (ROU-02): see `routing.is_cross_place`. False while the place of insurance is not known."""
    if application.handling_agency_code is None:
        return False
    accepting = session.get_one(Agency, application.accepting_agency_code)
    return routing.is_cross_place(accepting, session.get_one(Agency, application.handling_agency_code))


def open_duplicates(session: Session, application: Application) -> list[Case]:
    """Open cases of the same person, injury and service: shown, and accepted again only for a reason."""
    return list(
        session.scalars(
            select(Case)
            .where(
                Case.person_id == application.person_id,
                Case.injured_on == application.injured_on,
                Case.service.in_(application.services),
                Case.application_id != application.id,
                Case.result.is_(None),
                Case.valid,
            )
            .order_by(Case.id)
        )
    )


def record_checks(
    session: Session, application_id: int, actor: Actor, *, eligible: bool, complete: bool
) -> Application:
    """Record that eligibility and completeness were checked on the spot, by whom and when (ACC-01).

    Raises RuleRefused where the materials are called complete and are not.
    """
    application = _at_the_counter(session, application_id, actor, "draft", "notified")
    missing = materials.missing_materials(session, application)
    if complete and missing:
        raise RuleRefused(
            "必要材料不齐全：" + "、".join(item.name for item in missing) + "。请一次性告知申请人补齐。",
            code="materials_missing",
            because=ON_THE_SPOT,
            details={"materials": [item.material for item in missing]},
        )
    at = clock.now()
    application.eligibility_checked = {
        "eligible": eligible,
        "complete": complete,
        "by": actor.officer_id,
        "at": at.isoformat(),
    }
    application.version += 1
    record_event(
        session,
        "application_checked",
        at=at,
        actor=actor,
        application_id=application.id,
        because=ON_THE_SPOT,
        eligible=eligible,
        complete=complete,
    )
    return application


def hand_in_forms(session: Session, application_id: int, actor: Actor, forms: Mapping[str, Any]) -> Application:
    """Take forms that came after the application (1-3 to 1-6), checked against it; a form handed in again replaces."""
    application = _at_the_counter(session, application_id, actor, "draft", "notified")
    at = clock.now()
    checked = intake.read_forms(forms, application.services, application.content, application.injured_on, at.date())
    application.content = {**application.content, "forms": {**application.content["forms"], **checked}}
    application.version += 1
    record_event(session, "forms_handed_in", at=at, actor=actor, application_id=application.id, forms=sorted(checked))
    return application


def give_notice(
    session: Session,
    application_id: int,
    actor: Actor,
    missing: Sequence[Mapping[str, Any]] = (),
    reason: str | None = None,
) -> Application:
    """Give the applicant the one-time notice (一次性告知, 补正材料单) of everything that is missing.

    Every required material that is not there is on it, whether named or not; `missing` ([{"material", "what"}]) adds
    what was handed in and will not do, and says what is wrong. A later notice may repeat old gaps; a new one is
    refused unless a supervisor gives the reason (S21).
    """
    application = _at_the_counter(session, application_id, actor, "draft", "notified", roles=("acceptor", "supervisor"))
    listed = _listed(session, application, missing)
    if not listed:
        raise RuleRefused("材料已经齐全，无需发出补正材料单。", code="nothing_missing", because=ONE_TIME)
    said = _sentence(reason, "reason", 500) if reason is not None else None
    new = _new_gaps(application, listed)
    if new:
        _require_supervisor(actor, said, new)
    at = clock.now()
    application.notices = [
        *application.notices,
        {"at": at.isoformat(), "by": actor.officer_id, "missing": listed, "reason": said},
    ]
    application.state = "notified"
    application.version += 1
    _issue(session, application, actor, "supplement_list", {"materials": listed, "reason": said})
    record_event(
        session,
        "notice_given",
        at=at,
        actor=actor,
        application_id=application.id,
        because=ONE_TIME,
        opinion=said,
        materials=[gap["material"] for gap in listed],
        number=len(application.notices),
    )
    return application


def _listed(session: Session, application: Application, missing: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Everything that is missing, in the order of the checklist."""
    items = materials.of_application(session, application.id)
    known = {item.material: item for item in items}
    what: dict[str, str] = {}
    for number, row in enumerate(missing):
        item = known.get(str(row.get("material")))
        # No proof may be asked for beyond the list, and none that the agency obtains itself.
        if item is None or item.waived_because:
            raise InvalidInput(fields={f"missing.{number}.material": ["清单上没有这项材料，或该材料无需提交。"]})
        what[item.material] = _sentence(row.get("what") or "未提交", f"missing.{number}.what", 500)
    absent = {item.material for item in materials.missing_materials(session, application)}
    return materials.gaps((item for item in items if item.material in absent | what.keys()), what)


def _new_gaps(application: Application, listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """What no earlier notice has asked for; the first notice has nothing new."""
    if not application.notices:
        return []
    asked = {gap["material"] for notice in application.notices for gap in notice["missing"]}
    return [gap["name"] for gap in listed if gap["material"] not in asked]


def _require_supervisor(actor: Actor, reason: str | None, new: Sequence[str]) -> None:
    if not (actor.has("supervisor") and reason):
        raise RuleRefused(
            "已经一次性告知过所缺材料，不能再要求新的材料：" + "、".join(new) + "。确有必要的，须由主管说明理由。",
            code="new_gap_in_later_notice",
            because=ONE_TIME,
            details={"materials": list(new)},
        )


def refuse_application(
    session: Session, application_id: int, actor: Actor, *, opinion: str, ground: str
) -> Application:
    """Refuse the application (不予受理): document, event and message of the accepting place (ACC-11, SCO-01).

    `ground` names the article of law; without one nothing can be refused.
    """
    application = _at_the_counter(session, application_id, actor, "draft", "blocked", "notified")
    said = _sentence(opinion, "opinion", 1000)
    article = _sentence(ground, "ground", 500)
    at = clock.now()
    failed = [gate for gate in application.gates if not gate["passed"]]
    because = [{"document": article, "article": "", "quote": ""}, *(r for gate in failed for r in gate["because"])]
    application.state = "refused"
    application.version += 1
    _issue(
        session,
        application,
        actor,
        "non_acceptance",
        {"opinion": said, "ground": article, "gates": [gate["message"] for gate in failed]},
    )
    record_event(
        session,
        "application_refused",
        at=at,
        actor=actor,
        application_id=application.id,
        because=because,
        opinion=said,
        gates=[gate["rule"] for gate in failed],
    )
    _tell_refusal(session, application)
    return application


def _tell_refusal(session: Session, application: Application) -> None:
    """The message of slot 非职业伤害或不予受理, one for the whole application."""
    agency = application.handling_agency_code or application.accepting_agency_code
    configuration = configuration_for(session, agency, application.services[0], clock.today())
    applicant = application.content["applicant"]
    emit(
        session,
        slot="not_injury_or_refusal",
        occasion=f"application-{application.id}",
        sender_agency_code=application.accepting_agency_code,
        template=configuration.sms.get("not_injury_or_refusal"),
        values={
            "XM": applicant["name"],
            "CBR": application.content["worker"]["name"],
            "YWMC": _titles(application),
            "JBJG": session.get_one(Agency, application.accepting_agency_code).name,
        },
        phone=applicant["phone"],
        at=clock.now(),
        application_id=application.id,
    )


def _issue(session: Session, application: Application, actor: Actor, kind: str, content: Mapping[str, Any]) -> None:
    """A document of the accepting place, with who applied for what (ACC-03)."""
    issue_document(
        session,
        kind,
        issuing_agency_code=application.accepting_agency_code,
        issued_by_id=actor.officer_id,
        at=clock.now(),
        application_id=application.id,
        content={
            "applicant": application.content["applicant"]["name"],
            "worker": application.content["worker"]["name"],
            "services": _titles(application),
            "injured_on": application.injured_on.isoformat(),
            "received_on": _day(application).isoformat(),
            "accepting_agency": session.get_one(Agency, application.accepting_agency_code).name,
            "outlet": application.outlet.name,
            **content,
        },
    )


def missing_materials(session: Session, application: Application) -> list[MaterialItem]:
    """What still has to be handed in before acceptance: see `materials.missing_materials`."""
    return materials.missing_materials(session, application)


def _titles(application: Application) -> str:
    return "、".join(services()[code].title for code in application.services)


def _day(application: Application) -> date:
    return application.created_at.date()


def _at_the_counter(
    session: Session, application_id: int, actor: Actor, *states: str, roles: Sequence[str] = ("acceptor",)
) -> Application:
    """The application, locked, for an officer of its counter, while it is in one of `states`."""
    application = find_visible_application(session, application_id, actor, lock=True)
    require_agency(actor, application.accepting_agency_code)
    require_role(actor, *roles)
    if application.state not in states:
        raise not_open(session, application)
    return application


def not_open(session: Session, application: Application) -> Conflict:
    """What became of the application, who did it and when."""
    by, at = _last_act(session, application)
    said = f"该申请已由{by}于{at:%Y-%m-%d %H:%M:%S}办理，" if by and at else "该申请"
    return Conflict(
        f"{said}目前的状态是“{STATES[application.state]}”，不能进行这项操作。",
        code=f"application_{application.state}",
        details={"what": application.state, "by": by, "at": at.isoformat() if at else ""},
    )


def _last_act(session: Session, application: Application) -> tuple[str, datetime | None]:
    # What happens after acceptance is told of the case, no longer of the application.
    case = session.scalar(select(Case).where(Case.application_id == application.id).order_by(Case.id).limit(1))
    if case is not None:
        return case.accepted_by.name, case.accepted_at
    event = session.scalar(
        select(CaseEvent).where(CaseEvent.application_id == application.id).order_by(CaseEvent.id.desc()).limit(1)
    )
    return (event.officer.name if event.officer else "", event.at) if event else ("", None)


def _sentence(value: Any, field: str, max_length: int) -> str:
    """An officer's words. Raises InvalidInput when there are none or they cannot be stored."""
    try:
        sentence = ports().identity.text(value if isinstance(value, str) else "", max_length, multiline=True)
    except ValueError as fault:
        raise InvalidInput(fields={field: [str(fault)]}) from None
    if not sentence:
        raise InvalidInput(fields={field: ["请填写此项。"]})
    return sentence
