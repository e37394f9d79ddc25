"""Who needs to see numbers in full: whoever works on the case just now, and the counter before it is accepted.

Everybody else who may see the case sees them masked, and unmasks one at a time with a reason (GB/T 35273, PIPL 51).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.models import Application, Case, Task

#: What the counter has just typed in, and compares with the papers in front of it.
_AT_THE_COUNTER = ("draft", "blocked", "unresolved", "notified")


def sees_in_full(session: Session, actor: Actor, *, case_id: int | None, application_id: int | None) -> bool:
    """The officer holds a task of the case or the application, or the application lies at the officer's counter."""
    if case_id is not None:
        return _holds(session, actor, Task.case_id == case_id)
    if application_id is None:
        return False
    of_cases = Task.case_id.in_(select(Case.id).where(Case.application_id == application_id))
    return (
        _at_own_counter(session, actor, application_id)
        or _holds(session, actor, Task.application_id == application_id)
        or _holds(session, actor, of_cases)
    )


def _holds(session: Session, actor: Actor, about: ColumnElement[bool]) -> bool:
    mine = exists().where(Task.claimed_by_id == actor.officer_id, Task.state == "claimed", about)
    return bool(session.scalar(select(mine)))


def _at_own_counter(session: Session, actor: Actor, application_id: int) -> bool:
    if not actor.has("acceptor"):
        return False
    lies_here = exists().where(
        Application.id == application_id,
        Application.accepting_agency_code == actor.agency_code,
        Application.state.in_(_AT_THE_COUNTER),
    )
    return bool(session.scalar(select(lies_here)))
