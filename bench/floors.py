"""What the same work cannot cost less than, on this machine and in this run.

floor_http   a trivial JSON route of the same web process, with log-in
floor_db     one transaction on the same database: read, versioned update, two inserts, by the bare driver
library      SpiffWorkflow as it comes: the small process, with its own full serialisation to JSON between steps
engine       the same process by our runtime: restore, complete, run on, dump
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter, process_time
from typing import Any

import psycopg
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.util.task import TaskState

from bench.database import Database
from bench.load import median
from bench.results import Results
from bench.serve import SMALL
from bench.system import System
from config.settings import PROJECT
from engine.db import transaction
from engine.process import definitions
from engine.process.diagram import Definition, Element
from engine.process.operators import Scalar
from engine.process.runtime import Run

PART = "floors"
DONE = {"outcome": "done"}
WARM_UP = 20

#: Begins a process; completes its open task.
Act = tuple[Callable[[], Any], Callable[[Any], Any]]


class Floors:
    """The trivial route and the bare transaction, called in between what is measured."""

    def __init__(self, database: Database, system: System) -> None:
        self._client = system.client(database.token_of("acceptor-440106"))
        self._connection = psycopg.connect(database.dsn)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_row (id int PRIMARY KEY, version int NOT NULL, state text NOT NULL);"
            "CREATE TABLE IF NOT EXISTS bench_fact (id serial PRIMARY KEY, row_id int NOT NULL, kind text NOT NULL);"
            "INSERT INTO bench_row SELECT id, 1, repeat('x', 400) FROM generate_series(1, 1000) id"
            " ON CONFLICT DO NOTHING"
        )
        self._connection.commit()
        self.http: list[float] = []
        self.db: list[float] = []

    def call(self, times: int) -> None:
        """Both, that often."""
        for _ in range(times):
            self.http.append(self._client.get("/bench/floor").seconds)
            self.db.append(_one_transaction(self._connection, len(self.db) % 1000 + 1))

    def close(self) -> None:
        """Leave the connections."""
        self._client.close()
        self._connection.close()


def _one_transaction(connection: psycopg.Connection[tuple[Any, ...]], row_id: int) -> float:
    started = perf_counter()
    row = connection.execute("SELECT version, state FROM bench_row WHERE id = %s FOR UPDATE", (row_id,)).fetchone()
    assert row is not None
    connection.execute(
        "UPDATE bench_row SET version = version + 1, state = %s WHERE id = %s AND version = %s",
        (row[1], row_id, row[0]),
    )
    for kind in ("task_completed", "task_opened"):
        connection.execute("INSERT INTO bench_fact (row_id, kind) VALUES (%s, %s)", (row_id, kind))
    connection.commit()
    return perf_counter() - started


def measure(database: Database, results: Results, *, runs: int, calls: int) -> None:
    """One completion by the library as it comes and by our runtime, in turn: processor time."""
    acts = _library(), _engine(database)
    pairs = [tuple(_completion(begin, complete, calls) for begin, complete in acts) for _ in range(runs)]
    results.add(PART, "library", 1000 * median([library for library, _ in pairs]), "ms")
    results.add(PART, "engine", 1000 * median([engine for _, engine in pairs]), "ms")
    share = median([engine / library for library, engine in pairs])
    results.judge(PART, "engine / library", share, "", most=0.4, note="processor time of one completion")


def _library() -> Act:
    """The library as it comes."""
    parser = BpmnParser()
    # Its service tasks cannot be saved by its own serializer; a plain task costs it less.
    diagram = (PROJECT / "bench" / f"{SMALL}.bpmn").read_text(encoding="utf-8")
    parser.add_bpmn_str(diagram.replace("bpmn:serviceTask", "bpmn:task").encode())
    spec = parser.get_spec(SMALL)
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure())

    def begin() -> str:
        workflow = BpmnWorkflow(spec)
        workflow.do_engine_steps()
        return str(serializer.serialize_json(workflow))

    def complete(state: str) -> str:
        workflow = serializer.deserialize_json(state)
        task = workflow.get_next_task(state=TaskState.READY, manual=True)
        task.data.update(DONE)
        task.run()
        workflow.do_engine_steps()
        return str(serializer.serialize_json(workflow))

    return begin, complete


def _engine(database: Database) -> Act:
    """Our runtime."""
    with database.app.app_context(), transaction() as session:
        definition = definitions.load(session, definitions.current(session, SMALL).hash)
    host = _Nobody()

    def begin() -> bytes:
        return Run.start(definition, {"case_id": 1}, host).dump()

    def complete(state: bytes) -> bytes:
        return _completed(definition, state, host)

    return begin, complete


def _completed(definition: Definition, state: bytes, host: _Nobody) -> bytes:
    run = Run.restore(definition, state, host)
    (waiting,) = run.waiting()
    run.complete(waiting.task_id, DONE)
    return run.dump()


def _completion(begin: Callable[[], Any], complete: Callable[[Any], Any], calls: int) -> float:
    """Processor seconds of one of the two completions of the small process; beginning it is not counted."""
    used = []
    for _ in range(calls + WARM_UP):
        state = begin()
        started = process_time()
        complete(complete(state))
        used.append((process_time() - started) / 2)
    return median(used[WARM_UP:])


class _Nobody:
    """A host that does nothing."""

    def call(self, element: Element, task_id: str, data: Mapping[str, Any]) -> Mapping[str, Scalar] | None:
        return None

    def entered(self, element: Element, task_id: str) -> None:
        """Nobody looks."""

    def finished(self, element: Element, task_id: str, data: Mapping[str, Any]) -> None:
        """Nobody looks."""
