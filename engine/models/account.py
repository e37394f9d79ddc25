"""Log-ins of officers and wrong guesses at them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment
from engine.models.agency import Officer


class OfficerSession(Base):
    """A log-in; the token itself is not stored, only its SHA-256."""

    __tablename__ = "officer_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    #: bearer: sent in a header by programs; cookie: kept by a browser. One is not taken for the other.
    kind: Mapped[str] = mapped_column(String(8), default="bearer")
    created_at: Mapped[datetime] = mapped_column(Moment)
    #: About when it was used last; None: not since it was opened.
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)

    officer: Mapped[Officer] = relationship(lazy="joined")


class Attempt(Base):
    """Guesses in a row at a user name, from an address, at a receipt."""

    __tablename__ = "attempt"

    #: SHA-256 of the kind and of what was guessed at.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(Moment, index=True)
