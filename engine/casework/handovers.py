"""Work that changes hands without being done: handed over (移交工作) before a leave or a departure, or given back.

Nothing is handed to somebody who must not do it; what nobody can do any more goes back to the pool by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.accounts import duty
from engine.actor import Actor
from engine.casework import tasks
from engine.casework.access import require_role, subtree
from engine.casework.events import record_event
from engine.errors import NotFound, TongbanError
from engine.models import Agency, Officer, Task

#: So many tasks at once.
MOST_AT_ONCE = 100
#: So many go back to the pool in one transaction.
_AT_A_TIME = 200
NO_SUCH_OFFICER = "没有找到这个人员。"

#: What a supplement asks is also done by whoever accepted the case, whatever his roles are now (SUP-03).
_ALSO_THE_ACCEPTOR = "supplement"


@dataclass(frozen=True)
class HandedOver:
    """What came of one task: handed_over or refused, and then why."""

    task_id: int
    outcome: str
    code: str | None = None
    message: str | None = None


def hand_over(
    session: Session,
    actor: Actor,
    *,
    from_officer_id: int | None,
    task_ids: Sequence[int] | None,
    to_officer_id: int | None,
    reason: str,
) -> list[HandedOver]:
    """Give tasks that one officer holds to another of the agency, or back to the pool; each for itself.

    `from_officer_id`: None for the officer's own, a colleague's for a supervisor. `task_ids`: None for all of them.
    A task that is held by a transfer changes hands too, and stays held.
    """
    giver_id = actor.officer_id if from_officer_id is None else from_officer_id
    if giver_id != actor.officer_id:
        require_role(actor, "supervisor")
        _find(session, actor, giver_id)
    receiver = None if to_officer_id is None else _find(session, actor, to_officer_id)
    if task_ids is None:
        mine = select(Task.id).where(Task.claimed_by_id == giver_id, Task.state == "claimed")
        task_ids = session.scalars(mine.order_by(Task.id).limit(MOST_AT_ONCE)).all()
    found = []
    for task_id in sorted(set(task_ids)):
        # In the order of ids, and a refused one leaves no lock behind: nobody waits in a circle.
        attempt = session.begin_nested()
        try:
            _hand_over(session, actor, task_id, giver_id, receiver, reason)
        except TongbanError as refusal:
            attempt.rollback()
            found.append(HandedOver(task_id, "refused", refusal.code, refusal.message))
        else:
            attempt.commit()
            found.append(HandedOver(task_id, "handed_over"))
    return found


def _find(session: Session, actor: Actor, officer_id: int) -> Officer:
    of_mine = Officer.agency_code.in_(select(Agency.code).where(subtree(actor)))
    officer = session.scalar(select(Officer).where(Officer.id == officer_id, of_mine))
    if officer is None:
        raise NotFound(NO_SUCH_OFFICER)
    return officer


def _hand_over(
    session: Session, actor: Actor, task_id: int, giver_id: int, receiver: Officer | None, reason: str
) -> None:
    task = tasks.found_and_locked(session, task_id, actor)
    if task.state != "claimed" or task.claimed_by_id != giver_id:
        raise NotFound("这个任务已不在该人员手中。", code="not_in_hand")
    details: dict[str, Any] = {}
    if receiver is not None:
        assignee = tasks.require_assignable(session, task, receiver)
        details = {"to": receiver.id, **tasks.in_place_of(task, assignee)}
    tasks.count_change(task)
    tasks.give(session, task, receiver.id if receiver else None, "handed_over" if receiver else None)
    record_event(
        session,
        "task_handed_over" if receiver else "task_released",
        at=clock.now(),
        actor=actor,
        case_id=task.case_id,
        application_id=task.application_id,
        opinion=reason,
        element=task.element_id,
        name=task.name,
        holder=giver_id,
        **details,
    )


def return_stranded(session: Session) -> int:
    """Give back to the pool what its holder cannot do: he is on leave, or his role has ended. How many that were."""
    held = session.execute(
        select(Task.claimed_by_id, Task.role, Officer.agency_code)
        .join(Officer, Officer.id == Task.claimed_by_id)
        .where(Task.state == "claimed")
        .distinct()
    ).all()
    at_work = {
        actor.officer_id: actor
        for agency in sorted({row.agency_code for row in held})
        for actor in duty.on_duty(session, agency)
    }
    stranded = [
        (row.claimed_by_id, row.role)
        for row in held
        if row.claimed_by_id not in at_work or row.role not in at_work[row.claimed_by_id].roles
    ]
    returned = 0
    for holder_id, role in stranded:
        theirs = select(Task.id).where(Task.state == "claimed", Task.claimed_by_id == holder_id, Task.role == role)
        if holder_id in at_work:
            theirs = theirs.where(Task.form != _ALSO_THE_ACCEPTOR)
        for task_id in session.scalars(theirs.order_by(Task.id).limit(_AT_A_TIME)).all():
            returned += _return(session, task_id, holder_id)
    return returned


def _return(session: Session, task_id: int, holder_id: int) -> bool:
    task = tasks.locked(session, task_id) or session.get(Task, task_id, with_for_update=True)
    if task is None or task.state != "claimed" or task.claimed_by_id != holder_id:
        return False
    tasks.count_change(task)
    tasks.give(session, task, None, None)
    record_event(
        session,
        "task_released",
        at=clock.now(),
        actor=None,
        case_id=task.case_id,
        application_id=task.application_id,
        element=task.element_id,
        name=task.name,
        why="holder_not_on_duty",
        holder=holder_id,
    )
    return True
