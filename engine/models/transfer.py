"""What interrupts the plain course of a case: transfer, escalation, supplement, suspension."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from engine.db import Base, Moment, Personal, PersonalJSON


class Transfer(Base):
    """A transfer (全省通办业务移交), a business of its own. state: running, completed, refused, withdrawn."""

    __tablename__ = "transfer"
    # Who handled a case before goes on seeing it.
    __table_args__ = (Index("ix_transfer_from", "from_agency_code", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_number: Mapped[str] = mapped_column(String(16), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    from_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    to_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Personal(1000))
    legal_ground: Mapped[str] = mapped_column(String(500))
    started_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    #: K-10: when 'not ours' was registered, and both due times.
    found_at: Mapped[datetime] = mapped_column(Moment)
    due_from_arrival_on: Mapped[date]
    due_from_finding_on: Mapped[date]
    due_provisional: Mapped[str | None] = mapped_column(String(200))
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    #: Working days after `due_from_arrival_on`; 0: in time. Written once at the end.
    late_workdays: Mapped[int | None]
    alerted_at: Mapped[datetime | None] = mapped_column(Moment)


class Escalation(Base):
    """A question to the common superior (上报共同上级). state: running, decided, withdrawn."""

    __tablename__ = "escalation"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    from_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    #: The agency that transferred the case here.
    other_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    superior_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Personal(1000))
    started_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    started_at: Mapped[datetime] = mapped_column(Moment)
    due_on: Mapped[date]
    designated_agency_code: Mapped[str | None] = mapped_column(ForeignKey("agency.code"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    guidance: Mapped[str | None] = mapped_column(Personal(2000))


class Supplement(Base):
    """A request for missing materials (补正). state: open, handed_in, expired, cancelled."""

    __tablename__ = "supplement"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    #: [{"material", "name", "what"}]
    requested: Mapped[Any] = mapped_column(PersonalJSON)
    reason: Mapped[str] = mapped_column(Personal(1000))
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    requested_at: Mapped[datetime] = mapped_column(Moment)
    due_on: Mapped[date]
    handed_in_at: Mapped[datetime | None] = mapped_column(Moment)
    handed_in_agency_code: Mapped[str | None] = mapped_column(String(16))
    handed_in_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))


class Suspension(Base):
    """An issued suspension (中止): the only thing that stops the time limit (K-21)."""

    __tablename__ = "suspension"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    opinion: Mapped[str] = mapped_column(Personal(1000))
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    issued_on: Mapped[date]
    resumed_on: Mapped[date | None]
    resumed_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: By how many working days the resumption moved the due date.
    moved_workdays: Mapped[int | None]
