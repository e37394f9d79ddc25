"""Separation of incompatible posts (岗位不相容): acceptor and reviewers are different people (REV-06, K-47)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from config.register import reason
from engine.actor import Actor
from engine.casework.dossier import Dossier
from engine.errors import NotAllowed
from engine.models import Case, Task, Transfer

#: Names in `differsFrom` that are no element: who accepted the case, who started the transfer.
ACCEPTANCE = "acceptance"
TRANSFER_ACCEPTANCE = "transfer_acceptance"

#: Whatever somebody did for one level of review (assessing lines, entering amounts), he must not do for the other.
OTHER_LEVELS = {"first_reviewer": ("second_reviewer",), "second_reviewer": ("first_reviewer",)}


def barred_officers(session: Session, task: Task, dossier: Dossier | None = None) -> set[int]:
    """Officers who must not do this task because of what they did in the same case or transfer."""
    barred: set[int] = set()
    if not task.differs_from:
        return barred
    if ACCEPTANCE in task.differs_from and task.case_id is not None:
        barred.add(session.get_one(Case, task.case_id).accepted_by_id)
    if TRANSFER_ACCEPTANCE in task.differs_from and task.transfer_id is not None:
        barred.add(session.get_one(Transfer, task.transfer_id).started_by_id)
    other_levels = OTHER_LEVELS.get(task.role, ())
    for one in dossier or Dossier.around(session, task):
        if one.task.transfer_id == task.transfer_id and (
            one.task.element_id in task.differs_from or one.task.role in other_levels
        ):
            barred.add(one.officer_id)
            # What was done in somebody's place is his work too: two posts must not meet in one person either way.
            if one.task.completed_for_id is not None:
                barred.add(one.task.completed_for_id)
    return barred


def is_barred(session: Session, task: Task, actor: Actor, dossier: Dossier | None = None) -> bool:
    """This officer must not do the task, nor in the place of somebody who must not do it himself."""
    barred = barred_officers(session, task, dossier)
    return actor.officer_id in barred or actor.acts_for(task.role) in barred


def require_separation(session: Session, task: Task, actor: Actor, dossier: Dossier | None = None) -> None:
    """Raises NotAllowed when this officer did an incompatible part of the same business."""
    if is_barred(session, task, actor, dossier):
        raise NotAllowed(
            "岗位不相容：同一业务的受理、初审、复审应由不同人员办理，您已办理过其中的环节。",
            code="separation_of_duties",
            because=[reason("REV-06")],
        )
