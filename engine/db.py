"""The database: one SQLAlchemy object, names for constraints, column types, and `transaction()`.

A use case opens exactly one `transaction()`; helpers take part in it and never commit. On SQLite a writing
transaction begins IMMEDIATE, so two writers queue instead of failing half-way; on PostgreSQL rows are locked
where they are read for change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import Enum
from time import monotonic
from typing import Any, TypeVar

import orjson
import psycopg
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, DateTime, Engine, LargeBinary, MetaData, Table, Text, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DisconnectionError, DontWrapMixin
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import Pool
from sqlalchemy.sql.operators import is_, is_not
from sqlalchemy.types import JSON, TypeDecorator

from engine.clock import SHANGHAI
from engine.privacy.keyring import is_encrypted, keyring

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


#: Connections that a process keeps open. What needs more opens one and closes it again, which costs as much as ten
#: statements: there are as many as threads that serve, tick and send.
POOL_SIZE = 12
#: A connection that lay unused for so long is asked whether it still lives; a busy one would only lose time by it.
IDLE_SECONDS = 2.0
#: Statements that PostgreSQL keeps prepared for a connection; there are more of them than the driver's hundred.
PREPARED_STATEMENTS = 400


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


db = SQLAlchemy(
    model_class=Base,
    engine_options={"pool_size": POOL_SIZE, "json_serializer": _json, "json_deserializer": orjson.loads},
)

T = TypeVar("T")


class Precaution(Enum):
    """Against an operator that fails in a step of a process."""

    #: None: the whole use case is begun again.
    NONE = "none"
    #: A savepoint before the step, which is taken again with one for each operator.
    STEP = "step"
    #: A savepoint for each operator.
    EACH = "each"


#: Of each connection: after how long the server gives up on the other side.
POSTGRESQL = (
    "tcp_keepalives_idle = 20",
    "tcp_keepalives_interval = 10",
    "tcp_keepalives_count = 3",
    "tcp_user_timeout = 60000",
    "idle_in_transaction_session_timeout = 300000",
)

_writing: ContextVar[bool] = ContextVar("writing", default=False)
_precaution: ContextVar[Precaution] = ContextVar("precaution", default=Precaution.STEP)


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


class TooLong(ValueError, DontWrapMixin):
    """A personal text that is longer than its column allows; the message names the column, never the text."""


class _Unsearchable(TypeDecorator.Comparator[Any]):
    """Equal values are encrypted to different texts: what must be found again has a keyed hash beside it."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        if op not in (is_, is_not):
            raise TypeError("an encrypted column cannot be compared or sorted by")
        return super().operate(op, *other, **kwargs)


class Personal(TypeDecorator[str]):
    """Text about a person (name, identity number, phone, account, opinion): encrypted for its column.

    What was stored before there was encryption is read as it stands, until `engine.privacy.rotation` has been there.
    A `fixed` value is never encrypted again, because its row must not change: it needs its key as long as it exists.
    """

    impl = Text
    cache_ok = True
    comparator_factory = _Unsearchable

    def __init__(self, length: int, *, fixed: bool = False, column: str = "") -> None:
        super().__init__()
        self.length = length
        self.fixed = fixed
        #: "table.column", filled in when the column gets its table.
        self.column = column

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if len(value) > self.length:
            raise TooLong(f"{self.column} takes {self.length} characters")
        return keyring().encrypt(_bound(self.column), value.encode())

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not is_encrypted(value):
            return value
        return keyring().decrypt(_bound(self.column), value).decode()


class PersonalJSON(TypeDecorator[Any]):
    """A document about a person (a filled-in form): encrypted as a whole, and kept as one JSON string."""

    impl = JSON
    cache_ok = True
    comparator_factory = _Unsearchable
    fixed = False

    def __init__(self, *, column: str = "") -> None:
        super().__init__()
        self.column = column

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        return keyring().encrypt(_bound(self.column), json.dumps(value, ensure_ascii=False).encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if not isinstance(value, str) or not is_encrypted(value):
            return value
        return json.loads(keyring().decrypt(_bound(self.column), value))


@event.listens_for(Column, "after_parent_attach")
def _bind_to_column(column: Column[Any], table: Any) -> None:
    if isinstance(column.type, Personal | PersonalJSON) and isinstance(table, Table):
        column.type.column = f"{table.name}.{column.name}"


def _bound(column: str) -> str:
    if not column:
        raise RuntimeError("a personal value belongs to no column")
    return column


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


class BeginAgain(BaseException):
    """The use case went on without precaution, and one was needed: begin again with it. Nobody else may catch it."""


def use_case(act: Callable[[Session], T]) -> T:
    """What `act` returns, done in one transaction; begun again with precaution where that turns out to be needed.

    `act` may run twice, the first time without any effect on the database. In return it needs no savepoints as long as
    nothing fails, and they cost as much as what they guard.
    """
    token = _precaution.set(Precaution.NONE)
    try:
        with transaction() as session:
            return act(session)
    except BeginAgain:
        _precaution.set(Precaution.EACH)
        with transaction() as session:
            return act(session)
    finally:
        _precaution.reset(token)


def precaution() -> Precaution:
    """How a step of a process is to guard itself against an operator that fails."""
    return _precaution.get()


@contextmanager
def glance() -> Iterator[Connection]:
    """A connection for a single statement that reads: on PostgreSQL without the two round trips of a transaction."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection


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
        connection.prepared_max = PREPARED_STATEMENTS
        # A host that is gone without a word, or a process that hangs, must not hold a case for ever: the server
        # notices and takes back what it was doing.
        connection.execute("; ".join(f"SET {setting}" for setting in POSTGRESQL))
        connection.commit()


@event.listens_for(Pool, "checkin")
def _note_return(connection: Any, record: Any) -> None:
    record.info["returned"] = monotonic()


@event.listens_for(Pool, "checkout")
def _ask_idle(connection: Any, record: Any, proxy: Any) -> None:
    """A server that went away and came back leaves dead connections; the pool opens others in their place."""
    if monotonic() - record.info.get("returned", monotonic()) < IDLE_SECONDS:
        return
    try:
        connection.cursor().execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing.get() else "BEGIN")
