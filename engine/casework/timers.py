"""The tick: fires what is due, tries again what a passing fault stopped.

Any number of ticks may run at once: each due instance is taken under its subject's lock, skipped when somebody else
has it, and looked at again after the lock, so nothing fires twice. A time missed while everything was down fires
once, with its original time in the process. What cannot be run at all becomes an incident and holds up nobody.
"""

from __future__ import annotations

import structlog
from sqlalchemy import select

from engine import clock
from engine.casework import incidents, instances
from engine.db import transaction
from engine.models import Application, Case, Incident, Instance

log = structlog.get_logger()

BATCH = 200


def tick() -> int:
    """Fire every instance that is due now and retry what waits for it; how many were moved."""
    return _fire_due() + _retry_due()


def _fire_due() -> int:
    with transaction() as session:
        ids = list(
            session.scalars(
                select(Instance.id).where(Instance.due_at <= clock.now()).order_by(Instance.due_at).limit(BATCH)
            )
        )
    return sum(_fire(instance_id) for instance_id in ids)


def _fire(instance_id: int) -> bool:
    try:
        with transaction() as session:
            instance = session.get_one(Instance, instance_id)
            if not incidents.lock_subject(session, instance, skip_locked=True):
                return False
            session.refresh(instance)
            if instance.due_at is None or instance.due_at > clock.now():
                return False
            instances.advance(session, instance, None, lambda run: run.fire_due())
    except Exception:
        log.exception("timer_failed", instance_id=instance_id)
        _set_aside(instance_id)
        return False
    return True


def _set_aside(instance_id: int) -> None:
    """Take an instance that cannot be run out of the queue and show it to an officer."""
    with transaction() as session:
        instance = session.get_one(Instance, instance_id)
        if instance.due_at is None:
            return
        if instance.case_id is not None:
            agency = session.get_one(Case, instance.case_id).handling_agency_code
        else:
            agency = session.get_one(Application, instance.application_id).accepting_agency_code
        session.add(
            Incident(
                instance_id=instance.id,
                case_id=instance.case_id,
                process_task_id=incidents.TIMER,
                element_id=incidents.TIMER,
                operator=incidents.TIMER,
                code="timer_failed",
                message="到期事项无法自动办理，办件已停在此处，请联系系统管理员。",
                agency_code=agency,
                occurred_at=clock.now(),
            )
        )
        instance.due_at = None


def _retry_due() -> int:
    with transaction() as session:
        ids = list(
            session.scalars(
                select(Incident.id)
                .where(Incident.resolved_at.is_(None), Incident.retry_at <= clock.now())
                .order_by(Incident.retry_at)
                .limit(BATCH)
            )
        )
    return sum(_retry(incident_id) for incident_id in ids)


def _retry(incident_id: int) -> bool:
    try:
        with transaction() as session:
            incident = session.get_one(Incident, incident_id)
            instance = session.get_one(Instance, incident.instance_id)
            if not incidents.lock_subject(session, instance, skip_locked=True):
                return False
            session.refresh(incident)
            if incident.resolved_at is not None or incident.retry_at is None or incident.retry_at > clock.now():
                return False
            incidents.run_again(session, incident, instance, None)
    except Exception:
        log.exception("retry_failed", incident_id=incident_id)
        return False
    return True
