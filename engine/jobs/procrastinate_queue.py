"""The grown queue: procrastinate on the system's own PostgreSQL (`TONGBAN_JOBS=procrastinate`).

A job is deferred by procrastinate's SQL function inside the transaction that needs it. Its worker runs in every
process that works: told of new jobs by the database, one job at a time, with a heartbeat. A job whose worker has shown
no sign of life for a while is given to another one; it may have been done already, which handlers must stand.

The function's name carries a version, so procrastinate is pinned to one minor version. Times are the database's own:
this queue does not go with a clock that is moved (training).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.schema import SchemaManager
from sqlalchemy import delete, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import clock
from engine.db import transaction
from engine.errors import CannotProceed
from engine.guard import fault_of
from engine.jobs.attempts import FIRST_PAUSE, MOST_ATTEMPTS, give_up, next_attempt_at, perform, report
from engine.jobs.queue import Backlog, Waiting
from engine.models import Job as TableJob

log = structlog.get_logger()

NAME = "tongban"
TASK = "tongban.job"

_DEFER = text(
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
    ":queue, :task, 0, NULL, CAST(:key AS text), CAST(:arguments AS jsonb), CAST(:run_at AS timestamptz)"
    ")::procrastinate_job_to_defer_v1])"
)
_WAITS = text("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :key AND status = 'todo'")
_BACKLOG = text(
    "SELECT count(*), min(scheduled_at) FROM (SELECT scheduled_at FROM procrastinate_jobs"
    " WHERE queue_name = :queue AND status = 'todo' AND scheduled_at <= :now LIMIT :limit) AS due"
)
_INSTALLED = text("SELECT to_regclass('procrastinate_jobs') IS NOT NULL")
#: Any number, the same in every process: who starts at the same time waits here.
_LOCK = text("SELECT pg_advisory_xact_lock(4402024)")


class _Again(Exception):
    """The job is to be tried again."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__()
        self.pause = pause


class _Retry(BaseRetryStrategy):
    """When to try again is decided by `attempts`; where even the failure could not be kept, a little later."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        pause = exception.pause if isinstance(exception, _Again) else FIRST_PAUSE
        return RetryDecision(retry_in={"seconds": int(pause.total_seconds())})


class ProcrastinateQueue:
    """Jobs carried by procrastinate. A worker is taken for dead `silence` seconds after its last sign of life."""

    def __init__(self, url: str, *, silence: float = 30.0) -> None:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._silence = silence
        self._runs = 0
        self._app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=4))
        self._app.task(name=TASK, queue=NAME, pass_context=True, retry=_Retry())(self._run)

    def install(self) -> None:
        """Create procrastinate's tables where they are missing, and take over what waits in the embedded table."""
        with transaction() as session:
            session.execute(_LOCK)
            if not session.scalar(_INSTALLED):
                driver: Any = session.connection().connection.driver_connection
                driver.execute(SchemaManager.get_schema())
            rows = session.execute(delete(TableJob).returning(TableJob)).scalars().all()
            for row in rows:
                self.add(session, Waiting(name=row.name, ids=row.payload, run_at=row.run_at, key=row.key))

    def add(self, session: Session, waiting: Waiting) -> bool:
        """Keep the job with the session's transaction; False where one with its key waits already."""
        if waiting.key is not None and session.scalar(_WAITS, {"key": waiting.key}):
            return False
        values = {
            "queue": NAME,
            "task": TASK,
            "key": waiting.key,
            "arguments": json.dumps({"name": waiting.name, "ids": dict(waiting.ids)}),
            "run_at": waiting.run_at,
        }
        session.flush()
        try:
            with session.begin_nested():
                session.execute(_DEFER, values)
        except IntegrityError:
            if waiting.key is None:
                raise
            # Somebody deferred the same key since we looked.
            return False
        return True

    def run_due(self, stopped: Callable[[], bool]) -> int:
        """Run every job that is due now, until `stopped`; how many runs that were."""
        before = self._runs
        asyncio.run(self._serve(stopped, wait=False))
        return self._runs - before

    def work(self, stopped: Callable[[], bool]) -> None:
        """Run jobs as they come until `stopped`, or until the database is lost; the tick calls again."""
        asyncio.run(self._serve(stopped, wait=True))

    def backlog(self, session: Session, now: datetime, limit: int) -> Backlog:
        """The jobs that are due and that nobody has taken."""
        count, since = session.execute(_BACKLOG, {"queue": NAME, "now": now, "limit": limit}).one()
        return Backlog(due=count, since=since)

    async def _serve(self, stopped: Callable[[], bool], *, wait: bool) -> None:
        async with self._app.open_async():
            await self._recover()
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    queues=[NAME],
                    concurrency=1,
                    wait=wait,
                    listen_notify=wait,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._silence / 3,
                    stalled_worker_timeout=self._silence,
                )
            )
            recovery = asyncio.create_task(self._keep_recovering())
            while not (stopped() or worker.done() or recovery.done()):
                await asyncio.wait([worker, recovery], timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            # A worker that is cancelled finishes the job it is at.
            worker.cancel()
            recovery.cancel()
            for ended in await asyncio.gather(worker, recovery, return_exceptions=True):
                if isinstance(ended, Exception):
                    log.error("job_worker_stopped", exc_info=ended)

    async def _keep_recovering(self) -> None:
        while True:
            await asyncio.sleep(self._silence / 3)
            await self._recover()

    async def _recover(self) -> None:
        """Give the jobs of dead workers to others."""
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(queue=NAME, seconds_since_heartbeat=self._silence):
            log.warning("job_stalled", job_id=job.id, **job.task_kwargs)
            try:
                await manager.retry_job(job)
            except UniqueViolation:
                # One with the same key waits already and does the work of this one.
                await manager.finish_job(job, status=Status.FAILED, delete_job=True)
            except ConnectorException:
                # Another worker was quicker, or it was finished after all.
                log.info("job_recovered_elsewhere", job_id=job.id)

    def _run(self, context: JobContext, name: str, ids: dict[str, int]) -> None:
        self._runs += 1
        attempts = context.job.attempts
        if attempts >= MOST_ATTEMPTS:
            error: BaseException | None = CannotProceed("执行这项任务的进程多次中途停止。", code="worker_died")
        else:
            error = fault_of(lambda: _perform(name, ids))
        if error is None:
            return
        report(name, ids, error, attempts + 1)
        at = clock.now()
        again_at = next_attempt_at(error, attempts + 1, at)
        with transaction() as session:
            if again_at is None:
                give_up(session, name, ids, error, attempts + 1)
                return
            key = context.job.queueing_lock
            if key is not None and session.scalar(_WAITS, {"key": key}):
                # The one that waits does the work of this one.
                return
        raise _Again(again_at - at)


def _perform(name: str, ids: dict[str, int]) -> None:
    with transaction() as session:
        perform(session, name, ids)
