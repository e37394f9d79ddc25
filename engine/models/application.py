"""People, their insurance relations, and applications (before and at acceptance)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal, PersonalJSON
from engine.models.agency import Agency, Outlet


class Person(Base):
    """An insured person (参保人). Found again by `identity_key`, a keyed hash, never by the number itself."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity_key: Mapped[str] = mapped_column(String(64), unique=True)
    #: resident_identity_card 居民身份证, other 其他
    identity_type: Mapped[str] = mapped_column(String(32))
    identity_number: Mapped[str] = mapped_column(Personal(64))
    name: Mapped[str] = mapped_column(Personal(64))
    phone: Mapped[str | None] = mapped_column(Personal(32))


class InsuranceRelation(Base):
    """A person's insurance relation (参保关系) with one agency over a span of days; `until_on` None: still running."""

    __tablename__ = "insurance_relation"
    __table_args__ = (Index("ix_insurance_relation_lookup", "identity_key", "from_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    identity_key: Mapped[str] = mapped_column(String(64))
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    employer_name: Mapped[str] = mapped_column(String(128))
    employer_uscc: Mapped[str] = mapped_column(String(18))
    from_on: Mapped[date]
    until_on: Mapped[date | None]


class Application(Base):
    """What was handed in at a counter (申请): one form, one or more services, before it becomes cases.

    state: draft, blocked (a gate says no), unresolved (place of insurance not known), notified (one-time notice out),
    refused, accepted.
    """

    __tablename__ = "application"

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    version: Mapped[int] = mapped_column(default=1)
    services: Mapped[list[str]] = mapped_column(JSON)
    #: counter, web_hall, terminal, yueshengshi, app
    channel: Mapped[str] = mapped_column(String(16))
    outlet_code: Mapped[str] = mapped_column(ForeignKey("outlet.code"))
    accepting_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)
    handling_agency_code: Mapped[str | None] = mapped_column(ForeignKey("agency.code"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    #: worker, relative, employer, agent
    applicant_kind: Mapped[str] = mapped_column(String(16))
    #: The day of injury (or diagnosis of an occupational disease), which decides the gates (K-04).
    injured_on: Mapped[date]
    advance_payment: Mapped[bool] = mapped_column(default=False)
    #: Everything the applicant filled in, validated: applicant, agent, worker, employer, forms {"1-1": {...}}, facts.
    content: Mapped[Any] = mapped_column(PersonalJSON)
    #: [{"rule", "passed", "message", "because": [...]}], as evaluated at intake.
    gates: Mapped[Any] = mapped_column(JSON)
    #: {"state": found|none|several|chosen, "reason" in a supervisor's words, "relation_ids": [...]}
    routing: Mapped[Any] = mapped_column(PersonalJSON)
    #: Per service: [{"material", "name", "mandatory", "kind", ...}] from the handling agency's configuration.
    checklist: Mapped[Any] = mapped_column(JSON)
    #: One-time notices given: [{"at", "by", "missing": [...], "reason"}]
    notices: Mapped[Any] = mapped_column(PersonalJSON, default=list)
    eligibility_checked: Mapped[Any] = mapped_column(JSON, nullable=True)
    #: The officer at the counter; None: it was handed in online (`OnlineApplication`).
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    created_at: Mapped[datetime] = mapped_column(Moment)

    person: Mapped[Person] = relationship()
    outlet: Mapped[Outlet] = relationship()
    accepting_agency: Mapped[Agency] = relationship(foreign_keys=[accepting_agency_code])
    handling_agency: Mapped[Agency | None] = relationship(foreign_keys=[handling_agency_code])


class OnlineApplication(Base):
    """Who handed in an application that no officer took in."""

    __tablename__ = "online_application"
    __table_args__ = (Index("ix_online_application_party", "party", "application_id"),)

    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), primary_key=True)
    #: channel:web-hall or applicant:17
    party: Mapped[str] = mapped_column(String(80))
    #: {"method", "reference"}: how the channel system made sure of the applicant's identity; None: he was logged in.
    identity_check: Mapped[Any] = mapped_column(PersonalJSON, nullable=True)

    application: Mapped[Application] = relationship()
