"""The whole of `python -m bench`, at the smallest size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.results import load

pytestmark = pytest.mark.postgres


def test_the_bench_measures_judges_and_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--part", "floors", "small", "--runs", "1", "--seconds", "0.05", "--out", str(tmp_path)]
    assert main(options) == 0
    figures = {row["name"]: row for row in load(tmp_path)}
    # How fast it was on this machine is no test's business; how much it asked the database for is.
    assert figures["small: statements per completion"]["held"] is True
    assert figures["small: commits per completion"]["value"] == 1
    assert figures["small: kB per finished case"]["held"] is True
    assert figures["small: cases/s, 16 clients, 2 web"]["value"] > 0
    assert "small: complete / (floor_http + floor_db)" in capsys.readouterr().out
    assert (tmp_path / "completion.svg").is_file()
