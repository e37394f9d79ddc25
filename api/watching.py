"""Each request is timed and counted, has an id, and leaves one line in the log where that is wanted.

The line carries ids, the route's template, status and duration; no address, no query, no name. The request's id is
the client's or the proxy's (`X-Request-ID`, hexadecimal as they make them) or a new one; it is in the answer, and in
every line that is logged meanwhile.
"""

from __future__ import annotations

import re
import secrets
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request

from api import metrics
from config.settings import Settings

log = structlog.get_logger()

HEADER = "X-Request-ID"
#: Hexadecimal with dashes: no word of a language can stand there, and a number of a person is masked like anywhere.
_GIVEN = re.compile(r"[0-9a-fA-F-]{16,64}", re.ASCII)
#: What watches is not logged, as long as all is well.
_QUIET = frozenset({"health.show_health", "health.show_readiness", "health.show_metrics"})


def watch(app: Flask) -> None:
    """Begin before everything else a request does, end after it."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    g.began = perf_counter()
    given = request.headers.get(HEADER, "")
    g.request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(16)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    seconds = perf_counter() - g.began
    route = request.url_rule.rule if request.url_rule is not None else "unknown"
    metrics.note_request(request.method, route, response.status_code, seconds)
    response.headers[HEADER] = g.request_id
    if _settings().monitoring.access_log and not (request.endpoint in _QUIET and response.status_code < 400):
        _log(route, response.status_code, seconds)
    return response


def _log(route: str, status: int, seconds: float) -> None:
    method = request.method if request.method in metrics.METHODS else "other"
    told: dict[str, Any] = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 1)}
    actor = g.get("actor")
    if actor is not None:
        told["officer_id"] = actor.officer_id
    case_ids = g.get("recorded_case_ids") or [(request.view_args or {}).get("case_id")]
    if any(case_ids):
        told["case_id"] = case_ids[0] if len(case_ids) == 1 else case_ids
    log.info("request", **told)


def _forget(error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()


def _settings() -> Settings:
    settings: Settings = current_app.config["TONGBAN"]
    return settings
