"""Cases, their events, materials and issued documents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal, PersonalJSON
from engine.models.agency import Agency, Officer
from engine.models.application import Application, Person
from engine.models.definition import ServiceConfiguration


class ReceiptNumber(Base):
    """The running sequence that serial and receipt numbers share (DAT-01); a row is never reused."""

    __tablename__ = "receipt_number"

    id: Mapped[int] = mapped_column(primary_key=True)
    generated_at: Mapped[datetime] = mapped_column(Moment)


class Case(Base):
    """One application for one service (办件).

    state: accepted 已受理, awaiting_scan 待扫描, scanned 已扫描, awaiting_first_review 待初审,
    awaiting_second_review 待复审, completed 办结, awaiting_delivery 待送达, delivered 已送达,
    awaiting_archiving 待归档, archived 已归档, supplementing 补正中, suspended 中止, transferring 移送中,
    escalated 上报指导中, terminated 终止.
    result: approved 予以办理, not_approved 不予办理, terminated 终止, withdrawn 撤回, voided 作废; None while open.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index("ix_case_accepting_list", "accepting_agency_code", "id"),
        Index("ix_case_handling_list", "handling_agency_code", "id"),
        Index("ix_case_person_open", "person_id", "service"),
        Index("ix_case_state_list", "state", "id"),
        Index("ix_case_service_list", "service", "id"),
        # The overdue ones (超期未办结).
        Index(
            "ix_case_open_due",
            "due_on",
            "id",
            postgresql_where=text("result IS NULL"),
            sqlite_where=text("result IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Raised at each change of the case; a stale writer gets a conflict.
    version: Mapped[int] = mapped_column(default=1)
    receipt_number: Mapped[str] = mapped_column(String(16), unique=True)
    serial_number: Mapped[str] = mapped_column(String(16), unique=True)
    service: Mapped[str] = mapped_column(String(40))
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    injured_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(32))
    #: The state to show again when a transfer, an escalation or a suspension gives the case back.
    state_before_hold: Mapped[str | None] = mapped_column(String(32))
    result: Mapped[str | None] = mapped_column(String(16))
    #: 有效: False once a supervisor voided it; the number stays (DAT-05).
    valid: Mapped[bool] = mapped_column(default=True)
    channel: Mapped[str] = mapped_column(String(16))
    outlet_code: Mapped[str] = mapped_column(ForeignKey("outlet.code"))
    accepting_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    handling_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    #: 异地申请: accepting and handling agencies belong to different places (ROU-02).
    cross_place: Mapped[bool]
    accepted_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    accepted_at: Mapped[datetime] = mapped_column(Moment)
    #: When the case arrived at its present handling agency: the transfer's clock runs from here (K-10).
    arrived_at: Mapped[datetime] = mapped_column(Moment)
    limit_workdays: Mapped[int]
    due_on: Mapped[date]
    #: 暂算: the reason why `due_on` may move when an official calendar comes; None: final.
    due_provisional: Mapped[str | None] = mapped_column(String(200))
    #: The limit stands still since then, because of an issued suspension (中止); None: it runs.
    limit_stopped_on: Mapped[date | None]
    completed_at: Mapped[datetime | None] = mapped_column(Moment)
    definition_hash: Mapped[str] = mapped_column(String(64), index=True)
    configuration_id: Mapped[int] = mapped_column(ForeignKey("service_configuration.id"))
    #: How many agency-initiated transfers the case went through: 0 or 1 (promise 2).
    transfer_count: Mapped[int] = mapped_column(default=0)
    #: True once a common superior named the handling agency; transfer and escalation are closed then.
    designated: Mapped[bool] = mapped_column(default=False)
    duplicate_reason: Mapped[str | None] = mapped_column(Personal(200))

    application: Mapped[Application] = relationship()
    person: Mapped[Person] = relationship()
    accepting_agency: Mapped[Agency] = relationship(foreign_keys=[accepting_agency_code])
    handling_agency: Mapped[Agency] = relationship(foreign_keys=[handling_agency_code])
    accepted_by: Mapped[Officer] = relationship()
    configuration: Mapped[ServiceConfiguration] = relationship()


class CaseEvent(Base):
    """A fact about a case or an application, written once and never changed."""

    __tablename__ = "case_event"
    __table_args__ = (Index("ix_case_event_timeline", "case_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"), index=True)
    #: Past tense: case_accepted, task_completed, case_transferred ...
    kind: Mapped[str] = mapped_column(String(48))
    at: Mapped[datetime] = mapped_column(Moment)
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    agency_code: Mapped[str | None] = mapped_column(String(16))
    #: Scalars for programs and the timeline; nothing personal.
    details: Mapped[Any] = mapped_column(JSON, default=dict)
    #: Free text of an officer (an opinion, a reason).
    opinion: Mapped[str | None] = mapped_column(Personal(2000))
    because: Mapped[Any] = mapped_column(JSON, default=list)

    officer: Mapped[Officer | None] = relationship()


class MaterialItem(Base):
    """One line of a case's or application's checklist and what was collected for it (材料)."""

    __tablename__ = "material_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    material: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(128))
    mandatory: Mapped[bool]
    #: The legal basis on which it need not be handed in (ACC-06); None: it must.
    waived_because: Mapped[Any] = mapped_column(JSON, nullable=True)
    #: Services of the application that ask for it.
    services: Mapped[list[str]] = mapped_column(JSON)
    paper_copies: Mapped[int] = mapped_column(default=0)
    collected_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: Where the paper lies.
    collected_agency_code: Mapped[str | None] = mapped_column(String(16))
    collected_at: Mapped[datetime | None] = mapped_column(Moment)
    #: Pages that the applicant handed in online: they stand for paper.
    uploads: Mapped[int] = mapped_column(default=0, server_default="0")
    #: SHA-256 of the stored scans, in order.
    images: Mapped[list[str]] = mapped_column(JSON, default=list)
    imaged_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    imaged_at: Mapped[datetime | None] = mapped_column(Moment)
    supplement_id: Mapped[int | None] = mapped_column(ForeignKey("supplement.id"))

    @property
    def brought(self) -> int:
        """How much of it was handed in, on paper or online."""
        return self.paper_copies + self.uploads


class IssuedDocument(Base):
    """The record of a printed document (文书): frozen content and verification code; the PDF is made from it later."""

    __tablename__ = "issued_document"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"), index=True)
    #: acceptance_receipt 受理回执单, supplement_list 补正材料单, non_acceptance 不予受理回执单,
    #: result_notice 结果通知单, not_approved_notice 不予办理通知书, suspension_notice 中止通知书,
    #: termination_notice 终止通知书, completion_sheet 业务办结单
    kind: Mapped[str] = mapped_column(String(32))
    issuing_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    issued_at: Mapped[datetime] = mapped_column(Moment)
    verification_code: Mapped[str] = mapped_column(String(16), unique=True)
    content: Mapped[Any] = mapped_column(PersonalJSON)
