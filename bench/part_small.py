"""The peer's process, with a service task that does nothing in place of each script.

A case is: begin it, and twice acquire a random task of the pool and complete it; five calls. One application is shared
by all of an officer's cases, because the peer's process has none.
"""

from __future__ import annotations

from threading import Lock

from bench.bytes import bytes_by_table, largest
from bench.database import Database
from bench.http import Client, Refused
from bench.load import Run, Times, work_side_by_side
from bench.results import Results
from bench.system import Cpu, System, running

PART = "small"
COMPLETE, ACQUIRE, BEGIN = "complete", "acquire", "begin"
#: One case finished a second with one client, p50 and p95 of a completion in ms, statements, commits, bytes: the
#: nearest peer on a machine with two cores as well.
PEER = {"rate": 4.6, "p50": 62.0, "p95": 78.0, "statements": 101, "commits": 5, "bytes": 10.8}
AGENCIES = ("440106", "440113", "440303", "440402", "442099", "440605", "441303", "441999")


class Desks:
    """An officer for each client, and what they finished."""

    def __init__(self, database: Database, system: System, clients: int) -> None:
        names = [f"{prefix}-{agency}" for prefix in ("acceptor", "acceptor2") for agency in AGENCIES]
        tokens = [database.token_of(names[number % len(names)]) for number in range(clients)]
        self.clients = [system.client(token, number) for number, token in enumerate(tokens)]
        self.begun: list[int] = []
        self._lock = Lock()

    def case(self, number: int, times: Times) -> None:
        """One case from beginning to end; with colleagues at the same pool, the tasks may be those of another."""
        client = self.clients[number]
        begun = times.note(BEGIN, client.post("/bench/cases")).json["id"]
        with self._lock:
            self.begun.append(begun)
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


def measure(database: Database, results: Results, seconds: float) -> None:
    """One client on one process in detail; then more of both."""
    rates: dict[tuple[int, int], float] = {}
    for processes in (1, 2):
        with running(database, web=processes) as system:
            for clients in (1, 4, 16):
                desks = Desks(database, system, clients)
                title = f"small, {clients} clients, {processes} processes"
                work_side_by_side(desks.case, clients=clients, seconds=min(2.0, seconds), title=f"{title} (warm-up)")
                with system.measured() as cpu:
                    run = work_side_by_side(desks.case, clients=clients, seconds=seconds, title=title)
                desks.close()
                rates[clients, processes] = run.rate
                _rate(results, run, cpu, clients, processes)
                if (clients, processes) == (1, 1):
                    _detail(database, results, run, desks)
    results.judge(
        PART,
        "small: 4 clients on 2 processes / 1 on 1",
        rates[4, 2] / rates[1, 1],
        "",
        least=1.3,
    )


def _rate(results: Results, run: Run, cpu: Cpu, clients: int, processes: int) -> None:
    name = f"small: cases/s, {clients} clients, {processes} processes"
    note = cpu.shares() if (clients, processes) != (1, 1) else f"{cpu.shares()}; the peer {PEER['rate']}"
    results.add(PART, name, run.rate, "1/s", note=note)
    p95 = run.times.milliseconds(COMPLETE, 0.95)
    results.add(PART, f"small: complete p95, {clients} clients, {processes} processes", p95, "ms")


def _detail(database: Database, results: Results, run: Run, desks: Desks) -> None:
    times = run.times
    p50 = times.milliseconds(COMPLETE, 0.5)
    results.add(PART, "small: complete p50", p50, "ms", note=f"the peer {PEER['p50']}")
    results.add(PART, "small: complete p95", times.milliseconds(COMPLETE, 0.95), "ms", note=f"the peer {PEER['p95']}")
    floors = results.value("floor_http") + results.value("floor_db")
    results.judge(PART, "small: complete / (floor_http + floor_db)", p50 / floors, "", most=2.5)
    results.judge(PART, "small: statements per completion", times.mean_statements(COMPLETE), "", most=12,
                  note=f"the peer {PEER['statements']}")  # fmt: skip
    results.judge(PART, "small: commits per completion", times.mean_commits(COMPLETE), "", most=1,
                  note=f"the peer {PEER['commits']}")  # fmt: skip
    results.add(PART, "small: acquire p50", times.milliseconds(ACQUIRE, 0.5), "ms")
    results.add(PART, "small: begin p50", times.milliseconds(BEGIN, 0.5), "ms")
    sizes = bytes_by_table(database, desks.begun)
    # All cases of an officer share one application.
    sizes.pop("application", None)
    results.judge(PART, "small: kB per finished case", sum(sizes.values()) / 1000, "kB", most=4, note=largest(sizes))
