"""Running processes, their incidents, and the memory of answered requests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from engine.db import Base, Blob, Moment, Personal, PersonalJSON

#: What an incident is about. The last two also stand where a step's process task and element would.
STEP, TIMER, JOB = "step", "timer", "job"


class Instance(Base):
    """The running process of one case, application, transfer or escalation (instance)."""

    __tablename__ = "instance"
    # With the id, because thousands fall due at the same instant, the end of a day, and are claimed in this order.
    __table_args__ = (Index("ix_instance_due_order", "due_at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: case, application, transfer, escalation
    subject: Mapped[str] = mapped_column(String(16))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"), index=True)
    transfer_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"), index=True)
    escalation_id: Mapped[int | None] = mapped_column(ForeignKey("escalation.id"), index=True)
    definition_hash: Mapped[str] = mapped_column(ForeignKey("definition.hash"), index=True)
    #: The compact state; bytes, because the order in it matters.
    state: Mapped[bytes] = mapped_column(Blob)
    version: Mapped[int] = mapped_column(default=1)
    #: The earliest due time of its waiting timers; None: no timer waits.
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)


class Incident(Base):
    """What failed and waits for a retry (异常): a step of a process, a timer that cannot be fired, or a job."""

    __tablename__ = "incident"
    __table_args__ = (Index("ix_incident_open", "resolved_at", "agency_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: None: a job failed, which belongs to no process.
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    process_task_id: Mapped[str] = mapped_column(String(36))
    element_id: Mapped[str] = mapped_column(String(128))
    #: The operator of the step, or the name of the job.
    operator: Mapped[str] = mapped_column(String(64))
    #: The job's ids, with which it is run again; None: no job.
    payload: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    #: Stable code and Chinese sentence of the cause.
    code: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(String(500))
    #: Who must look: the handling agency, whose supervisors see it.
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    attempts: Mapped[int] = mapped_column(default=1)
    #: When it is tried again by itself (a passing fault); None: only by an officer.
    retry_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    note: Mapped[str | None] = mapped_column(Personal(500))
    occurred_at: Mapped[datetime] = mapped_column(Moment)
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))

    @property
    def kind(self) -> str:
        """A `step` of a process, a `timer` that cannot be fired, or a `job`."""
        return self.process_task_id if self.process_task_id in (TIMER, JOB) else STEP


class IdempotencyKey(Base):
    """The first answer to a request with an Idempotency-Key, given again to every repetition."""

    __tablename__ = "idempotency_key"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    officer_id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 over method, path and body: the same key for another request is refused.
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    answer: Mapped[Any] = mapped_column(PersonalJSON)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
