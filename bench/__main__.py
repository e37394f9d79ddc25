"""`make bench`: the parts one after the other, each on a database of its own, beside the floors of the same run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import floors, part_medical, part_small
from bench.database import Database, database
from bench.results import FOLDER, Results
from bench.system import running
from tests import databases

PARTS = ("small", "medical")


def main(argv: Sequence[str]) -> int:
    """Measure, print, save; 0 also where a goal is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the system beside its floors.")
    parser.add_argument("--part", choices=[*PARTS, "all"], nargs="+", default=["all"])
    parser.add_argument("--scale", choices=["ci", "100k", "1m"], default="ci")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each load runs")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args(argv)
    parts = PARTS if "all" in options.part else tuple(options.part)
    results = Results(options.scale)
    try:
        for part in parts:
            with database(part) as filled:
                _say(f"{part}: PostgreSQL, {filled.server}")
                _measure(part, filled, results, options)
    finally:
        databases.stop()
    _say(results.table())
    _say(f"written: {results.save(options.out)}")
    return 0


def _measure(part: str, filled: Database, results: Results, options: argparse.Namespace) -> None:
    if not any(figure.part == floors.PART for figure in results.figures):
        with running(filled) as system:
            floors.measure(filled, system, results, rounds=300)
    if part == "small":
        part_small.measure(filled, results, options.seconds)
    if part == "medical":
        part_medical.measure(filled, results, options.seconds)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
