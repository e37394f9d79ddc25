"""`tell("medical_expense", at="2023-08-01T09:00")` begins a story on SQLite; `postgres_tell` on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from engine.db import db, transaction
from engine.models import Officer
from tests.conftest import FixedClock
from tests.stories.telling import Tell, Telling, telling


def _teller(app: Flask, clock: FixedClock) -> Tell:
    def begin(name: str, *, at: str = "2023-08-01T09:00", **changes: Any) -> Telling:
        clock.set(at)
        return telling(app, clock, name, changes)

    return begin


@pytest.fixture
def tell(app: Flask, clock: FixedClock) -> Callable[..., Telling]:
    """Begin a story on SQLite."""
    return _teller(app, clock)


@pytest.fixture
def any_tell(any_app: Flask, clock: FixedClock) -> Callable[..., Telling]:
    """The story is told twice: on SQLite and on PostgreSQL."""
    return _teller(any_app, clock)


@pytest.fixture
def officer_with(app: Flask) -> Callable[..., str]:
    """`officer_with("440402", "acceptor", "first_reviewer")`: the user name of a new officer who holds these roles."""

    def make(agency: str, *roles: str) -> str:
        username = f"{'-'.join(roles)}-{agency}"
        with transaction() as session:
            session.add(
                Officer(username=username, name="钟多岗", agency_code=agency, roles=list(roles), password_hash="-")
            )
        return username

    return make


@pytest.fixture
def officer_id(app: Flask) -> Callable[[str], int]:
    """The id behind a user name."""

    def find(username: str) -> int:
        found: int = db.session.scalars(select(Officer.id).where(Officer.username == username)).one()
        db.session.rollback()
        return found

    return find
