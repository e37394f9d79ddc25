"""Routes of log-in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify
from sqlalchemy.orm import Session

from api import auditing
from api.auditing import CHANGE, NOTHING
from api.auth import (
    BEARER,
    COOKIE_KIND,
    PERMISSIONS,
    close_other_sessions,
    close_session,
    cookie_name,
    csrf_token,
    current_actor,
    current_csrf_token,
    current_obligation,
    forget_cookie,
    open_session,
    public,
    requires,
    uses_tls,
)
from api.blueprint import Blueprint
from api.log_in import access, confirm_password, prove
from api.passwords import hashed
from api.sessions.schemas import (
    Credentials,
    FactorCode,
    FactorView,
    OfficerView,
    PasswordAgain,
    PasswordChange,
    SessionView,
)
from engine import clock
from engine.accounts import duty, totp
from engine.accounts.passwords import require_good
from engine.db import db, transaction
from engine.errors import Conflict, InvalidInput, NotAuthenticated
from engine.models import Officer

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/sessions", description="登录")


@blueprint.route("", methods=["POST"])
@public
@blueprint.arguments(Credentials)
@blueprint.answers(SessionView, "登录", status=HTTPStatus.CREATED, audit=CHANGE)
def log_in(credentials: dict[str, Any]) -> Response:
    """Open a session. The password is checked before the transaction, because that takes long."""
    officer_id = _proved(credentials)
    browser = credentials["browser"]
    with transaction() as session:
        forget_cookie(session)
        token = open_session(session, officer_id, COOKIE_KIND if browser else BEARER)
        row = session.get_one(Officer, officer_id)
        officer = _view(session, row, csrf_token(token) if browser else None)
        answer = jsonify(SessionView().dump({"token": None if browser else token, "officer": officer}))
        auditing.record(session, CHANGE, officer=row)
    answer.status_code = HTTPStatus.CREATED
    if browser:
        answer.set_cookie(cookie_name(), token, httponly=True, samesite="Strict", secure=uses_tls(), path="/")
    return answer


def _proved(credentials: dict[str, Any]) -> int:
    """Id of the officer. A wrong try is on record with the account it was for, where there is one."""
    try:
        return prove(credentials["username"], credentials["password"], credentials["code"])
    except NotAuthenticated:
        auditing.note(subject=auditing.account_of(db.session(), credentials["username"]))
        raise


@blueprint.route("/current", methods=["GET"])
@requires("session.own")
@blueprint.reads(OfficerView, "当前登录人员", audit=NOTHING)
def show_current(session: Session) -> dict[str, Any]:
    """Who is logged in, with what this officer may ask for."""
    return _view(session, session.get_one(Officer, current_actor().officer_id), current_csrf_token())


@blueprint.route("/current", methods=["DELETE"])
@requires("session.own")
@blueprint.answers(None, "退出", status=HTTPStatus.NO_CONTENT, audit=CHANGE)
def log_out() -> Response:
    """End this session; its token is worth nothing from now on."""
    with transaction() as session:
        close_session(session)
        auditing.record(session, CHANGE)
    answer = Response(status=HTTPStatus.NO_CONTENT)
    answer.delete_cookie(cookie_name(), httponly=True, samesite="Strict", secure=uses_tls(), path="/")
    return answer


@blueprint.route("/current/password", methods=["POST"])
@requires("session.own")
@blueprint.arguments(PasswordChange)
@blueprint.answers(None, "修改密码", status=HTTPStatus.NO_CONTENT, audit=CHANGE)
def change_password(body: dict[str, str]) -> Response:
    """A new password; every other session of this officer ends."""
    officer_id = current_actor().officer_id
    confirm_password(officer_id, body["password"])
    new = body["new_password"]
    if new == body["password"]:
        raise InvalidInput(fields={"new_password": ["新密码不能与现在的密码相同。"]})
    password_hash = hashed(new)
    with transaction() as session:
        officer = session.get_one(Officer, officer_id)
        require_good(new, officer.username, least=access().password_length, field="new_password")
        officer.password_hash, officer.must_change_password = password_hash, False
        officer.password_expires_at = None
        close_other_sessions(session, officer_id)
        auditing.record(session, CHANGE)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.route("/current/second-factor", methods=["POST"])
@requires("session.own")
@blueprint.arguments(PasswordAgain)
@blueprint.answers(FactorView, "设置动态验证码", status=HTTPStatus.CREATED, audit=CHANGE)
def set_second_factor(body: dict[str, str]) -> Response:
    """A new secret for an authenticator app; one that is in use is taken away by an administrator alone."""
    officer_id = current_actor().officer_id
    confirm_password(officer_id, body["password"])
    secret = totp.new_secret()
    with transaction() as session:
        officer = session.get_one(Officer, officer_id)
        if officer.second_factor_confirmed:
            raise Conflict("动态验证码已经启用；更换请联系管理员。", code="second_factor_set")
        officer.second_factor, officer.second_factor_step = secret, None
        auditing.record(session, CHANGE)
        answer = jsonify(FactorView().dump({"secret": secret, "address": totp.address(secret, officer.username)}))
    answer.status_code = HTTPStatus.CREATED
    return answer


@blueprint.route("/current/second-factor/confirmation", methods=["POST"])
@requires("session.own")
@blueprint.arguments(FactorCode)
@blueprint.answers(OfficerView, "启用动态验证码", audit=CHANGE)
def confirm_second_factor(body: dict[str, str]) -> Response:
    """The app shows the right codes: from now on log-in asks for one. Other sessions end."""
    officer_id = current_actor().officer_id
    with transaction() as session:
        officer = session.get_one(Officer, officer_id)
        if officer.second_factor is None or officer.second_factor_confirmed:
            raise Conflict("没有待启用的动态验证码。", code="no_second_factor_waits")
        step = totp.accepted_step(officer.second_factor, body["code"], clock.now(), after=None)
        if step is None:
            raise InvalidInput(fields={"code": ["动态验证码不正确，请核对手机时间后重试。"]})
        officer.second_factor_confirmed, officer.second_factor_step = True, step
        close_other_sessions(session, officer_id)
        auditing.record(session, CHANGE)
        return jsonify(OfficerView().dump(_view(session, officer, current_csrf_token())))


def _view(session: Session, officer: Officer, csrf: str | None) -> dict[str, Any]:
    acting = duty.actor_of(session, officer)
    held = sorted(name for name, roles in PERMISSIONS.items() if acting.has(*roles))
    return {
        "id": officer.id,
        "username": officer.username,
        "name": officer.name,
        "agency": officer.agency,
        "roles": sorted(acting.roles),
        "stands_in": [
            {"role": role, "officer": session.get_one(Officer, absent_id)}
            for role, absent_id in sorted(acting.stands_in.items())
        ],
        "on_leave": acting.on_leave,
        "permissions": held,
        "second_factor": officer.second_factor_confirmed,
        "due": current_obligation(officer),
        "csrf_token": csrf,
    }
