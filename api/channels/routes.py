"""Routes of channel systems (网上大厅, 自助终端, 粤省事, 广东人社APP): they vouch for who sits in front of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from api.auditing import READ
from api.auth import current_channel, requires
from api.blueprint import Blueprint, body_limit
from api.cases.routes import LARGEST_UPLOAD
from api.channels.schemas import ChannelForm
from api.online_file import OnlineApplicationView, OnlineFile, online_file_of
from api.parsing import uploaded, written
from api.progress.routes import answer, of_receipt
from api.progress.schemas import ProgressQuery, ProgressView
from engine.casework import online

blueprint = Blueprint("channels", __name__, url_prefix="/api/v1/channels", description="渠道系统")


@blueprint.route("/applications", methods=["POST"])
@requires("channel.apply")
@blueprint.arguments(ChannelForm)
@blueprint.changes(OnlineApplicationView, "渠道提交申请", status=HTTPStatus.CREATED)
def submit_application(session: Session, body: dict[str, Any]) -> OnlineFile:
    """Hand an application in; the answer has the place of insurance, the gates and the checklist."""
    check = body.pop("identity_check")
    return online_file_of(session, online.submit_for(session, body, current_channel(), check))


@blueprint.route("/applications/<id:application_id>", methods=["GET"])
@requires("channel.read")
@blueprint.reads(OnlineApplicationView, "渠道查询申请", audit=READ)
def show_application(session: Session, application_id: int) -> OnlineFile:
    """One application that this system handed in; 404 for any other."""
    return online_file_of(session, online.find_handed_in(session, application_id, current_channel()))


@blueprint.route("/applications/<id:application_id>/images", methods=["POST"])
@requires("channel.apply")
@blueprint.uploads("file", material="材料")
@blueprint.changes(OnlineApplicationView, "渠道上传材料", status=HTTPStatus.CREATED)
@body_limit(LARGEST_UPLOAD)
def add_image(session: Session, application_id: int) -> OnlineFile:
    """A page of one material: the file `file`, and which `material` it is of. It stands for paper."""
    application = online.find_handed_in(session, application_id, current_channel(), lock=True)
    online.add_page(session, application, written("material"), uploaded("file"))
    return online_file_of(session, application)


@blueprint.route("/progress", methods=["POST"])
@requires("channel.progress")
@blueprint.arguments(ProgressQuery)
@blueprint.answers(ProgressView, "渠道查询办理进度", audit=READ)
def show_progress(query: dict[str, str]) -> Response:
    """Where the case is. All who use the channel come from its address, so that only guesses at the receipt count."""
    return answer(query, [of_receipt(query["receipt_number"])])
