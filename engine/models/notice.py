"""Notices to officers (工作通知): what happened that somebody must know, and who has read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment
from engine.models.agency import Officer
from engine.models.case import CaseEvent

#: Conditions of the indexes below: a query uses one where it says the same in the same constants.
TO_OFFICER = "officer_id IS NOT NULL"
TO_ROLE = "role IS NOT NULL"
UNREAD = "read_at IS NULL"


def _index(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


class OfficerNotice(Base):
    """One event told to one recipient: an officer, or whoever holds a role in an agency (工作通知).

    Made in the transaction of its event and never without it; what is read by one of those it went to is read.
    """

    __tablename__ = "officer_notice"
    __table_args__ = (
        # One for each event and recipient; the half that is empty counts in neither.
        UniqueConstraint("event_id", "officer_id"),
        UniqueConstraint("event_id", "agency_code", "role"),
        CheckConstraint("(officer_id IS NULL) <> (role IS NULL)", name="one_recipient"),
        _index("ix_officer_notice_officer", "officer_id", "id", where=TO_OFFICER),
        _index("ix_officer_notice_role", "agency_code", "role", "id", where=TO_ROLE),
        _index("ix_officer_notice_officer_unread", "officer_id", "id", where=f"{TO_OFFICER} AND {UNREAD}"),
        _index("ix_officer_notice_role_unread", "agency_code", "role", "id", where=f"{TO_ROLE} AND {UNREAD}"),
        _index("ix_officer_notice_case_unread", "case_id", where=UNREAD),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: One of `config/notices.yaml`, which has its words.
    kind: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[int] = mapped_column(ForeignKey("case_event.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    #: The officer's agency, or that of the role.
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    role: Mapped[str | None] = mapped_column(String(32))
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: What the words of the kind need: scalars, nothing personal.
    facts: Mapped[Any] = mapped_column(JSON, default=dict)
    made_at: Mapped[datetime] = mapped_column(Moment)
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))

    event: Mapped[CaseEvent] = relationship()
    officer: Mapped[Officer | None] = relationship(foreign_keys=[officer_id])
    read_by: Mapped[Officer | None] = relationship(foreign_keys=[read_by_id])
