"""Notices as they are asked for and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.cases.schemas import OfficerBrief
from api.paging import PageQuery, page_of
from api.schemas import Choice
from config.notices import notice_table
from engine.models import OfficerNotice


class NoticeQuery(PageQuery):
    """Which notices."""

    unread = Choice(["true", "false"], metadata={"description": "true 为未读，false 为已读；不填为全部"})


class NoticeView(ma.Schema):
    """A notice (工作通知): what happened, to whom it was told, and who has read it."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    title = fields.Function(lambda notice: _kind(notice).title, metadata={"type": "string"})
    words = fields.Function(lambda notice: _kind(notice).words(notice.facts), metadata={"type": "string"})
    facts = fields.Dict(keys=fields.String(), required=True)
    event = fields.String(attribute="event.kind", required=True)
    by: fields.Field[Any] = fields.Nested(OfficerBrief, attribute="event.officer", allow_none=True)
    case_id = fields.Integer(allow_none=True)
    application_id = fields.Integer(attribute="event.application_id", allow_none=True)
    agency_code = fields.String(required=True)
    role = fields.String(allow_none=True, metadata={"description": "发给该机构持有此岗位的人员；空为只发给本人"})
    made_at = fields.AwareDateTime(required=True)
    read_at = fields.AwareDateTime(allow_none=True)
    read_by: fields.Field[Any] = fields.Nested(OfficerBrief, allow_none=True)


def _kind(notice: OfficerNotice) -> Any:
    return notice_table().kinds[notice.kind]


NoticePage = page_of(NoticeView)


class NoticeReading(NoticeView):
    """One notice with what was written about it."""

    remark = fields.String(attribute="event.opinion", allow_none=True, metadata={"description": "催办或指派时写明的话"})


class UnreadNotices(ma.Schema):
    """How many wait to be read."""

    count = fields.Integer(required=True)
    more = fields.Boolean(required=True, metadata={"description": "true 为多于 count"})
