"""Who acts for a worker (代办、监护): recorded by an officer on papers that were shown, from a day to a day.

A representation without papers, before its first day, after its last or after its revocation gives nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session

from engine import clock
from engine.accounts import applicants
from engine.actor import Actor, ApplicantActor
from engine.casework import materials, people
from engine.casework.access import require_agency, require_role, subtree
from engine.casework.paging import Page, key_in, page_size
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import Agency, Person, Representation, RepresentationPaper
from engine.ports import ports

KINDS = {"relative": "近亲属", "guardian": "监护人", "agent": "代办人", "employer": "用人单位"}
#: What somebody who applies is, on the form -> what he must be recorded as.
_APPLIES_AS = {"relative": ("relative", "guardian"), "agent": ("agent", "guardian"), "employer": ("employer",)}
#: No regulation that we hold says how long; who needs it longer shows the papers again.
LONGEST = timedelta(days=5 * 366)
NO_SUCH = "没有找到这个代办关系。"
NOT_REPRESENTED = "没有找到您可以为其申请的这名职工；代他人申请的，请先到网点登记代办关系。"
_MOST_PAPERS = 20


def represented(applicant: ApplicantActor) -> Select[Any]:
    """Ids of the persons for whom this applicant acts today."""
    today = clock.today()
    return select(Representation.person_id).where(
        Representation.representative_id == applicant.applicant_id,
        Representation.from_on <= today,
        Representation.until_on >= today,
        Representation.revoked_at.is_(None),
        exists().where(RepresentationPaper.representation_id == Representation.id),
    )


def about_own(person_id: Any, applicant: ApplicantActor) -> ColumnElement[bool]:
    """Condition on the id of a person: the applicant himself, or somebody for whom he acts today."""
    themselves = select(Person.id).where(Person.identity_key == applicant.identity_key)
    return or_(person_id.in_(themselves), person_id.in_(represented(applicant)))


def represents(session: Session, applicant: ApplicantActor, identity_key: str, kind: Any) -> bool:
    """The applicant acts today for the person with that key, as what he applies as."""
    kinds = _APPLIES_AS.get(kind, ()) if isinstance(kind, str) else ()
    query = (
        represented(applicant)
        .join(Person, Person.id == Representation.person_id)
        .where(Person.identity_key == identity_key, Representation.kind.in_(kinds))
    )
    return session.scalar(query.limit(1)) is not None


def record(
    session: Session,
    actor: Actor,
    *,
    kind: str,
    worker: dict[str, Any],
    representative: dict[str, Any],
    from_on: date,
    until_on: date,
) -> Representation:
    """Record who acts for whom; it counts once papers are added. Raises InvalidInput, NotAllowed."""
    require_role(actor, "acceptor")
    if until_on < from_on or until_on - from_on > LONGEST or until_on < clock.today():
        raise InvalidInput(fields={"until_on": ["截止日不能早于起始日或今天，也不能超过五年。"]})
    if representative["identity_number"] == worker["identity_number"]:
        raise InvalidInput(fields={"representative.identity_number": ["代办人不能是职工本人。"]})
    person = people.register_person(session, **worker, phone=None)
    found = applicants.register(session, **representative)
    row = Representation(
        person=person,
        representative=found,
        kind=kind,
        from_on=from_on,
        until_on=until_on,
        recorded_agency_code=actor.agency_code,
        recorded_by_id=actor.officer_id,
        recorded_at=clock.now(),
    )
    session.add(row)
    session.flush()
    return row


def search(session: Session, actor: Actor, *, after: str | None = None, limit: int = 20) -> Page[Representation]:
    """What the officer's agency and those below it recorded, newest first."""
    size = page_size(limit)
    query = select(Representation).where(_recorded_here(actor))
    if after is not None:
        query = query.where(Representation.id < key_in(after))
    rows = list(session.scalars(query.order_by(Representation.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def find(session: Session, representation_id: int, actor: Actor, *, lock: bool = False) -> Representation:
    """The representation, for officers of the agency that recorded it and those above. Raises NotFound."""
    return _found(session, select(Representation).where(_recorded_here(actor)), representation_id, lock=lock)


def add_paper(session: Session, representation_id: int, content: bytes, actor: Actor) -> Representation:
    """Store an image of the papers. Raises InvalidInput for what is no image, Conflict after the revocation."""
    row = find(session, representation_id, actor, lock=True)
    require_agency(actor, row.recorded_agency_code)
    require_role(actor, "acceptor")
    _require_running(row)
    materials.check_image(content)
    if len(row.papers) >= _MOST_PAPERS:
        raise InvalidInput(fields={"content": [f"证明材料不能超过{_MOST_PAPERS}页。"]})
    sha256 = ports().files.put(content)
    if sha256 not in [paper.sha256 for paper in row.papers]:
        row.papers.append(RepresentationPaper(sha256=sha256, added_at=clock.now()))
    return row


def revoke(session: Session, representation_id: int, actor: Actor) -> Representation:
    """An officer ends the representation, now."""
    row = find(session, representation_id, actor, lock=True)
    require_agency(actor, row.recorded_agency_code)
    require_role(actor, "acceptor")
    return _revoked(row)


def of_applicant(session: Session, applicant: ApplicantActor) -> list[Representation]:
    """Those by which the applicant acts for somebody, and those by which somebody acts for him."""
    return list(session.scalars(select(Representation).where(_concerns(applicant)).order_by(Representation.id)))


def revoke_own(session: Session, representation_id: int, applicant: ApplicantActor) -> Representation:
    """The worker, or who acts for him, ends the representation, now. Raises NotFound for somebody else's."""
    return _revoked(_found(session, select(Representation).where(_concerns(applicant)), representation_id, lock=True))


def _concerns(applicant: ApplicantActor) -> ColumnElement[bool]:
    themselves = select(Person.id).where(Person.identity_key == applicant.identity_key)
    return or_(Representation.representative_id == applicant.applicant_id, Representation.person_id.in_(themselves))


def _recorded_here(actor: Actor) -> ColumnElement[bool]:
    return Representation.recorded_agency_code.in_(select(Agency.code).where(subtree(actor)))


def _found(session: Session, query: Select[Representation], representation_id: int, *, lock: bool) -> Representation:
    query = query.where(Representation.id == representation_id)
    if lock:
        query = query.with_for_update(of=Representation).execution_options(populate_existing=True)
    row = session.scalar(query)
    if row is None:
        raise NotFound(NO_SUCH)
    return row


def _revoked(row: Representation) -> Representation:
    _require_running(row)
    row.revoked_at = clock.now()
    return row


def _require_running(row: Representation) -> None:
    if row.revoked_at is not None:
        raise Conflict(
            f"代办关系已于{row.revoked_at:%Y-%m-%d %H:%M:%S}解除。",
            code="representation_revoked",
            details={"what": "revoked", "at": row.revoked_at.isoformat()},
        )
