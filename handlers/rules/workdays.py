"""Working days (工作日) of the official calendar, with its make-up weekends (调休), and what deadlines count in.

Nothing is read here: who asks brings the years that were entered by hand and the days that an agency ordered otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import chinese_calendar
from chinese_calendar.constants import holidays as _packaged

from config.official_years import OfficialYear
from handlers.rules.validity import add_months

_ONE_DAY = timedelta(days=1)

#: Years that the package has in full: it holds the days off of every year between its first and its last.
_FIRST, _LAST = min(_packaged).year, max(_packaged).year

#: Off in every coming year, whatever its notice will say: the fixed days of 全国年节及纪念日放假办法 (2024) 第二条.
_ALWAYS_OFF = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


class CalendarUnknown(Exception):
    """No official calendar exists for `year` yet; `message` is the Chinese sentence that says so."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.message = f"{year}年没有官方放假安排，无法计算工作日；请在放假通知发布后录入该年日历。"
        super().__init__(self.message)


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """A due day; `provisional` says why it may still move (暂算), None: final."""

    on: date
    provisional: str | None = None
    #: The years whose official calendar it would need.
    missing: tuple[int, ...] = ()


class WorkCalendar:
    """Working days of the years that are officially known: the entered ones first, then the package's.

    `ordered`: days that an agency works, or does not work, whatever the official calendar says.
    """

    def __init__(self, entered: Mapping[int, OfficialYear], ordered: Mapping[date, bool] | None = None) -> None:
        self._entered = dict(entered)
        self._ordered = dict(ordered or {})

    def knows(self, year: int) -> bool:
        """An official calendar of `year` exists here."""
        return year in self._entered or _FIRST <= year <= _LAST

    def is_workday(self, day: date) -> bool:
        """`day` is a working day. Raises `CalendarUnknown`: a weekday of an unknown year is not a working day."""
        if (ordered := self._ordered.get(day)) is not None:
            return ordered
        if entered := self._entered.get(day.year):
            return entered.is_workday(day)
        if not self.knows(day.year):
            raise CalendarUnknown(day.year)
        return bool(chinese_calendar.is_workday(day))

    def add_workdays(self, day: date, workdays: int) -> date:
        """The day that many working days after `day`, which is not counted itself. Raises `CalendarUnknown`."""
        return self._count(day, workdays, self.is_workday)

    def due(self, day: date, workdays: int) -> DueDay:
        """The last day of a limit of `workdays` that `day` sets off (K-20: the day after it is day 1).

        Where it needs a year without an official calendar it is provisional (暂算): Monday to Friday count, the fixed
        public holidays do not, and the reason names the year.
        """
        missing: list[int] = []

        def assumed(candidate: date) -> bool:
            if not self.knows(candidate.year) and candidate.year not in missing:
                missing.append(candidate.year)
            return self._probably_workday(candidate)

        on = self._count(day, workdays, assumed)
        if not missing:
            return DueDay(on=on)
        years = "、".join(f"{year}年" for year in missing)
        return DueDay(on=on, provisional=f"{years}放假安排尚未公布，暂按周一至周五计算", missing=tuple(missing))

    def due_after(self, day: date, length: int, unit: str) -> DueDay:
        """The last day of a limit of `length` workdays, calendar_days or months that `day` sets off.

        `day` itself is not counted; calendar days and months end on whatever day that is (K-39, S25).
        """
        if unit == "workdays":
            return self.due(day, length)
        return DueDay(on=add_months(day, length) if unit == "months" else day + timedelta(days=length))

    def left(self, day: date, due_on: date, unit: str) -> int:
        """What is left after `day` up to `due_on`, in working days or else in calendar days; 0 when nothing is."""
        if unit == "workdays":
            return self.workdays_between(day, due_on)
        return max(0, (due_on - day).days)

    def first_day_with(self, left: int, due_on: date, unit: str) -> date:
        """The first day on which not more than `left` is left up to `due_on`."""
        if unit != "workdays":
            return due_on - timedelta(days=left)
        day = due_on
        while (left := left - self._probably_workday(day)) >= 0:
            day -= _ONE_DAY
        return day

    def workdays_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; 0 when `end` is not later.

        Days of an unknown year are counted as `due` counts them.
        """
        days = (end - start).days
        return sum(self._probably_workday(start + timedelta(days=number)) for number in range(1, days + 1))

    def _probably_workday(self, day: date) -> bool:
        if self.knows(day.year) or day in self._ordered:
            return self.is_workday(day)
        return day.weekday() < 5 and (day.month, day.day) not in _ALWAYS_OFF

    @staticmethod
    def _count(day: date, workdays: int, counts: Callable[[date], bool]) -> date:
        if workdays < 0:
            raise ValueError(f"{workdays} working days: a limit cannot be negative")
        while workdays:
            day += _ONE_DAY
            workdays -= counts(day)
        return day


@cache
def official_calendar() -> WorkCalendar:
    """The calendar of the package alone, without any year that was entered by hand."""
    return WorkCalendar({})
