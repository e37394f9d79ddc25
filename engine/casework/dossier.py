"""What a use case reads of a business (案卷) more than once: completed tasks, and rows of the case.

Separation of duties looks at the completed tasks, the dispatch of new work to the officer who did it before, and every
operator that wants to know what was entered. Rows are read without writing half of the use case's changes out before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Select, and_, bindparam, not_, select
from sqlalchemy.orm import Session

from engine import clock
from engine.accounts import duty
from engine.actor import Actor
from engine.models import Instance, Officer, Task
from engine.models.agency import roles_in_force


@dataclass(frozen=True)
class Completion:
    """A completed task, and where its officer works now (None: nowhere any more, or he is on leave)."""

    task: Task
    officer_id: int
    officer_agency_code: str | None
    #: The roles that the officer holds today.
    officer_roles: Collection[str]


_COMPLETED = (
    select(
        Task,
        Officer.agency_code,
        and_(Officer.active, not_(duty.is_away(Officer.id))).label("at_work"),
        Officer.roles,
        Officer.role_terms,
    )
    .join(Officer, Officer.id == Task.completed_by_id)
    .where(Task.state == "completed")
    .order_by(Task.completed_at, Task.id)
)
_OF_CASE = _COMPLETED.where(Task.case_id == bindparam("business"))
_OF_INSTANCE = _COMPLETED.where(Task.instance_id == bindparam("business"))


class Dossier:
    """The dossier of a case (or of an instance, before there is a case); iterated: its completed tasks, latest last."""

    def __init__(self, session: Session, *, case_id: int | None, instance_id: int | None = None) -> None:
        self._session = session
        self._query = _OF_INSTANCE if case_id is None else _OF_CASE
        self._business = instance_id if case_id is None else case_id
        self._added: dict[int, Completion] = {}
        self._rows: dict[str, list[Any]] = {}

    @classmethod
    def around(cls, session: Session, subject: Task | Instance) -> Dossier:
        """Those of the business that `subject` belongs to."""
        instance_id = subject.instance_id if isinstance(subject, Task) else subject.id
        return cls(session, case_id=subject.case_id, instance_id=instance_id)

    def __iter__(self) -> Iterator[Completion]:
        yield from (one for task_id, one in self._stored.items() if task_id not in self._added)
        yield from self._added.values()

    @cached_property
    def _stored(self) -> dict[int, Completion]:
        today = clock.today()
        # What this transaction completed is among `_added`.
        with self._session.no_autoflush:
            return {
                task.id: Completion(
                    task,
                    task.completed_by_id,
                    agency_code if at_work else None,
                    roles_in_force(roles, terms or {}, today),
                )
                for task, agency_code, at_work, roles, terms in self._session.execute(
                    self._query, {"business": self._business, duty.TODAY: today}
                )
                if task.completed_by_id is not None
            }

    def add(self, task: Task, actor: Actor) -> None:
        """`actor` completes `task` in this transaction, later than everything else."""
        self._added[task.id] = Completion(task, actor.officer_id, actor.agency_code, actor.roles)

    def last(self, *, form: str | None = None, instance_id: int | None = None) -> Task | None:
        """The task completed last, with that form, in that instance."""
        found = None
        for one in self:
            if form in (None, one.task.form) and instance_id in (None, one.task.instance_id):
                found = one.task
        return found

    def rows(self, key: str, query: Select[Any]) -> list[Any]:
        """What `query` finds, read at the first time. Whoever changes what it would find changes this list too."""
        if key not in self._rows:
            (described,) = query.column_descriptions
            if any(isinstance(one, described["entity"]) for one in self._session.new):
                self._session.flush()
            with self._session.no_autoflush:
                self._rows[key] = list(self._session.scalars(query))
        return self._rows[key]

    def forget_rows(self) -> None:
        """What was done to the rows has been taken back."""
        self._rows.clear()
