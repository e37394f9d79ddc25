"""Official working-day years (放假安排) that the calendar package does not have yet, from `config/calendar/*.yaml`.

A year stands here only with the notice of the State Council's office that it comes from; it then wins over the
package. A year that nobody has published is in neither place, and the calendar says so instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text


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


@cache
def official_years() -> dict[int, OfficialYear]:
    """The years of `config/calendar`. Raises `ConfigError` where one contradicts itself."""
    return load_official_years(FOLDER / "calendar")


def load_official_years(folder: Path) -> dict[int, OfficialYear]:
    """The years of `folder`, each checked: days inside the year, none twice, make-up days on a Saturday or Sunday."""
    years = [_read(path) for path in sorted(folder.glob("*.yaml"))]
    return {year.year: year for year in years}


def _read(path: Path) -> OfficialYear:
    row = read_yaml(path)
    only_keys(path, "", row, required={"year", "notice", "off_days", "work_days"})
    year = row["year"]
    if not isinstance(year, int) or path.stem != str(year):
        raise ConfigError(path, "year", f"{year!r} must be the year that the file is named after")
    off_days = _days(path, "off_days", row["off_days"], year)
    work_days = _days(path, "work_days", row["work_days"], year)
    for day in work_days:
        if day.weekday() < 5:
            raise ConfigError(path, "work_days", f"{day} is no Saturday or Sunday: it cannot be a make-up day")
        if day in off_days:
            raise ConfigError(path, "work_days", f"{day} is also an off day")
    return OfficialYear(
        year=year,
        notice=text(path, "notice", row["notice"]),
        off_days=frozenset(off_days),
        work_days=frozenset(work_days),
    )


def _days(path: Path, place: str, value: Any, year: int) -> list[date]:
    days = value if isinstance(value, list) else None
    if days is None or not all(type(day) is date for day in days):
        raise ConfigError(path, place, "expected a list of dates, each as 2028-01-01")
    if len(set(days)) != len(days):
        raise ConfigError(path, place, "a day stands twice")
    if outside := [day for day in days if day.year != year]:
        raise ConfigError(path, place, f"{outside[0]} is not in {year}")
    return days
