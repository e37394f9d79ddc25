"""Many cases like a few real ones, written by COPY: other people, numbers, agencies, officers and days in each.

What lists and searches read is copied: person, application, case, process, tasks, events, materials. Indexes are built
afterwards, as a restore does it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql
from tqdm import tqdm

#: Table -> which of its rows belong to case %(case)s of application %(application)s.
TABLES = {
    "person": "id = (SELECT person_id FROM application WHERE id = %(application)s)",
    "application": "id = %(application)s",
    "case": "id = %(case)s",
    "instance": "case_id = %(case)s",
    "task": "case_id = %(case)s",
    "case_event": "case_id = %(case)s OR (case_id IS NULL AND application_id = %(application)s)",
    "material_item": "application_id = %(application)s",
}
OPEN_TASK_STATES = ("pool", "claimed")
#: Days over which the cases were accepted.
SPAN = 90

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Place:
    """An agency of the copies, an outlet of it, its officers by role, and how much of the work is done there."""

    agency: str
    outlet: str
    #: Role -> ids.
    officers: dict[str, list[int]]
    weight: float


@dataclass(frozen=True)
class Original:
    """A real case; `open_roles`: how many of its copies' open tasks wait for each role."""

    case_id: int
    application_id: int
    open_roles: dict[str, float]
    #: Share of the open tasks that an officer has claimed.
    claimed: float = 0.0


def write(connection: Connection, original: Original, count: int, places: Sequence[Place], *, seed: int) -> None:
    """`count` copies. The connection must be a superuser's: references are right by construction and not checked."""
    chance = random.Random(seed)  # noqa: S311  the same cases at each run
    where = chance.choices(places, [place.weight for place in places], k=count)
    roles = _roles(original, chance, count)
    days = [date(2025, 1, 1) + timedelta(days=number * SPAN // count) for number in range(count)]
    last = {table: _number(connection, sql.SQL("SELECT coalesce(max(id), 0) FROM {}"), table) for table in TABLES}
    sheets = {table: _rows(connection, table, original) for table in TABLES}
    instances = [row["id"] for row in sheets["instance"]]

    def changed(table: str, number: int, place_of_row: int, row: dict[str, Any]) -> dict[str, Any]:
        place, rows = where[number], sheets[table]
        own = last["case"] + number + 1
        new: dict[str, Any] = {"id": last[table] + number * len(rows) + place_of_row + 1}
        for name, one in (("case", "case_id"), ("application", "application_id"), ("person", "person_id")):
            if row.get(one) is not None:
                new[one] = last[name] + number + 1
        if row.get("instance_id") is not None:
            new["instance_id"] = last["instance"] + number * len(instances) + instances.index(row["instance_id"]) + 1
        if table == "person":
            new["identity_key"] = f"{own:064x}"
        if table in ("case", "application"):
            new |= {"accepting_agency_code": place.agency, "handling_agency_code": place.agency}
            new["outlet_code"] = place.outlet
        if table == "case":
            new |= {"receipt_number": f"9{own:012d}", "serial_number": f"8{own:012d}"}
            new["due_on"] = days[number] + timedelta(days=21)
            new["accepted_by_id"] = chance.choice(place.officers["acceptor"])
        if table == "task":
            new |= _task(row, place, roles[number], own, original.claimed, chance)
        return new

    for table, rows in sheets.items():
        _copy(connection, table, rows, count, changed)
        _number(connection, sql.SQL("SELECT setval(pg_get_serial_sequence('{0}', 'id'), max(id)) FROM {0}"), table)


def _task(
    row: dict[str, Any], place: Place, role: str, own: int, claimed: float, chance: random.Random
) -> dict[str, Any]:
    new: dict[str, Any] = {"agency_code": place.agency, "process_task_id": f"{own:012x}-{row['id']}"}
    new["shuffle"] = chance.random()
    if row["completed_by_id"] is not None:
        new["completed_by_id"] = new["claimed_by_id"] = chance.choice(_doing(place, row["role"]))
    if row["state"] in OPEN_TASK_STATES:
        new["role"] = role
        taken = chance.random() < claimed
        new["state"] = "claimed" if taken else "pool"
        new["claimed_by_id"] = chance.choice(_doing(place, role)) if taken else None
    return new


def _doing(place: Place, role: str) -> list[int]:
    return place.officers.get(role) or place.officers["acceptor"]


def _roles(original: Original, chance: random.Random, count: int) -> list[str]:
    names = list(original.open_roles) or ["none"]
    return chance.choices(names, list(original.open_roles.values()) or [1.0], k=count)


def _rows(connection: Connection, table: str, original: Original) -> list[dict[str, Any]]:
    query = sql.SQL("SELECT row_to_json(t)::text FROM {} t WHERE ").format(sql.Identifier(table))
    ids = {"case": original.case_id, "application": original.application_id}
    columns = [column.name for column in connection.execute(_none_of(table)).description or ()]
    casted = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    query = sql.SQL("SELECT {} FROM {} WHERE ").format(casted, sql.Identifier(table)) + sql.SQL(TABLES[table])
    found = connection.execute(query + sql.SQL(" ORDER BY id"), ids).fetchall()
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    for row in rows:
        for name in ("id", "instance_id"):
            if row.get(name) is not None:
                row[name] = int(row[name])
    return rows


def _none_of(table: str) -> sql.Composed:
    return sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table))


def _copy(
    connection: Connection,
    table: str,
    rows: Sequence[dict[str, Any]],
    count: int,
    changed: Callable[[str, int, int, dict[str, Any]], dict[str, Any]],
) -> None:
    columns = list(rows[0])
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    first = [changed(table, 0, place, row) for place, row in enumerate(rows)]
    # What is the same in all copies is written into a pattern once.
    patterns = [pattern(row, new) for row, new in zip(rows, first, strict=True)]
    with connection.cursor().copy(statement) as copy:
        for number in tqdm(range(count), desc=table, leave=False, disable=None):
            lines = [
                line % tuple(_written(new[name]) for name in columns if name in new)
                for line, new in (
                    (line, changed(table, number, place, row))
                    for place, (line, row) in enumerate(zip(patterns, rows, strict=True))
                )
            ]
            copy.write("".join(lines))


def pattern(row: dict[str, Any], new: dict[str, Any]) -> str:
    """The line of COPY with `%s` in place of each value of `new`."""
    fields = ("%s" if name in new else _written(value).replace("%", "%%") for name, value in row.items())
    return "\t".join(fields) + "\n"


def _written(value: Any) -> str:
    """As COPY reads it."""
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return str(value)


@contextmanager
def bulk(connection: Connection) -> Iterator[None]:
    """No check of references meanwhile, and the indexes that guard nothing are built at the end."""
    tables = [f'"{table}"' if table == "case" else table for table in TABLES]
    connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
    indexes = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " WHERE NOT i.indisunique AND i.indrelid = ANY(%s::text[]::regclass[])",
        (tables,),
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in tqdm(indexes, desc="indexes", leave=False, disable=None):
        connection.execute(definition)
    connection.execute("SET session_replication_role = origin")
    for table in tables:
        connection.execute(f"VACUUM (ANALYZE) {table}")


def _number(connection: Connection, query: sql.SQL, table: str) -> int:
    row = connection.execute(query.format(sql.Identifier(table))).fetchone()
    return int(str(row[0])) if row else 0
