"""An officer's notices: what is addressed to him, and to the roles that he holds in his agency; and reading one.

A notice to a role is read once for all who hold it: the second reader is told who read it, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, union_all, update
from sqlalchemy.orm import Session, joinedload, lazyload, load_only

from engine import clock
from engine.actor import Actor
from engine.casework.paging import Page, page_size
from engine.errors import InvalidInput, NotFound
from engine.models import CaseEvent, Officer, OfficerNotice

#: So many unread notices are counted, and not one more.
MOST_COUNTED = 99

_NAME = (load_only(Officer.name), lazyload(Officer.agency))
#: What a list shows of each notice, read with it.
_SHOWN = (
    joinedload(OfficerNotice.event)
    .load_only(CaseEvent.kind, CaseEvent.application_id, CaseEvent.officer_id)
    .joinedload(CaseEvent.officer)
    .options(*_NAME),
    joinedload(OfficerNotice.read_by).options(*_NAME),
)


def listing(
    session: Session, actor: Actor, *, unread: bool | None = None, after: str | None = None, limit: int = 20
) -> Page[OfficerNotice]:
    """The officer's notices, newest first; `unread`: only those that are, or only the others."""
    size = page_size(limit)
    condition = and_(_state(unread), _before(after))
    found = _together(_parts(actor), condition, size + 1)
    query = select(OfficerNotice).where(OfficerNotice.id.in_(found)).options(*_SHOWN)
    rows = list(session.scalars(query.order_by(OfficerNotice.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


@dataclass(frozen=True)
class Unread:
    """How many notices wait to be read."""

    count: int
    #: There are more than that.
    more: bool


def unread(session: Session, actor: Actor) -> Unread:
    """How many of the officer's notices are unread, counted as far as `MOST_COUNTED`."""
    some = select(_together(_parts(actor), _state(True), MOST_COUNTED + 1).subquery().c.id).limit(MOST_COUNTED + 1)
    count = session.scalar(select(func.count()).select_from(some.subquery())) or 0
    return Unread(count=min(count, MOST_COUNTED), more=count > MOST_COUNTED)


def read(session: Session, notice_id: int, actor: Actor) -> OfficerNotice:
    """The notice, read: by this officer, or by whoever was first. Raises NotFound for one that is somebody else's."""
    notice = session.scalar(select(OfficerNotice).where(OfficerNotice.id == notice_id, or_(*_parts(actor))))
    if notice is None:
        raise NotFound("没有找到这条通知。")
    # Two who open it at once: one of them was first.
    session.execute(
        update(OfficerNotice)
        .where(OfficerNotice.id == notice_id, OfficerNotice.read_at.is_(None))
        .values(read_at=clock.now(), read_by_id=actor.officer_id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(notice)
    return notice


def _parts(actor: Actor) -> list[ColumnElement[bool]]:
    """Conditions on `OfficerNotice`, no two true of one: each is the beginning of an index."""
    mine = OfficerNotice.officer_id == actor.officer_id
    here = OfficerNotice.agency_code == actor.agency_code
    return [mine, *(and_(here, OfficerNotice.role == role) for role in sorted(actor.roles))]


def _state(unread: bool | None) -> ColumnElement[bool]:
    if unread is None:
        return true()
    return OfficerNotice.read_at.is_(None) if unread else OfficerNotice.read_at.is_not(None)


def _before(after: str | None) -> ColumnElement[bool]:
    if after is None:
        return true()
    if not after.isdecimal() or len(after) > 18:
        raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
    return OfficerNotice.id < int(after)


def _together(parts: Sequence[ColumnElement[bool]], condition: ColumnElement[bool], limit: int) -> Select[int]:
    """Ids of the newest of each part, sorted no further than that."""
    found = union_all(
        *(
            select(
                select(OfficerNotice.id)
                .where(part, condition)
                .order_by(OfficerNotice.id.desc())
                .limit(limit)
                .subquery()
            )
            for part in parts
        )
    ).subquery()
    return select(found.c.id)
