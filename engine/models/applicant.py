"""Applicants with log-ins of their own, and who acts for whom."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal
from engine.models.agency import Agency, Officer
from engine.models.application import Person


class Applicant(Base):
    """Somebody who applies (申请人): the worker, or a relative, guardian, agent or the employer's clerk."""

    __tablename__ = "applicant"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Keyed hash of the identity number; None: an identity provider knows who it is, and we do not.
    identity_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    identity_type: Mapped[str | None] = mapped_column(String(32))
    identity_number: Mapped[str | None] = mapped_column(Personal(64))
    name: Mapped[str | None] = mapped_column(Personal(64))
    phone: Mapped[str | None] = mapped_column(Personal(32))
    #: Who the identity provider says it is; both None: it has not been asked.
    issuer: Mapped[str | None] = mapped_column(String(200))
    subject: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Moment)


class ApplicantSession(Base):
    """A log-in of an applicant; of the token itself only the SHA-256 is stored."""

    __tablename__ = "applicant_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    applicant_id: Mapped[int] = mapped_column(ForeignKey("applicant.id"), index=True)
    #: bearer or cookie: one is not taken for the other.
    kind: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)


class ApplicantCode(Base):
    """The code that was sent last to somebody who wants to log in; made for anybody, sent to who is known."""

    __tablename__ = "applicant_code"

    #: Keyed hash of identity number and phone.
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    #: None: nobody is known by these; no code is right.
    applicant_id: Mapped[int | None] = mapped_column(ForeignKey("applicant.id"))
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)


class Representation(Base):
    """That somebody acts for a worker (代办、监护), from a day to a day, on papers that were shown.

    kind: relative 近亲属, guardian 监护人, agent 代办人, employer 用人单位.
    """

    __tablename__ = "representation"
    __table_args__ = (
        Index("ix_representation_representative", "representative_id", "person_id"),
        Index("ix_representation_agency", "recorded_agency_code", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    representative_id: Mapped[int] = mapped_column(ForeignKey("applicant.id"))
    kind: Mapped[str] = mapped_column(String(16))
    #: Both days included.
    from_on: Mapped[date]
    until_on: Mapped[date]
    recorded_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    person: Mapped[Person] = relationship()
    representative: Mapped[Applicant] = relationship()
    recorded_by: Mapped[Officer] = relationship()
    recorded_agency: Mapped[Agency] = relationship()
    papers: Mapped[list[RepresentationPaper]] = relationship(order_by="RepresentationPaper.added_at")


class RepresentationPaper(Base):
    """An image of what a representation rests on: power of attorney, register of a household, letter of an employer."""

    __tablename__ = "representation_paper"

    representation_id: Mapped[int] = mapped_column(ForeignKey("representation.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    added_at: Mapped[datetime] = mapped_column(Moment)
