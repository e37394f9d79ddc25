"""What failed, on record (异常): one open incident for each step, timer or job, with its cause and its owner.

A passing fault is tried again by itself, by a job, after 1, 2, 4 ... minutes; anything else waits for an officer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework.events import record_event
from engine.errors import TongbanError
from engine.guard import is_passing
from engine.jobs import defer
from engine.models import Agency, Application, Case, Incident, Instance
from engine.models.instance import JOB, STEP, TIMER
from engine.process.operators import operators
from engine.process.runtime import Failure

log = structlog.get_logger()

#: The job that tries an incident again.
RETRY = "incident.retry"
FIRST_RETRY = timedelta(minutes=1)
MOST_RETRIES = 6

# The text of an unknown exception may hold anything, so it goes to nobody.
_UNEXPECTED = {
    STEP: ("unexpected", "系统在这一步出现意外错误，办件已停在此处，请联系系统管理员。"),
    TIMER: ("timer_failed", "到期事项无法自动办理，办件已停在此处，请联系系统管理员。"),
    JOB: ("job_failed", "后台任务多次执行失败，请联系系统管理员。"),
}
#: What failed, where no operator has a title for it.
_STEPS = {TIMER: "到期事项", JOB: "后台任务"}


def step_failed(session: Session, instance: Instance, failure: Failure, at: datetime) -> Incident:
    """The incident of a step whose operator raised."""
    error, element = failure.error, failure.element
    log.error(
        "operator_failed",
        instance_id=instance.id,
        case_id=instance.case_id,
        element=element.id,
        operator=element.operator,
        exc_info=None if isinstance(error, TongbanError) else error,
    )
    incident = _open_incident(session, instance, failure.task_id) or _of_instance(
        session, instance, at, process_task_id=failure.task_id, element_id=element.id, operator=element.operator or ""
    )
    return failed_again(session, incident, error, at)


def close_left_steps(session: Session, instance: Instance, failed: Collection[str], at: datetime) -> None:
    """An incident whose step the process has left (a withdrawal, a transfer) has nothing to retry any more."""
    incidents = session.scalars(
        select(Incident).where(
            Incident.instance_id == instance.id, Incident.resolved_at.is_(None), Incident.process_task_id != TIMER
        )
    )
    for incident in incidents:
        if incident.process_task_id not in failed:
            incident.resolved_at = at
            incident.retry_at = None


def timer_failed(session: Session, instance: Instance, error: BaseException, at: datetime) -> Incident:
    """The incident of an instance whose due timer cannot be fired at all."""
    incident = _open_incident(session, instance, TIMER) or _of_instance(
        session, instance, at, process_task_id=TIMER, element_id=TIMER, operator=TIMER
    )
    return failed_again(session, incident, error, at)


def job_failed(session: Session, name: str, ids: Mapping[str, int], error: BaseException, at: datetime) -> Incident:
    """The incident of a job that is not tried again by itself."""
    same = session.scalars(
        select(Incident).where(
            Incident.process_task_id == JOB, Incident.operator == name, Incident.resolved_at.is_(None)
        )
    )
    incident = next((one for one in same if one.payload == dict(ids)), None) or Incident(
        case_id=ids.get("case_id"),
        process_task_id=JOB,
        element_id=JOB,
        operator=name,
        payload=dict(ids),
        agency_code=_owner(session, ids.get("case_id"), ids.get("application_id")),
        attempts=0,
        occurred_at=at,
    )
    return failed_again(session, incident, error, at)


def failed_again(session: Session, incident: Incident, error: BaseException, at: datetime) -> Incident:
    """Count the attempt, say why it failed, and have a passing fault tried again by itself.

    An incident that begins to wait for an officer is an event, of which the supervisors get a notice.
    """
    waited = incident.attempts > 0 and incident.retry_at is None
    incident.attempts += 1
    if isinstance(error, TongbanError):
        incident.code, incident.message = error.code[:64], error.message[:500]
    else:
        incident.code, incident.message = _UNEXPECTED[incident.kind]
    session.add(incident)
    again = is_passing(error) and incident.attempts <= MOST_RETRIES and incident.kind != JOB
    incident.retry_at = at + FIRST_RETRY * 2 ** (incident.attempts - 1) if again else None
    if incident.retry_at is not None:
        session.flush()
        ids = {"incident_id": incident.id, "attempts": incident.attempts}
        defer(session, RETRY, ids, run_at=incident.retry_at)
    elif not waited:
        _raise(session, incident, at)
    return incident


def _raise(session: Session, incident: Incident, at: datetime) -> None:
    named = operators().get(incident.operator)
    instance = None if incident.instance_id is None else session.get(Instance, incident.instance_id)
    record_event(
        session,
        "incident_raised",
        at=at,
        actor=None,
        case_id=incident.case_id,
        application_id=None if instance is None else instance.application_id,
        element=incident.element_id,
        step=named.title if named is not None else _STEPS.get(incident.kind, incident.operator),
        code=incident.code,
        agency=incident.agency_code,
    )


def _open_incident(session: Session, instance: Instance, process_task_id: str) -> Incident | None:
    return session.scalar(
        select(Incident).where(
            Incident.instance_id == instance.id,
            Incident.process_task_id == process_task_id,
            Incident.resolved_at.is_(None),
        )
    )


def _of_instance(session: Session, instance: Instance, at: datetime, **where: str) -> Incident:
    return Incident(
        instance_id=instance.id,
        case_id=instance.case_id,
        agency_code=_owner(session, instance.case_id, instance.application_id),
        attempts=0,
        occurred_at=at,
        **where,
    )


def _owner(session: Session, case_id: int | None, application_id: int | None) -> str:
    """Whose supervisors look at it: the handling agency's, the accepting agency's, else the province's."""
    if case_id is not None:
        return session.get_one(Case, case_id).handling_agency_code
    if application_id is not None:
        return session.get_one(Application, application_id).accepting_agency_code
    return session.scalars(select(Agency.code).where(Agency.superior_code.is_(None))).one()
