"""Routes of transfers."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.auditing import READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.schemas import Reason
from api.transfers.schemas import TransferView
from engine.casework import transfers
from engine.models import Transfer

blueprint = Blueprint("transfers", __name__, url_prefix="/api/v1/transfers", description="移交")


@blueprint.route("/<id:transfer_id>", methods=["GET"])
@requires("transfer.read")
@blueprint.reads(TransferView, "移交详情", audit=READ)
def show_transfer(session: Session, transfer_id: int) -> Transfer:
    """One transfer, for both agencies and those above them."""
    return transfers.find_transfer(session, transfer_id, current_actor())


@blueprint.route("/<id:transfer_id>/withdrawal", methods=["POST"])
@requires("transfer.withdraw")
@blueprint.arguments(Reason)
@blueprint.changes(TransferView, "撤回移交")
def withdraw_transfer(session: Session, body: dict[str, str], transfer_id: int) -> Transfer:
    """The starter takes the transfer back; the case goes on where it was."""
    return transfers.withdraw_transfer(session, transfer_id, current_actor(), body["reason"])
