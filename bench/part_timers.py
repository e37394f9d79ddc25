"""Timers: a batch that is due at once among many that wait, by one worker and by four; and one that comes due alone."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import select
from tqdm import tqdm

from bench.database import Database
from bench.load import median
from bench.results import Results
from bench.serve import TIMER, new_case
from bench.system import running
from engine import clock
from engine.actor import Actor
from engine.casework import instances
from engine.db import transaction
from engine.models import Agency, Instance, Officer
from engine.process import definitions

PART = "timers"
WORKERS = (1, 4)
#: The tick of a worker, in seconds, and how late a single timer may be beyond it.
TICK, GRACE = 1.0, 1.0
SINGLES = 5
AHEAD = timedelta(seconds=2)
PATIENCE_SECONDS = 600.0
#: What the prepared state is due at: replaced in each copy.
MARK = datetime(2001, 1, 1, tzinfo=clock.SHANGHAI)
LATER = datetime(2099, 1, 1, tzinfo=clock.SHANGHAI)
FIRED = "SELECT count(*), count(DISTINCT case_id) FROM case_event WHERE kind = 'bench_timer_fired'"


class Waiting:
    """Cases whose process waits for a moment, copied from a real one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last = 1_000_000
        with database.app.app_context(), transaction() as session:
            officer = session.scalars(select(Officer).where(Officer.username == "acceptor-440106")).one()
            path = session.get_one(Agency, officer.agency_code).path
            actor = Actor(
                officer_id=officer.id,
                name=officer.name,
                agency_code=officer.agency_code,
                agency_path=path,
                roles=frozenset(officer.roles),
            )
            pinned = definitions.current(session, TIMER).hash
            case = new_case(session, actor, pinned, duplicate_reason=MARK.isoformat())
            instance = instances.start(
                session, process_id=TIMER, subject="case", subject_row=case, actor=actor, definition_hash=pinned
            )
            self._format, self._state = instance.state[:1], zlib.decompress(instance.state[1:]).decode()
            self._case_id, self._instance_id, self._definition = case.id, instance.id, pinned
        with database.connect() as connection:
            connection.execute("UPDATE instance SET due_at = NULL WHERE id = %s", (self._instance_id,))

    def add(self, moments: Iterable[datetime], count: int) -> None:
        """So many more, each due at its moment."""
        first, self.last = self.last + 1, self.last + count
        with self.database.connect() as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            self._copy_cases(connection, first)
            columns = "id, subject, case_id, definition_hash, state, version, due_at"
            with connection.cursor().copy(f"COPY instance ({columns}) FROM STDIN") as copy:
                for row in self._rows(first, tqdm(moments, total=count, desc="timers", leave=False, disable=None)):
                    copy.write_row(row)

    def _copy_cases(self, connection: psycopg.Connection[tuple[Any, ...]], first: int) -> None:
        names = [one.name for one in connection.execute('SELECT * FROM "case" LIMIT 0').description or ()]
        own = {"id": "n", "receipt_number": "'R' || n", "serial_number": "'S' || n"}
        values = sql.SQL(", ").join(sql.SQL(own[name]) if name in own else sql.Identifier(name) for name in names)
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        query = 'INSERT INTO "case" ({}) SELECT {} FROM "case", generate_series(%s::int, %s::int) n WHERE id = %s'
        connection.execute(sql.SQL(query).format(columns, values), (first, self.last, self._case_id))

    def _rows(self, first: int, moments: Iterable[datetime]) -> Iterator[tuple[Any, ...]]:
        token, mark = orjson.loads(self._state)[1], MARK.isoformat()
        for number, moment in enumerate(moments, first):
            own = self._state.replace(token, f"{number:016x}").replace(mark, moment.isoformat())
            own = own.replace(f'"case_id":{self._case_id}', f'"case_id":{number}')
            state = self._format + zlib.compress(own.encode(), 1)
            yield number, "case", number, self._definition, state, 1, moment

    def tidy(self) -> None:
        """What autovacuum would do in the end, so that it does not do it while something is measured."""
        with self.database.connect() as connection:
            connection.execute('VACUUM (ANALYZE) "case", instance')

    def fired(self) -> tuple[int, int]:
        """How many firings there were, and of how many cases."""
        with self.database.connect() as connection:
            row = connection.execute(FIRED).fetchone()
        return (int(str(row[0])), int(str(row[1]))) if row else (0, 0)


def measure_timers(database: Database, results: Results, *, due: int, waiting: int) -> None:
    """Both batches and the single ones, among those that wait."""
    timers = Waiting(database)
    timers.add((LATER + timedelta(minutes=number) for number in range(waiting)), waiting)
    timers.tidy()
    for workers in WORKERS:
        name = f"timers: fired/s, {due:,} due among {waiting:,}, {workers} {'worker' if workers == 1 else 'workers'}"
        results.add(PART, name, _batch(timers, workers, due), "1/s")
    lags = _singles(timers)
    results.add(PART, f"timers: lag of a single one among {waiting:,}, median", median(lags), "s")
    results.judge(PART, f"timers: lag of a single one among {waiting:,}, worst of {SINGLES}", max(lags), "s",
                  most=TICK + GRACE)  # fmt: skip
    firings, cases = timers.fired()
    results.judge(PART, "timers: fired twice", firings - cases, "", most=0)
    results.judge(PART, "timers: due and not fired", due * len(WORKERS) + SINGLES - cases, "", most=0)


def _batch(timers: Waiting, workers: int, due: int) -> float:
    """Timers a second, from the first that fires to the last; all come due in one instant, the end of a day."""
    before = timers.fired()[0]
    with running(timers.database, web=0, workers=workers):
        end_of_day = clock.now() - timedelta(seconds=1)
        timers.add((end_of_day for _ in range(due)), due)
        _wait(timers, before + due)
    query = "SELECT extract(epoch FROM max(at) - min(at)) FROM case_event WHERE kind = 'bench_timer_fired'"
    with timers.database.connect() as connection:
        row = connection.execute(f"{query} AND case_id > %s", (timers.last - due,)).fetchone()
    return due / max(float(str(row and row[0])), 0.001)


def _wait(timers: Waiting, fired: int) -> None:
    until = monotonic() + PATIENCE_SECONDS
    while timers.fired()[0] < fired:
        if monotonic() > until:
            raise TimeoutError(f"{timers.fired()[0]} of {fired} timers fired in {PATIENCE_SECONDS:.0f} s")
        sleep(0.1)


def _singles(timers: Waiting) -> list[float]:
    """Seconds between the moment of a timer and its firing, one after the other."""
    lags = []
    with running(timers.database, web=0, workers=1):
        for _ in range(SINGLES):
            moment = clock.now() + AHEAD
            before = timers.fired()[0]
            timers.add([moment], 1)
            _wait(timers, before + 1)
            with timers.database.app.app_context(), transaction() as session:
                ended = session.scalars(select(Instance.ended_at).where(Instance.id == timers.last)).one()
            assert ended is not None
            lags.append((ended - moment).total_seconds())
    return lags
