"""One run on one database: load, kills, and the verdict."""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from config.settings import Settings
from tests import applications
from tests.crash.clients import Ledger, Office, RandomClient, open_office
from tests.crash.postgres import Cluster
from tests.crash.processes import Process, Site, environment, free_port
from tests.crash.verdict import Verdict, judge


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How hard it is going to be."""

    kills: int
    seed: int
    #: After so long no more kills are made.
    seconds: float
    clients: int = 6
    #: Between two kills, at most.
    pause: float = 2.5
    #: So long a client waits for an answer before it asks elsewhere.
    patience: float = 60.0
    #: How often PostgreSQL is stopped as if the power had gone.
    stops: int = 5


@dataclass
class Result:
    """What came out of a run."""

    database: str
    kills: int
    stops: int
    seconds: float
    ledger: Ledger
    verdict: Verdict

    @property
    def good(self) -> bool:
        return self.verdict.good

    def lines(self) -> list[str]:
        """For people; the last one is the result."""
        asked = len(self.ledger.confirmed) + sum(self.ledger.refused.values())
        return [
            f"{self.database}: {self.seconds:.0f} s, {asked} requests answered, {self.ledger.repeated} sent again,"
            f" {sum(self.ledger.refused.values())} refused, PostgreSQL stopped {self.stops} times",
            *self.verdict.sentences(),
            f"{self.database}: {self.verdict.line(self.kills)}",
        ]


@dataclass
class Ground:
    """A filled database, the processes on it, and an application of this process that looks into it."""

    url: str
    home: Path
    app: Flask
    site: Site
    cluster: Cluster | None = None


def on_postgres(plan: Plan, say: Callable[[str], None]) -> Result:
    """Two web and two worker processes on a PostgreSQL of their own."""
    cluster = Cluster()
    try:
        cluster.start()
        with folder() as home:
            url = cluster.create("tongban_crash")
            apart = environment(url, home, {"TONGBAN_SCHEDULER": "off"})
            processes = [_web(f"web-{number}", apart, home) for number in (1, 2)]
            processes += [Process(f"worker-{number}", "worker", apart, home / "worker.log") for number in (1, 2)]
            return run_on("postgresql", Ground(url, home, filled(url, home), Site(processes), cluster), plan, say)
    finally:
        cluster.remove()


def on_sqlite(plan: Plan, say: Callable[[str], None]) -> Result:
    """One process that does everything, as `make run` starts it."""
    with folder() as home:
        processes = [_web("web", environment("", home), home)]
        return run_on("sqlite", Ground("", home, filled("", home), Site(processes)), plan, say)


def _web(name: str, told: dict[str, str], home: Path) -> Process:
    port = free_port()
    return Process(name, "serve", {**told, "TONGBAN_PORT": str(port)}, home / f"{name}.log", port=port)


def filled(url: str, home: Path) -> Flask:
    """The database filled as by a first start, and an application that looks into it."""
    applications.fill(url, home)
    return applications.build(Settings(mode="test", home=home, database_url=url, scheduler=False))


@contextmanager
def folder() -> Iterator[Path]:
    """A home folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tongban-crash-", ignore_cleanup_errors=True) as name:
        yield Path(name)


#: What happens to the system while clients work.
Trouble = Callable[["Ground", Plan, random.Random, Callable[[str], None]], None]


def run_on(name: str, ground: Ground, plan: Plan, say: Callable[[str], None], trouble: Trouble | None = None) -> Result:
    """Load and trouble (killing processes, where nothing else is said), and what is left is judged."""
    happen = trouble or _kill
    chance = random.Random(plan.seed)
    began = time.monotonic()
    say(f"{name}: starting")
    try:
        ground.site.start()
        office = open_office(ground.app, ground.site)
        with working(office, plan):
            happen(ground, plan, chance, lambda text: say(f"{name}: {text}, {len(office.ledger.confirmed)} confirmed"))
        say(f"{name}: {len(office.ledger.confirmed)} confirmed, looking at what is left")
        ground.site.stop()
        verdict = judge(ground.app, office.ledger, ground.home)
        verdict.broken += _complaints(ground.home)
    finally:
        ground.site.stop()
        applications.close(ground.app)
    stops = ground.cluster.stops if ground.cluster else 0
    return Result(name, ground.site.kills, stops, time.monotonic() - began, office.ledger, verdict)


@contextmanager
def working(office: Office, plan: Plan) -> Iterator[None]:
    """Clients at work meanwhile; afterwards each finishes what it began."""
    threads = [
        threading.Thread(target=RandomClient(office, number, plan.seed).run, name=f"client-{number}", daemon=True)
        for number in range(plan.clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
        # The last request of each gets its answer from a system that is left in peace.
        office.site.wait_until_all_answer()
    finally:
        office.stopped.set()
        for thread in threads:
            thread.join(timeout=300)
    still = [thread.name for thread in threads if thread.is_alive()]
    if still:
        office.ledger.note("faults", f"still waiting at the end: {', '.join(still)}")


def _kill(ground: Ground, plan: Plan, chance: random.Random, say: Callable[[str], None]) -> None:
    until = time.monotonic() + plan.seconds
    stops = sorted(chance.sample(range(1, plan.kills), plan.stops), reverse=True) if ground.cluster else []
    while ground.site.kills < plan.kills and time.monotonic() < until:
        time.sleep(chance.uniform(0.05, plan.pause))
        if chance.random() < 0.1:
            # Now and then all of them live long enough to be in the midst of their work.
            ground.site.wait_until_all_answer()
            time.sleep(chance.uniform(0.2, 1.5))
        if stops and ground.site.kills >= stops[-1] and ground.cluster is not None:
            stops.pop()
            ground.cluster.stop_immediately()
            time.sleep(chance.uniform(0.0, 1.5))
            ground.cluster.start()
        ground.site.kill_one(chance)
        if ground.site.kills % 20 == 0:
            say(f"{ground.site.kills} kills")


#: Of a fault that is ours: what a killed neighbour or a stopped database does to a process has other names.
_SIGNS = ('"request_failed"', '"audit_entry_not_genuine"', "Error handling request")


def _complaints(home: Path) -> list[str]:
    """Faults that the processes logged although nothing was wrong with them but being killed."""
    found = []
    for file in home.glob("*.log"):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if any(sign in line for sign in _SIGNS):
                found.append(f"{file.name}: {line[:1500]}")
    return found[:5]


def to_terminal(text: str) -> None:
    """A line for people, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
