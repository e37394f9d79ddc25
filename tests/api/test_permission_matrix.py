"""Every route, asked by every role in every relation to a business, against the table that a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest

from api.auth import EVERYONE, PERMISSIONS, permission_of
from tests import databases
from tests.api import matrix
from tests.conftest import MORNING, FixedClock, running

#: Ends the asker's own session; `test_sessions` tells it.
ELSEWHERE = {("DELETE", "/api/v1/sessions/current")}

ROWS = matrix.table()


def _key(row: matrix.Row) -> tuple[str, str, str]:
    return row.path, row.method, row.stage


ASKED = [(key, list(rows)) for key, rows in groupby(sorted(ROWS, key=_key), key=_key)]


@pytest.fixture(scope="module")
def scene(
    sqlite_template: databases.SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[matrix.Scene]:
    clock = FixedClock()
    clock.set(MORNING)
    home = tmp_path_factory.mktemp("matrix")
    with running(sqlite_template, home) as app:
        yield matrix.build(app, home, clock)
    clock.close()


@pytest.mark.rule("PER-04")
@pytest.mark.parametrize(("asked", "rows"), ASKED, ids=[" ".join(key) for key, _ in ASKED])
def test_each_officer_gets_what_the_table_says(
    scene: matrix.Scene, asked: tuple[str, str, str], rows: list[matrix.Row]
) -> None:
    path, method, stage = asked
    expected = {(role, relation): cell for row in rows for role in row.roles for relation, cell in row.cells.items()}

    wrong = [
        f"{role} of {relation}: expected {stated}, got {got}"
        for role, relation, got in matrix.walk(scene, stage, method, path)
        if got != (stated := expected.get((role, relation), "no"))
    ]

    assert not wrong, wrong


def test_the_table_knows_every_route_that_asks_for_a_permission(scene: matrix.Scene) -> None:
    routes = {
        (method, matrix.route(rule.rule))
        for rule in scene.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        # What no officer may do stands in the table of the others.
        if permission_of(scene.app.view_functions[rule.endpoint]) in PERMISSIONS
    }

    assert routes - ELSEWHERE == {(row.method, row.path) for row in ROWS}


def test_the_table_names_the_roles_that_hold_the_permission_of_the_route(scene: matrix.Scene) -> None:
    for rule in scene.app.url_map.iter_rules():
        permission = permission_of(scene.app.view_functions[rule.endpoint])
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            rows = [row for row in ROWS if (row.method, row.path) == (method, matrix.route(rule.rule))]
            named = frozenset().union(*(row.roles for row in rows))
            assert not rows or named == PERMISSIONS[str(permission)], (method, rule.rule)


def test_the_table_is_complete_and_says_nothing_twice() -> None:
    seen: set[tuple[str, ...]] = set()
    for row in ROWS:
        assert row.roles <= EVERYONE
        for relation, cell in row.cells.items():
            present = relation in matrix.STAGES[row.stage]
            assert cell in ({"yes", "empty", "no", "hidden"} if present else {matrix.NO_AGENCY}), row
        for role in row.roles:
            key = (*_key(row), role)
            assert key not in seen, key
            seen.add(key)


@pytest.mark.rule("PER-03")
def test_advanced_scanning_is_a_permission_of_its_own_that_ends_with_the_agency() -> None:
    scanning = next(
        row
        for row in ROWS
        if row.path.endswith("/cases/<case_id>/images") and row.roles == frozenset({"advanced_scanner"})
    )

    assert {relation for relation, cell in scanning.cells.items() if cell == "yes"} == {"accepting", "handling"}
    assert PERMISSIONS["case.scan"] == {"acceptor", "advanced_scanner"}
