"""A process that waits for a moment and then does one thing, and as many cases with it as a test needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import String, cast, insert, literal, select, true
from sqlalchemy.orm import Session

from engine import clock
from engine.casework import instances
from engine.casework.context import CaseContext
from engine.models import Case, CaseEvent, Instance
from engine.process import definitions
from engine.process.operators import Scalar, operator

DIAGRAM = Path(__file__).parent / "samples" / "timed.bpmn"
ACTED = "timer_acted"

#: What `test.act` does besides, by case: for the tests that let it fail.
misdeeds: dict[int, Callable[[CaseContext], object]] = {}
#: For which moment `test.plan` plans.
plans: list[datetime] = []


@operator("test.plan", "安排时间", returns=("due_at",))
def plan(case: CaseContext) -> dict[str, Scalar]:
    return {"due_at": plans[-1].isoformat()}


@operator("test.act", "到期办理")
def act(case: CaseContext) -> None:
    case.record(ACTED, due_at=case.data["due_at"], task=case.task_id)
    misdeed = misdeeds.get(case.instance.case_id or 0)
    if misdeed is not None:
        misdeed(case)


def publish(session: Session) -> None:
    """Put the diagram into force."""
    definitions.publish(session, {DIAGRAM.name: DIAGRAM.read_bytes()}, by="test", at=clock.now())


def copies(session: Session, case_id: int, first: int, count: int) -> range:
    """As many cases like this one; their ids are `first` and on."""
    table = Case.__table__
    series = select(literal(first).label("number")).cte("series", recursive=True)
    series = series.union_all(select(series.c.number + 1).where(series.c.number < first + count - 1))
    written = cast(series.c.number, String)
    own = {"id": series.c.number, "receipt_number": literal("R") + written, "serial_number": literal("S") + written}
    rows = (
        select(*(own.get(column.name, column) for column in table.c))
        .select_from(table.join(series, true()))
        .where(table.c.id == case_id)
    )
    session.execute(insert(table).from_select([column.name for column in table.c], rows))
    return range(first, first + count)


def begin(session: Session, case_id: int, due_at: datetime) -> Instance:
    """The process for this case, waiting for `due_at`."""
    plans.append(due_at)
    return instances.start(
        session, process_id="timed", subject="case", subject_row=session.get_one(Case, case_id), actor=None
    )


def acted(session: Session) -> list[int]:
    """The cases for which the thing was done, once for each time."""
    return sorted(session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == ACTED)))
