"""The routes that a load balancer and a monitoring system ask."""

from __future__ import annotations

from functools import cache
from typing import cast

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from api import metrics
from api.auth import public
from api.ticking import Ticker
from config.settings import Settings
from engine.db import db

blueprint = Blueprint("health", __name__)

#: Where the process keeps its ticker, if it ticks.
TICKER = "tongban_ticker"
_REVISION = text("SELECT version_num FROM alembic_version")


@blueprint.get("/healthz")
@blueprint.get("/api/v1/health")
@public
def show_health() -> Response:
    """200 where the process answers and its database does; 503 by the error table where it does not."""
    db.session().execute(text("SELECT 1"))
    db.session().rollback()
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@public
def show_readiness() -> tuple[Response, int]:
    """200 where requests may be sent here; 503 with the reasons: `database_unreachable`, `migrations_pending`,
    `tick_not_started`, `tick_silent:timers`."""
    reasons = [*_of_database(), *_of_ticks()]
    if reasons:
        return jsonify({"status": "not_ready", "reasons": reasons}), 503
    return jsonify({"status": "ready", "reasons": []}), 200


@blueprint.get("/metrics")
@public
def show_metrics() -> Response:
    """What is counted and measured, in the format of Prometheus; only on the port for it."""
    if not on_own_port():
        raise NotFound
    return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def keep_own_port_to_itself() -> None:
    """Before each request: the port for watching answers nothing else. Raises NotFound."""
    if on_own_port() and request.blueprint != blueprint.name:
        raise NotFound


def on_own_port() -> bool:
    """The request came by the port for watching, whatever address its client wrote into it."""
    port = _settings().monitoring.port
    if not port:
        return False
    connection = request.environ.get("gunicorn.socket")
    arrived = connection.getsockname()[1] if connection is not None else int(request.environ["SERVER_PORT"])
    return bool(arrived == port)


def _of_database() -> list[str]:
    try:
        found = inspect(db.session().connection()).has_table("alembic_version")
        revision = db.session().execute(_REVISION).scalar_one_or_none() if found else None
    except SQLAlchemyError:
        return ["database_unreachable"]
    finally:
        db.session().rollback()
    return [] if revision == _head(current_app.extensions["migrate"].directory) else ["migrations_pending"]


@cache
def _head(directory: str) -> str | None:
    return ScriptDirectory(directory).get_current_head()


def _of_ticks() -> list[str]:
    ticker = cast("Ticker | None", current_app.extensions.get(TICKER))
    if ticker is not None:
        return [f"tick_silent:{name}" for name in ticker.silent(_settings().monitoring.silence_seconds)]
    return ["tick_not_started"] if _settings().scheduler else []


def _settings() -> Settings:
    return cast(Settings, current_app.config["TONGBAN"])
