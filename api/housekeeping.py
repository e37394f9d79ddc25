"""What is kept in order by itself: periodic jobs."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from api import idempotency
from engine import clock, jobs
from engine.accounts import applicants, attempts
from engine.casework import handovers
from engine.db import transaction
from engine.models import ApplicantSession, OfficerSession
from engine.privacy import rotation

_HOURLY = timedelta(hours=1)
_LONGEST_LOCK = timedelta(days=1)


@jobs.job("idempotency_keys.forget", every=_HOURLY)
def forget_old_keys(session: Session) -> None:
    """Keys of requests that nobody will send again."""
    idempotency.forget_old_keys(session)


@jobs.job("sessions.forget", every=_HOURLY)
def forget_ended_sessions(session: Session) -> None:
    """Log-ins that ended, and codes for log-ins."""
    session.execute(delete(OfficerSession).where(OfficerSession.expires_at <= clock.now()))
    session.execute(delete(ApplicantSession).where(ApplicantSession.expires_at <= clock.now()))
    applicants.forget_old_codes(session)


@jobs.job("attempts.forget", every=_HOURLY)
def forget_old_attempts(session: Session) -> None:
    """Wrong guesses that count no more: longer ago than any lock lasts."""
    attempts.forget_old(session, clock.now() - _LONGEST_LOCK)


@jobs.job(rotation.JOB, every=_HOURLY)
def encrypt_again(session: Session) -> None:
    """What is stored about people under another key than new values, or from before there were any."""
    rotation.go_on(session)


@jobs.job("tasks.return_stranded", every=_HOURLY)
def return_stranded_tasks(session: Session) -> None:
    """Tasks of somebody whose leave has begun, or whose role has ended: others can acquire them."""
    handovers.return_stranded(session)


def keep_periodic_jobs() -> None:
    """See to it that each periodic job waits for its time, whatever happened to the one before."""
    with transaction() as session:
        jobs.defer_periodic(session)
