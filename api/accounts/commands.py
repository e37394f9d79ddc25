"""`tongban officers`: accounts from the machine itself, for the first administrators and for emergencies."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.passwords import NOBODYS, first_password, hashed
from api.terminal import OPERATOR, json_option, say, system
from config.access import AccessSettings
from engine import clock
from engine.accounts import administration, attempts
from engine.accounts.administration import Change, RoleTerm
from engine.accounts.attempts import Guess
from engine.audit.entries import CHANGE, About, record
from engine.db import db, transaction
from engine.errors import NotFound
from engine.models import Officer
from engine.process.diagram import ROLES


class _Role(click.ParamType[RoleTerm]):
    """`first_reviewer`, or for a time `first_reviewer:2023-08-01:2023-12-31`, either day left out."""

    name = "ROLE[:FROM[:UNTIL]]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RoleTerm:
        role, first, last, *rest = (*str(value).split(":"), "", "")
        with suppress(ValueError):
            days = [date.fromisoformat(day) if day else None for day in (first, last)]
            if role in ROLES and not any(rest):
                return RoleTerm(role=role, from_on=days[0], until_on=days[1])
        raise click.BadParameter(f"“{value}”不是岗位；岗位有：{'、'.join(ROLES)}。", ctx, param)


_role_option = click.option("--role", "roles", type=_Role(), multiple=True, help="岗位，可以给出多个。")
_reason_option = click.option("--reason", required=True, help="理由，记入审计日志。")
_username = click.argument("username")


@click.group("officers")
def officers_group() -> None:
    """工作人员的账户。日常由各市管理员通过接口管理；命令行用于设立第一批管理员和应急。"""


@officers_group.command("list")
@click.option("--agency", help="只列出该机构的人员。")
@click.option("--role", type=click.Choice(list(ROLES)), help="只列出该岗位的人员。")
@json_option
def list_officers(agency: str | None, role: str | None, as_json: bool) -> None:
    """工作人员的用户名、岗位和机构。"""
    with system():
        query = select(Officer).order_by(Officer.agency_code, Officer.id)
        if agency is not None:
            query = query.where(Officer.agency_code == agency)
        rows: list[dict[str, Any]] = [
            {
                "username": one.username,
                "name": one.name,
                "agency": one.agency_code,
                "roles": one.roles_on(clock.today()),
                "active": one.active,
            }
            for one in db.session.scalars(query)
            if role is None or role in one.roles_on(clock.today())
        ]
    lines = [_line(row) for row in rows]
    say(as_json, {"officers": rows}, "\n".join(lines))


def _line(row: dict[str, Any]) -> str:
    return f"{row['username']:<24}{row['agency']:<12}{','.join(row['roles'])}{'' if row['active'] else '（停用）'}"


@officers_group.command("create")
@_username
@click.option("--name", required=True, help="姓名。")
@click.option("--agency", required=True, help="所属经办机构的编码。")
@_role_option
@_reason_option
@json_option
def create(username: str, name: str, agency: str, roles: tuple[RoleTerm, ...], reason: str, as_json: bool) -> None:
    """新增账户 USERNAME；再用 officers password 发放初始密码。"""
    with system(), transaction() as session:
        change = administration.create(
            session, None, username=username, name=name, agency_code=agency, roles=roles, password_hash=NOBODYS
        )
        session.flush()
        _put_on_record(session, "create", change, reason)
    say(
        as_json, {"username": username, "agency": agency, "roles": [term.role for term in roles]}, f"已新增：{username}"
    )


@officers_group.command("roles")
@_username
@_role_option
@_reason_option
@json_option
def bind_roles(username: str, roles: tuple[RoleTerm, ...], reason: str, as_json: bool) -> None:
    """账户 USERNAME 从现在起只有这些岗位。"""
    with system(), transaction() as session:
        officer_id = _id_of(session, username)
        change = administration.bind_roles(session, officer_id, None, version=None, roles=roles)
        _put_on_record(session, "roles", change, reason)
    say(as_json, {"username": username, "changes": change.roles}, "\n".join(change.roles) or "没有变化。")


@officers_group.command("password")
@_username
@_reason_option
@json_option
def issue_password(username: str, reason: str, as_json: bool) -> None:
    """为账户 USERNAME 发放只用一次的初始密码，原密码和已登录的会话随即失效。"""
    password = first_password()
    with system() as app:
        password_hash, access = hashed(password), app.config["TONGBAN"].access
        expires_at = clock.now() + access.first_password_lasts
        with transaction() as session:
            account = administration.set_first_password(
                session, _id_of(session, username), None, password_hash=password_hash, expires_at=expires_at
            )
            _put_on_record(session, "password", Change(account, []), reason)
    document = {"username": username, "password": password, "expires_at": expires_at.isoformat()}
    say(as_json, document, f"{password}\n{expires_at:%Y-%m-%d %H:%M}前登录并修改。")


def _act(name: str, help_: str, done: str, act: Callable[[Session, int, AccessSettings], Officer]) -> None:
    """A command that does one thing to one account."""

    @officers_group.command(name, help=help_)
    @_username
    @_reason_option
    @json_option
    def command(username: str, reason: str, as_json: bool) -> None:
        with system() as app, transaction() as session:
            account = act(session, _id_of(session, username), app.config["TONGBAN"].access)
            _put_on_record(session, name, Change(account, []), reason)
        say(as_json, {"username": username, "done": name}, f"{done}：{username}")


def _unlock(session: Session, officer_id: int, access: AccessSettings) -> Officer:
    account = administration.to_be_unlocked(session, officer_id, None)
    attempts.forgive(session, Guess("log_in", account.username, access.lock_after, access.locked))
    return account


_act(
    "deactivate",
    "停用账户 USERNAME；还有在办任务的不能停用。",
    "已停用",
    lambda session, officer_id, _: administration.deactivate(session, officer_id, None, version=None),
)
_act(
    "activate",
    "重新启用账户 USERNAME。",
    "已启用",
    lambda session, officer_id, _: administration.activate(session, officer_id, None, version=None),
)
_act("unlock", "解除账户 USERNAME 因多次输错密码的锁定。", "已解除锁定", _unlock)
_act(
    "reset-second-factor",
    "重置账户 USERNAME 的动态验证码。",
    "已重置动态验证码",
    lambda session, officer_id, _: administration.remove_second_factor(session, officer_id, None),
)


def _id_of(session: Session, username: str) -> int:
    found = session.scalar(select(Officer.id).where(Officer.username == username))
    if found is None:
        raise NotFound(f"没有用户名为“{username}”的账户。")
    return found


def _put_on_record(session: Session, command: str, change: Change, reason: str) -> None:
    subject = f"officer:{change.account.id}"
    for about in [f"{subject} {role}" for role in change.roles] or [subject]:
        action = f"command.officers_{command.replace('-', '_')}"
        record(session, OPERATOR, CHANGE, action, About(subject=about), reason=reason)
