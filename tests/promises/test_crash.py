"""The short form of `make crash`: a handful of kills on each database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.run import Plan, Result, on_postgres, on_sqlite


@pytest.mark.parametrize(("run", "kills"), [(on_postgres, 4), (on_sqlite, 2)], ids=["postgresql", "sqlite"])
def test_whoever_is_killed_nothing_confirmed_is_lost_or_done_twice(
    run: Callable[[Plan, Callable[[str], None]], Result], kills: int
) -> None:
    result = run(Plan(kills=kills, seed=7, seconds=8.0, clients=3, pause=1.5, stops=1), lambda text: None)

    assert result.good, "\n".join(result.lines())
    assert result.kills > 0
    assert len(result.ledger.confirmed) > 0
