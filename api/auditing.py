"""The audit log of what comes over HTTP: who asked, from where, for which route, about whom.

A route declares its kind together with its permission: `changes` are always on record, in their own transaction;
`reads(..., audit=READ)` are personal and are on record before the answer leaves; `audit=NOTHING` shows nothing personal
or only what is masked. Refused tries at somebody else's case are written when the refusal is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from flask import g, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth import session_kind
from engine import clock
from engine.actor import Actor, ApplicantActor, ChannelActor
from engine.audit import entries
from engine.audit.entries import CHANGE, EXPORT, READ, REFUSED, UNMASK, About, Origin
from engine.casework.paging import Page
from engine.db import transaction
from engine.errors import NotAllowed, NotAuthenticated, NotFound, TongbanError
from engine.models import (
    Application,
    Case,
    Escalation,
    Incident,
    MaterialItem,
    Message,
    Officer,
    OfficerNotice,
    Task,
    Transfer,
)

__all__ = ["CHANGE", "EXPORT", "NOTHING", "READ", "UNMASK", "kind_of", "note", "record", "refused", "write"]

NOTHING = "nothing"

#: Ids in paths -> the rows that belong to a case or an application.
_ROWS: Mapping[str, type[Task | Transfer | Escalation | Incident | Message | OfficerNotice]] = {
    "task_id": Task,
    "transfer_id": Transfer,
    "escalation_id": Escalation,
    "incident_id": Incident,
    "message_id": Message,
    "notice_id": OfficerNotice,
}
#: Refusals without a log-in that are worth a line; the rest of the internet's noise is not.
_OF_STRANGERS = frozenset(
    {"wrong_credentials", "second_factor_wrong", "no_such_progress", "wrong_code", "sign_on_unknown"}
)


def kind_of(view: Callable[..., Any]) -> str | None:
    """What the route declares: read, change, unmask, export, nothing; None: it has forgotten to."""
    return cast("str | None", getattr(view, "audit", None))


def note(**what: Any) -> None:
    """Add to what will be recorded of this request: ids, `subject`, `rows`, `reason`; of `subjects` one entry each."""
    g.setdefault("audit_notes", {}).update(what)


def record(
    session: Session,
    kind: str,
    result: Any = None,
    *,
    officer: Officer | None = None,
    applicant: ApplicantActor | None = None,
) -> list[About]:
    """Write what this request did, in the transaction of `session`; one entry for each case it was about.

    `officer`, `applicant`: who did it, where the request itself opened the log-in.
    """
    abouts = abouts_of(session, result)
    _record(session, kind, abouts, applicant if officer is None else _actor(officer))
    return abouts


def write(kind: str, abouts: Sequence[About]) -> None:
    """Write what this request read, in a short transaction of its own: after the reading, before the answer."""
    with transaction() as session:
        _record(session, kind, abouts, None)


def refused(error: TongbanError) -> None:
    """Write a refused try, where it was one at somebody's business or at a log-in."""
    if not _is_worth_a_line(error):
        return
    with transaction() as session:
        abouts = abouts_of(session)
        about = abouts[0] if abouts else About()
        entries.record(session, _origin(None), REFUSED, _action(), about, outcome=error.code, reason=_reason())


def _is_worth_a_line(error: TongbanError) -> bool:
    if isinstance(error, NotAllowed):
        return g.get("party") is not None
    if isinstance(error, NotFound) and g.get("party") is not None:
        return any(name.endswith("_id") for name in request.view_args or ())
    return isinstance(error, NotFound | NotAuthenticated) and error.code in _OF_STRANGERS


def _record(session: Session, kind: str, abouts: Sequence[About], opened_by: Actor | ApplicantActor | None) -> None:
    origin = _origin(opened_by)
    g.recorded_case_ids = [about.case_id for about in abouts if about.case_id is not None]
    for about in abouts or (About(),):
        entries.record(session, origin, kind, _action(), about, reason=_reason())


def _action() -> str:
    return request.endpoint or ""


def _reason() -> str | None:
    notes = g.get("audit_notes", {})
    reason = notes.get("reason")
    return reason if isinstance(reason, str) else None


def _origin(opened_by: Actor | ApplicantActor | None) -> Origin:
    if isinstance(opened_by, Actor):
        return Origin(officer=opened_by, actor=entries.OFFICER, session_kind=entries.NO_SESSION, address=_address())
    if opened_by is not None:
        party = opened_by.party
        return Origin(actor=entries.APPLICANT, party=party, session_kind=entries.NO_SESSION, address=_address())
    party = g.get("party")
    if party is None:
        return Origin(actor=entries.APPLICANT, session_kind=entries.NO_SESSION, address=_address())
    if isinstance(party, Actor):
        return Origin(officer=party, actor=entries.OFFICER, session_kind=session_kind(), address=_address())
    kind = entries.CHANNEL if isinstance(party, ChannelActor) else entries.APPLICANT
    return Origin(actor=kind, party=party.party, session_kind=session_kind(), address=_address())


def _actor(officer: Officer) -> Actor:
    return Actor(
        officer_id=officer.id,
        name=officer.name,
        agency_code=officer.agency_code,
        agency_path=officer.agency.path,
        roles=frozenset(officer.roles_on(clock.today())),
    )


def _address() -> str | None:
    return request.remote_addr[:45] if request.remote_addr else None


# What it is about


def abouts_of(session: Session, result: Any = None) -> list[About]:
    """The cases and applications that a view's result, and the ids in its path, belong to."""
    found = [_completed(session, about) for about in _of_result(result) or [_of_path(session)]]
    notes = {name: value for name, value in g.get("audit_notes", {}).items() if name != "reason"}
    subjects = notes.pop("subjects", ())
    found = [replace(about, **notes) for about in found]
    return [replace(about, subject=subject) for subject in subjects for about in found] or found


#: Rows that say themselves what they belong to.
_BUSINESS = (Case, Application, Task, Transfer, Escalation, Incident, MaterialItem, Message, OfficerNotice)


def _of_result(result: Any) -> list[About]:
    if isinstance(result, Mapping) and isinstance(result.get("cases"), list):
        return [_of_row(case) for case in result["cases"]]
    if isinstance(result, Page):
        return [About(rows=len(result.items))]
    row = getattr(result, "case", None) or getattr(result, "application", None)
    if isinstance(row, Case | Application) and not isinstance(result, Task):
        return [_of_row(row)]
    if isinstance(result, _BUSINESS):
        return [_of_row(result)]
    return []


def _of_row(row: Any) -> About:
    if isinstance(row, Case):
        return About(case_id=row.id, application_id=row.application_id, person_id=row.person_id)
    if isinstance(row, Application):
        return About(application_id=row.id, person_id=row.person_id)
    if isinstance(row, MaterialItem):
        return About(application_id=row.application_id, subject=f"material:{row.material}")
    return About(
        case_id=row.case_id,
        application_id=getattr(row, "application_id", None),
        subject=f"{row.__tablename__}:{row.id}",
    )


def _of_path(session: Session) -> About:
    ids = {name: value for name, value in (request.view_args or {}).items() if isinstance(value, int)}
    for name, model in _ROWS.items():
        row = session.get(model, ids[name]) if name in ids else None
        if row is not None:
            return _of_row(row)
    rest = [f"{name.removesuffix('_id')}:{value}" for name, value in ids.items() if name not in _OWN]
    return About(case_id=ids.get("case_id"), application_id=ids.get("application_id"), subject=" ".join(rest) or None)


_OWN = ("case_id", "application_id")


def _completed(session: Session, about: About) -> About:
    """With the person, whom somebody may ask for one day: who has seen my data?"""
    if about.person_id is not None:
        return about
    # Mostly in the session already: what was changed has been read.
    if about.case_id is not None:
        case = session.get(Case, about.case_id)
        return replace(about, application_id=case.application_id, person_id=case.person_id) if case else about
    if about.application_id is not None:
        application = session.get(Application, about.application_id)
        return replace(about, person_id=application.person_id if application else None)
    return about


def account_of(session: Session, username: str) -> str | None:
    """The account with this name, as a subject; None: nobody has it, and what was typed may be a password."""
    officer_id = session.scalar(select(Officer.id).where(Officer.username == username))
    return None if officer_id is None else f"officer:{officer_id}"
