"""Jobs for the tests: each leaves a mark in the database, and fails as often as it is told to."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from threading import Event

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock, jobs
from engine.models import CaseEvent

RAN = "job_ran"

#: What the next runs of a number raise, in order; of the jobs that run in this process.
failures: dict[int, list[BaseException]] = {}
#: Where a job that runs in another process says that it began.
NOTES = "TONGBAN_TEST_NOTES"


@jobs.job("test.mark")
def mark(session: Session, number: int) -> None:
    session.add(CaseEvent(kind=RAN, at=clock.now(), details={"number": number}, because=[]))
    session.flush()
    if failures.get(number):
        raise failures[number].pop(0)


@jobs.job("test.again")
def again(session: Session, number: int) -> None:
    """Defers itself under the key that it has itself, until the number is used up."""
    mark(session, number)
    if number:
        assert jobs.defer(session, "test.again", {"number": number - 1}, key="again")


@jobs.job("test.hourly", every=timedelta(hours=1))
def hourly(session: Session) -> None:
    mark(session, 60)


@jobs.job("test.hang")
def hang(session: Session, number: int) -> None:
    """Leaves its mark and then, when nobody has been here before, hangs: the process must be killed."""
    mark(session, number)
    notes = Path(os.environ[NOTES])
    first = not notes.exists()
    with notes.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if first:
        Event().wait()


def ran(session: Session) -> list[int]:
    """The numbers of the jobs that were done, once for each time."""
    events = session.scalars(select(CaseEvent).where(CaseEvent.kind == RAN).order_by(CaseEvent.id))
    return [event.details["number"] for event in events]
