"""The processes of the system, started again whenever they end, and killed at any instruction."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bench.http import Client, Unreachable
from bench.system import children
from config.settings import PROJECT

COMMAND = [sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())"]
PATIENCE = 120.0


@dataclass
class Process:
    """One `tongban serve` or `tongban worker`, as an operator's service manager keeps it."""

    name: str
    role: str
    environment: Mapping[str, str]
    log: Path
    host: str = "127.0.0.1"
    port: int = 0
    prefix: Sequence[str] = ()
    popen: subprocess.Popen[bytes] | None = None
    #: Its host is gone, or has not come yet: nobody starts it.
    away: bool = False

    def start(self) -> None:
        """Start it; it is not waited for."""
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [*self.prefix, *COMMAND, self.role],
                cwd=PROJECT,
                env={**os.environ, **self.environment},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self, *, child_only: bool = False) -> None:
        """SIGKILL: all of it, or only the process that serves, which its master starts again."""
        assert self.popen is not None
        below = children(self.popen.pid)
        for pid in below if child_only and below else [self.popen.pid, *below]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not (child_only and below):
            self.popen.wait()

    def answers(self) -> bool:
        """A web process answers, and its database does."""
        client = Client(self.host, self.port, "nobody", patience=5.0)
        try:
            return client.ask("GET", "/healthz").status == 200
        except Unreachable:
            return False
        finally:
            client.close()


@dataclass
class Site:
    """All processes on one database, kept running."""

    processes: list[Process]
    #: So long a client waits for an answer before it asks elsewhere.
    patience: float = 60.0
    kills: int = 0
    #: How often a process ended by itself (its database was gone while it started) and was started again.
    ended: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _keeper: threading.Thread | None = None

    @property
    def web(self) -> list[Process]:
        """Those that serve, where their host is there."""
        return [process for process in self.processes if process.role == "serve" and not process.away]

    def start(self) -> None:
        """Start everything, and wait until the web processes answer."""
        for process in self.processes:
            if not process.away:
                process.start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self.wait_until_all_answer()

    def wait_until_all_answer(self) -> None:
        """Fails where one never does."""
        until = time.monotonic() + PATIENCE
        for process in self.web:
            while not process.answers():
                if time.monotonic() > until:
                    raise AssertionError(f"{process.name} does not answer:\n{process.log.read_text()[-3000:]}")
                time.sleep(0.1)

    def kill_one(self, chance: random.Random) -> None:
        """Kill one of them; it is started again at once."""
        with self._lock:
            alive = [
                one for one in self.processes if not one.away and one.popen is not None and one.popen.poll() is None
            ]
            if not alive:
                return
            process = chance.choice(alive)
            process.kill(child_only=process.role == "serve" and chance.random() < 0.4)
            self.kills += 1
            self._restart()

    def stop(self) -> None:
        """Tell all of them to stop."""
        self._stopped.set()
        if self._keeper is not None:
            self._keeper.join()
        running = [one for one in self.processes if one.popen is not None and one.popen.poll() is None]
        for process in running:
            assert process.popen is not None
            process.popen.terminate()
        for process in running:
            assert process.popen is not None
            try:
                process.popen.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()

    def add(self, process: Process) -> None:
        """One more."""
        with self._lock:
            self.processes.append(process)
            process.start()

    def give_up(self, name: str) -> None:
        """Its host is going to be gone: nobody sends anything there, nobody starts it again."""
        with self._lock:
            next(one for one in self.processes if one.name == name).away = True

    def _keep(self) -> None:
        while not self._stopped.wait(0.3):
            with self._lock:
                self.ended += self._restart()

    def _restart(self) -> int:
        gone = [
            one for one in self.processes if not one.away and one.popen is not None and one.popen.poll() is not None
        ]
        for process in gone:
            process.start()
        return len(gone)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def environment(url: str, home: Path, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """What the processes are told."""
    return {
        "TONGBAN_MODE": "development",
        "TONGBAN_HOME": str(home),
        "TONGBAN_DATABASE_URL": url,
        "TONGBAN_HOST": "127.0.0.1",
        "TONGBAN_PORT": "8000",
        "PYTHONPATH": str(PROJECT),
        **more,
    }
