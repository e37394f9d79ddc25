"""Routes of accounts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify
from sqlalchemy.orm import Session

from api import auditing
from api.accounts.schemas import (
    AccountChange,
    AccountPage,
    AccountQuery,
    AccountView,
    Activity,
    FirstPassword,
    NewAccount,
    RoleChange,
)
from api.auditing import CHANGE, NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.log_in import access, of_name
from api.passwords import NOBODYS, first_password, hashed
from api.schemas import Reason
from engine import clock
from engine.accounts import administration, attempts
from engine.accounts.administration import Change
from engine.casework.paging import Page
from engine.db import transaction
from engine.models import Officer

blueprint = Blueprint("accounts", __name__, url_prefix="/api/v1/accounts", description="账户")


@blueprint.route("", methods=["GET"])
@requires("account.read")
@blueprint.arguments(AccountQuery, location="query")
@blueprint.reads(AccountPage, "账户列表", audit=NOTHING)
def list_accounts(session: Session, query: dict[str, Any]) -> Page[Officer]:
    """The accounts of the agencies at and below the administrator's."""
    active = query.pop("active", None)
    return administration.listing(
        session, current_actor(), active=None if active is None else active == "true", **query
    )


@blueprint.route("", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(NewAccount)
@blueprint.changes(AccountView, "新增账户", status=HTTPStatus.CREATED)
def create_account(session: Session, body: dict[str, Any]) -> Officer:
    """A new account, which nobody can log in with before it has a first password."""
    change = administration.create(session, current_actor(), password_hash=NOBODYS, **body)
    session.flush()
    return _on_record(change)


@blueprint.route("/<id:officer_id>", methods=["GET"])
@requires("account.read")
@blueprint.reads(AccountView, "账户详情", audit=NOTHING)
def show_account(session: Session, officer_id: int) -> Officer:
    """One account; 404 for one of an agency elsewhere."""
    return administration.find_account(session, officer_id, current_actor())


@blueprint.route("/<id:officer_id>", methods=["PUT"])
@requires("account.manage")
@blueprint.arguments(AccountChange)
@blueprint.changes(AccountView, "修改账户")
def change_account(session: Session, body: dict[str, Any], officer_id: int) -> Officer:
    """Another name, another agency; 409 says who changed it in between."""
    return administration.change(session, officer_id, current_actor(), **body)


@blueprint.route("/<id:officer_id>/roles", methods=["PUT"])
@requires("account.manage")
@blueprint.arguments(RoleChange)
@blueprint.changes(AccountView, "设置岗位")
def bind_roles(session: Session, body: dict[str, Any], officer_id: int) -> Officer:
    """Exactly these roles; they count at once, in sessions that are open too."""
    actor, terms = current_actor(), body["roles"]
    return _on_record(administration.bind_roles(session, officer_id, actor, version=body["version"], roles=terms))


@blueprint.route("/<id:officer_id>/deactivation", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(Activity)
@blueprint.changes(AccountView, "停用账户")
def deactivate_account(session: Session, body: dict[str, Any], officer_id: int) -> Officer:
    """Nobody logs in with it any more; 409 with the tasks that are still to be handed over."""
    return administration.deactivate(session, officer_id, current_actor(), version=body["version"])


@blueprint.route("/<id:officer_id>/activation", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(Activity)
@blueprint.changes(AccountView, "启用账户")
def activate_account(session: Session, body: dict[str, Any], officer_id: int) -> Officer:
    """The account may be used again."""
    return administration.activate(session, officer_id, current_actor(), version=body["version"])


@blueprint.route("/<id:officer_id>/password", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(Reason)
@blueprint.answers(FirstPassword, "发放初始密码", status=HTTPStatus.CREATED, audit=CHANGE)
def issue_password(body: dict[str, str], officer_id: int) -> Response:
    """A first password, or another one for somebody who forgot his; each request makes a new one."""
    actor = current_actor()
    password = first_password()
    password_hash, expires_at = hashed(password), clock.now() + access().first_password_lasts
    auditing.note(reason=body["reason"])
    with transaction() as session:
        administration.set_first_password(
            session, officer_id, actor, password_hash=password_hash, expires_at=expires_at
        )
        auditing.record(session, CHANGE)
    answer = jsonify(FirstPassword().dump({"password": password, "expires_at": expires_at}))
    answer.status_code = HTTPStatus.CREATED
    return answer


@blueprint.route("/<id:officer_id>/unlocking", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(Reason)
@blueprint.changes(AccountView, "解除锁定")
def unlock_account(session: Session, body: dict[str, str], officer_id: int) -> Officer:
    """Forget the wrong guesses at the user name."""
    account = administration.to_be_unlocked(session, officer_id, current_actor())
    attempts.forgive(session, of_name(account.username))
    return account


@blueprint.route("/<id:officer_id>/second-factor-removal", methods=["POST"])
@requires("account.manage")
@blueprint.arguments(Reason)
@blueprint.changes(AccountView, "重置动态验证码")
def remove_second_factor(session: Session, body: dict[str, str], officer_id: int) -> Officer:
    """The officer sets up another authenticator app."""
    return administration.remove_second_factor(session, officer_id, current_actor())


def _on_record(change: Change) -> Officer:
    """Each role given or taken has a line of its own in the audit log."""
    subject = f"officer:{change.account.id}"
    auditing.note(subjects=[f"{subject} {role}" for role in change.roles] or [subject])
    return change.account
