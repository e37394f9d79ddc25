"""A page of a list costs the database as much as its first line: nothing is read line by line."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from engine.db import Base, transaction
from engine.models import Case, Task
from tests.applications import log_in
from tests.conftest import FixedClock
from tests.engine.casework.test_cost import counted
from tests.stories.telling import Telling, telling

PAGE = 50


def _like(row: Base, **other: Any) -> Any:
    """A new row with the same columns but for its key and `other`."""
    columns = inspect(type(row)).column_attrs
    return type(row)(**{column.key: getattr(row, column.key) for column in columns if column.key != "id"} | other)


def _fifty_more(session: Session, case_id: int) -> None:
    """As many applications and cases of other people, of agencies all over the province, each with its open task."""
    case = session.get_one(Case, case_id)
    (task,) = session.scalars(select(Task).where(Task.case_id == case_id, Task.state == "pool"))
    for number in range(PAGE):
        person = _like(case.person, identity_key=f"{number:064d}")
        application = _like(case.application, person_id=None)
        application.person = person
        session.add(application)
        session.flush()
        another = _like(
            case,
            application_id=application.id,
            person_id=person.id,
            receipt_number=f"{2 * number + 1:016d}",
            serial_number=f"{2 * number:016d}",
        )
        session.add(another)
        session.flush()
        session.add(_like(task, case_id=another.id, process_task_id=f"{number}"))


@pytest.fixture
def story(app: Flask, clock: FixedClock) -> Telling:
    begun = telling(app, clock, "medical_expense", {})
    begun.through_intake("acceptor-440305")
    return begun


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("first-442099", "/api/v1/cases?limit=50"),
        ("acceptor-440305", "/api/v1/applications?limit=50"),
        ("first-442099", "/api/v1/tasks?scope=pool&limit=50"),
        ("supervisor-442099", "/api/v1/tasks?scope=agency&limit=50"),
    ],
)
def test_a_full_page_costs_as_many_statements_as_one_line(app: Flask, story: Telling, who: str, path: str) -> None:
    officer = log_in(app, who)
    with counted() as for_one:
        assert len(officer.get(path).json["items"]) == 1
    with transaction() as session:
        _fifty_more(session, story.case_id)

    with counted() as for_many:
        items = officer.get(path).json["items"]

    assert len(items) == PAGE
    assert len(for_many) <= len(for_one), for_many
