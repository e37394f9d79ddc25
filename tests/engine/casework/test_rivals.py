"""People who act on one case at the same instant, on PostgreSQL: somebody wins, nobody waits in a circle."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.task_forms import task_forms
from engine.actor import Actor
from engine.casework import acceptance, applications, cases, materials, tasks, timers, transfers
from engine.db import db, transaction
from engine.errors import TongbanError
from engine.models import Case, Task
from tests.conftest import FixedClock
from tests.factories import make_person
from tests.factories_intake import make_command, make_relation, outlet_of
from tests.promises.history import History, complete, officer

pytestmark = pytest.mark.postgres

ROUNDS = 6


def _open_case(seed: int, clock: FixedClock) -> tuple[int, str]:
    """A case whose first review task lies in the pool."""
    for attempt in range(40):
        history = History(seed + 100 * attempt, clock, cases=1)
        history.begin()
        with transaction() as session:
            task = session.scalars(
                select(Task).where(Task.case_id == history.case_ids[0], Task.role == "first_reviewer")
            ).first()
            if task is not None and task.state == "pool":
                return history.case_ids[0], task.agency_code
    raise AssertionError("no history begins with a review")


def _race(app: Flask, *acts: Callable[[Session], object]) -> list[str]:
    """All acts at once, each a use case of its own; what came of each."""
    together = Barrier(len(acts))

    def run(act: Callable[[Session], object]) -> str:
        with app.app_context():
            together.wait(timeout=30)
            try:
                with transaction() as session:
                    act(session)
            except TongbanError as refusal:
                return refusal.code
            finally:
                db.session.remove()
            return "done"

    with ThreadPoolExecutor(max_workers=len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.rule("REV-02")
@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
def test_a_claim_a_transfer_and_a_withdrawal_at_once_leave_the_case_unharmed(
    postgres_app: Flask, clock: FixedClock, seed: int
) -> None:
    case_id, agency = _open_case(seed, clock)
    with transaction() as session:
        first, second = _reviewers(session, agency)
        mover = officer(session, agency, "transfer_operator")
        case = session.get_one(Case, case_id)
        acceptor = officer(session, case.accepting_agency_code, "acceptor")
        task_id = session.scalars(select(Task.id).where(Task.case_id == case_id, Task.state == "pool")).one()
    acts: list[Callable[[Session], object]] = [
        lambda session: tasks.claim(session, task_id, first),
        lambda session: tasks.acquire_random(session, second),
        lambda session: transfers.start_transfer(
            session, case_id, mover, to_agency="440099", reason="不属于本机构管辖", legal_ground="附件2三（五）"
        ),
        lambda session: cases.withdraw(session, case_id, acceptor, "申请人要求撤回"),
    ]
    random.Random(seed).shuffle(acts)

    answers = _race(postgres_app, *acts)

    assert set(answers) <= {"done", "task_taken", "task_held", "nothing_left", "task_cancelled", "case_finished"}
    with transaction() as session:
        case = session.get_one(Case, case_id)
        # The withdrawal always gets through: it ends whatever else had begun.
        assert case.result == "withdrawn"
        open_tasks = session.scalars(
            select(Task.element_id).where(Task.case_id == case_id, Task.state.in_(("pool", "claimed")))
        ).all()
        assert open_tasks == ["deliver_result"]


@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
def test_two_completions_and_a_tick_at_once_complete_the_task_once(
    postgres_app: Flask, clock: FixedClock, seed: int
) -> None:
    case_id, agency = _open_case(seed, clock)
    with transaction() as session:
        first, _ = _reviewers(session, agency)
        task_id = session.scalars(select(Task.id).where(Task.case_id == case_id, Task.state == "pool")).one()
        tasks.claim(session, task_id, first)
        form = session.get_one(Task, task_id).form
    outcome = "supplement" if form == "review" else None

    def finish(session: Session) -> None:
        task = session.get_one(Task, task_id)
        complete(session, task, first, outcome or _usual(task))

    answers = _race(postgres_app, finish, finish, finish)
    with postgres_app.app_context():
        timers.tick()

    assert sorted(answers).count("done") == 1
    assert set(answers) <= {"done", "task_taken"}
    with transaction() as session:
        done = session.scalars(select(Task).where(Task.case_id == case_id, Task.state == "completed")).all()
        assert [task.id for task in done] == [task_id]


def test_of_two_counters_that_accept_the_same_claim_at_once_the_second_needs_a_reason(
    postgres_app: Flask, clock: FixedClock
) -> None:
    ready = []
    with transaction() as session:
        person = make_person()
        make_relation(session, person, "442099")
        for agency in ("440106", "440113"):
            acceptor = officer(session, agency, "acceptor")
            command = make_command("medical_expense", outlet=outlet_of(session, agency), person=person)
            application = applications.submit_application(session, command, acceptor)
            for item in materials.of_application(session, application.id):
                materials.collect(session, application.id, acceptor, [{"material": item.material, "copies": 1}])
            applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)
            ready.append((application.id, acceptor))
    both_accepted = Barrier(2)

    def accept(session: Session, *, application_id: int, acceptor: Actor) -> None:
        acceptance.accept_application(session, application_id, acceptor)
        # Neither commits before the other has come as far, unless the other cannot.
        with suppress(BrokenBarrierError):
            both_accepted.wait(timeout=0.5)

    answers = _race(postgres_app, *(partial(accept, application_id=one, acceptor=who) for one, who in ready))

    assert sorted(answers) == ["done", "duplicate_case"]


def _reviewers(session: Session, agency: str) -> tuple[Actor, Actor]:
    found = [officer(session, agency, "first_reviewer", random.Random(number)) for number in range(20)]
    different = {actor.officer_id: actor for actor in found}
    one, other, *_ = different.values()
    return one, other


def _usual(task: Task) -> str:
    return task_forms()[task.form].outcomes[0].code
