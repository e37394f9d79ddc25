"""The province in the database: installed once, completed later, configured per city."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

import engine.models  # noqa: F401  registers the tables
from config.catalogue import services
from config.province import province
from engine.casework.province import configuration_for, install_demo_officers, install_province
from engine.db import Base
from engine.errors import NotFound
from engine.models import Agency, Officer, Outlet, ServiceConfiguration
from engine.process.diagram import ROLES


@pytest.fixture
def session() -> Iterator[Session]:
    """An empty database in memory."""
    database = create_engine("sqlite://")
    Base.metadata.create_all(database)
    with Session(database) as opened:
        yield opened
    database.dispose()


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def version_two(session: Session, *, valid_from: date, limit_workdays: int) -> None:
    """中山 configures 工伤医疗费 anew."""
    first = configuration_for(session, "442099", "medical_expense", date(2023, 8, 1))
    columns = {column.key: getattr(first, column.key) for column in ServiceConfiguration.__table__.columns}
    changed = {"id": None, "version": 2, "valid_from": valid_from, "limit_workdays": limit_workdays}
    session.add(ServiceConfiguration(**(columns | changed)))
    session.flush()


def test_a_fresh_database_gets_every_agency_outlet_and_a_configuration_per_city_and_service(session: Session) -> None:
    install_province(session)

    assert count(session, Agency) == len(province().agencies)
    assert count(session, Outlet) == len(province().outlets)
    # 21 cities, and the province for the cases it decides itself.
    assert count(session, ServiceConfiguration) == 22 * 11


def test_a_second_run_keeps_what_people_changed_and_adds_what_is_missing(session: Session) -> None:
    install_province(session)
    session.get_one(Agency, "440106").name = "改过的名称"
    version_two(session, valid_from=date(2024, 1, 1), limit_workdays=9)
    session.delete(session.get_one(Outlet, "440106-B1"))
    session.flush()

    install_province(session)

    assert session.get_one(Agency, "440106").name == "改过的名称"
    assert session.get(Outlet, "440106-B1") is not None
    assert count(session, ServiceConfiguration) == 22 * 11 + 1


@pytest.mark.rule("ACC-05", "DDL-01")
def test_a_district_and_a_town_are_configured_by_their_city(session: Session) -> None:
    install_province(session)
    on = date(2023, 8, 1)

    assert configuration_for(session, "440305", "medical_expense", on).city_code == "440399"
    assert configuration_for(session, "442000001", "medical_expense", on).city_code == "442099"
    assert configuration_for(session, "440099", "medical_expense", on).city_code == "440099"
    assert configuration_for(session, "440305", "medical_expense", on).limit_workdays == 10


@pytest.mark.rule("DDL-01", "CFG-14")
def test_a_new_version_counts_from_its_day_on(session: Session) -> None:
    install_province(session)
    version_two(session, valid_from=date(2024, 1, 1), limit_workdays=9)

    before = configuration_for(session, "442099", "medical_expense", date(2023, 12, 31))
    after = configuration_for(session, "442099", "medical_expense", date(2024, 1, 1))

    assert (before.version, before.limit_workdays) == (1, 15)
    assert (after.version, after.limit_workdays) == (2, 9)


def test_before_the_plan_a_city_can_still_work_at_home(session: Session) -> None:
    install_province(session)

    assert configuration_for(session, "442099", "medical_expense", date(2023, 7, 14)).version == 1


@pytest.mark.parametrize(
    ("agency", "service", "on"),
    [
        ("999999", "medical_expense", date(2023, 8, 1)),
        ("442099", "no_such_service", date(2023, 8, 1)),
        ("442099", "medical_expense", date(2019, 6, 30)),
    ],
)
def test_what_is_not_configured_is_not_found(session: Session, agency: str, service: str, on: date) -> None:
    install_province(session)

    with pytest.raises(NotFound):
        configuration_for(session, agency, service, on)


def test_every_agency_that_decides_has_the_people_a_case_needs(session: Session) -> None:
    install_province(session)
    install_demo_officers(session, "hash")

    for entry in province().deciding():
        roles = [role for officer in officers_of(session, entry.code) for role in officer.roles]
        assert roles.count("first_reviewer") == roles.count("second_reviewer") == 2
        assert {"acceptor", "advanced_scanner", "transfer_operator", "supervisor", "archivist"} <= set(roles)
        assert ("superior_adjudicator" in roles) == (entry.level in ("city", "province"))


def test_demo_officers_hold_every_role_and_none_works_at_a_branch(session: Session) -> None:
    install_province(session)
    install_demo_officers(session, "hash")

    officers = session.scalars(select(Officer)).all()

    assert {role for officer in officers for role in officer.roles} == set(ROLES)
    assert all(officer.agency.decides for officer in officers)


def test_demo_officers_are_named_by_role_and_agency_and_no_two_of_an_agency_alike(session: Session) -> None:
    install_province(session)
    install_demo_officers(session, "hash")

    tianhe = officers_of(session, "440106")

    assert {"acceptor-440106", "acceptor2-440106", "first2-440106"} <= {officer.username for officer in tianhe}
    assert len({officer.name for officer in tianhe}) == len(tianhe)
    assert session.scalar(select(Officer.roles).where(Officer.username == "analyst-440099")) == ["business_analyst"]


def test_a_second_run_leaves_an_officer_and_the_password_as_they_are(session: Session) -> None:
    install_province(session)
    install_demo_officers(session, "first hash")

    install_demo_officers(session, "second hash")

    assert set(session.scalars(select(Officer.password_hash))) == {"first hash"}


def officers_of(session: Session, agency_code: str) -> list[Officer]:
    return list(session.scalars(select(Officer).where(Officer.agency_code == agency_code)))


def test_a_configuration_holds_the_material_lists_and_messages_as_data(session: Session) -> None:
    install_province(session)

    row = configuration_for(session, "442099", "medical_lump_sum", date(2023, 8, 1))

    assert row.materials == services()["medical_lump_sum"].for_city("442099").materials
    assert row.sms["completion"]
    assert row.switches == {"dispatch": "pool", "supplement_stops_clock": False}
