"""The tick: fires the timers that are due, in any number of processes on any number of hosts.

A timer is a row, not a sleeping job: `instance.due_at` is the earliest due time of an instance, indexed with the id.
A worker claims one due instance at a time by locking what it is about (its case or application) in the transaction
that fires it:

    SELECT ... FROM instance JOIN "case" ... WHERE due_at <= now AND (due_at, instance.id) > position
    ORDER BY due_at, instance.id LIMIT 1 FOR UPDATE OF "case" SKIP LOCKED

- The case is locked before the instance, as in every use case, so nobody waits in a circle; and because the instance
  is looked at again under its own lock, a row that another worker has fired since the query began fires no second
  time.
- What another worker or an officer holds is skipped, not waited for: each worker gets the next row that is free, and
  no two try the same one. Nothing is reserved ahead, so a worker that is killed gives back all it had at once.
- `position` moves past each row that was claimed: a round never sees a row twice, one that fails holds up nobody, and
  rows fired already are not read again however many they are. A round ends when nothing is due; what was skipped or
  became due meanwhile is found by the next round, a second later.

A time missed while everything was down fires once, with its original time in the process. What cannot be fired at
all becomes an incident. A fault of the database says nothing about an instance: it stays due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from engine import clock, jobs
from engine.audit.entries import BY_ITSELF, CHANGE, About, record
from engine.casework import faults, incidents, instances
from engine.casework.deadline_ticks import tell_due
from engine.db import Moment, transaction
from engine.guard import fault_of, is_passing
from engine.models import Application, Case, Instance

log = structlog.get_logger()

Subject = type[Case] | type[Application]
Position = tuple[datetime, int]


def _never() -> bool:
    return False


def tick(stopped: Callable[[], bool] = _never) -> int:
    """Fire every instance, let deadlines speak and run every job that is due now; how many were moved."""
    return fire_due(stopped) + tell_due(stopped) + jobs.queue().run_due(stopped)


def fire_due(stopped: Callable[[], bool] = _never) -> int:
    """Fire every instance that is due now, until `stopped`; how many were fired.

    Raises what the database raises where it does not answer; the next tick tries again.
    """
    return sum(_fire_all(subject, stopped) for subject in (Case, Application))


def _fire_all(subject: Subject, stopped: Callable[[], bool]) -> int:
    now = clock.now()
    fired = 0
    claim = _Claim()
    while not stopped():
        claim = _fire_next(subject, now, claim.position)
        if claim.position is None:
            break
        fired += claim.fired
    return fired


@dataclass
class _Claim:
    """What a turn claimed, known also when it failed."""

    position: Position | None = None
    fired: bool = False


def _fire_next(subject: Subject, now: datetime, position: Position | None) -> _Claim:
    claim = _Claim()
    error = fault_of(lambda: _fire(subject, now, position, claim))
    if error is None:
        return claim
    if claim.position is None:
        raise error
    claim.fired = False
    instance_id = claim.position[1]
    log.error("timer_failed", instance_id=instance_id, exc_info=error)
    if not is_passing(error):
        # Where even this fails, the instance stays due and the next one has its turn.
        trouble = fault_of(lambda: _set_aside(instance_id, error))
        if trouble is not None:
            log.error("timer_not_set_aside", instance_id=instance_id, exc_info=trouble)
    return claim


def _fire(subject: Subject, now: datetime, position: Position | None, claim: _Claim) -> None:
    with transaction() as session:
        found = _claim(session, subject, now, position)
        if found is None:
            return
        # The subject is held so that the operators find it in the session instead of reading it again.
        instance, _subject = found
        assert instance.due_at is not None
        claim.position = (instance.due_at, instance.id)
        session.refresh(instance, with_for_update=True)
        if instance.due_at is not None and instance.due_at <= now:
            instances.go_on(session, instance, None, lambda run: run.fire_due())
            about = About(case_id=instance.case_id, application_id=instance.application_id)
            record(session, BY_ITSELF, CHANGE, "timers.fire", about)
            claim.fired = True


def _claim(
    session: Session, subject: Subject, now: datetime, position: Position | None
) -> tuple[Instance, object] | None:
    query = select(Instance, subject).where(Instance.due_at <= now)
    if subject is Case:
        query = query.join(Case, Instance.case_id == Case.id)
    else:
        query = query.join(Application, Instance.application_id == Application.id)
    if position is not None:
        after = tuple_(literal(position[0], Moment()), literal(position[1]))
        query = query.where(tuple_(Instance.due_at, Instance.id) > after)
    query = query.order_by(Instance.due_at, Instance.id).limit(1).with_for_update(of=subject, skip_locked=True)
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def _set_aside(instance_id: int, error: BaseException) -> None:
    """Take an instance that cannot be fired out of the queue and show it to an officer."""
    with transaction() as session:
        instance = session.get_one(Instance, instance_id)
        incidents.lock_subject(session, instance)
        session.refresh(instance, with_for_update=True)
        if instance.due_at is None:
            return
        faults.timer_failed(session, instance, error, clock.now())
        instance.due_at = None
