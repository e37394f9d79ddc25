"""Years entered by hand: what a file may say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config.files import ConfigError
from config.official_years import load_official_years, official_years


def write(folder: Path, *, name: str = "2031.yaml", **rows: str) -> Path:
    """A year's file; each row is YAML, and what is not given is as it should be."""
    given = {"year": "2031", "notice": "国办发明电〔2030〕0号", "off_days": "[]", "work_days": "[]"} | rows
    (folder / name).write_text("".join(f"{key}: {value}\n" for key, value in given.items()), encoding="utf-8")
    return folder


def test_no_year_is_entered_that_nobody_has_published() -> None:
    assert 2027 not in official_years()


def test_an_entered_year_counts_its_make_up_days_and_not_its_days_off(tmp_path: Path) -> None:
    write(tmp_path, off_days="[2031-01-01]", work_days="[2031-01-04]")

    year = load_official_years(tmp_path)[2031]

    assert not year.is_workday(date(2031, 1, 1))
    assert year.is_workday(date(2031, 1, 2))
    assert year.is_workday(date(2031, 1, 4))
    assert not year.is_workday(date(2031, 1, 5))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"work_days": "[2031-01-06]"}, "no Saturday or Sunday"),
        ({"work_days": "[2031-01-04]", "off_days": "[2031-01-04]"}, "also an off day"),
        ({"off_days": "[2032-01-01]"}, "not in 2031"),
        ({"off_days": "[2031-01-01, 2031-01-01]"}, "stands twice"),
        ({"off_days": "['2031-01-01']"}, "list of dates"),
        ({"year": "2030"}, "named after"),
        ({"notice": "''"}, "expected text"),
    ],
)
def test_a_year_that_contradicts_itself_is_refused(tmp_path: Path, rows: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_official_years(write(tmp_path, **rows))
