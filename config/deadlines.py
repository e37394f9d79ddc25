"""The kinds of deadlines (期限) from `deadlines.yaml`: how each is counted and when it warns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text
from config.legal import LegalRef, legal_ref

#: Warning levels (预警级别), rising.
LEVELS: Mapping[str, str] = {"normal": "一般", "near": "临期", "urgent": "紧急", "overdue": "超期"}
UNITS = ("workdays", "calendar_days", "months")
TELLERS = ("tick", "process")
_BEFORE_DUE = ("near", "urgent")


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A warning before the due day: when no more than so much is left."""

    level: str
    #: The share of the whole length; None: `days_left` counts.
    share_left: Fraction | None
    days_left: int | None

    def left(self, total: int) -> int:
        """In days of the kind's unit (calendar days for months), of `total`."""
        if self.days_left is not None:
            return self.days_left
        assert self.share_left is not None
        return int(total * self.share_left)


@dataclass(frozen=True, kw_only=True)
class DeadlineKind:
    """One kind of the file."""

    name: str
    title: str
    #: workdays, calendar_days, months
    unit: str
    #: Rising in urgency.
    warnings: tuple[Threshold, ...]
    #: Where the thresholds come from; None: there are none.
    source: LegalRef | None
    #: tick: each level is told when it is reached; process: the timers of a diagram do it.
    told_by: str


@cache
def deadline_kinds() -> Mapping[str, DeadlineKind]:
    """The kinds by name. Raises `ConfigError` where the file contradicts itself."""
    return load_deadline_kinds(FOLDER / "deadlines.yaml")


def load_deadline_kinds(path: Path) -> Mapping[str, DeadlineKind]:
    """The kinds of `path`, each checked."""
    content = read_yaml(path)
    only_keys(path, "", content, required={"warnings", "kinds"})
    warnings: dict[str, tuple[tuple[Threshold, ...], LegalRef | None]] = {"none": ((), None)}
    for name, row in content["warnings"].items():
        warnings[name] = (_thresholds(path, name, row), legal_ref(path, f"warnings.{name}", row["source"]))
    return {name: _kind(path, name, row, warnings) for name, row in content["kinds"].items()}


def _thresholds(path: Path, name: str, row: Any) -> tuple[Threshold, ...]:
    place = f"warnings.{name}"
    only_keys(path, place, row, required={"source"}, optional=set(_BEFORE_DUE))
    return tuple(_threshold(path, f"{place}.{level}", level, row[level]) for level in _BEFORE_DUE if level in row)


def _threshold(path: Path, place: str, level: str, row: Any) -> Threshold:
    only_keys(path, place, row, required=set(), optional={"percent_left", "days_left"})
    values = list(row.values())
    if len(values) != 1 or type(values[0]) is not int or values[0] < 0:
        raise ConfigError(path, place, "either percent_left or days_left, a whole number")
    percent = row.get("percent_left")
    if percent is not None and percent >= 100:
        raise ConfigError(path, place, "less than 100 percent of the length")
    share = None if percent is None else Fraction(percent, 100)
    return Threshold(level=level, share_left=share, days_left=row.get("days_left"))


def _kind(
    path: Path, name: str, row: Any, warnings: Mapping[str, tuple[tuple[Threshold, ...], LegalRef | None]]
) -> DeadlineKind:
    only_keys(path, name, row, required={"title", "unit", "warnings", "told_by"})
    if row["unit"] not in UNITS or row["told_by"] not in TELLERS or row["warnings"] not in warnings:
        raise ConfigError(path, name, "unit, told_by or warnings is none of those above")
    thresholds, source = warnings[row["warnings"]]
    return DeadlineKind(
        name=name,
        title=text(path, name, row["title"]),
        unit=row["unit"],
        warnings=thresholds,
        source=source,
        told_by=row["told_by"],
    )
