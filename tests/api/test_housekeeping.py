"""What is cleared away by itself, every hour, and what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from api.housekeeping import keep_periodic_jobs
from api.idempotency import KEPT
from engine.casework import timers
from engine.db import db, transaction
from engine.models import IdempotencyKey, Job, OfficerSession
from tests.applications import log_in
from tests.conftest import FixedClock


@pytest.fixture
def used(app: Flask, clock: FixedClock) -> None:
    """A log-in and a request with a key, and the periodic jobs in place."""
    log_in(app, "acceptor-440305")
    with transaction() as session:
        officer_id = session.scalars(select(OfficerSession.officer_id)).one()
        session.add(
            IdempotencyKey(
                key="first-of-all", officer_id=officer_id, request_hash="0" * 64, status=200, answer={}, at=clock.now()
            )
        )
    keep_periodic_jobs()
    # What is to be encrypted goes on at once, piece by piece, until nothing is left.
    while timers.tick():
        pass


def _kept() -> tuple[int, int]:
    db.session.rollback()
    sessions = db.session.scalars(select(OfficerSession)).all()
    keys = db.session.scalars(select(IdempotencyKey)).all()
    return len(sessions), len(keys)


def test_log_ins_that_ended_and_keys_that_nobody_sends_again_are_cleared_away(used: None, clock: FixedClock) -> None:
    assert _kept() == (1, 1)
    clock.advance(days=2)
    timers.tick()
    assert _kept() == (0, 1)
    clock.set(clock.now() + KEPT)
    timers.tick()
    assert _kept() == (0, 0)


def test_nothing_is_looked_at_before_the_hour_is_over(used: None, clock: FixedClock) -> None:
    waiting = select(Job.run_at)
    before = set(db.session.scalars(waiting))

    assert before == {clock.now() + timedelta(hours=1)}
    clock.advance(minutes=59)
    assert timers.tick() == 0
    clock.advance(minutes=1)
    assert timers.tick() == len(list(db.session.scalars(waiting)))
