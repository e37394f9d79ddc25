"""Log-ins of officers, wrong guesses at them, and who stands in for whom."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal
from engine.models.agency import Officer


class OfficerSession(Base):
    """A log-in; the token itself is not stored, only its SHA-256."""

    __tablename__ = "officer_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    #: bearer: sent in a header by programs; cookie: kept by a browser; sign_on: the same, after an identity provider
    #: said who it is. What came in a header is not taken for what came in a cookie.
    kind: Mapped[str] = mapped_column(String(8), default="bearer")
    created_at: Mapped[datetime] = mapped_column(Moment)
    #: About when it was used last; None: not since it was opened.
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)

    officer: Mapped[Officer] = relationship(lazy="joined")


class OfficerIdentity(Base):
    """Whom an identity provider means: the officer's account here."""

    __tablename__ = "officer_identity"
    __table_args__ = (UniqueConstraint("issuer", "officer_id"),)

    issuer: Mapped[str] = mapped_column(String(200), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    bound_at: Mapped[datetime] = mapped_column(Moment)

    officer: Mapped[Officer] = relationship()


class Attempt(Base):
    """Guesses in a row at a user name, from an address, at a receipt."""

    __tablename__ = "attempt"

    #: SHA-256 of the kind and of what was guessed at.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(Moment, index=True)


class Absence(Base):
    """Somebody's leave (请假), and who stands in meanwhile (代理): with his own identity, on the other's roles.

    Nobody has two at once, nor stands in for two at once.
    """

    __tablename__ = "absence"
    __table_args__ = (
        Index("ix_absence_officer", "officer_id", "until_on"),
        Index("ix_absence_substitute", "substitute_id", "until_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    #: None: nobody stands in; the work lies in the pool.
    substitute_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: Both days included, unless it ended early (`ended_at`).
    from_on: Mapped[date]
    until_on: Mapped[date]
    reason: Mapped[str] = mapped_column(Personal(200))
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)

    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
    substitute: Mapped[Officer | None] = relationship(foreign_keys=[substitute_id])
    recorded_by: Mapped[Officer] = relationship(foreign_keys=[recorded_by_id])
