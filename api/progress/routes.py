"""Routes for applicants."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.auth import public
from api.blueprint import Blueprint
from api.progress.schemas import ProgressQuery, ProgressView
from engine.casework import cases

blueprint = Blueprint("progress", __name__, url_prefix="/api/v1/progress", description="办理进度查询")


@blueprint.route("", methods=["POST"])
@public
@blueprint.arguments(ProgressQuery)
@blueprint.reads(ProgressView, "查询办理进度")
def show_progress(session: Session, query: dict[str, str]) -> dict[str, Any]:
    """Where the case is, for whoever knows its receipt number and the worker's identity number."""
    return cases.progress(session, query["receipt_number"], query["identity_number"])
