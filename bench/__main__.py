"""`make bench`: the parts one after the other, each on a database of its own, beside the floors of the same run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from bench import floors, plots, readme
from bench.database import database
from bench.part_footprint import measure_footprint
from bench.part_inbox import measure_inbox
from bench.part_medical import measure_medical
from bench.part_small import measure_small
from bench.part_timers import measure_timers
from bench.results import FOLDER, Results, load
from tests import databases


@dataclass(frozen=True)
class Scale:
    """How long and how much."""

    runs: int
    #: How long each load of a round runs.
    seconds: float
    #: Open cases of the inbox, and as many finished ones.
    cases: int
    #: How often each question of the inbox is asked.
    questions: int
    #: Timers due at once, and timers that wait.
    due: int
    waiting: int


SCALES = {
    "ci": Scale(3, 3.0, cases=10_000, questions=20, due=500, waiting=20_000),
    "100k": Scale(5, 4.0, cases=100_000, questions=60, due=5_000, waiting=100_000),
    "1m": Scale(5, 6.0, cases=1_000_000, questions=100, due=10_000, waiting=1_000_000),
}


def _floors(results: Results, scale: Scale) -> None:
    with database("floors") as filled:
        floors.measure(filled, results, runs=2 * scale.runs, calls=200)


def _small(results: Results, scale: Scale) -> None:
    with database("small") as filled:
        measure_small(filled, results, runs=scale.runs, seconds=scale.seconds)


def _medical(results: Results, scale: Scale) -> None:
    with database("medical") as filled:
        measure_medical(filled, results, runs=scale.runs, seconds=scale.seconds)


def _timers(results: Results, scale: Scale) -> None:
    with database("timers") as filled:
        measure_timers(filled, results, due=scale.due, waiting=scale.waiting)


def _footprint(results: Results, scale: Scale) -> None:
    with database("footprint") as filled:
        measure_footprint(filled, results, runs=scale.runs, seconds=scale.seconds)


def _inbox(results: Results, scale: Scale) -> None:
    measure_inbox(results, cases=scale.cases, rounds=scale.questions)


PARTS: dict[str, Callable[[Results, Scale], None]] = {
    "floors": _floors,
    "small": _small,
    "medical": _medical,
    "inbox": _inbox,
    "timers": _timers,
    "footprint": _footprint,
}


def main(argv: Sequence[str]) -> int:
    """Measure, print, save; 0 also where a goal is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the system beside its floors.")
    parser.add_argument("--scale", choices=SCALES, default="ci")
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--runs", type=int, help="how many rounds, in place of what the scale says")
    parser.add_argument("--seconds", type=float, help="how long each load of a round runs, likewise")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where the results go")
    options = parser.parse_args(argv)
    usual = SCALES[options.scale]
    scale = replace(usual, runs=options.runs or usual.runs, seconds=options.seconds or usual.seconds)
    results = Results(options.scale)
    began = monotonic()
    _say(databases.server().found)
    for part in options.part:
        at = monotonic()
        PARTS[part](results, scale)
        _say(f"{part}: {monotonic() - at:.0f} s")
    _say(results.table())
    _say(f"{monotonic() - began:.0f} s; written: {_write(results, options.out)}")
    return 0


def _write(results: Results, folder: Path) -> Path:
    """The figures, the plots, and what the README quotes of them."""
    path = results.save(folder)
    rows = load(folder)
    plots.draw(rows, folder)
    if folder == FOLDER:
        readme.quote(rows)
    return path


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    finally:
        databases.stop()
    sys.exit(code)
