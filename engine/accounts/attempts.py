"""Wrong guesses, counted in the database: after some in a row a user name, or an address, is locked for a while.

A guess is counted before it is looked at and forgotten when it was right, so that many at once are no way around.
Names that nobody has are counted alike: being locked says nothing about who exists.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import clock
from engine.errors import TooOften
from engine.models import Attempt


@dataclass(frozen=True)
class Guess:
    """What is counted: `most` guesses in a row are free, then `locked` must pass."""

    #: log_in, address, receipt
    kind: str
    #: The user name, address or number; only a hash of it is stored.
    of: str
    most: int
    locked: timedelta

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.kind}:{self.of.strip().casefold()}".encode("utf-8", "surrogatepass")).hexdigest()


def count(session: Session, guess: Guess) -> None:
    """Count one guess. Raises TooOften, without counting further, where no more is free."""
    now = clock.now()
    row = _row(session, guess, now)
    if row.last_at + guess.locked <= now:
        row.count = 0
    if row.count >= guess.most:
        raise TooOften(
            "尝试次数过多，已暂时锁定，请稍后再试。",
            code="locked",
            details={"seconds": max(1, int((row.last_at + guess.locked - now).total_seconds()))},
        )
    row.count += 1
    row.last_at = now


def _row(session: Session, guess: Guess, now: datetime) -> Attempt:
    """The row of the guess, locked until the end of the transaction."""
    query = select(Attempt).where(Attempt.key == guess.key).with_for_update()
    row = session.scalar(query.execution_options(populate_existing=True))
    if row is not None:
        return row
    try:
        with session.begin_nested():
            row = Attempt(key=guess.key, count=0, last_at=now)
            session.add(row)
        return row
    except IntegrityError:
        # Somebody else guessed at the same for the first time, at the same time.
        return session.scalars(query.execution_options(populate_existing=True)).one()


def forgive(session: Session, guess: Guess) -> None:
    """The guess was right: its name starts anew."""
    session.execute(delete(Attempt).where(Attempt.key == guess.key))


def take_back(session: Session, guess: Guess) -> None:
    """The guess was right, and others from the same address may still not have been."""
    session.execute(update(Attempt).where(Attempt.key == guess.key, Attempt.count > 0).values(count=Attempt.count - 1))


def forget_old(session: Session, before: datetime) -> None:
    """Delete what nobody has tried since."""
    session.execute(delete(Attempt).where(Attempt.last_at < before))
