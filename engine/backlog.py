"""How much work lies there, for whoever watches the system: a few numbers, no ids, nothing personal.

Each query goes through an index and counts no further than a limit, so that watching costs the same at any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from engine import jobs
from engine.models import AuditPending, Incident, Instance, Message

#: What is counted no further: whoever sees this number knows enough.
LIMIT = 100_000


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What waits at one moment; ages in seconds."""

    timers_due: int
    timer_lag: float
    jobs_due: int
    job_age: float
    messages_waiting: int
    message_age: float
    #: Open incidents by the code of their cause.
    incidents: Mapping[str, int]
    audit_unsealed: int


def measure(session: Session, now: datetime) -> Figures:
    """The figures of the whole system, whichever process asks."""
    timers, timers_since = _count(session, select(Instance.due_at.label("since")).where(Instance.due_at <= now))
    backlog = jobs.queue().backlog(session, now, LIMIT)
    waiting = select(Message.made_at.label("since")).where(Message.state == "made")
    messages, messages_since = _count(session, waiting)
    pending = select(AuditPending.entry_id).limit(LIMIT).subquery()
    return Figures(
        timers_due=timers,
        timer_lag=_age(timers_since, now),
        jobs_due=backlog.due,
        job_age=_age(backlog.since, now),
        messages_waiting=messages,
        message_age=_age(messages_since, now),
        incidents=_incidents(session),
        audit_unsealed=session.scalar(select(func.count()).select_from(pending)) or 0,
    )


def _count(session: Session, waiting: Select[Any]) -> tuple[int, datetime | None]:
    rows = waiting.limit(LIMIT).subquery()
    count, since = session.execute(select(func.count(), func.min(rows.c.since)).select_from(rows)).one()
    return count, since


def _incidents(session: Session) -> dict[str, int]:
    rows = select(Incident.code).where(Incident.resolved_at.is_(None)).limit(LIMIT).subquery()
    counted = select(rows.c.code, func.count()).group_by(rows.c.code).order_by(rows.c.code)
    return {str(row.code): int(row[1]) for row in session.execute(counted)}


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
