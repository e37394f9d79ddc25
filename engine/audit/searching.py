"""What an auditor sees of the audit log: acts of the own agencies' officers, and everybody's on the cases they see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.orm import Session, selectinload

from engine.actor import Actor
from engine.casework.access import sees_everything, subtree, visible_cases
from engine.casework.paging import Page, page_size
from engine.errors import InvalidInput
from engine.models import Agency, AuditEntry, Case, Officer

#: Rows that an export reads at once.
PIECE = 1000


def search(
    session: Session, actor: Actor, *, filters: Mapping[str, Any], after: str | None = None, limit: int = 20
) -> Page[AuditEntry]:
    """Entries, newest first; every filter narrows.

    Filters: officer_id, username, party, case_id, receipt_number, kind, action, outcome, from_at, until_at (instants,
    both included).
    """
    size = page_size(limit)
    query = _filtered(actor, filters)
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(AuditEntry.id < int(after))
    rows = list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def pieces(session: Session, actor: Actor, filters: Mapping[str, Any]) -> Iterator[list[AuditEntry]]:
    """The same entries, oldest first, all of them, in pieces; no snapshot is held between two of them."""
    last = 0
    while True:
        query = _filtered(actor, filters).where(AuditEntry.id > last).order_by(AuditEntry.id).limit(PIECE)
        found = list(session.scalars(query))
        if found:
            last = found[-1].id
            yield found
        session.rollback()
        if len(found) < PIECE:
            return


def _filtered(actor: Actor, filters: Mapping[str, Any]) -> Select[AuditEntry]:
    query = select(AuditEntry).where(_readable(actor)).options(selectinload(AuditEntry.officer))
    for name in ("officer_id", "party", "case_id", "kind", "action", "outcome"):
        if filters.get(name) is not None:
            query = query.where(getattr(AuditEntry, name) == filters[name])
    if filters.get("username") is not None:
        officers = select(Officer.id).where(Officer.username == filters["username"])
        query = query.where(AuditEntry.officer_id.in_(officers))
    if filters.get("receipt_number") is not None:
        cases = select(Case.id).where(Case.receipt_number == filters["receipt_number"])
        query = query.where(AuditEntry.case_id.in_(cases))
    from_at: datetime | None = filters.get("from_at")
    until_at: datetime | None = filters.get("until_at")
    if from_at is not None:
        query = query.where(AuditEntry.at >= from_at)
    if until_at is not None:
        query = query.where(AuditEntry.at <= until_at)
    return query


def _readable(actor: Actor) -> ColumnElement[bool]:
    if sees_everything(actor):
        return true()
    agencies = select(Agency.code).where(subtree(actor))
    cases = select(Case.id).where(visible_cases(actor))
    return or_(AuditEntry.agency_code.in_(agencies), AuditEntry.case_id.in_(cases))
