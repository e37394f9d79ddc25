"""The promises of the design hold over random histories (design, section 5), on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from engine.db import transaction
from engine.models import Task
from tests.conftest import FixedClock
from tests.promises import checks
from tests.promises.history import History

SEEDS = range(1, 9)
STEPS = 60


@pytest.mark.rule("JUR-02", "JUR-03", "REV-06", "ACC-08", "ACC-12", "DAT-03", "ROU-03", "G228-16")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds_after_a_random_history(any_app: Flask, clock: FixedClock, seed: int) -> None:
    history = History(seed, clock)
    history.begin()
    history.go_on(STEPS)

    with transaction() as session:
        checks.one_transfer_at_most(session)
        checks.due_days_moved_only_by_suspensions(session, history)
        checks.different_people(session)
    history.finish()

    with transaction() as session:
        checks.every_case_ended_and_is_archived(session)
        checks.one_transfer_at_most(session)
        checks.due_days_moved_only_by_suspensions(session, history)
        checks.decided_on_complete_images(session)
        checks.different_people(session)
        checks.one_message_per_occasion(session)
        checks.what_the_receipt_says_stays(session, history)
        checks.reviewed_by_the_handling_agency(session)
        checks.employers_are_paid_on_evidence_alone(session)
        checks.nothing_is_left_open(session)
    assert history.done and history.refusals, (
        "a history in which nothing happens, or nothing is refused, proves nothing"
    )


@pytest.mark.rule("REV-06", "K-47", "PER-01")
@pytest.mark.parametrize("seed", range(1, 4))
def test_nobody_meets_himself_where_few_people_stand_in_for_each_other(
    app: Flask, clock: FixedClock, seed: int
) -> None:
    history = History(seed, clock, crowded=True)
    history.begin()
    history.go_on(3 * STEPS)
    with transaction() as session:
        checks.different_people(session)
        stood_in = session.scalars(select(Task.id).where(Task.completed_for_id.is_not(None))).all()
    history.finish()

    with transaction() as session:
        checks.different_people(session)
        checks.every_case_ended_and_is_archived(session)
        checks.nothing_is_left_open(session)
    assert stood_in, "nobody stood in for anybody"
    assert any("separation_of_duties" in refusal for refusal in history.refusals), "nobody tried what he must not"
