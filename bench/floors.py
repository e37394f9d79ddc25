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
from tqdm import trange

from bench.database import Database
from bench.load import median, percentile
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


def measure(database: Database, system: System, results: Results, rounds: int) -> None:
    """All four, as medians (and the 95th percentile of those that are calls)."""
    for name, seconds in (("floor_http", _http(database, system, rounds)), ("floor_db", _db(database, rounds))):
        results.add(PART, name, 1000 * median(seconds), "ms", note=f"p95 {1000 * percentile(seconds, 0.95):.2f}")
    library = results.add(PART, "library", 1000 * _library(rounds), "ms", note="one completion, processor time")
    engine = results.add(PART, "engine", 1000 * _engine(database, rounds), "ms", note="one completion, processor time")
    results.judge(PART, "engine / library", engine / library, "", most=0.4)


def _http(database: Database, system: System, rounds: int) -> list[float]:
    client = system.client(database.token_of("acceptor-440106"))
    answers = [client.get("/bench/floor") for _ in trange(rounds + WARM_UP, desc="floor_http", leave=False)]
    client.close()
    return [answer.seconds for answer in answers[WARM_UP:]]


def _db(database: Database, rounds: int) -> list[float]:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bench_row (id int PRIMARY KEY, version int NOT NULL, state text NOT NULL);"
            "CREATE TABLE IF NOT EXISTS bench_fact (id serial PRIMARY KEY, row_id int NOT NULL, kind text NOT NULL)"
        )
        connection.execute("INSERT INTO bench_row SELECT id, 1, repeat('x', 400) FROM generate_series(1, 1000) id")
        connection.commit()
        seconds = [_one_transaction(connection, number % 1000 + 1) for number in range(rounds + WARM_UP)]
    return seconds[WARM_UP:]


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


def _library(rounds: int) -> float:
    """Processor seconds of one completion by the library as it comes."""
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

    return _two_completions(begin, complete, rounds)


def _engine(database: Database, rounds: int) -> float:
    """Processor seconds of one completion by our runtime."""
    with database.app.app_context(), transaction() as session:
        definition = definitions.load(session, definitions.current(session, SMALL).hash)
    host = _Nobody()

    def begin() -> bytes:
        return Run.start(definition, {"case_id": 1}, host).dump()

    def complete(state: bytes) -> bytes:
        return _completed(definition, state, host)

    return _two_completions(begin, complete, rounds)


def _completed(definition: Definition, state: bytes, host: _Nobody) -> bytes:
    run = Run.restore(definition, state, host)
    (waiting,) = run.waiting()
    run.complete(waiting.task_id, DONE)
    return run.dump()


def _two_completions(begin: Callable[[], Any], complete: Callable[[Any], Any], rounds: int) -> float:
    """Processor seconds of one of the two completions of the small process; beginning it is not counted."""
    used = []
    for _ in range(rounds + WARM_UP):
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
