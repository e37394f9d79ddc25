"""Official working-day years (放假安排) that the calendar package does not have yet: what one may say, and its file.

A year is entered only with the notice of the State Council's office that it comes from; it then wins over the package.
A year that nobody has published is nowhere, and the calendar says so instead of guessing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from config.files import ConfigError, only_keys, read_yaml, text

#: Nobody counts working days before or after.
EARLIEST, LATEST = 2000, 2100


@dataclass(frozen=True, kw_only=True)
class OfficialYear:
    """One year as published."""

    year: int
    #: The notice it comes from, with its number.
    notice: str
    #: Days off besides ordinary Saturdays and Sundays.
    off_days: frozenset[date]
    #: Saturdays and Sundays on which work is done (调休).
    work_days: frozenset[date]

    def is_workday(self, day: date) -> bool:
        """`day`, a day of this year, is a working day."""
        return day in self.work_days or (day.weekday() < 5 and day not in self.off_days)


def faults_of_year(year: int, off_days: Sequence[date], work_days: Sequence[date]) -> dict[str, list[str]]:
    """Chinese sentences against what somebody wants to enter, by field; empty where there are none.

    A holiday that is a Saturday or Sunday anyway may be listed, as the notices do.
    """
    faults: dict[str, list[str]] = {}
    if not EARLIEST <= year <= LATEST:
        faults["year"] = [f"只能录入{EARLIEST}年至{LATEST}年的放假安排。"]
    for field, days in (("off_days", off_days), ("work_days", work_days)):
        sentences = [f"{day.isoformat()}写了不止一次。" for day, times in Counter(days).items() if times > 1]
        sentences += [f"{day.isoformat()}不是{year}年的日期。" for day in dict.fromkeys(days) if day.year != year]
        if field == "work_days":
            sentences += [
                f"{day.isoformat()}是{_WEEKDAYS[day.weekday()]}，调休上班的日期只能是星期六或星期日。"
                for day in dict.fromkeys(days)
                if day.weekday() < 5
            ]
            sentences += [f"{day.isoformat()}既是放假又是上班。" for day in sorted(set(days) & set(off_days))]
        if sentences:
            faults[field] = sentences
    return faults


_WEEKDAYS = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")


def read_official_year(path: Path) -> dict[str, Any]:
    """`year`, `notice`, `off_days` and `work_days` of a file, not yet checked for sense.

    Raises `ConfigError` where the file is no such file.
    """
    row = read_yaml(path)
    only_keys(path, "", row, required={"year", "notice", "off_days", "work_days"})
    if type(row["year"]) is not int:
        raise ConfigError(path, "year", f"{row['year']!r} is no year")
    for field in ("off_days", "work_days"):
        if not isinstance(row[field], list) or not all(type(day) is date for day in row[field]):
            raise ConfigError(path, field, "expected a list of dates, each as 2031-01-01")
    return {**row, "notice": text(path, "notice", row["notice"])}
