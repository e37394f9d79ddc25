"""The file of a case: its row and everything that was written for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from engine.casework import acceptance, materials, outbox_page
from engine.db import Base
from engine.models import (
    BankAccount,
    Case,
    Certification,
    Determination,
    DeterminationLine,
    Escalation,
    Filing,
    IssuedDocument,
    MaterialItem,
    Message,
    Payee,
    Supplement,
    Suspension,
    Task,
    Transfer,
)

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """What an officer who may see the case sees of it; attributes that are not here are the case's own."""

    case: Case
    materials: Sequence[MaterialItem]
    tasks: Sequence[Task]
    lines: Sequence[DeterminationLine]
    determinations: Sequence[Determination]
    payees: Sequence[Payee]
    filing: Filing | None
    bank_account: BankAccount | None
    certifications: Sequence[Certification]
    supplements: Sequence[Supplement]
    suspensions: Sequence[Suspension]
    transfers: Sequence[Transfer]
    escalations: Sequence[Escalation]
    documents: Sequence[IssuedDocument]
    messages: Sequence[Message]
    linked_cases: Sequence[Case]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.case, name)


def file_of(session: Session, case: Case) -> CaseFile:
    """The file of a case that the officer may see."""

    def rows(model: type[Row], *conditions: ColumnElement[bool]) -> Sequence[Row]:
        mine: ColumnElement[bool] = model.case_id == case.id  # type: ignore[attr-defined]
        return session.scalars(select(model).where(mine, *conditions).order_by(model.id)).all()  # type: ignore[attr-defined]

    filings, accounts = rows(Filing), rows(BankAccount)
    return CaseFile(
        case=case,
        materials=[
            item for item in materials.of_application(session, case.application_id) if case.service in item.services
        ],
        tasks=rows(Task, Task.state.in_(("pool", "claimed"))),
        lines=rows(DeterminationLine),
        determinations=rows(Determination),
        payees=rows(Payee),
        filing=filings[0] if filings else None,
        bank_account=accounts[0] if accounts else None,
        certifications=rows(Certification),
        supplements=rows(Supplement),
        suspensions=rows(Suspension),
        transfers=rows(Transfer),
        escalations=rows(Escalation),
        documents=rows(IssuedDocument),
        messages=outbox_page.of_case(session, case.id),
        linked_cases=acceptance.linked_cases(session, case),
    )
