"""Two hundred people reach for a hundred and fifty cases at once (part L 9), on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from engine.actor import Actor
from engine.casework import acceptance, applications, materials
from engine.db import db, transaction
from engine.models import Agency, Application, InsuranceRelation, Officer, Task
from engine.ports import ports
from tests.applications import OfficerClient, token_of
from tests.conftest import FixedClock
from tests.factories import make_person, uscc
from tests.stories.telling import dated

AGENCY, USERS, CASES = "440402", 200, 150
PAGE = b"\x89PNG\r\n\x1a\n" + b"page"


@pytest.mark.postgres
@pytest.mark.rule("REV-01", "REV-02")
def test_200_users_reach_for_150_cases_and_150_of_them_get_one_each(postgres_app: Flask, clock: FixedClock) -> None:
    clock.set("2023-08-21T09:00")
    _accept_cases(CASES)
    clients = [OfficerClient(postgres_app, name, token_of(postgres_app, name)) for name in _reviewers(USERS)]
    together = Barrier(USERS)

    def press(client: OfficerClient) -> tuple[int, str]:
        together.wait(timeout=60)
        answer = client.post("/api/v1/tasks/acquisitions", {})
        return answer.status_code, answer.json.get("code", "")

    with ThreadPoolExecutor(max_workers=USERS) as pool:
        answers = Counter(pool.map(press, clients))

    assert answers == {(201, ""): CASES, (404, "nothing_left"): USERS - CASES}
    assert _owners() == (CASES, CASES)


def _owners() -> tuple[int, int]:
    """Claimed tasks, and different people among their owners."""
    counted = select(func.count(Task.id), func.count(Task.claimed_by_id.distinct())).where(Task.state == "claimed")
    claimed, owners = db.session.execute(counted).one()
    db.session.rollback()
    return claimed, owners


def _reviewers(count: int) -> list[str]:
    names = [f"reviewer{number}-{AGENCY}" for number in range(count)]
    with transaction() as session:
        session.add_all(
            Officer(username=name, name="众审核", agency_code=AGENCY, roles=["first_reviewer"], password_hash="-")
            for name in names
        )
    return names


def _accept_cases(count: int) -> None:
    """Claims of as many invented workers, each accepted with all its materials."""
    with transaction() as session:
        officer = session.scalars(select(Officer).where(Officer.username == f"acceptor-{AGENCY}")).one()
        agency = session.get_one(Agency, AGENCY)
        actor = Actor(
            officer_id=officer.id,
            name=officer.name,
            agency_code=AGENCY,
            agency_path=agency.path,
            roles=frozenset(officer.roles),
        )
    for number in range(count):
        _accept_case(number, actor)


def _accept_case(number: int, actor: Actor) -> None:
    with transaction() as session:
        command = _claim(number)
        session.add(
            InsuranceRelation(
                identity_key=ports().identity_key(command["worker"]["identity_number"]),
                agency_code=AGENCY,
                employer_name="珠海市示例电子有限公司",
                employer_uscc=uscc(4),
                from_on=date(2019, 1, 1),
                until_on=None,
            )
        )
        application: Application = applications.submit_application(session, command, actor)
        needed = materials.missing_materials(session, application)
        materials.collect(session, application.id, actor, [{"material": item.material, "copies": 1} for item in needed])
        for item in needed:
            materials.add_image(session, application.id, item.material, PAGE, actor)
        applications.record_checks(session, application.id, actor, eligible=True, complete=True)
        acceptance.accept_application(session, application.id, actor)


def _claim(number: int) -> dict:
    command = dated("inpatient_meals", injured="2023-05-02", signed="2023-08-20")
    person = make_person(number)
    someone = {"name": person.name, "identity_number": person.identity_number, "phone": person.phone}
    for party in ("worker", "applicant"):
        command[party] |= someone
    form = command["forms"]["1-1"]
    form |= {"worker_name": person.name, "identity_number": person.identity_number, "phone": person.phone}
    return command
