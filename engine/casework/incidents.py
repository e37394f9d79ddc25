"""Incidents (异常): steps that failed, seen by the supervisors of the agency whose case stands still."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.casework import instances
from engine.casework.access import require_role, subtree
from engine.casework.events import record_event
from engine.casework.paging import Page, page_size
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import Agency, Application, Case, Incident, Instance

TIMER = instances.TIMER

READERS = ("supervisor", "business_analyst", "province_administrator", "auditor")
MENDERS = ("supervisor", "business_analyst", "province_administrator")


def listing(
    session: Session, actor: Actor, *, open_only: bool = True, after: str | None = None, limit: int = 20
) -> Page[Incident]:
    """Incidents of the officer's agency and those below it, oldest first."""
    require_role(actor, *READERS)
    size = page_size(limit)
    query = select(Incident).where(Incident.agency_code.in_(select(Agency.code).where(subtree(actor))))
    if open_only:
        query = query.where(Incident.resolved_at.is_(None))
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(Incident.id > int(after))
    rows = list(session.scalars(query.order_by(Incident.id).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def find_incident(session: Session, incident_id: int, actor: Actor) -> Incident:
    """The incident, for those who may read it."""
    require_role(actor, *READERS)
    incident = session.scalar(
        select(Incident).where(
            Incident.id == incident_id, Incident.agency_code.in_(select(Agency.code).where(subtree(actor)))
        )
    )
    if incident is None:
        raise NotFound("没有找到这个异常。")
    return incident


def retry(session: Session, incident_id: int, actor: Actor) -> Incident:
    """Run the failed step again. The answer says what came of it: resolved, or one attempt more with its cause."""
    incident = find_incident(session, incident_id, actor)
    require_role(actor, *MENDERS)
    instance = session.get_one(Instance, incident.instance_id)
    lock_subject(session, instance)
    session.refresh(incident, with_for_update=True)
    if incident.resolved_at is not None:
        raise Conflict("这个异常已经解决。", code="incident_resolved", details={"at": incident.resolved_at.isoformat()})
    run_again(session, incident, instance, actor)
    return incident


def run_again(session: Session, incident: Incident, instance: Instance, actor: Actor | None) -> None:
    """The failed step once more; the subject is locked by the caller."""
    before = incident.attempts
    if incident.operator == TIMER:
        instances.advance(session, instance, actor, lambda run: run.fire_due())
    else:
        instances.advance(session, instance, actor, lambda run: run.retry(incident.process_task_id))
    if incident.attempts > before:
        return
    incident.resolved_at = clock.now()
    incident.resolved_by_id = actor.officer_id if actor else None
    incident.retry_at = None
    record_event(
        session,
        "incident_resolved",
        at=clock.now(),
        actor=actor,
        case_id=incident.case_id,
        element=incident.element_id,
        attempts=before,
    )


def annotate(session: Session, incident_id: int, actor: Actor, note: str) -> Incident:
    """Leave a note for the colleagues."""
    incident = find_incident(session, incident_id, actor)
    require_role(actor, *MENDERS)
    if not note.strip() or len(note) > 500:
        raise InvalidInput(fields={"note": ["请填写不超过500字的备注。"]})
    incident.note = note
    return incident


def lock_subject(session: Session, instance: Instance, *, skip_locked: bool = False) -> bool:
    """Lock what the instance is about, always before the instance; False when somebody else holds it."""
    if instance.case_id is not None:
        query = select(Case.id).where(Case.id == instance.case_id)
    else:
        query = select(Application.id).where(Application.id == instance.application_id)
    return session.scalar(query.with_for_update(skip_locked=skip_locked)) is not None
