"""Routes of channel systems (网上大厅, 自助终端, 粤省事, 广东人社APP): they vouch for who sits in front of them."""

from __future__ import annotations

from flask import Response

from api.auditing import READ
from api.auth import requires
from api.blueprint import Blueprint
from api.progress.routes import answer, of_receipt
from api.progress.schemas import ProgressQuery, ProgressView

blueprint = Blueprint("channels", __name__, url_prefix="/api/v1/channels", description="渠道系统")


@blueprint.route("/progress", methods=["POST"])
@requires("channel.progress")
@blueprint.arguments(ProgressQuery)
@blueprint.answers(ProgressView, "渠道查询办理进度", audit=READ)
def show_progress(query: dict[str, str]) -> Response:
    """Where the case is. All who use the channel come from its address, so that only guesses at the receipt count."""
    return answer(query, [of_receipt(query["receipt_number"])])
