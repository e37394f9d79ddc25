"""Leaves and substitutes (请假, 代理): recorded by whoever leads the agency, because a substitute gets another's roles.

Nobody appoints himself. A leave begins with empty hands: open tasks are handed over first.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from config.roles import role_rules
from engine import clock
from engine.accounts.administration import administered, require_no_open_tasks
from engine.actor import Actor
from engine.casework.paging import Page, page_size
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.models import Absence, Officer

MANAGERS = ("supervisor", "city_administrator", "province_administrator")
NO_SUCH_ABSENCE = "没有找到这条请假记录。"
#: Longer than a year is no leave.
_LONGEST_DAYS = 366


def listing(
    session: Session,
    actor: Actor,
    *,
    agency_code: str | None = None,
    officer_id: int | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Absence]:
    """The leaves of officers of the agencies at and below the actor's, newest first."""
    size = page_size(limit)
    query = select(Absence).join(Officer, Officer.id == Absence.officer_id).where(administered(actor))
    if agency_code is not None:
        query = query.where(Officer.agency_code == agency_code)
    if officer_id is not None:
        query = query.where(Absence.officer_id == officer_id)
    if after is not None:
        if not after.isdecimal() or len(after) > 9:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(Absence.id < int(after))
    rows = list(session.scalars(query.order_by(Absence.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def record(
    session: Session,
    actor: Actor,
    *,
    officer_id: int,
    substitute_id: int | None,
    from_on: date,
    until_on: date,
    reason: str,
) -> Absence:
    """A leave of an officer, and who stands in for him meanwhile.

    Raises Conflict with the open tasks where it begins today and the officer still holds some; Conflict where either is
    on leave or stands in for somebody in these days; NotAllowed for whoever appoints himself.
    """
    today = clock.today()
    if until_on < from_on or from_on < today or (until_on - from_on).days >= _LONGEST_DAYS:
        raise InvalidInput(fields={"until_on": ["请假须从今天或以后开始，截止日期不早于开始日期，且不超过一年。"]})
    # Both locked, in one order: of two leaves that do not go together the second finds the first.
    ids = sorted({officer_id, officer_id if substitute_id is None else substitute_id})
    locked = select(Officer).where(Officer.id.in_(ids), administered(actor)).order_by(Officer.id)
    rows = session.scalars(locked.with_for_update(of=Officer).execution_options(populate_existing=True)).all()
    found = {row.id: row for row in rows}
    officer = found.get(officer_id)
    if officer is None:
        raise NotFound("没有找到这个人员。")
    days = (from_on, until_on)
    _require_free(session, officer, days, "officer_id")
    if substitute_id is not None:
        _require_substitute(session, actor, officer, found.get(substitute_id), days)
    if from_on <= today:
        require_no_open_tasks(session, officer)
    absence = Absence(
        officer_id=officer_id,
        substitute_id=substitute_id,
        from_on=from_on,
        until_on=until_on,
        reason=reason,
        recorded_by_id=actor.officer_id,
        recorded_at=clock.now(),
    )
    session.add(absence)
    session.flush()
    return absence


def end(session: Session, absence_id: int, actor: Actor) -> Absence:
    """The officer is back, or does not go: by himself, or by whoever leads the agency. The substitute's roles end."""
    theirs = aliased(Officer)
    query = select(Absence).join(theirs, theirs.id == Absence.officer_id).where(Absence.id == absence_id)
    absence = session.scalar(query.with_for_update(of=Absence).execution_options(populate_existing=True))
    if absence is None or not _may_end(actor, absence.officer):
        raise NotFound(NO_SUCH_ABSENCE)
    if absence.ended_at is not None or absence.until_on < clock.today():
        raise Conflict("这次请假已经结束。", code="absence_ended")
    absence.ended_at = clock.now()
    return absence


def _may_end(actor: Actor, officer: Officer) -> bool:
    if actor.officer_id == officer.id:
        return True
    return actor.has(*MANAGERS) and actor.oversees(officer.agency.path)


def _require_free(session: Session, officer: Officer, days: tuple[date, date], field: str) -> None:
    """In these days the officer is neither on leave nor standing in for somebody."""
    about = or_(Absence.officer_id == officer.id, Absence.substitute_id == officer.id)
    other = session.scalars(select(Absence).where(about, _overlap(days)).limit(1)).first()
    if other is None:
        return
    what = "已有请假" if other.officer_id == officer.id else f"代理{other.officer.name}"
    raise Conflict(
        f"{officer.name}在{other.from_on}至{other.until_on}{what}，请改期或改由他人代理。",
        code="absence_overlaps",
        details={"field": field, "absence": other.id},
    )


def _overlap(days: tuple[date, date]) -> ColumnElement[bool]:
    first, last = days
    return (Absence.ended_at.is_(None)) & (Absence.from_on <= last) & (Absence.until_on >= first)


def _require_substitute(
    session: Session, actor: Actor, officer: Officer, substitute: Officer | None, days: tuple[date, date]
) -> None:
    if substitute is None or not substitute.active or substitute.agency_code != officer.agency_code:
        raise InvalidInput(fields={"substitute_id": ["代理人须为同一机构的在岗人员。"]})
    if substitute.id == officer.id:
        raise InvalidInput(fields={"substitute_id": ["不能由本人代理。"]})
    if substitute.id == actor.officer_id:
        raise NotAllowed("不能指定自己为代理人，请由其他主管或管理员登记。", code="own_account")
    alone = [role for role in {*officer.roles, *substitute.roles} if role_rules()[role].alone]
    if alone and set(officer.roles) != set(substitute.roles):
        raise InvalidInput(fields={"substitute_id": ["管理和审计岗位不能与其他岗位相互代理。"]})
    _require_free(session, substitute, days, "substitute_id")
