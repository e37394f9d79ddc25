"""Routes of the calendar."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.calendar.schemas import CalendarView, HolidayNoticeView, OrderEntry, YearEntry
from engine.casework import calendar_entries
from engine.models import CalendarNotice

blueprint = Blueprint("calendar", __name__, url_prefix="/api/v1/calendar", description="工作日历")


@blueprint.route("", methods=["GET"])
@requires("calendar.read")
@blueprint.reads(CalendarView, "工作日历", audit=NOTHING)
def show_calendar(session: Session) -> dict[str, Any]:
    """Official years and local orders that were entered, and the years that running deadlines wait for."""
    return calendar_entries.overview(session)


@blueprint.route("/years", methods=["POST"])
@requires("calendar.enter")
@blueprint.arguments(YearEntry)
@blueprint.changes(HolidayNoticeView, "录入年度放假安排", status=HTTPStatus.CREATED)
def enter_year(session: Session, body: dict[str, Any]) -> CalendarNotice:
    """An official year; due days that it reaches are computed again."""
    return calendar_entries.enter_year(session, current_actor(), **body)


@blueprint.route("/overrides", methods=["POST"])
@requires("calendar.order")
@blueprint.arguments(OrderEntry)
@blueprint.changes(HolidayNoticeView, "调整本机构工作日", status=HTTPStatus.CREATED)
def order_days(session: Session, body: dict[str, Any]) -> CalendarNotice:
    """Days that an agency and those below it work, or do not work, otherwise."""
    return calendar_entries.order_days(session, current_actor(), **body)
