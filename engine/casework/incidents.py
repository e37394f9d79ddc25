"""Incidents (异常): what failed, seen by the supervisors of the agency whose case stands still, and run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.casework import faults, instances
from engine.casework.access import require_role, subtree
from engine.casework.events import record_event
from engine.casework.paging import Page, page_size
from engine.errors import Conflict, InvalidInput, NotFound
from engine.guard import fault_of
from engine.jobs import job
from engine.jobs.attempts import perform
from engine.models import Agency, Application, Case, Incident, Instance
from engine.models.instance import JOB, TIMER
from engine.process.runtime import NotWaiting

log = structlog.get_logger()

READERS = ("supervisor", "business_analyst", "province_administrator", "auditor")
#: How many may be retried with one request: each takes a lock until the last is done.
MOST_AT_ONCE = 50
MENDERS = ("supervisor", "business_analyst", "province_administrator")


def listing(
    session: Session, actor: Actor, *, open_only: bool = True, after: str | None = None, limit: int = 20
) -> Page[Incident]:
    """Incidents of the officer's agency and those below it, oldest first."""
    require_role(actor, *READERS)
    size = page_size(limit)
    query = select(Incident).where(_readable(actor))
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
    incident = session.scalar(select(Incident).where(Incident.id == incident_id, _readable(actor)))
    if incident is None:
        raise NotFound("没有找到这个异常。")
    return incident


def retry(session: Session, incident_id: int, actor: Actor) -> Incident:
    """Run again what failed. The answer says what came of it: resolved, or one attempt more with its cause."""
    require_role(actor, *MENDERS)
    incident = find_incident(session, incident_id, actor)
    _lock(session, incident)
    if incident.resolved_at is not None:
        raise Conflict("这个异常已经解决。", code="incident_resolved", details={"at": incident.resolved_at.isoformat()})
    _run_again(session, incident, actor)
    return incident


@dataclass(frozen=True)
class Outcome:
    """What came of one retry."""

    id: int
    #: resolved, failed, already_resolved, not_found
    outcome: str
    #: None: there is none with this id for this officer.
    incident: Incident | None


def retry_many(session: Session, incident_ids: Sequence[int], actor: Actor) -> list[Outcome]:
    """Run again what failed, one after the other, exactly these; the outcome of each, in the order asked for."""
    require_role(actor, *MENDERS)
    ids = sorted(set(incident_ids))
    mine = {one.id: one for one in session.scalars(select(Incident).where(Incident.id.in_(ids), _readable(actor)))}
    # Two officers who retry the same ones lock them in the same order.
    in_order = sorted(mine.values(), key=lambda one: (one.case_id or 0, one.instance_id or 0, one.id))
    outcomes = {one.id: Outcome(one.id, _outcome(session, one, actor), one) for one in in_order}
    return [outcomes.get(one) or Outcome(one, "not_found", None) for one in dict.fromkeys(incident_ids)]


def _outcome(session: Session, incident: Incident, actor: Actor) -> str:
    _lock(session, incident)
    if incident.resolved_at is not None:
        return "already_resolved"
    return "resolved" if _run_again(session, incident, actor) else "failed"


@job(faults.RETRY)
def retry_by_itself(session: Session, incident_id: int, attempts: int) -> None:
    """Try again what a passing fault stopped, unless somebody has done so since."""
    incident = session.get(Incident, incident_id)
    if incident is None:
        return
    _lock(session, incident)
    if incident.resolved_at is None and incident.retry_at is not None and incident.attempts == attempts:
        _run_again(session, incident, None)


def _lock(session: Session, incident: Incident) -> None:
    if incident.instance_id is not None:
        lock_subject(session, session.get_one(Instance, incident.instance_id))
    session.refresh(incident, with_for_update=True)


def _run_again(session: Session, incident: Incident, actor: Actor | None) -> bool:
    """What failed once more, all of it or nothing; the subject is locked by the caller. True: it went well."""
    before = incident.attempts

    def act() -> None:
        with session.begin_nested():
            _again(session, incident, actor)
            session.flush()

    error = fault_of(act)
    # A step that the process has left since cannot fail any more.
    if error is not None and not isinstance(error, NotWaiting):
        log.error("retry_failed", incident_id=incident.id, exc_info=error)
        faults.failed_again(session, incident, error, clock.now())
    if incident.attempts > before:
        return False
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
    return True


def _again(session: Session, incident: Incident, actor: Actor | None) -> None:
    if incident.kind == JOB:
        perform(session, incident.operator, incident.payload)
        return
    instance = session.get_one(Instance, incident.instance_id)
    if incident.kind == TIMER:
        instances.advance(session, instance, actor, lambda run: run.fire_due())
    else:
        instances.advance(session, instance, actor, lambda run: run.retry(incident.process_task_id))


def annotate(session: Session, incident_id: int, actor: Actor, note: str) -> Incident:
    """Leave a note for the colleagues."""
    incident = find_incident(session, incident_id, actor)
    require_role(actor, *MENDERS)
    if not note.strip() or len(note) > 500:
        raise InvalidInput(fields={"note": ["请填写不超过500字的备注。"]})
    incident.note = note
    return incident


def lock_subject(session: Session, instance: Instance) -> None:
    """Lock what the instance is about, always before the instance."""
    if instance.case_id is not None:
        query = select(Case.id).where(Case.id == instance.case_id)
    else:
        query = select(Application.id).where(Application.id == instance.application_id)
    session.scalar(query.with_for_update())


def _readable(actor: Actor) -> ColumnElement[bool]:
    return Incident.agency_code.in_(select(Agency.code).where(subtree(actor)))
