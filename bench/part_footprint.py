"""What the system takes before anybody asks for anything: memory, the start, reading and publishing a diagram."""

from __future__ import annotations

from time import perf_counter

from api.demo.story import application
from bench.database import Database
from bench.load import median, work_side_by_side
from bench.part_medical import HANDLING, PEOPLE, Offices
from bench.people import import_people
from bench.results import Results
from bench.system import running
from config.settings import PROJECT
from engine import clock
from engine.db import transaction
from engine.process import definitions, parser
from engine.process.library import read_library

PART = "footprint"
SERVICE = "medical_expense"
MEGABYTE = 1024 * 1024
CLIENTS = 4


def measure_footprint(database: Database, results: Results, *, runs: int, seconds: float) -> None:
    """Each as the median of the runs."""
    import_people(database, PEOPLE, HANDLING)
    found = [_run(database, seconds) for _ in range(runs)]
    start, web, worker, busy = (median(list(values)) for values in zip(*found, strict=True))
    results.add(PART, "footprint: start to first answer", start, "s")
    results.add(PART, "footprint: memory of a web process, started", web, "MB")
    results.add(PART, "footprint: memory of a web process, after load", busy, "MB")
    results.add(PART, "footprint: memory of a worker", worker, "MB")
    parsed, published = median([_parse() for _ in range(runs)]), median([_publish(database) for _ in range(runs)])
    results.add(PART, f"footprint: parse {SERVICE} and all it calls", 1000 * parsed, "ms")
    results.add(PART, f"footprint: check and publish {SERVICE}", 1000 * published, "ms")


def _run(database: Database, seconds: float) -> tuple[float, float, float, float]:
    began = perf_counter()
    with running(database) as system:
        start = perf_counter() - began
        web = system.web[0].memory_bytes
    with running(database, workers=1) as system:
        crew = Offices(database, application(SERVICE), system, CLIENTS)
        work_side_by_side(crew.case, clients=CLIENTS, seconds=seconds)
        crew.close()
        worker, busy = system.workers[0].memory_bytes, system.web[0].memory_bytes
    return start, web / MEGABYTE, worker / MEGABYTE, busy / MEGABYTE


def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (PROJECT / "bpmn").rglob("*") if path.suffix in (".bpmn", ".dmn")}


def _parse() -> float:
    files = _files()
    began = perf_counter()
    library, _ = read_library(files)
    part = library.part(library.closure(SERVICE))
    parser.build("bench", SERVICE, part.diagrams, part.tables)
    return perf_counter() - began


def _publish(database: Database) -> float:
    """With a comment that no version before has had."""
    content = _files()[f"{SERVICE}.bpmn"] + f"<!-- {perf_counter()} -->\n".encode()
    began = perf_counter()
    with database.app.app_context(), transaction() as session:
        definitions.publish(session, {f"{SERVICE}.bpmn": content}, by="bench", at=clock.now())
    return perf_counter() - began
