"""Routes of notices."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.notices.schemas import NoticePage, NoticeQuery, NoticeReading, UnreadNotices
from engine.casework import notice_box
from engine.casework.notice_box import Unread
from engine.casework.paging import Page
from engine.models import OfficerNotice

blueprint = Blueprint("notices", __name__, url_prefix="/api/v1/notices", description="工作通知")


@blueprint.route("", methods=["GET"])
@requires("notice.read")
@blueprint.arguments(NoticeQuery, location="query")
@blueprint.reads(NoticePage, "我的工作通知", audit=NOTHING)
def list_notices(session: Session, query: dict[str, Any]) -> Page[OfficerNotice]:
    """What the officer, or a role that he holds in his agency, was told; newest first."""
    unread = None if "unread" not in query else query["unread"] == "true"
    return notice_box.listing(session, current_actor(), unread=unread, after=query.get("after"), limit=query["limit"])


@blueprint.route("/unread", methods=["GET"])
@requires("notice.read")
@blueprint.reads(UnreadNotices, "未读工作通知数", audit=NOTHING)
def count_unread(session: Session) -> Unread:
    """How many wait to be read; counted no further than a badge shows."""
    return notice_box.unread(session, current_actor())


@blueprint.route("/<id:notice_id>/reading", methods=["POST"])
@requires("notice.read")
@blueprint.changes(NoticeReading, "阅读工作通知")
def read_notice(session: Session, notice_id: int) -> OfficerNotice:
    """The notice is read; whoever comes second sees who was first, and when."""
    return notice_box.read(session, notice_id, current_actor())
