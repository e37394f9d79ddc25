"""The accounts of officers (账户): who keeps them, and which roles (岗位) he may give to whom (PER-01, PER-02).

A city's administrator keeps the accounts of the city's agencies and gives the roles that the province leaves to cities;
the province's gives the others. Nobody changes an account of his own. Two administrators who change one account at
once: the second is told who was first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Text, cast, delete, exists, select
from sqlalchemy.orm import Session

from config.register import reason as source
from config.roles import BINDING_ROLES, alone_among, role_rules
from engine import clock
from engine.actor import Actor
from engine.casework.access import subtree
from engine.casework.paging import Page, page_size
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.models import Agency, Officer, OfficerSession, Task
from engine.process.diagram import ROLES

NO_SUCH_ACCOUNT = "没有找到这个账户。"
#: So many of the open tasks that stand in the way are named.
_NAMED_TASKS = 100

_LEVELS: Mapping[str, str] = {"province": "省级", "city": "市级", "district": "县区", "branch": "镇街"}


@dataclass(frozen=True, kw_only=True)
class RoleTerm:
    """A role and the days on which it is held, both included; None: without a limit."""

    role: str
    from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True)
class Change:
    """An account that was changed, and what of its roles: `+first_reviewer 2023-08-01~`, `-supervisor`."""

    account: Officer
    roles: list[str]


def administered(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Officer`: the accounts of the agencies at and below the administrator's."""
    return Officer.agency_code.in_(select(Agency.code).where(subtree(actor)))


def listing(
    session: Session,
    actor: Actor,
    *,
    agency_code: str | None = None,
    role: str | None = None,
    active: bool | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Officer]:
    """The accounts of the agencies at and below the officer's, in the order in which they were made."""
    size = page_size(limit)
    query = select(Officer).where(administered(actor)).order_by(Officer.id).limit(size + 1)
    if agency_code is not None:
        query = query.where(Officer.agency_code == agency_code)
    if role is not None:
        query = query.where(cast(Officer.roles, Text).contains(f'"{role}"', autoescape=True))
    if active is not None:
        query = query.where(Officer.active == active)
    if after is not None:
        if not after.isdecimal() or len(after) > 9:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(Officer.id > int(after))
    rows = list(session.scalars(query))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def find_account(session: Session, officer_id: int, actor: Actor | None, *, lock: bool = False) -> Officer:
    """The account, locked for change when asked. Raises NotFound for one of an agency elsewhere.

    Without an actor it is the operator at the machine who asks, and sees every account.
    """
    query = select(Officer).where(Officer.id == officer_id)
    if actor is not None:
        query = query.where(administered(actor))
    if lock:
        query = query.with_for_update(of=Officer).execution_options(populate_existing=True)
    found = session.scalar(query)
    if found is None:
        raise NotFound(NO_SUCH_ACCOUNT)
    return found


# Making and changing


def create(
    session: Session,
    actor: Actor | None,
    *,
    username: str,
    name: str,
    agency_code: str,
    roles: Sequence[RoleTerm],
    password_hash: str,
) -> Change:
    """A new account of that agency with these roles; `password_hash` is one that no password has."""
    agency = _administered_agency(session, actor, agency_code)
    if session.scalar(select(exists().where(Officer.username == username))):
        # Nothing about who has it: he may belong to another city.
        raise Conflict("这个用户名已被使用，请换一个。", code="username_taken")
    account = Officer(
        username=username,
        name=name,
        agency_code=agency.code,
        roles=[],
        role_terms={},
        password_hash=password_hash,
        must_change_password=True,
    )
    account.agency = agency
    changes = _bind(account, roles, actor)
    session.add(account)
    _sign(account, actor)
    return Change(account, changes)


def change(
    session: Session, officer_id: int, actor: Actor | None, *, version: int | None, name: str, agency_code: str
) -> Officer:
    """Another name, another agency. Somebody who moves takes no open task along."""
    account = _to_be_changed(session, officer_id, actor, version)
    if agency_code != account.agency_code:
        agency = _administered_agency(session, actor, agency_code)
        require_no_open_tasks(session, account)
        _require_fitting(account.roles, agency)
        account.agency = agency
        account.agency_code = agency.code
    account.name = name
    return _changed(account, actor)


def bind_roles(
    session: Session, officer_id: int, actor: Actor | None, *, version: int | None, roles: Sequence[RoleTerm]
) -> Change:
    """Exactly these roles from now on; what somebody does in a live session is decided by them at once."""
    account = _to_be_changed(session, officer_id, actor, version)
    changes = _bind(account, roles, actor)
    _changed(account, actor)
    return Change(account, changes)


def deactivate(session: Session, officer_id: int, actor: Actor | None, *, version: int | None) -> Officer:
    """Nobody logs in with it any more, and whoever is logged in is thrown out. Refused while it holds open tasks."""
    account = _to_be_changed(session, officer_id, actor, version)
    require_no_open_tasks(session, account)
    account.active = False
    end_sessions(session, account)
    return _changed(account, actor)


def activate(session: Session, officer_id: int, actor: Actor | None, *, version: int | None) -> Officer:
    """The account may be used again, with the roles it had."""
    account = _to_be_changed(session, officer_id, actor, version)
    account.active = True
    return _changed(account, actor)


def set_first_password(
    session: Session, officer_id: int, actor: Actor | None, *, password_hash: str, expires_at: datetime
) -> Officer:
    """A password that opens nothing but its own change, until `expires_at`; sessions that are open end."""
    account = _to_be_changed(session, officer_id, actor, None)
    account.password_hash, account.must_change_password = password_hash, True
    account.password_expires_at = expires_at
    end_sessions(session, account)
    return _changed(account, actor)


def remove_second_factor(session: Session, officer_id: int, actor: Actor | None) -> Officer:
    """Whoever lost his phone sets up another; sessions that are open end."""
    account = _to_be_changed(session, officer_id, actor, None)
    account.second_factor, account.second_factor_step = None, None
    account.second_factor_confirmed = False
    end_sessions(session, account)
    return _changed(account, actor)


def to_be_unlocked(session: Session, officer_id: int, actor: Actor | None) -> Officer:
    """The account whose name was locked after too many wrong guesses, for whoever may unlock it."""
    return _to_be_changed(session, officer_id, actor, None)


def end_sessions(session: Session, account: Officer) -> None:
    """Whoever is logged in with the account is not any more."""
    session.execute(delete(OfficerSession).where(OfficerSession.officer_id == account.id))


def require_no_open_tasks(session: Session, account: Officer) -> None:
    """Raises Conflict with the ids of the tasks that the account still holds: they are handed over first."""
    held = session.scalars(
        select(Task.id)
        .where(Task.claimed_by_id == account.id, Task.state == "claimed")
        .order_by(Task.id)
        .limit(_NAMED_TASKS)
    ).all()
    if held:
        raise Conflict(
            f"该人员还有 {len(held)} 项在办任务，请先移交或退回任务池。",
            code="open_tasks",
            details={"tasks": list(held)},
        )


# Limits


def _to_be_changed(session: Session, officer_id: int, actor: Actor | None, version: int | None) -> Officer:
    account = find_account(session, officer_id, actor, lock=True)
    if actor is not None:
        if account.id == actor.officer_id:
            raise NotAllowed("不能改动自己的账户，请由其他管理员办理。", code="own_account")
        if not actor.has(BINDING_ROLES["province"]) and any(_binder(role) == "province" for role in account.roles):
            raise NotAllowed("该账户有由省级赋予的岗位，只能由省级管理员改动。", code="account_of_province")
    if version is not None and version != account.version:
        raise _overtaken(account)
    return account


def _overtaken(account: Officer) -> Conflict:
    by, at = account.changed_by, account.changed_at
    name = by.name if by is not None else "系统"
    when = f"于{at:%Y-%m-%d %H:%M:%S}" if at is not None else ""
    return Conflict(
        f"这个账户已由{name}{when}改动，请刷新后再修改。",
        code="stale_version",
        details={
            "version": account.version,
            "by": name,
            "at": at.isoformat() if at is not None else None,
            "what": "account_changed",
        },
    )


def _administered_agency(session: Session, actor: Actor | None, code: str) -> Agency:
    agency = session.get(Agency, code)
    if agency is None:
        raise InvalidInput(fields={"agency_code": ["没有这个经办机构，请核对编码。"]})
    if actor is not None and not actor.oversees(agency.path):
        raise NotAllowed("该经办机构不在您管理的范围内。", code="other_agency")
    return agency


def _bind(account: Officer, terms: Sequence[RoleTerm], actor: Actor | None) -> list[str]:
    """Give it these roles. Raises InvalidInput for what nobody may hold, NotAllowed for what the actor may not give."""
    wanted = {term.role: term for term in terms}
    if len(wanted) < len(terms):
        raise InvalidInput(fields={"roles": ["同一岗位只能写一次。"]})
    for term in terms:
        if term.from_on is not None and term.until_on is not None and term.until_on < term.from_on:
            raise InvalidInput(fields={"roles": [f"“{ROLES[term.role]}”的截止日期早于开始日期。"]})
    _require_fitting(list(wanted), account.agency)
    before = {term.role: term for term in terms_of(account)}
    changed = sorted(role for role in before.keys() | wanted.keys() if before.get(role) != wanted.get(role))
    for role in changed:
        _require_binder(role, account, actor)
    account.roles = [term.role for term in terms]
    account.role_terms = {
        term.role: [_iso(term.from_on), _iso(term.until_on)] for term in terms if term.from_on or term.until_on
    }
    return [_described(wanted[role]) if role in wanted else f"-{role}" for role in changed]


def terms_of(account: Officer) -> list[RoleTerm]:
    """The roles that were given, with their days."""
    found = []
    for role in account.roles:
        first, last = (account.role_terms or {}).get(role, (None, None))
        found.append(RoleTerm(role=role, from_on=_day(first), until_on=_day(last)))
    return found


def _require_fitting(roles: Sequence[str], agency: Agency) -> None:
    sentences = [
        f"岗位“{ROLES[role]}”不能设在{_LEVELS[agency.level]}经办机构。"
        for role in roles
        if agency.level not in role_rules()[role].levels
    ]
    alone = alone_among(roles)
    if alone is not None:
        sentences.append(f"岗位“{ROLES[alone]}”不能与其他岗位兼任。")
    if sentences:
        raise InvalidInput(fields={"roles": sentences})


def _require_binder(role: str, account: Officer, actor: Actor | None) -> None:
    if actor is None:
        return
    binder = _binder(role)
    # At its own agency the province does what each city does at its agencies.
    own = account.agency_code == actor.agency_code and actor.has(BINDING_ROLES["province"])
    if not own and not actor.has(BINDING_ROLES[binder]):
        raise NotAllowed(
            f"岗位“{ROLES[role]}”只能由{ROLES[BINDING_ROLES[binder]]}赋予或收回。",
            code="role_not_yours_to_give",
            because=[source("PER-01")],
            details={"role": role, "bound_by": binder},
        )


def _binder(role: str) -> str:
    return role_rules()[role].bound_by


def _changed(account: Officer, actor: Actor | None) -> Officer:
    account.version += 1
    _sign(account, actor)
    return account


def _sign(account: Officer, actor: Actor | None) -> None:
    account.changed_by_id = None if actor is None else actor.officer_id
    account.changed_at = clock.now()


def _described(term: RoleTerm) -> str:
    days = f" {_iso(term.from_on) or ''}~{_iso(term.until_on) or ''}" if term.from_on or term.until_on else ""
    return f"+{term.role}{days}"


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
