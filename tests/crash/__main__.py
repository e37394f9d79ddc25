"""`make crash`: KILLS processes killed on PostgreSQL, a quarter as many on SQLite; 1 where anything is wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.crash.run import Plan, on_postgres, on_sqlite, to_terminal


def main(argv: Sequence[str]) -> int:
    """Run, say what came out, 0 where nothing was lost, doubled or stuck."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.crash", description="Kill the system and count what is lost."
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1800.0, help="no kills after this, on each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["postgresql", "sqlite", "both"], default="both")
    options = parser.parse_args(argv)
    results = []
    if options.database != "sqlite":
        stops = min(5, options.kills - 1)
        plan = Plan(kills=options.kills, seed=options.seed, seconds=options.seconds, stops=stops)
        results.append(on_postgres(plan, to_terminal))
    if options.database != "postgresql":
        kills = options.kills if options.database == "sqlite" else max(2, options.kills // 4)
        plan = Plan(kills=kills, seed=options.seed, seconds=options.seconds, pause=4.0)
        results.append(on_sqlite(plan, to_terminal))
    for result in results:
        for line in result.lines():
            to_terminal(line)
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
