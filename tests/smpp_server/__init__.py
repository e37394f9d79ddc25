"""A real SMPP server for the tests: the npm package `smpp`, installed at its first use."""

from __future__ import annotations

import fcntl
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
SYSTEM_ID, PASSWORD = "tongban", "secret"
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]


class NoServer(Exception):
    """The SMPP server cannot be had here; the message says why."""


@dataclass
class SmppServer:
    """A running server; what it is told and what it says are JSON objects."""

    process: subprocess.Popen[str]
    port: int = 0
    _said: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)

    def behave(self, *how: str | dict[str, Any]) -> None:
        """Treat the coming submissions like this, one after the other; then accept again."""
        self.tell(do="behave", how=[{"how": one} if isinstance(one, str) else one for one in how])

    def tell(self, **order: Any) -> None:
        """Do this; returns once it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.hear("done")

    def hear(self, event: str, seconds: float = 10) -> dict[str, Any]:
        """The next thing of this kind that it says; what else it said before is kept."""
        return self.take(event, 1, seconds)[0]

    def take(self, event: str, count: int, seconds: float = 10) -> list[dict[str, Any]]:
        """The next `count` things of this kind."""
        found: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        try:
            while len(found) < count:
                said = self._said.get(timeout=seconds)
                (found if said["event"] == event else others).append(said)
        except queue.Empty:
            raise AssertionError(f"the SMPP server said {others + found}, not {count} times {event}") from None
        finally:
            for said in others:
                self._said.put(said)
        return found

    def heard(self, event: str) -> list[dict[str, Any]]:
        """Everything of this kind that it has said and nobody has taken."""
        said = [self._said.get_nowait() for _ in range(self._said.qsize())]
        for one in said:
            if one["event"] != event:
                self._said.put(one)
        return [one for one in said if one["event"] == event]

    def stop(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._said.put(json.loads(line))


def start() -> SmppServer:
    """A new server on a port of this machine. Raises `NoServer`."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise NoServer("The SMPP gateway is tested against a server that needs Node 20 or newer with npm: install it.")
    _install()
    process = subprocess.Popen(
        [node, str(FOLDER / "server.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    server = SmppServer(process)
    threading.Thread(target=server._listen, daemon=True).start()
    server.port = server.hear("listening", seconds=30)["port"]
    return server


def _install() -> None:
    """`npm ci`, once for each lock file, one worker at a time."""
    modules = FOLDER / "node_modules"
    stamp = modules / ".installed"
    wanted = (FOLDER / "package-lock.json").read_text()
    with (Path(tempfile.gettempdir()) / "tongban-test-smpp.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        done = subprocess.run(INSTALL, cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoServer(f"The SMPP server of the tests could not be installed by npm: {done.stderr.strip()[-400:]}")
        stamp.write_text(wanted)
