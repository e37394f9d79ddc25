"""The database: one SQLAlchemy object, names for constraints, column types, and `transaction()`.

A use case opens exactly one `transaction()`; helpers take part in it and never commit. On SQLite a writing
transaction begins IMMEDIATE, so two writers queue instead of failing half-way; on PostgreSQL rows are locked
where they are read for change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Engine, LargeBinary, MetaData, String, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import JSON, TypeDecorator

from engine.clock import SHANGHAI

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, engine_options={"pool_pre_ping": True})

#: Of each connection: after how long the server gives up on the other side.
POSTGRESQL = (
    "tcp_keepalives_idle = 20",
    "tcp_keepalives_interval = 10",
    "tcp_keepalives_count = 3",
    "tcp_user_timeout = 60000",
    "idle_in_transaction_session_timeout = 300000",
)

_writing: ContextVar[bool] = ContextVar("writing", default=False)


class Moment(TypeDecorator[datetime]):
    """An instant: aware in Python (Asia/Shanghai), UTC in the database. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime must not reach the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return value.astimezone(SHANGHAI)


class Personal(TypeDecorator[str]):
    """Text about a person (name, identity number, phone, account). The one place where encryption will be put."""

    impl = String
    cache_ok = True


class PersonalJSON(TypeDecorator[Any]):
    """A document about a person (a filled-in form). The one place where encryption will be put."""

    impl = JSON
    cache_ok = True


Blob = LargeBinary


@contextmanager
def transaction() -> Iterator[Session]:
    """One use case: committed at the end, rolled back on any error. Not to be nested."""
    if _writing.get():
        raise RuntimeError("a transaction is already open: one use case, one transaction")
    # What was read before belongs to an older snapshot, and SQLite cannot turn a read into a write safely.
    db.session.rollback()
    token = _writing.set(True)
    try:
        yield db.session()
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _writing.reset(token)


@event.listens_for(Engine, "connect")
def _prepare_connection(connection: Any, record: Any) -> None:
    if type(connection).__module__.startswith("sqlite3"):
        # The driver's own transaction handling begins too late; `_begin` does it instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.close()
    elif type(connection).__module__.startswith("psycopg"):
        # A host that is gone without a word, or a process that hangs, must not hold a case for ever: the server
        # notices and takes back what it was doing.
        connection.execute("; ".join(f"SET {setting}" for setting in POSTGRESQL))
        connection.commit()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")
