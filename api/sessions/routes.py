"""Routes of log-in."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify
from sqlalchemy.orm import Session

from api.auth import (
    PERMISSIONS,
    check_password,
    close_session,
    current_actor,
    open_session,
    public,
    requires,
)
from api.blueprint import Blueprint
from api.sessions.schemas import Credentials, OfficerView, SessionView
from engine.db import db, transaction
from engine.models import Officer

blueprint = Blueprint("sessions", __name__, url_prefix="/api/v1/sessions", description="登录")


@blueprint.route("", methods=["POST"])
@public
@blueprint.arguments(Credentials)
@blueprint.answers(SessionView, "登录", status=HTTPStatus.CREATED)
def log_in(credentials: dict[str, str]) -> Response:
    """Open a session. The password is checked before the transaction, because that takes long."""
    officer_id = check_password(db.session(), credentials["username"], credentials["password"])
    with transaction() as session:
        token = open_session(session, officer_id)
        officer = session.get_one(Officer, officer_id)
        answer = jsonify(SessionView().dump({"token": token, "officer": _view(officer)}))
    answer.status_code = HTTPStatus.CREATED
    return answer


@blueprint.route("/current", methods=["GET"])
@requires("session.own")
@blueprint.reads(OfficerView, "当前登录人员")
def show_current(session: Session) -> dict[str, Any]:
    """Who is logged in, with what this officer may ask for."""
    return _view(session.get_one(Officer, current_actor().officer_id))


@blueprint.route("/current", methods=["DELETE"])
@requires("session.own")
@blueprint.answers(None, "退出", status=HTTPStatus.NO_CONTENT)
def log_out() -> Response:
    """End this session; its token is worth nothing from now on."""
    with transaction() as session:
        close_session(session)
    return Response(status=HTTPStatus.NO_CONTENT)


def _view(officer: Officer) -> dict[str, Any]:
    held = sorted(name for name, roles in PERMISSIONS.items() if roles.intersection(officer.roles))
    return {
        "id": officer.id,
        "username": officer.username,
        "name": officer.name,
        "agency": officer.agency,
        "roles": officer.roles,
        "permissions": held,
    }
