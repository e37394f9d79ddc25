"""Leaves as they are sent and shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.cases.schemas import OfficerBrief
from api.paging import PageQuery, page_of
from api.schemas import Code, Day, Number, QueryNumber, Reason


class NewAbsence(Reason):
    """Who is away, from when until when, and who stands in."""

    officer_id = Number(required=True, metadata={"description": "请假人"})
    substitute_id = Number(allow_none=True, load_default=None, metadata={"description": "代理人；不填为无人代理"})
    from_on = Day(required=True, metadata={"description": "开始日期（含当日）"})
    until_on = Day(required=True, metadata={"description": "截止日期（含当日）"})


class AbsenceQuery(PageQuery):
    """Whose leaves."""

    agency_code = Code(metadata={"description": "只列出该机构人员的请假"})
    officer_id = QueryNumber(metadata={"description": "只列出该人员的请假"})


class AbsenceView(ma.Schema):
    """One leave (请假)."""

    id = fields.Integer(required=True)
    officer = fields.Nested(OfficerBrief, required=True)
    substitute = fields.Nested(OfficerBrief, allow_none=True, required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True)
    reason = fields.String(required=True)
    recorded_by = fields.Nested(OfficerBrief, required=True)
    recorded_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(allow_none=True, required=True)


AbsencePage = page_of(AbsenceView)
