"""The check before a city begins: which steps nobody could do today, and whether there are enough different people."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.casework.readiness import AgencyReadiness, readiness
from engine.db import transaction
from engine.errors import NotFound
from engine.models import Absence, Officer
from tests.promises.history import actor_of

HUIYANG, HUIZHOU, DONGGUAN = "441303", "441399", "441999"


def _gaps(session: Session, code: str) -> dict[str, set[str]]:
    """Agency -> what it lacks: element ids, or the diagram in which people are too few."""
    session.flush()
    return _lacking(readiness(session, code, None))


def _lacking(agencies: Iterable[AgencyReadiness]) -> dict[str, set[str]]:
    return {one.code: {gap.element or gap.process for gap in one.gaps} for one in agencies if one.gaps}


def _of(session: Session, agency: str, *, keep: tuple[str, ...] = ()) -> list[Officer]:
    """The officers of the agency; those who are not among `keep` stop working."""
    rows = session.scalars(select(Officer).where(Officer.agency_code == agency).order_by(Officer.id)).all()
    for row in rows:
        row.active = not keep or row.username.partition("-")[0] in keep
    return [row for row in rows if row.active]


@pytest.mark.rule("PER-01")
@pytest.mark.parametrize("code", [HUIZHOU, DONGGUAN, "440099"])
def test_where_every_post_is_filled_nothing_is_missing(session: Session, code: str) -> None:
    assert _gaps(session, code) == {}


@pytest.mark.rule("PER-01")
def test_a_post_that_nobody_holds_is_named_with_every_step_it_stops(session: Session) -> None:
    for officer in _of(session, HUIYANG):
        officer.roles = [role for role in officer.roles if role not in ("archivist", "transfer_operator")]

    # A transfer can be begun by a reviewer, too.
    assert _gaps(session, HUIZHOU) == {HUIYANG: {"archive_case"}}


@pytest.mark.rule("PER-01")
def test_only_a_superior_needs_somebody_who_designates(session: Session) -> None:
    for code in (HUIZHOU, DONGGUAN):
        for officer in _of(session, code):
            officer.roles = [role for role in officer.roles if role != "superior_adjudicator"]

    assert _gaps(session, HUIZHOU) == {HUIZHOU: {"designate_agency"}}
    # Its towns decide nothing that anybody could disagree about.
    assert _gaps(session, DONGGUAN) == {}


@pytest.mark.rule("PER-01", "REV-06")
def test_two_people_with_every_role_are_too_few_for_three_posts(session: Session) -> None:
    two = _of(session, HUIYANG, keep=("first", "second"))
    roles = ["acceptor", "advanced_scanner", "first_reviewer", "second_reviewer", "transfer_operator", "archivist"]
    for officer in two:
        officer.roles = [*roles, "supervisor"]

    assert _gaps(session, HUIYANG) == {HUIYANG: {"review", "examine"}}
    _of(session, HUIYANG, keep=("first", "second", "acceptor"))[0].roles = ["acceptor", "transfer_operator"]
    assert _gaps(session, HUIYANG) == {}


@pytest.mark.rule("PER-01", "REV-06")
def test_whoever_is_the_only_one_for_two_posts_is_found(session: Session) -> None:
    for officer in _of(session, HUIYANG, keep=("acceptor", "first", "scanner", "supervisor", "archivist", "second")):
        if "second_reviewer" in officer.roles:
            officer.roles = ["archivist"]
        if "first_reviewer" in officer.roles:
            officer.roles = ["first_reviewer", "second_reviewer"]

    assert _gaps(session, HUIYANG) == {HUIYANG: {"review", "examine"}}


@pytest.mark.rule("PER-01")
def test_whoever_is_on_leave_is_missing_and_his_substitute_counts(session: Session) -> None:
    seconds = [one for one in _of(session, HUIYANG) if "second_reviewer" in one.roles]
    for one in seconds:
        session.add(
            Absence(
                officer_id=one.id,
                from_on=clock.today(),
                until_on=clock.today(),
                reason="病假。",
                recorded_by_id=one.id,
                recorded_at=clock.now(),
            )
        )
    assert _gaps(session, HUIYANG) == {HUIYANG: {"second_review", "transfer_second_review"}}

    archivist = next(one for one in _of(session, HUIYANG) if one.roles == ["archivist"])
    leave = session.scalars(select(Absence).where(Absence.officer_id == seconds[0].id)).one()
    leave.substitute_id = archivist.id

    assert _gaps(session, HUIYANG) == {}


def test_a_role_that_has_ended_counts_no_more(session: Session) -> None:
    for officer in _of(session, HUIYANG):
        if officer.roles == ["archivist"]:
            officer.role_terms = {"archivist": ["2023-01-01", "2023-07-31"]}

    assert _gaps(session, HUIYANG) == {HUIYANG: {"archive_case"}}


def test_a_city_sees_its_own_agencies_alone(app: Flask) -> None:
    with transaction() as session:
        admin = session.scalars(select(Officer).where(Officer.username == f"admin-{HUIZHOU}")).one()
        actor = actor_of(session, admin)
        assert {one.code for one in readiness(session, HUIZHOU, actor)} >= {HUIZHOU, HUIYANG}
        with pytest.raises(NotFound):
            readiness(session, DONGGUAN, actor)
