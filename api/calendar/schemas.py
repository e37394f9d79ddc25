"""The calendar as it is entered and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas import Code, Day, Flag, Group, Items, Number, Schema, Text
from config.official_years import EARLIEST, LATEST


class YearEntry(Schema):
    """An official year, copied from its notice."""

    year = Number(EARLIEST, LATEST, required=True, metadata={"description": "年度"})
    notice = Text(200, required=True, metadata={"description": "放假通知的标题或文号"})
    off_days = Items(Day(), most=100, required=True, metadata={"description": "普通周末以外的放假日期"})
    work_days = Items(Day(), most=60, required=True, metadata={"description": "调休上班的星期六、星期日"})


class OrderedDay(Schema):
    """One day that is otherwise."""

    day = Day(required=True, metadata={"description": "日期"})
    workday = Flag(required=True, metadata={"description": "true 为上班，false 为不上班"})


class OrderEntry(Schema):
    """Days that an agency works otherwise."""

    agency_code = Code(required=True, metadata={"description": "机构；对其下级机构同样有效"})
    notice = Text(200, required=True, metadata={"description": "通知的标题或文号"})
    days = Items(Group(OrderedDay), least=1, most=60, required=True, metadata={"description": "日期"})


class HolidayView(ma.Schema):
    """One day of a notice."""

    day = fields.Date(required=True)
    workday = fields.Boolean(required=True)


class HolidayNoticeView(ma.Schema):
    """A notice as it was entered."""

    id = fields.Integer(required=True)
    year = fields.Integer(allow_none=True)
    agency_code = fields.String(allow_none=True)
    notice = fields.String(required=True)
    entered_by: fields.Field[Any] = fields.Function(
        lambda notice: notice.entered_by.name if notice.entered_by else None, metadata={"type": ["string", "null"]}
    )
    entered_at = fields.AwareDateTime(required=True)
    days = fields.List(fields.Nested(HolidayView), required=True)


class AlarmView(ma.Schema):
    """A year without an official calendar that running deadlines need."""

    year = fields.Integer(required=True)
    raised_at = fields.AwareDateTime(required=True)
    message = fields.Function(
        lambda alarm: f"{alarm.year}年没有官方放假安排，有关期限为暂算；请在放假通知发布后录入该年日历。",
        metadata={"type": "string"},
    )


class CalendarView(ma.Schema):
    """What was entered, and what is missing."""

    years = fields.List(fields.Nested(HolidayNoticeView), required=True)
    overrides = fields.List(fields.Nested(HolidayNoticeView), required=True)
    alarms = fields.List(fields.Nested(AlarmView), required=True)
