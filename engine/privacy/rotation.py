"""Encrypting again what is stored, when the key or the cipher changes: in pieces, while everybody works.

A new key is added at the end of the ring everywhere (so that it can be read), then moved to its front (so that it is
written). From then on the hourly job, or `tongban keys rotate`, goes through every personal column and encrypts what
is not encrypted as new values are, and what was stored before there was encryption. It remembers how far it came. The
audit log is left alone: its rows must not change, and need the keys that they were written with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import JSON, Column, Select, String, Table, cast, func, select, tuple_, type_coerce, update
from sqlalchemy.orm import Session

from engine import clock
from engine.db import Base, Personal, PersonalJSON
from engine.jobs import defer
from engine.models import AuditEntry, AuditSeal, KeyRotation
from engine.privacy.keyring import is_encrypted, keyring

JOB = "personal.encrypt"
BATCH = 200


@dataclass(frozen=True)
class _Target:
    """A personal column, seen as what is stored in it."""

    table: Table
    column: Column[Any]

    @property
    def label(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def is_document(self) -> bool:
        return isinstance(self.column.type, PersonalJSON)

    @property
    def stored(self) -> Any:
        """The stored value: a text, or a document that has been a text since it is encrypted."""
        return type_coerce(self.column, JSON() if self.is_document else String()).label("stored")

    @property
    def written(self) -> Any:
        """The stored value as the database writes it, to look at how it begins."""
        return cast(type_coerce(self.column, JSON()), String) if self.is_document else type_coerce(self.column, String)

    def begins(self, prefix: str) -> Any:
        """The value was encrypted as `prefix` says."""
        return self.written.startswith(f'"{prefix}' if self.is_document else prefix, autoescape=True)

    def in_plain(self, stored: Any) -> bytes | None:
        """What is to be encrypted; None: there is nothing."""
        if isinstance(stored, str) and is_encrypted(stored):
            return keyring().decrypt(self.label, stored)
        if self.is_document:
            return None if stored is None else json.dumps(stored, ensure_ascii=False).encode()
        return stored.encode() if isinstance(stored, str) else None


@cache
def _targets() -> tuple[_Target, ...]:
    return tuple(
        _Target(table, column)
        for _name, table in sorted(Base.metadata.tables.items())
        for column in table.columns
        if isinstance(column.type, Personal | PersonalJSON) and not column.type.fixed
    )


# Going on


class Step(Enum):
    """What one step came to."""

    WENT_ON = "went_on"
    #: All that is left is being worked on by somebody: a little later.
    HELD_UP = "held_up"
    #: Everything is encrypted as new values are.
    FINISHED = "finished"


def step(session: Session) -> Step:
    """Encrypt the next piece."""
    prefix = keyring().prefix
    held_up = False
    for target in _targets():
        row = session.get(KeyRotation, target.label, with_for_update=True)
        if row is not None and row.prefix == prefix and row.done:
            continue
        if row is None:
            row = KeyRotation(column=target.label, prefix=prefix, done=False, at=clock.now())
            session.add(row)
        if row.prefix != prefix:
            row.prefix, row.position, row.done = prefix, None, False
        row.at = clock.now()
        if _go_on(session, target, row):
            return Step.WENT_ON
        held_up = True
    return Step.HELD_UP if held_up else Step.FINISHED


def go_on(session: Session) -> None:
    """The job: one piece; while there is more, the next follows at once."""
    came_to = step(session)
    if came_to is not Step.FINISHED:
        pause = timedelta(minutes=1) if came_to is Step.HELD_UP else timedelta(0)
        defer(session, JOB, {}, run_at=clock.now() + pause, key=f"{JOB}:next")


def _go_on(session: Session, target: _Target, row: KeyRotation) -> bool:
    """The next rows of the column; False: there are some, and none can be had."""
    keys = list(target.table.primary_key.columns)
    query = _left(target, row.prefix)
    if row.position is not None:
        query = query.where(tuple_(*keys) > tuple_(*row.position))
    # Rows that somebody is working on are left for the next round: waiting for one while holding others is a deadlock.
    found = session.execute(query.order_by(*keys).limit(BATCH).with_for_update(skip_locked=True)).all()
    for one in found:
        plain = target.in_plain(one.stored)
        if plain is not None:
            here = [key == value for key, value in zip(keys, one[1:], strict=True)]
            session.execute(_update(target, keyring().encrypt(target.label, plain)).where(*here))
    if len(found) == BATCH:
        row.position = list(found[-1][1:])
    else:
        # Once more from the beginning, until nothing is left: some may have been skipped.
        row.position = None
        row.done = session.execute(_left(target, row.prefix).limit(1)).first() is None
    return bool(found) or row.done


def _left(target: _Target, prefix: str) -> Select[Any]:
    written = target.written
    query = select(target.stored, *target.table.primary_key.columns)
    query = query.where(target.column.is_not(None), ~target.begins(prefix))
    return query.where(written != "null") if target.is_document else query


def _update(target: _Target, value: str) -> Any:
    kind = JSON() if target.is_document else String()
    return update(target.table).values({target.column: type_coerce(value, kind)})


# How far it is


@dataclass(frozen=True)
class ColumnState:
    """What the values of a column are encrypted with: key id -> how many; `other`: plain, or a key not in the ring."""

    column: str
    keys: dict[str, int]
    #: Nothing of it will be encrypted again.
    fixed: bool


def states(session: Session) -> Iterator[ColumnState]:
    """What each column's values are encrypted with; every row is looked at."""
    ring = keyring()
    for target in _targets():
        counts = {
            key_id: _count(session, select(func.count()).select_from(target.table).where(_any_of(target, key_id)))
            for key_id in ring.ids
        }
        filled = select(func.count()).select_from(target.table).where(target.column.is_not(None))
        if target.is_document:
            filled = filled.where(target.written != "null")
        counts["other"] = _count(session, filled) - sum(counts.values())
        yield ColumnState(target.label, {name: number for name, number in counts.items() if number}, False)
    for model in (AuditEntry, AuditSeal):
        used = session.execute(select(model.key_id, func.count()).group_by(model.key_id)).all()
        yield ColumnState(model.__tablename__, {row[0]: row[1] for row in used}, True)


def _any_of(target: _Target, key_id: str) -> Any:
    return target.begins(f"!a.{key_id}.") | target.begins(f"!s.{key_id}.")


def _count(session: Session, query: Select[Any]) -> int:
    return int(session.scalar(query) or 0)
