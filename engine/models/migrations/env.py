"""Runs the numbered migrations on the application's database; called inside an application context."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import text
from sqlalchemy.types import TypeDecorator

import engine.models  # noqa: F401  registers the tables
from engine.db import Base, db

#: Any number, the same in every process: who starts at the same time waits here.
_LOCK = 4_402_023


def _column_type(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """A migration writes down what the database stores: it must not change when a column type of ours does."""
    return f"sa.{item.impl!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


def _is_ours(name: str | None, kind: str, _: Any) -> bool:
    """Procrastinate brings its own tables (`TONGBAN_JOBS=procrastinate`)."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def _run() -> None:
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            render_item=_column_type,
            include_name=_is_ours,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


if context.is_offline_mode():
    raise SystemExit("Migrations run on a database, not as a script: use `tongban init`.")
_run()
