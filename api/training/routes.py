"""Routes of the training clock: they exist in training mode alone; production refuses that mode."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from api.auditing import NOTHING
from api.auth import requires
from api.blueprint import Blueprint
from api.training.schemas import ClockMove, ClockView
from engine import clock
from engine.casework import timers

blueprint = Blueprint("training", __name__, url_prefix="/api/v1/training", description="培训环境")

#: A case has a handful of timers; more rounds than this mean that one sets itself off again.
_MOST_ROUNDS = 50


@blueprint.route("/clock", methods=["GET"])
@requires("training.clock")
@blueprint.answers(ClockView, "当前时间", audit=NOTHING)
def show_clock() -> Response:
    """What time it is here."""
    return _answer()


@blueprint.route("/clock", methods=["POST"])
@requires("training.clock")
@blueprint.arguments(ClockMove)
@blueprint.answers(ClockView, "调整时间", audit=NOTHING)
def move_clock(body: dict[str, Any]) -> Response:
    """Let the clock go on from another instant, and fire what became due."""
    clock.move_to(body["now"])
    for _ in range(_MOST_ROUNDS):
        if not timers.tick():
            break
    return _answer()


def _answer() -> Response:
    return jsonify(ClockView().dump({"now": clock.now()}))
