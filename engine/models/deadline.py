"""Time: official working-day years with local orders, and the deadlines that run over them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment
from engine.models.agency import Officer
from engine.models.case import Case


class CalendarNotice(Base):
    """A notice about working days (放假安排), written once: a whole year, or days that an agency ordered otherwise.

    The latest one about a year, or about a day of an agency, counts; the latest id of all says whether a calendar that
    somebody read before is still the present one.
    """

    __tablename__ = "calendar_notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: The year it is about as a whole; None: single days of `agency_code`.
    year: Mapped[int | None]
    agency_code: Mapped[str | None] = mapped_column(ForeignKey("agency.code"))
    #: Title or number of the notice the days are copied from.
    notice: Mapped[str] = mapped_column(String(200))
    #: None: entered on the command line.
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(Moment)

    days: Mapped[list[CalendarDay]] = relationship(order_by="CalendarDay.day")
    entered_by: Mapped[Officer | None] = relationship()


class CalendarDay(Base):
    """One day of a notice: off, or a working day."""

    __tablename__ = "calendar_day"

    notice_id: Mapped[int] = mapped_column(ForeignKey("calendar_notice.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    workday: Mapped[bool]


class CalendarAlarm(Base):
    """A year that a running deadline needs and nobody has published yet; answered when it is entered."""

    __tablename__ = "calendar_alarm"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    raised_at: Mapped[datetime] = mapped_column(Moment)
    #: The case whose deadline needed it first.
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    answered_at: Mapped[datetime | None] = mapped_column(Moment)


class Deadline(Base):
    """A deadline (期限) of a case, of one of the kinds in `config/deadlines.yaml`. It runs until `ended_at`."""

    __tablename__ = "deadline"
    __table_args__ = (
        # What is to be said next, in the order in which it is claimed.
        Index(
            "ix_deadline_next",
            "next_at",
            "id",
            postgresql_where=text("next_at IS NOT NULL"),
            sqlite_where=text("next_at IS NOT NULL"),
        ),
        Index("ix_deadline_case", "case_id", "kind"),
        # What a year that is entered may move.
        Index(
            "ix_deadline_running",
            "due_on",
            "id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    kind: Mapped[str] = mapped_column(String(40))
    #: The transfer, supplement, escalation, filing ... it is about; None: the case itself.
    subject_id: Mapped[int | None]
    #: Whose calendar counts: the agency that handled the case when it began.
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    #: The day that sets it off and is not counted (K-20).
    started_on: Mapped[date]
    #: In the unit of its kind: working days, calendar days, months.
    length: Mapped[int]
    due_on: Mapped[date]
    #: 暂算: why `due_on` may move when an official calendar comes; None: final.
    provisional: Mapped[str | None] = mapped_column(String(200))
    #: [{"from", "until"}]: the days between moved it.
    stops: Mapped[Any] = mapped_column(JSON, default=list)
    #: It stands still since then; None: it runs.
    stopped_on: Mapped[date | None]
    #: The warning level that was told last: normal, near, urgent, overdue.
    level: Mapped[str] = mapped_column(String(16), default="normal")
    #: The level that comes next, and when; None: nothing more comes by itself.
    next_level: Mapped[str | None] = mapped_column(String(16))
    next_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    #: By how much it was missed, in its unit, written once at the end; 0: in time.
    late: Mapped[int | None]

    case: Mapped[Case] = relationship()
