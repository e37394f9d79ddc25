"""The audit log: who did and saw what, its seals, and how far a change of keys has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, Sequence, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal
from engine.models.agency import Officer

_LONG = BigInteger().with_variant(Integer, "sqlite")

#: Ids are known before the row is written, because the row's signature covers its id. SQLite counts by itself.
AUDIT_IDS = Sequence("audit_entry_id", metadata=Base.metadata)


class AuditEntry(Base):
    """One act, or one look at personal data (审计日志). The database refuses to change or delete a row.

    No foreign keys: a refused try may name a case that does not exist, and the log outlives what it speaks of.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_case", "case_id", "id"),
        Index("ix_audit_entry_officer", "officer_id", "id"),
        Index("ix_audit_entry_person", "person_id", "id"),
        Index("ix_audit_entry_agency", "agency_code", "id"),
    )

    id: Mapped[int] = mapped_column(_LONG, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment, index=True)
    #: Agency code of the city whose chain it is sealed in; the province has its own.
    chain: Mapped[str] = mapped_column(String(16))
    #: read, change, unmask, export, refused
    kind: Mapped[str] = mapped_column(String(16))
    #: The route (cases.show_case), the command (command.relations_import), the clockwork (timers.fire).
    action: Mapped[str] = mapped_column(String(64))
    #: done, or the stable code of the refusal.
    outcome: Mapped[str] = mapped_column(String(64))
    #: officer, applicant, channel, system
    actor: Mapped[str] = mapped_column(String(16))
    #: Which channel system or applicant it was: channel:web-hall.
    party: Mapped[str | None] = mapped_column(String(80))
    officer_id: Mapped[int | None]
    #: The officer's agency at the time.
    agency_code: Mapped[str | None] = mapped_column(String(16))
    #: bearer, cookie, key, token, none, command_line, process
    session_kind: Mapped[str] = mapped_column(String(16))
    #: Where the request came from.
    address: Mapped[str | None] = mapped_column(String(45))
    case_id: Mapped[int | None]
    application_id: Mapped[int | None]
    person_id: Mapped[int | None]
    #: What else it was about: task:17; of an unmasking: the field.
    subject: Mapped[str | None] = mapped_column(String(128))
    #: How many rows were given out.
    rows: Mapped[int | None]
    #: Why, where a reason is asked. Never encrypted again, because the row must not change.
    reason: Mapped[str | None] = mapped_column(Personal(1000, fixed=True))
    #: HMAC over all of the above by the key of the ring with this id: nobody adds or alters a row without it.
    key_id: Mapped[str] = mapped_column(String(16))
    mac: Mapped[str] = mapped_column(String(64))

    officer: Mapped[Officer | None] = relationship(
        primaryjoin="foreign(AuditEntry.officer_id) == Officer.id", viewonly=True
    )


class AuditPending(Base):
    """An entry that waits for its seal; written with it, deleted when it is sealed."""

    __tablename__ = "audit_pending"

    entry_id: Mapped[int] = mapped_column(_LONG, primary_key=True, autoincrement=False)


class AuditSeal(Base):
    """The place of an entry in its chain. The database refuses to change or delete a row."""

    __tablename__ = "audit_seal"
    __table_args__ = (UniqueConstraint("entry_id"),)

    chain: Mapped[str] = mapped_column(String(16), primary_key=True)
    #: 1, 2 ... without a gap.
    number: Mapped[int] = mapped_column(_LONG, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(_LONG)
    sealed_at: Mapped[datetime] = mapped_column(Moment)
    key_id: Mapped[str] = mapped_column(String(16))
    #: HMAC over the seal before, this row and the entry's signature.
    mac: Mapped[str] = mapped_column(String(64))


class KeyRotation(Base):
    """How far a column has come in being encrypted as new values are (`engine.privacy.rotation`)."""

    __tablename__ = "key_rotation"

    #: table.column
    column: Mapped[str] = mapped_column(String(80), primary_key=True)
    #: How its values are to begin: cipher and key.
    prefix: Mapped[str] = mapped_column(String(32))
    #: Primary key of the last row looked at; None: before the first.
    position: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    done: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime] = mapped_column(Moment)
