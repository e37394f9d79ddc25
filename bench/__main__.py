"""`make bench`: the parts one after the other, each on a database of its own, beside the floors of the same run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bench import floors, plots, readme
from bench.database import Database, database
from bench.part_medical import measure_medical
from bench.part_small import measure_small
from bench.results import FOLDER, Results, load
from tests import databases


@dataclass(frozen=True)
class Scale:
    """How long and how much."""

    runs: int
    #: How long each load of a round runs.
    seconds: float


SCALES = {"ci": Scale(3, 3.0), "100k": Scale(5, 4.0), "1m": Scale(5, 6.0)}

Part = Callable[[Database, Results, Scale], None]
PARTS: dict[str, Part] = {
    floors.PART: lambda filled, results, scale: floors.measure(filled, results, runs=2 * scale.runs, calls=200),
    "small": lambda filled, results, scale: measure_small(filled, results, runs=scale.runs, seconds=scale.seconds),
    "medical": lambda filled, results, scale: measure_medical(filled, results, runs=scale.runs, seconds=scale.seconds),
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
    scale = Scale(options.runs or usual.runs, options.seconds or usual.seconds)
    results = Results(options.scale)
    began = monotonic()
    for part in options.part:
        with database(part) as filled:
            _say(f"{part}: {filled.server}")
            PARTS[part](filled, results, scale)
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
