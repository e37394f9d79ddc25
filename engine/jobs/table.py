"""The embedded queue: the table `job`, run by the tick of every process, on SQLite and PostgreSQL.

A worker takes a job by deleting its row, in the transaction in which the job is done: a row that somebody else is
taking is skipped, and a worker that dies gives it back at once, because its transaction is gone. So what is done is
done once, and there is nothing to clean up. Each round goes through the rows in their order and past those that
failed, so no job is taken twice in one round and none is held up by another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, literal, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from engine import clock
from engine.db import Moment, transaction
from engine.guard import fault_of
from engine.jobs.attempts import give_up, next_attempt_at, perform, report
from engine.jobs.queue import Backlog, Waiting
from engine.models import Job

_PROCRASTINATE = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
_TAKE_OVER = text(
    "DELETE FROM procrastinate_jobs WHERE task_name = 'tongban.job' AND status IN ('todo', 'doing')"
    " RETURNING args, queueing_lock, scheduled_at"
)


@dataclass(frozen=True)
class _Taken:
    """A row as it was when it was taken."""

    id: int
    name: str
    payload: Mapping[str, int]
    run_at: datetime
    attempts: int


@dataclass
class _Turn:
    """What a turn took, known also when it failed."""

    taken: _Taken | None = None


class TableQueue:
    """Jobs in the system's own database."""

    def install(self) -> None:
        """Take along what waits with procrastinate, where that was used before; its workers must be stopped."""
        with transaction() as session:
            if session.get_bind().dialect.name != "postgresql" or not session.scalar(_PROCRASTINATE):
                return
            for row in session.execute(_TAKE_OVER):
                waiting = Waiting(run_at=row.scheduled_at, key=row.queueing_lock, **row.args)
                self.add(session, waiting)

    def add(self, session: Session, waiting: Waiting) -> bool:
        """Keep the job with the session's transaction; False where one with its key waits already."""
        values = {
            "name": waiting.name,
            "payload": dict(waiting.ids),
            "key": waiting.key,
            "run_at": waiting.run_at,
            "attempts": 0,
            "deferred_at": clock.now(),
        }
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        # A job that is being done has deleted its row: who defers its key waits for the end of it, and is not lost.
        statement = insert(Job).values(values).on_conflict_do_nothing(index_elements=["key"]).returning(Job.id)
        return session.scalar(statement) is not None

    def run_due(self, stopped: Callable[[], bool]) -> int:
        """Run every job that is due now, until `stopped`; how many runs that were."""
        runs = 0
        now = clock.now()
        position: tuple[datetime, int] | None = None
        while not stopped():
            job = self._run_next(now, position)
            if job is None:
                break
            position = (job.run_at, job.id)
            runs += 1
        return runs

    def work(self, stopped: Callable[[], bool]) -> None:
        """Run what is due; the tick calls again."""
        self.run_due(stopped)

    def backlog(self, session: Session, now: datetime, limit: int) -> Backlog:
        """The jobs that are due and that nobody has taken."""
        due = select(Job.run_at).where(Job.run_at <= now).order_by(Job.run_at).limit(limit).subquery()
        count, since = session.execute(select(func.count(), func.min(due.c.run_at))).one()
        return Backlog(due=count, since=since)

    def _run_next(self, now: datetime, position: tuple[datetime, int] | None) -> _Taken | None:
        turn = _Turn()
        error = fault_of(lambda: self._run(now, position, turn))
        if error is None:
            return turn.taken
        if turn.taken is None:
            # The database itself does not answer: the next tick tries again.
            raise error
        taken = turn.taken
        report(taken.name, taken.payload, error, taken.attempts + 1)
        # Where even this fails, the job stays due and the next one has its turn.
        trouble = fault_of(lambda: self._put_off(taken, error))
        if trouble is not None:
            report(taken.name, taken.payload, trouble, taken.attempts + 1)
        return taken

    def _run(self, now: datetime, position: tuple[datetime, int] | None, turn: _Turn) -> None:
        with transaction() as session:
            turn.taken = _take(session, now, position)
            if turn.taken is not None:
                perform(session, turn.taken.name, turn.taken.payload)

    def _put_off(self, job: _Taken, error: BaseException) -> None:
        """The row is back: say when it is tried again, or make it an incident. Not if somebody took it meanwhile."""
        attempts = job.attempts + 1
        at = clock.now()
        again_at = next_attempt_at(error, attempts, at)
        same = (Job.id == job.id, Job.attempts == job.attempts)
        with transaction() as session:
            if again_at is not None:
                session.execute(update(Job).where(*same).values(attempts=attempts, run_at=again_at))
            elif session.scalar(delete(Job).where(*same).returning(Job.id)) is not None:
                give_up(session, job.name, job.payload, error, attempts)


def _take(session: Session, now: datetime, position: tuple[datetime, int] | None) -> _Taken | None:
    due = select(Job.id).where(Job.run_at <= now).order_by(Job.run_at, Job.id).limit(1)
    if position is not None:
        due = due.where(tuple_(Job.run_at, Job.id) > tuple_(literal(position[0], Moment()), literal(position[1])))
    due = due.with_for_update(skip_locked=True)
    row = session.execute(
        delete(Job)
        .where(Job.id == due.scalar_subquery())
        .returning(Job.id, Job.name, Job.payload, Job.run_at, Job.attempts)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else _Taken(*row)
