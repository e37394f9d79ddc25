"""The processes under load: started, waited for, stopped, and what they used of the processor and of memory."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from time import monotonic, process_time, sleep

from bench.database import Database
from bench.http import Client, Unreachable
from bench.serve import ready_mark
from config.settings import PROJECT

HOST = "127.0.0.1"
START_SECONDS = 120.0
SETTLE_SECONDS = 90.0
_LEFT = "SELECT 1 FROM audit_pending LIMIT 1"
_TICK = os.sysconf("SC_CLK_TCK")


class NotSettled(Exception):
    """Work for later is not done in time."""


class NotStarted(Exception):
    """A process did not come up; the message ends with what it said last."""


@dataclass
class Process:
    """A web or worker process; `port` 0: a worker."""

    popen: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    @property
    def pids(self) -> list[int]:
        """It and its children (gunicorn forks the one that serves)."""
        return [self.popen.pid, *children(self.popen.pid)]

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process that does the work, the largest of them."""
        return max(_resident(pid) for pid in self.pids)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not enough."""
        self.popen.terminate()
        try:
            self.popen.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL for it and its children, at once."""
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.popen.wait()


@dataclass
class Cpu:
    """Seconds of processor time that each side used."""

    client: float = 0.0
    server: float = 0.0
    worker: float = 0.0
    database: float = 0.0

    def __add__(self, other: Cpu) -> Cpu:
        return Cpu(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def shares(self) -> str:
        """As a sentence of the table."""
        parts = asdict(self).items()
        total = sum(used for _, used in parts) or 1.0
        return ", ".join(f"{name} {used / total:.0%}" for name, used in parts)


@dataclass
class System:
    """Web and worker processes on one database."""

    database: Database
    web: list[Process] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    def client(self, token: str, number: int = 0) -> Client:
        """A connection to the web process that client `number` uses."""
        return Client(HOST, self.web[number % len(self.web)].port, token)

    def part(self, processes: int) -> System:
        """The same with its first web processes alone; the others have nothing to do then."""
        return System(self.database, self.web[:processes], self.workers)

    @contextmanager
    def measured(self) -> Iterator[Cpu]:
        """What is used meanwhile; to be read afterwards."""
        used = Cpu()
        before = self._used()
        yield used
        after = self._used()
        used.client, used.server, used.worker, used.database = (b - a for a, b in zip(before, after, strict=True))

    def _used(self) -> tuple[float, float, float, float]:
        web, workers = (
            sum(_processor(pid) for process in processes for pid in process.pids)
            for processes in (self.web, self.workers)
        )
        with self.database.connect() as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
        return process_time(), web, workers, sum(_processor(int(str(row[0]))) for row in rows)

    def settle(self) -> None:
        """Until the workers have sealed the whole audit log. Raises `NotSettled`."""
        until = monotonic() + SETTLE_SECONDS
        with self.database.connect() as connection:
            while connection.execute(_LEFT).fetchone() is not None:
                if monotonic() > until:
                    raise NotSettled(f"entries of the audit log are not sealed after {SETTLE_SECONDS:.0f} s")
                sleep(0.2)


@contextmanager
def running(database: Database, *, web: int = 1, workers: int = 0) -> Iterator[System]:
    """That many processes, ready to answer; stopped afterwards. Raises `NotStarted`."""
    system = System(database)
    try:
        for _ in range(web):
            system.web.append(start_web(database.url, database.home))
        for _ in range(workers):
            system.workers.append(start_worker(database.url, database.home))
        wait_for([*system.web, *system.workers])
        yield system
    finally:
        for process in (*system.web, *system.workers):
            process.stop()


def start_web(url: str, home: Path, port: int = 0) -> Process:
    """A web process on a free port, or on this one; it is not waited for."""
    port = port or free_port()
    return _start(url, home, port, "web")


def start_worker(url: str, home: Path) -> Process:
    """A worker process."""
    return _start(url, home, 0, "worker")


def wait_for(processes: Sequence[Process]) -> None:
    """Until each web process answers its health route and each worker says that it is up. Raises `NotStarted`."""
    until = monotonic() + START_SECONDS
    for process in processes:
        while not answers(process):
            if process.popen.poll() is not None or monotonic() > until:
                said = process.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
                raise NotStarted("\n".join(said))
            sleep(0.05)


def answers(process: Process) -> bool:
    """It answers, and its database does; a worker: it has come up."""
    if not process.port:
        return ready_mark(process.log.parent, process.popen.pid).exists()
    client = Client(HOST, process.port, "nobody")
    try:
        return client.ask("GET", "/healthz").status == 200
    except Unreachable:
        return False
    finally:
        client.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _start(url: str, home: Path, port: int, role: str) -> Process:
    home.mkdir(parents=True, exist_ok=True)
    own = {
        "TONGBAN_MODE": "test",
        "TONGBAN_HOME": str(home),
        "TONGBAN_HOST": HOST,
        "TONGBAN_PORT": str(port or free_port()),
        "TONGBAN_DATABASE_URL": url,
        "TONGBAN_SCHEDULER": "off",
        "TONGBAN_LOG_IN_REQUESTS": "0",
        "TONGBAN_ADDRESS_REQUESTS": "0",
        "PYTHONPATH": str(PROJECT),
    }
    log = home / f"{role}-{port}-{monotonic()}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "bench.serve", role],
            cwd=PROJECT,
            env={**os.environ, **own},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Process(popen, log, port)


def children(pid: int) -> list[int]:
    """The processes that this one has forked, and theirs."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    direct = [int(child) for child in found]
    return direct + [below for child in direct for below in children(child)]


def _processor(pid: int) -> float:
    """Seconds of processor time a process has used; none for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)
