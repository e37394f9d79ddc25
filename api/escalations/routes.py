"""Routes of escalations."""

from __future__ import annotations

from http import HTTPStatus

from sqlalchemy.orm import Session

from api.auditing import READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.escalations.schemas import EscalationView
from api.schemas import Reason
from engine.casework import escalations
from engine.models import Escalation

blueprint = Blueprint("escalations", __name__, url_prefix="/api/v1/escalations", description="上报共同上级")


@blueprint.route("/<id:escalation_id>", methods=["GET"])
@requires("escalation.read")
@blueprint.reads(EscalationView, "上报详情", audit=READ)
def show_escalation(session: Session, escalation_id: int) -> Escalation:
    """One escalation, for both agencies and their superior."""
    return escalations.find_escalation(session, escalation_id, current_actor())


@blueprint.route("/<id:escalation_id>/reopening", methods=["POST"])
@requires("escalation.reopen")
@blueprint.arguments(Reason)
@blueprint.changes(EscalationView, "重新指定", status=HTTPStatus.CREATED)
def reopen_escalation(session: Session, body: dict[str, str], escalation_id: int) -> Escalation:
    """Only the superior reopens its own decision; that makes a new escalation."""
    return escalations.reopen_escalation(session, escalation_id, current_actor(), body["reason"])
