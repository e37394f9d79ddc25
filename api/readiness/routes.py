"""Routes of the check before an agency begins."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.readiness.schemas import ReadinessView
from engine.casework.readiness import readiness

blueprint = Blueprint("readiness", __name__, url_prefix="/api/v1/agencies", description="上线检查")


@blueprint.route("/<code:code>/readiness", methods=["GET"])
@requires("readiness.read")
@blueprint.reads(ReadinessView, "上线检查", audit=NOTHING)
def show_readiness(session: Session, code: str) -> dict[str, Any]:
    """Which steps of the diagrams nobody of the agency, or of one below it, could do today."""
    agencies = readiness(session, code, current_actor())
    return {"ready": not any(one.gaps for one in agencies), "agencies": agencies}
