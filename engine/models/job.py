"""Jobs that wait in the embedded table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from engine.db import Base, Moment


class Job(Base):
    """Work for later, deferred in the transaction that needs it (job). A row waits; what is done has no row."""

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_due", "run_at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: What `engine.jobs.job` registered: incident.retry ...
    name: Mapped[str] = mapped_column(String(64))
    #: Ids of rows, by the handler's argument names; never anything personal.
    payload: Mapped[Any] = mapped_column(JSON)
    #: At most one job with this key waits.
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    run_at: Mapped[datetime] = mapped_column(Moment)
    #: How often it has failed.
    attempts: Mapped[int] = mapped_column(default=0)
    deferred_at: Mapped[datetime] = mapped_column(Moment)
