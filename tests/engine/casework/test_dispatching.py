"""The agency's own mechanism gives out new work: the pool, chance, or the shortest desk (ROU-04)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework import acceptance, applications, materials
from engine.db import transaction
from engine.models import Case, ServiceConfiguration, Task
from tests.conftest import FixedClock
from tests.factories import make_person
from tests.factories_intake import make_command, make_relation, outlet_of
from tests.promises.history import PNG, officer

AGENCY, CITY = "440106", "440199"


def _accept(session: Session, number: int) -> Case:
    person = make_person(number)
    acceptor = officer(session, AGENCY, "acceptor")
    make_relation(session, person, AGENCY)
    command = make_command("inpatient_meals", outlet=outlet_of(session, AGENCY), person=person)
    application = applications.submit_application(session, command, acceptor)
    for item in materials.of_application(session, application.id):
        materials.collect(session, application.id, acceptor, [{"material": item.material, "copies": 1}])
        materials.add_image(session, application.id, item.material, PNG, acceptor)
    applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)
    return acceptance.accept_application(session, application.id, acceptor)[0]


def _configure(session: Session, mode: str) -> None:
    for row in session.scalars(
        select(ServiceConfiguration).where(
            ServiceConfiguration.city_code == CITY, ServiceConfiguration.service == "inpatient_meals"
        )
    ):
        row.switches = {**row.switches, "dispatch": mode}


def _owners(cases: int, mode: str) -> list[int | None]:
    with transaction() as session:
        _configure(session, mode)
    for number in range(cases):
        with transaction() as session:
            _accept(session, number)
    with transaction() as session:
        rows = session.scalars(select(Task).where(Task.role == "first_reviewer").order_by(Task.id))
        return [task.claimed_by_id for task in rows]


@pytest.mark.rule("ROU-04")
def test_the_pool_leaves_new_work_to_be_acquired(app: Flask, clock: FixedClock) -> None:
    assert _owners(3, "pool") == [None, None, None]


@pytest.mark.rule("ROU-04", "REV-08")
def test_the_shortest_desk_gets_the_next_task_so_that_work_is_even(app: Flask, clock: FixedClock) -> None:
    owners = _owners(6, "least_loaded")

    assert None not in owners
    counts = [owners.count(one) for one in set(owners)]
    assert len(counts) > 1
    assert max(counts) - min(counts) <= 1


@pytest.mark.rule("ROU-04", "REV-08")
def test_chance_gives_each_task_to_one_authorised_officer_and_says_so(app: Flask, clock: FixedClock) -> None:
    owners = _owners(4, "random")

    assert None not in owners
    with transaction() as session:
        for task in session.scalars(select(Task).where(Task.role == "first_reviewer")):
            assert task.claimed_how == "dispatched"
            assert task.case is not None
            assert task.case.state == "awaiting_first_review"
            assert task.claimed_by is not None
            assert "first_reviewer" in task.claimed_by.roles
            assert task.claimed_by_id != task.case.accepted_by_id
