"""The route that a load balancer asks."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text

from api.auth import public
from engine.db import db

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@blueprint.get("/api/v1/health")
@public
def show_health() -> Response:
    """200 where the process answers and its database does; 503 by the error table where it does not."""
    db.session().execute(text("SELECT 1"))
    db.session().rollback()
    return jsonify({"status": "ok"})
