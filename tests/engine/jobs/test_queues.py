"""What a job can rely on, whichever queue carries it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import bindparam, func, select, text

from engine import clock as house_clock
from engine import jobs
from engine.casework import incidents
from engine.db import Moment, db, transaction
from engine.errors import CannotProceed, RetryLater
from engine.jobs.attempts import MOST_ATTEMPTS, give_up
from engine.jobs.procrastinate_queue import ProcrastinateQueue
from engine.jobs.table import TableQueue
from engine.models import Case, CaseEvent, Incident
from tests.conftest import FixedClock
from tests.engine.jobs import kinds
from tests.promises.history import officer
from tests.stories.telling import telling
from tests.workers import wait_for, workers

MINUTE = timedelta(minutes=1)


def never() -> bool:
    return False


@dataclass
class Jobs:
    """The queue under test, and what must be known of its tables to look at it."""

    queue: jobs.Queue
    url: str
    waiting_query: str
    hasten_statement: str
    keyed_query: str

    def defer(self, number: int, name: str = "test.mark", **options: Any) -> bool:
        with transaction() as session:
            return jobs.defer(session, name, {"number": number}, **options)

    def run(self) -> list[int]:
        """Run what is due; what was done by now."""
        self.queue.run_due(never)
        return self.done()

    def done(self) -> list[int]:
        db.session.rollback()
        return kinds.ran(db.session())

    def waiting(self) -> list[datetime]:
        """When the jobs that wait will be run."""
        db.session.rollback()
        return list(db.session.scalars(text(self.waiting_query).columns(at=Moment())))

    def waiting_under(self, key: str) -> datetime:
        """When the job with this key will be run."""
        db.session.rollback()
        query = text(self.keyed_query).bindparams(key=key).columns(at=Moment())
        return db.session.scalars(query).one()

    def hasten(self) -> None:
        """Let what waits be due now."""
        with transaction() as session:
            statement = text(self.hasten_statement).bindparams(bindparam("now", type_=Moment()))
            session.execute(statement, {"now": house_clock.now() - MINUTE})


TABLE = (
    "SELECT run_at AS at FROM job ORDER BY run_at",
    "UPDATE job SET run_at = :now",
    "SELECT run_at AS at FROM job WHERE key = :key",
)
PROCRASTINATE = (
    "SELECT scheduled_at AS at FROM procrastinate_jobs WHERE status = 'todo' ORDER BY scheduled_at",
    "UPDATE procrastinate_jobs SET scheduled_at = :now WHERE status = 'todo'",
    "SELECT scheduled_at AS at FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = :key",
)


@pytest.fixture(
    params=[
        "table-sqlite",
        pytest.param("table-postgresql", marks=pytest.mark.postgres),
        pytest.param("procrastinate", marks=pytest.mark.postgres),
    ]
)
def queue(request: pytest.FixtureRequest, clock: FixedClock) -> Iterator[Jobs]:
    app: Flask = request.getfixturevalue("app" if request.param == "table-sqlite" else "postgres_app")
    # One of the queues reckons by the clock of the database.
    clock.close()
    kinds.failures.clear()
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    if request.param == "procrastinate":
        found = Jobs(ProcrastinateQueue(url), url, *PROCRASTINATE)
    else:
        found = Jobs(TableQueue(), url, *TABLE)
    found.queue.install()
    jobs.use(found.queue)
    yield found
    jobs.use(TableQueue())


# --- deferring


def test_a_job_runs_once_its_transaction_is_committed_and_only_once(queue: Jobs) -> None:
    queue.defer(1)

    assert len(queue.waiting()) == 1
    assert queue.run() == [1]
    assert queue.run() == [1]
    assert queue.waiting() == []


def test_a_job_of_a_transaction_that_is_taken_back_does_not_exist(queue: Jobs) -> None:
    with pytest.raises(LookupError), transaction() as session:
        jobs.defer(session, "test.mark", {"number": 1})
        raise LookupError

    assert (queue.waiting(), queue.run()) == ([], [])


def test_a_job_is_not_run_before_its_time(queue: Jobs) -> None:
    queue.defer(1, run_at=house_clock.now() + timedelta(hours=1))
    queue.defer(2, run_at=house_clock.now() - timedelta(days=30))

    assert queue.run() == [2]
    queue.hasten()
    assert queue.run() == [2, 1]


def test_a_key_lets_one_job_wait_and_no_second_one(queue: Jobs) -> None:
    answers = [queue.defer(1, key="one"), queue.defer(2, key="one"), queue.defer(3, key="another")]

    assert answers == [True, False, True]
    assert sorted(queue.run()) == [1, 3]
    assert queue.defer(4, key="one")
    assert sorted(queue.run()) == [1, 3, 4]


def test_a_key_that_was_given_twice_in_one_transaction_leaves_the_transaction_whole(queue: Jobs) -> None:
    with transaction() as session:
        answers = [jobs.defer(session, "test.mark", {"number": number}, key="one") for number in (1, 2)]
        jobs.defer(session, "test.mark", {"number": 3})

    assert answers == [True, False]
    assert sorted(queue.run()) == [1, 3]


def test_a_job_that_runs_may_defer_its_own_key_again(queue: Jobs) -> None:
    queue.defer(2, "test.again", key="again")
    for _ in range(3):
        queue.run()

    assert queue.done() == [2, 1, 0]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        pytest.param("test.nobody", {"number": 1}, id="a job that nobody registered"),
        pytest.param("test.mark", {}, id="an id too few"),
        pytest.param("test.mark", {"number": 1, "phone": 2}, id="one too many"),
        pytest.param("test.mark", {"number": "13800138000"}, id="text"),
        pytest.param("test.mark", {"number": True}, id="a truth value"),
    ],
)
def test_only_ids_that_the_job_takes_travel_with_it(queue: Jobs, name: str, ids: dict[str, Any]) -> None:
    with transaction() as session, pytest.raises(ValueError, match=name):
        jobs.defer(session, name, ids)


def test_a_time_without_a_zone_is_refused(queue: Jobs) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        queue.defer(1, run_at=datetime(2026, 1, 1))


# --- failing


def test_what_fails_is_taken_back_and_tried_again_after_growing_pauses_then_an_officer_must_look(queue: Jobs) -> None:
    kinds.failures[1] = [OSError("the other side does not answer") for _ in range(MOST_ATTEMPTS)]
    queue.defer(1)
    pauses = []
    for _ in range(MOST_ATTEMPTS - 1):
        before = house_clock.now()
        assert queue.run() == []
        (again_at,) = queue.waiting()
        pauses.append(round((again_at - before) / MINUTE))
        queue.hasten()

    assert queue.run() == []
    assert pauses == [1, 2, 4, 8, 16]
    assert queue.waiting() == []
    (incident,) = db.session.scalars(select(Incident))
    assert (incident.kind, incident.operator, incident.payload) == ("job", "test.mark", {"number": 1})
    assert (incident.code, incident.attempts, incident.agency_code) == ("job_failed", MOST_ATTEMPTS, "440099")
    assert "answer" not in incident.message


def test_a_job_that_succeeds_at_the_second_attempt_leaves_nothing_behind(queue: Jobs) -> None:
    kinds.failures[1] = [RetryLater("对方系统暂时没有应答。")]
    queue.defer(1, key="one")
    queue.run()
    queue.hasten()

    assert queue.run() == [1]
    assert queue.waiting() == []
    assert db.session.scalars(select(Incident)).all() == []


def test_what_an_officer_must_look_at_is_not_tried_again_by_itself(queue: Jobs) -> None:
    kinds.failures[1] = [CannotProceed("材料有误。", code="material_wrong")]
    queue.defer(1)
    queue.run()

    assert queue.waiting() == []
    (incident,) = db.session.scalars(select(Incident))
    assert (incident.code, incident.message, incident.attempts) == ("material_wrong", "材料有误。", 1)


@pytest.mark.parametrize("error", [ValueError("weird"), SystemExit(1)], ids=["an error", "the end of the thread"])
def test_a_job_that_fails_holds_up_no_other(queue: Jobs, error: BaseException) -> None:
    kinds.failures[1] = [error]
    for number in (1, 2, 3):
        queue.defer(number)

    assert queue.run() == [2, 3]
    assert len(queue.waiting()) == 1


def test_a_failed_job_whose_key_waits_again_meanwhile_is_done_by_that_one(queue: Jobs) -> None:
    kinds.failures[1] = [ValueError("weird")]
    queue.defer(1, key="one")
    queue.run()
    answer = queue.defer(1, key="one")
    queue.hasten()

    assert not answer
    assert queue.run() == [1]


def test_a_job_that_this_process_does_not_know_waits_for_one_that_does(queue: Jobs) -> None:
    with transaction() as session:
        queue.queue.add(session, jobs.Waiting(name="test.newer", ids={}, run_at=house_clock.now()))

    queue.run()

    assert len(queue.waiting()) == 1
    assert db.session.scalars(select(Incident)).all() == []


# --- incidents of jobs


def test_an_officer_runs_a_failed_job_again_and_is_told_what_came_of_it(queue: Jobs) -> None:
    kinds.failures[1] = [CannotProceed("材料有误。"), CannotProceed("仍然有误。")]
    queue.defer(1)
    queue.run()
    (incident_id,) = db.session.scalars(select(Incident.id))

    def retry() -> Incident:
        with transaction() as session:
            return incidents.retry(session, incident_id, officer(session, "440099", "province_administrator"))

    first = retry()
    assert (first.resolved_at, first.attempts, first.message) == (None, 2, "仍然有误。")
    assert queue.done() == []
    second = retry()
    assert (second.resolved_at is not None, second.attempts) == (True, 2)
    assert queue.done() == [1]


def test_a_job_that_fails_again_is_the_same_incident(queue: Jobs) -> None:
    for _ in range(2):
        kinds.failures[1] = [CannotProceed("材料有误。")]
        queue.defer(1)
        queue.run()

    (incident,) = db.session.scalars(select(Incident))
    assert incident.attempts == 2


# --- periodic jobs


def test_a_periodic_job_waits_once_however_often_that_is_made_sure_and_comes_back_after_its_time(queue: Jobs) -> None:
    for _ in range(3):
        with transaction() as session:
            jobs.defer_periodic(session)
    before = house_clock.now()

    assert queue.run() == [60]
    assert queue.run() == [60]
    again_at = queue.waiting_under("every:test.hourly")
    assert timedelta(minutes=59) < again_at - before <= timedelta(minutes=61)
    queue.hasten()
    assert queue.run() == [60, 60]


def test_a_periodic_job_that_failed_for_good_is_deferred_again(queue: Jobs) -> None:
    kinds.failures[60] = [CannotProceed("数据库需要整理。")]
    with transaction() as session:
        jobs.defer_periodic(session)
    queue.run()
    with transaction() as session:
        jobs.defer_periodic(session)

    assert queue.run() == [60]


# --- stopping, dying, changing over


def _kept() -> int:
    """How many jobs have left their mark, asked beside the session, in which a job may be at work in another thread."""
    with db.engine.connect() as connection:
        marks = select(func.count()).select_from(CaseEvent).where(CaseEvent.kind == kinds.RAN)
        return connection.scalar(marks) or 0


def test_a_worker_that_is_told_to_stop_leaves_the_rest(queue: Jobs) -> None:
    with transaction() as session:
        for number in range(300):
            jobs.defer(session, "test.mark", {"number": number})

    queue.queue.run_due(lambda: _kept() >= 2)

    assert 2 <= len(queue.done()) < 300
    assert len(queue.done()) + len(queue.waiting()) == 300


@pytest.mark.parametrize("queue", ["table-postgresql", "procrastinate"], indirect=True)
def test_a_job_whose_process_was_killed_is_done_by_another_one(queue: Jobs, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    kind = "procrastinate" if isinstance(queue.queue, ProcrastinateQueue) else "embedded"
    queue.defer(7, "test.hang")
    environment = {"TONGBAN_JOBS": kind, kinds.NOTES: str(notes)}
    with workers(queue.url, tmp_path, "tests.engine.jobs.worker", environment) as processes:
        processes.start()
        wait_for(notes.exists, "the job to begin")
        processes.kill(0)
        assert 7 not in queue.done()

        processes.start()
        wait_for(lambda: 7 in queue.done(), "another worker to do it")
        assert processes.stop() == [0]

    assert (queue.done().count(7), len(notes.read_text().split())) == (1, 2)


@pytest.mark.parametrize("queue", ["table-postgresql", "procrastinate"], indirect=True)
def test_workers_outlive_a_database_that_cuts_all_connections(queue: Jobs, tmp_path: Path) -> None:
    kind = "procrastinate" if isinstance(queue.queue, ProcrastinateQueue) else "embedded"
    with workers(queue.url, tmp_path, "tests.engine.jobs.worker", {"TONGBAN_JOBS": kind}) as processes:
        processes.start()
        queue.defer(1)
        wait_for(lambda: 1 in queue.done(), "the first job")
        with transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

        queue.defer(2)
        wait_for(lambda: 2 in queue.done(), "the second job")
        assert processes.stop() == [0]


@pytest.mark.parametrize("queue", ["table-postgresql", "procrastinate"], indirect=True)
def test_what_waits_is_taken_along_when_the_queue_is_changed(queue: Jobs) -> None:
    at = house_clock.now() + timedelta(hours=1)
    queue.defer(1, run_at=at, key="one")
    if isinstance(queue.queue, ProcrastinateQueue):
        other = Jobs(TableQueue(), queue.url, *TABLE)
    else:
        other = Jobs(ProcrastinateQueue(queue.url), queue.url, *PROCRASTINATE)

    other.queue.install()
    jobs.use(other.queue)

    assert (other.waiting(), other.defer(1, key="one")) == ([at], False)
    other.hasten()
    assert other.run() == [1]


def test_the_agency_of_the_case_sees_what_failed_for_it(app: Flask, clock: FixedClock) -> None:
    story = telling(app, clock, "medical_expense", {})
    story.through_intake("acceptor-440305")
    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        give_up(session, "test.of_case", {"case_id": case.id}, ValueError("weird"), 6)
        expected = (case.id, case.handling_agency_code)

    (incident,) = db.session.scalars(select(Incident))
    assert (incident.case_id, incident.agency_code) == expected
