"""Who is at work today, and in which roles: leaves and substitutes (请假, 代理) counted.

A substitute acts with an identity of his own, on the roles that the absent officer holds; somebody on leave does
nothing until he is back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, lazyload

from config.roles import role_rules
from engine import clock
from engine.actor import Actor
from engine.models import Absence, Agency, Officer

#: The day that the conditions below are asked about, a parameter of whatever statement they stand in.
TODAY = "today"


def in_force(absence: Any = Absence) -> ColumnElement[bool]:
    """Condition on `absence`: it is a leave of this day."""
    day: BindParameter[date] = bindparam(TODAY)
    return and_(absence.ended_at.is_(None), absence.from_on <= day, absence.until_on >= day)


def is_away(officer_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Condition: that officer is on leave this day."""
    leave = aliased(Absence)
    return exists().where(leave.officer_id == officer_id, in_force(leave))


def has_substitute(absent: Any, leave: Any) -> ColumnElement[bool]:
    """Condition: `absent` is the officer of that leave, and an `Officer` of the same agency stands in for him."""
    return and_(absent.id == leave.officer_id, absent.agency_code == Officer.agency_code, absent.active)


def taken_over(own: Collection[str], absent: Collection[str], absent_id: int) -> Mapping[str, int]:
    """Roles that somebody with `own` roles holds in the place of an absent officer, each with that officer's id.

    Administrators and auditors stand in for nobody, and nobody for them: their roles go with no other.
    """
    rules = role_rules()
    if any(rules[role].alone for role in {*own, *absent}):
        return {}
    return {role: absent_id for role in absent if role not in own}


def on_duty(session: Session, agency_code: str) -> list[Actor]:
    """The active officers of the agency who are not on leave, with what they hold in the place of others."""
    found = _actors(session, and_(Officer.agency_code == agency_code, Officer.active))
    return [actor for actor in found if not actor.on_leave]


def actor_of(session: Session, officer: Officer) -> Actor:
    """The officer as he may act today, on leave or not."""
    (actor,) = _actors(session, Officer.id == officer.id)
    return actor


def _actors(session: Session, which: ColumnElement[bool]) -> list[Actor]:
    leave, covered, absent = aliased(Absence), aliased(Absence), aliased(Officer)
    today = clock.today()
    query = (
        select(Officer, Agency.path, leave.id, absent)
        .join(Agency, Agency.code == Officer.agency_code)
        .outerjoin(leave, and_(leave.officer_id == Officer.id, in_force(leave)))
        .outerjoin(covered, and_(covered.substitute_id == Officer.id, in_force(covered)))
        .outerjoin(absent, has_substitute(absent, covered))
        .where(which)
        .options(lazyload(Officer.agency), lazyload(absent.agency))
        .order_by(Officer.id)
    )
    found = {}
    for officer, path, leave_id, principal in session.execute(query, {TODAY: today}):
        own = frozenset(officer.roles_on(today))
        stands_in = {} if principal is None else taken_over(own, principal.roles_on(today), principal.id)
        found[officer.id] = Actor(
            officer_id=officer.id,
            name=officer.name,
            agency_code=officer.agency_code,
            agency_path=path,
            roles=own | stands_in.keys(),
            stands_in=stands_in,
            on_leave=leave_id is not None,
        )
    return list(found.values())
