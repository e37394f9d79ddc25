"""What the services are about: determinations, payees, filings with a validity, cycles, accounts, closed relations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.db import Base, Moment, Personal, PersonalJSON


class DeterminationLine(Base):
    """A reviewed line of a claim (核定明细): an expense, a stay, a fare, a device, a dependant's share."""

    __tablename__ = "determination_line"
    __table_args__ = (UniqueConstraint("case_id", "kind", "line"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    #: expense, rehabilitation, device, stay, fare, lump_sum, allowance, dependant ...
    kind: Mapped[str] = mapped_column(String(24))
    line: Mapped[int]
    #: What was treated, bought, travelled.
    label: Mapped[str] = mapped_column(Personal(128))
    #: Keyed hash of the identity number of whom the line is about (a dependant), to find the same person elsewhere.
    person_key: Mapped[str | None] = mapped_column(String(64), index=True)
    #: Cents, as integers.
    claimed: Mapped[int] = mapped_column(BigInteger, default=0)
    allowed: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(Personal(500))
    #: What the kind adds: {"days": 3, "from_on": ...}
    facts: Mapped[Any] = mapped_column(PersonalJSON, default=dict)


class Determination(Base):
    """A benefit as determined (核定), with everything needed to compute it again."""

    __tablename__ = "determination"
    __table_args__ = (UniqueConstraint("case_id", "benefit"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    benefit: Mapped[str] = mapped_column(String(40))
    #: Cents; per month where `monthly`.
    amount: Mapped[int] = mapped_column(BigInteger)
    monthly: Mapped[bool] = mapped_column(default=False)
    #: fund or employer
    payer: Mapped[str] = mapped_column(String(16), default="fund")
    #: Grades, days, findings in words.
    inputs: Mapped[Any] = mapped_column(PersonalJSON)
    because: Mapped[Any] = mapped_column(JSON)
    determined_at: Mapped[datetime] = mapped_column(Moment)
    #: False until the last review has passed it.
    final: Mapped[bool] = mapped_column(default=False)


class Payee(Base):
    """Who is to be paid what from a case (待遇领取人)."""

    __tablename__ = "payee"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    number: Mapped[int]
    #: worker, relative, dependant, employer, medical_insurance
    kind: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(Personal(128))
    #: social_security_card, personal_account, employer_account, joint_account, medical_insurance_fund
    account_kind: Mapped[str] = mapped_column(String(24))
    account: Mapped[str | None] = mapped_column(Personal(64))
    amount: Mapped[int] = mapped_column(BigInteger)
    monthly: Mapped[bool] = mapped_column(default=False)
    #: Why not the person's own card: advanced_by_employer, joint_designation, passbook ...; held_...: not to be paid
    #: before somebody settles it.
    reason_code: Mapped[str | None] = mapped_column(String(32))


class Filing(Base):
    """A filing with a validity (备案): a referral, or treatment elsewhere. state: valid, used, expired, replaced."""

    __tablename__ = "filing"
    __table_args__ = (Index("ix_filing_person", "person_id", "kind", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    #: referral, remote_treatment
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    #: Where the person lives or is treated.
    destination: Mapped[str] = mapped_column(Personal(64))
    filed_on: Mapped[date]
    #: Both days included.
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    used_by_case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))


class Certification(Base):
    """A certification cycle (待遇领取资格认证) of a payee of a periodic benefit. state: running, missed, ended."""

    __tablename__ = "certification"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    payee_id: Mapped[int] = mapped_column(ForeignKey("payee.id"), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    certified_on: Mapped[date]
    due_on: Mapped[date]


class BankAccount(Base):
    """A person's account for benefits (银行信息), effective from the next payment after the change."""

    __tablename__ = "bank_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    bank: Mapped[str] = mapped_column(Personal(128))
    holder: Mapped[str] = mapped_column(Personal(64))
    account: Mapped[str] = mapped_column(Personal(64))
    #: social_security_card or personal_account
    kind: Mapped[str] = mapped_column(String(24))
    effective_from: Mapped[date]


class RelationClosure(Base):
    """The end of the work-injury relation for one injury (工伤保险关系终结) by the lump-sum medical subsidy."""

    __tablename__ = "relation_closure"
    __table_args__ = (UniqueConstraint("person_id", "injured_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    injured_on: Mapped[date]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), unique=True)
    closed_at: Mapped[datetime] = mapped_column(Moment)
