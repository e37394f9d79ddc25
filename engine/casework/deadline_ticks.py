"""What deadlines say by themselves when their moment comes, in any number of processes, each level once.

A deadline is claimed as a timer is (`engine.casework.timers`): by locking its case, skipping what others hold, looking
at it again under the lock, and going past it whatever comes of it. One whose words cannot be written becomes a job,
which is tried again by the rules of jobs and ends as an incident: it holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from engine import clock, jobs
from engine.casework import deadlines
from engine.db import Moment, transaction
from engine.guard import fault_of, is_passing
from engine.models import Case, Deadline

log = structlog.get_logger()

TELL = "deadline.tell"


@dataclass
class _Claim:
    """What a turn claimed, known also when it failed."""

    position: tuple[datetime, int] | None = None
    case_id: int = 0
    told: bool = False


def tell_due(stopped: Callable[[], bool]) -> int:
    """Say what deadlines have to say now, until `stopped`; how many did."""
    now = clock.now()
    told = 0
    claim = _Claim()
    while not stopped():
        claim = _tell_next(now, claim.position)
        if claim.position is None:
            break
        told += claim.told
    return told


def _tell_next(now: datetime, position: tuple[datetime, int] | None) -> _Claim:
    claim = _Claim()
    error = fault_of(lambda: _tell(now, position, claim))
    if error is None:
        return claim
    if claim.position is None:
        raise error
    claim.told = False
    deadline_id = claim.position[1]
    log.error("deadline_failed", deadline_id=deadline_id, case_id=claim.case_id, exc_info=error)
    if not is_passing(error):
        trouble = fault_of(lambda: _set_aside(deadline_id, claim.case_id))
        if trouble is not None:
            log.error("deadline_not_set_aside", deadline_id=deadline_id, exc_info=trouble)
    return claim


def _tell(now: datetime, position: tuple[datetime, int] | None, claim: _Claim) -> None:
    with transaction() as session:
        query = select(Deadline, Case).join(Case, Case.id == Deadline.case_id)
        query = query.where(Deadline.next_at <= now)
        if position is not None:
            after = tuple_(literal(position[0], Moment()), literal(position[1]))
            query = query.where(tuple_(Deadline.next_at, Deadline.id) > after)
        query = query.order_by(Deadline.next_at, Deadline.id).limit(1).with_for_update(of=Case, skip_locked=True)
        row = session.execute(query).one_or_none()
        if row is None:
            return
        deadline, case = row
        assert deadline.next_at is not None
        claim.position, claim.case_id = (deadline.next_at, deadline.id), case.id
        session.refresh(deadline, with_for_update=True)
        if deadline.next_at is not None and deadline.next_at <= now:
            deadlines.reach(session, deadline, case)
            claim.told = True


def _set_aside(deadline_id: int, case_id: int) -> None:
    with transaction() as session:
        _lock(session, case_id)
        deadline = session.get_one(Deadline, deadline_id, with_for_update=True)
        if deadline.next_at is None:
            return
        deadline.next_at = deadline.next_level = None
        ids = {"case_id": case_id, "deadline_id": deadline_id}
        jobs.defer(session, TELL, ids, key=f"{TELL}:{deadline_id}")


@jobs.job(TELL)
def tell_again(session: Session, case_id: int, deadline_id: int) -> None:
    """Say what a deadline that was set aside has to say."""
    case = _lock(session, case_id)
    deadline = session.get_one(Deadline, deadline_id, with_for_update=True)
    deadlines.reach(session, deadline, case)


def _lock(session: Session, case_id: int) -> Case:
    return session.scalars(select(Case).where(Case.id == case_id).with_for_update()).one()
