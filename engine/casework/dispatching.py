"""How a new task finds its officer (任务派发): the handling city's own mechanism (ROU-04)."""

from __future__ import annotations

import random
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.accounts import duty
from engine.casework import handling
from engine.casework.dossier import Dossier
from engine.casework.separation import barred_officers, is_barred
from engine.models import Case, Task

#: Who claimed how, when nobody clicked.
RETURNED = "returned"
DISPATCHED = "dispatched"


def dispatch(session: Session, task: Task, case: Case | None, dossier: Dossier, at: datetime) -> None:
    """Give the new task to somebody at once, or leave it in the pool.

    Work that comes back (after a return, a supplement, a resumption) goes to the officer who did it before. Otherwise
    the configuration says: `pool` leaves it to be acquired, `random` and `least_loaded` choose an authorised officer.
    """
    officer_id = _did_it_before(session, task, case, dossier)
    how = RETURNED
    if officer_id is None and case is not None and task.transfer_id is None and task.escalation_id is None:
        officer_id, how = _by_configuration(session, task, case, dossier), DISPATCHED
    if officer_id is not None:
        task.state = "claimed"
        task.claimed_by_id = officer_id
        task.claimed_how = how
        task.claimed_at = at
        if case is not None:
            handling.acquired(case, task)


def _did_it_before(session: Session, task: Task, case: Case | None, dossier: Dossier) -> int | None:
    same = [
        one
        for one in dossier
        if one.task.instance_id == task.instance_id
        and one.task.element_id == task.element_id
        and one.task.agency_code == one.officer_agency_code == task.agency_code
        and task.role in one.officer_roles
        # After a transfer the new agency's officers acquire again (JUR-09), even where the case came back.
        and (case is None or _at(one.task) >= case.arrived_at)
    ]
    if not same:
        return None
    officer_id = same[-1].officer_id
    return None if officer_id in barred_officers(session, task, dossier) else officer_id


def _at(task: Task) -> datetime:
    assert task.completed_at is not None  # it is completed
    return task.completed_at


def _by_configuration(session: Session, task: Task, case: Case, dossier: Dossier) -> int | None:
    mode = (case.configuration.switches or {}).get("dispatch", "pool")
    if mode == "pool":
        return None
    officers = [
        actor.officer_id
        for actor in duty.on_duty(session, task.agency_code)
        if actor.has(task.role) and not is_barred(session, task, actor, dossier)
    ]
    if not officers:
        return None
    if mode == "random":
        return random.choice(officers)  # noqa: S311  fairness, not a secret
    load: dict[int, int] = {
        officer_id: count
        for officer_id, count in session.execute(
            select(Task.claimed_by_id, func.count())
            .where(Task.state == "claimed", Task.claimed_by_id.in_(officers))
            .group_by(Task.claimed_by_id)
        )
        if officer_id is not None
    }
    return min(officers, key=lambda officer_id: (load.get(officer_id, 0), officer_id))
