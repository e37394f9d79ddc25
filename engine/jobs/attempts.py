"""One attempt at a job, and what follows from its failure: another attempt later, or an incident."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from engine import clock
from engine.audit.entries import BY_ITSELF, CHANGE, About, record
from engine.casework import faults
from engine.errors import RetryLater, TongbanError
from engine.jobs.kinds import kind_named
from engine.jobs.queue import defer

log = structlog.get_logger()

MOST_ATTEMPTS = 6
FIRST_PAUSE = timedelta(minutes=1)


def perform(session: Session, name: str, ids: Mapping[str, int]) -> None:
    """Do the job in the transaction of `session`; a periodic one is deferred again with it."""
    kind = kind_named(name)
    if kind is None:
        raise RetryLater("本进程不认识这项后台任务，可能尚未升级。", code="unknown_job")
    kind.run(session, ids)
    if kind.every is None:
        subject = " ".join((name, *(f"{one}:{number}" for one, number in ids.items())))
        about = About(case_id=ids.get("case_id"), application_id=ids.get("application_id"), subject=subject)
        record(session, BY_ITSELF, CHANGE, "jobs.run", about)
    else:
        defer(session, name, ids, run_at=clock.now() + kind.every, key=kind.key)


def next_attempt_at(error: BaseException, attempts: int, at: datetime) -> datetime | None:
    """When a job that has failed `attempts` times is tried again; None: an officer must look."""
    needs_officer = isinstance(error, TongbanError) and not isinstance(error, RetryLater)
    if needs_officer or attempts >= MOST_ATTEMPTS:
        return None
    pause: timedelta = FIRST_PAUSE * 2 ** (attempts - 1)
    return at + pause


def give_up(session: Session, name: str, ids: Mapping[str, int], error: BaseException, attempts: int) -> None:
    """Make the failed job an incident."""
    incident = faults.job_failed(session, name, ids, error, clock.now())
    incident.attempts = max(incident.attempts, attempts)


def report(name: str, ids: Mapping[str, int], error: BaseException, attempts: int) -> None:
    """Tell the log; the text of an unknown exception may hold anything, its traceback holds no values."""
    log.warning(
        "job_failed", job=name, **ids, attempts=attempts, exc_info=None if isinstance(error, TongbanError) else error
    )
