"""The peer's process, with a service task that does nothing in place of each script.

A case is: begin it, and twice acquire a random task of the pool and complete it; five calls. One application is shared
by all of an officer's cases, because the peer's process has none.
"""

from __future__ import annotations

from functools import partial
from threading import Lock

from bench.bytes import bytes_by_table, largest
from bench.database import Database
from bench.http import Client, Refused
from bench.load import Times
from bench.results import Results
from bench.rounds import COMPLETE, measure, report
from bench.system import System

PART = "small"
ACQUIRE, BEGIN = "acquire", "begin"
#: The nearest peer, with one client on a machine with two cores as well: unit, and how it did.
PEER = (
    ("cases/s, 1 client, 1 web", "1/s", 4.6),
    ("complete p50", "ms", 62.0),
    ("complete p95", "ms", 78.0),
    ("statements per completion", "", 101.0),
    ("commits per completion", "", 5.0),
    ("kB per finished case", "kB", 10.8),
)
AGENCIES = ("440106", "440113", "440303", "440402", "442099", "440605", "441303", "441999")


class Desks:
    """An officer for each client, and what they finished."""

    def __init__(self, database: Database, system: System, clients: int) -> None:
        names = [f"{prefix}-{agency}" for prefix in ("acceptor", "acceptor2") for agency in AGENCIES]
        tokens = [database.token_of(names[number % len(names)]) for number in range(clients)]
        self.clients = [system.client(token, number) for number, token in enumerate(tokens)]
        self.finished: list[int] = []
        self._lock = Lock()

    def case(self, number: int, times: Times) -> None:
        """One case from beginning to end; with colleagues at the same pool, the tasks may be those of another."""
        client = self.clients[number]
        begun = times.note(BEGIN, client.post("/bench/cases")).json["id"]
        with self._lock:
            self.finished.append(begun)
        for _ in range(2):
            self._work(client, times)

    def _work(self, client: Client, times: Times) -> None:
        try:
            task = times.note(ACQUIRE, client.post("/api/v1/tasks/acquisitions")).json
        except Refused as refusal:
            if refusal.answer.status == 404:
                # A colleague has taken both tasks of the case.
                return
            raise
        body = {"outcome": "done", "version": task["version"]}
        times.note(COMPLETE, client.post(f"/api/v1/tasks/{task['id']}/completion", body))

    def close(self) -> None:
        """Leave the connections."""
        for client in self.clients:
            client.close()


def measure_small(database: Database, results: Results, *, runs: int, seconds: float) -> None:
    """In rounds, every number of clients and processes."""
    measured = measure(database, partial(Desks, database), part=PART, runs=runs, seconds=seconds)
    report(measured, results, PART)
    sizes = bytes_by_table(database, measured.finished)
    # All cases of an officer share one application.
    sizes.pop("application", None)
    results.judge(PART, "small: kB per finished case", sum(sizes.values()) / 1000, "kB", most=4, note=largest(sizes))
    for name, unit, value in PEER:
        results.add(PART, f"peer: {name}", value, unit)
