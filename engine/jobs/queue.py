"""Deferring a job, and what a queue must be able to do. `api.app` chooses the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from engine import clock
from engine.jobs.kinds import kind_named, kinds


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A job to be done."""

    name: str
    ids: Mapping[str, int]
    run_at: datetime
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What is due and not done yet."""

    #: How many, counted no further than the limit that was given.
    due: int
    #: Since when the oldest has been due; None: nothing is.
    since: datetime | None


class Queue(Protocol):
    """Keeps jobs and has them run."""

    def install(self) -> None:
        """Put in place what it needs, and take along what waits in the other queue."""

    def add(self, session: Session, waiting: Waiting) -> bool:
        """Keep the job with the session's transaction; False where one with its key waits already."""

    def run_due(self, stopped: Callable[[], bool]) -> int:
        """Run every job that is due now, until `stopped`; how many runs that were."""

    def work(self, stopped: Callable[[], bool]) -> None:
        """Run jobs; may go on waiting for more until `stopped`. Called again and again, in every worker."""

    def backlog(self, session: Session, now: datetime, limit: int) -> Backlog:
        """The jobs that are due and that nobody has taken."""


_queue: list[Queue] = []


def use(queue: Queue) -> None:
    """Jobs go through this queue from now on (again, when a test makes another application)."""
    _queue[:] = [queue]


def queue() -> Queue:
    """The queue in use. Raises RuntimeError before `use`."""
    if not _queue:
        raise RuntimeError("no queue of jobs is in use: use api.app.create_app()")
    return _queue[0]


def defer(
    session: Session,
    name: str,
    ids: Mapping[str, int],
    *,
    run_at: datetime | None = None,
    key: str | None = None,
) -> bool:
    """Have the job run after this transaction, not before `run_at`; False where one with `key` waits already.

    Raises ValueError for a job that nobody registered, and for anything but the ids it takes.
    """
    kind = kind_named(name)
    if kind is None:
        raise ValueError(f"there is no job {name}: register it with @job")
    if kind.takes != set(ids):
        raise ValueError(f"the job {name} takes {sorted(kind.takes)}, not {sorted(ids)}")
    if not all(type(value) is int for value in ids.values()):
        raise ValueError(f"the job {name} takes ids only: nothing personal travels with a job")
    due_at = run_at or clock.now()
    if due_at.tzinfo is None:
        raise ValueError(f"the job {name} is due at a time without a zone")
    return queue().add(session, Waiting(name=name, ids=dict(ids), run_at=due_at, key=key))


def defer_periodic(session: Session) -> None:
    """See to it that each periodic job waits; what waits already is left alone."""
    for kind in kinds():
        if kind.every is not None:
            defer(session, kind.name, {}, key=kind.key)
