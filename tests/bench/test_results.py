"""The bench's own arithmetic: percentiles, goals, the file of results, and that the README quotes that file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from bench import copies, part_inbox, plots, readme
from bench.load import Times, mean, median, percentile, together
from bench.results import FOLDER, Figure, Results, load
from bench.system import Cpu


def test_a_percentile_is_one_of_the_values_and_none_is_needed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile(values, 1.0)) == (51.0, 96.0, 100.0)
    assert (median([3.0, 1.0, 2.0]), mean([1.0, 2.0, 6.0])) == (2.0, 3.0)
    assert (percentile([], 0.5), mean([])) == (0.0, 0.0)


def test_times_of_several_loads_are_counted_together() -> None:
    one, other = Times(), Times()
    one.seconds["complete"], other.seconds["complete"] = [0.001], [0.003, 0.002]
    one.statements["complete"], other.statements["complete"] = [9], [12, 12]
    whole = together([one, other])
    assert whole.milliseconds("complete", 0.5) == pytest.approx(2.0)
    assert whole.mean_statements("complete") == 11


def test_the_processor_shares_are_of_what_all_sides_used() -> None:
    used = Cpu(1, 5, 1, 1) + Cpu(0, 1, 0, 1)
    assert used.shares() == "client 10%, server 60%, worker 10%, database 20%"


def test_a_goal_is_held_up_to_its_bound_and_not_beyond() -> None:
    results = Results("ci")
    results.judge("small", "at the bound", 2.5, "", most=2.5)
    results.judge("small", "above it", 2.51, "", most=2.5)
    results.judge("small", "enough", 1.3, "", least=1.3)
    results.judge("small", "too little", 1.29, "kB", least=1.3)
    results.add("small", "nothing asked", 7.0, "ms")
    assert [(figure.goal, figure.held) for figure in results.figures] == [
        ("≤ 2.5", True), ("≤ 2.5", False), ("≥ 1.3", True), ("≥ 1.3 kB", False), (None, None),
    ]  # fmt: skip


def test_what_is_saved_has_name_value_unit_goal_and_held_and_keeps_the_other_parts(tmp_path: Path) -> None:
    before = Results("ci")
    before.add("small", "small: old", 1.0, "ms")
    before.add("medical", "medical: kept", 2.0, "ms")
    before.save(tmp_path)
    after = Results("100k")
    after.judge("small", "small: new", 3.0, "ms", most=4.0)
    after.save(tmp_path)

    rows = load(tmp_path)
    assert [(row["name"], row["scale"]) for row in rows] == [("medical: kept", "ci"), ("small: new", "100k")]
    assert {name: rows[1][name] for name in ("name", "value", "unit", "goal", "held")} == {
        "name": "small: new", "value": 3.0, "unit": "ms", "goal": "≤ 4 ms", "held": True,
    }  # fmt: skip


def test_the_table_shows_each_figure_with_its_goal_and_whether_it_was_held() -> None:
    results = Results("ci")
    results.judge("small", "small: statements per completion", 13.0, "", most=12, note="of one client")
    results.add("medical", "medical: complete p50", 7.5, "ms")
    head, _, missed, _, plain = results.table().splitlines()
    assert head.split() == ["name", "value", "unit", "goal", "held"]
    assert missed.split()[-6:] == ["≤", "12", "NO", "(of", "one", "client)"]
    assert plain.split() == ["medical:", "complete", "p50", "7.50", "ms"]


def test_the_readme_quotes_what_was_measured_last() -> None:
    assert readme.quoted() == readme.table(load(FOLDER))


def test_the_table_of_the_readme_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n", encoding="utf-8")
    rows = [
        {"name": "a", "goal": "≤ 2", "value": 1.23456, "unit": "ms", "held": True},
        {"name": "b", "goal": "≥ 2", "value": 12345.6, "unit": "", "held": False},
        {"name": "c", "goal": None, "value": 1.0, "unit": "", "held": None},
    ]
    readme.quote(rows, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert readme.quoted(page).splitlines()[2:] == [
        "| a | ≤ 2 | 1.23 ms | yes |", "| b | ≥ 2 | 12,346 | **no** |",
    ]  # fmt: skip


def test_the_plots_are_drawn_to_scale_and_only_of_what_was_measured(tmp_path: Path) -> None:
    rows = [
        {"name": "small: complete p50", "value": 5.0},
        {"name": "peer: complete p50", "value": 20.0},
    ]
    (path,) = plots.draw(rows, tmp_path)
    drawn = ElementTree.parse(path).getroot()
    widths = [float(bar.get("width", "0")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert (path.name, widths) == ("completion.svg", [plots.BAR / 4, plots.BAR])


def test_a_copy_keeps_what_is_the_same_and_survives_every_sign_that_copy_reads() -> None:
    row = {"id": 7, "name": "a\tb\\c\nd", "share": "100%", "gone": None}
    assert copies.pattern(row, {"id": 8}) % "8" == "8\ta\\tb\\\\c\\nd\t100%\t\\N\n"


def test_no_more_cases_are_made_than_a_third_of_the_free_disk_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    def free(pairs: int) -> None:
        usage = SimpleNamespace(free=3 * pairs * part_inbox.BYTES_OF_A_PAIR)
        monkeypatch.setattr(part_inbox.shutil, "disk_usage", lambda folder: usage)

    free(150_000)
    assert [part_inbox.affordable(wanted) for wanted in (10_000, 100_000, 1_000_000)] == [10_000, 100_000, 100_000]
    free(12)
    assert part_inbox.affordable(10_000) == part_inbox.FEW


def test_a_figure_is_named_once() -> None:
    names = [row["name"] for row in load(FOLDER)]
    assert len(set(names)) == len(names)
    assert {field for row in load(FOLDER) for field in row} <= set(Figure.__dataclass_fields__)
