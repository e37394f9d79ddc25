"""How many bytes a finished case leaves: rows as the database stores them, without their indexes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import psycopg
from psycopg import sql
from sqlalchemy import Table

from bench.database import Database
from engine.db import Base

#: Rows that are shared by many cases, or kept for some days only, and so belong to none.
SHARED = {"idempotency_key", "officer_session", "job", "audit_pending"}


def bytes_by_table(database: Database, case_ids: Collection[int]) -> dict[str, float]:
    """Bytes of one case on average, table by table: its row and every row that names it or its application."""
    found: dict[str, float] = {}
    with database.connect() as connection:
        ids = list(case_ids)
        for table in Base.metadata.sorted_tables:
            condition = _condition(table)
            if condition is None or table.name in SHARED:
                continue
            total = _sum(connection, table.name, condition, ids)
            if total:
                found[table.name] = total / len(ids)
    return found


def largest(sizes: Mapping[str, float]) -> str:
    """The tables that take most of it, in kB."""
    ordered = sorted(sizes.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {size / 1000:.2f}" for name, size in ordered[:6])


def _condition(table: Table) -> str | None:
    """Which rows belong to the cases `%(ids)s`."""
    own_application = 'application_id IN (SELECT application_id FROM "case" WHERE id = ANY(%(ids)s))'
    if table.name == "case":
        return "id = ANY(%(ids)s)"
    if table.name == "application":
        return own_application.replace("application_id IN", "id IN", 1)
    if table.name == "receipt_number":
        return None
    if table.name == "audit_seal":
        return "entry_id IN (SELECT id FROM audit_entry WHERE case_id = ANY(%(ids)s))"
    if table.name == "message_part":
        return "message_id IN (SELECT id FROM message WHERE case_id = ANY(%(ids)s))"
    if "case_id" in table.c and "application_id" in table.c:
        return f"case_id = ANY(%(ids)s) OR (case_id IS NULL AND {own_application})"
    if "case_id" in table.c:
        return "case_id = ANY(%(ids)s)"
    if "application_id" in table.c:
        return own_application
    return None


def _sum(connection: psycopg.Connection[tuple[object, ...]], table: str, condition: str, ids: list[int]) -> float:
    query = sql.SQL("SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM {} t WHERE ").format(sql.Identifier(table))
    row = connection.execute(query + sql.SQL(condition), {"ids": ids}).fetchone()
    return float(str(row[0])) if row else 0.0
