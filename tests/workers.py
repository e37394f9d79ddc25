"""Worker processes for the tests: started, killed, waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.settings import PROJECT

#: Long enough for a busy machine; what is waited for usually takes a second or two.
PATIENCE = 120.0


@dataclass
class Workers:
    """Workers on one database."""

    url: str
    home: Path
    module: str
    environment: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: int = 0

    def start(self, count: int = 1) -> None:
        """So many more."""
        settings = {
            "TONGBAN_MODE": "test",
            "TONGBAN_DATABASE_URL": self.url,
            "TONGBAN_HOME": str(self.home),
            **self.environment,
        }
        for _ in range(count):
            with (self.home / "workers.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", self.module],
                    cwd=PROJECT,
                    env={**os.environ, **settings},
                    stdout=log,
                    stderr=log,
                )
            self.running.append(process)

    def kill(self, number: int) -> None:
        """End one of them at whatever instruction it is at."""
        process = self.running.pop(number)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.killed += 1

    def stop(self) -> list[int]:
        """Tell all of them to stop; their exit codes."""
        for process in self.running:
            process.terminate()
        codes = [process.wait(timeout=PATIENCE) for process in self.running]
        self.running.clear()
        return codes

    def log(self) -> str:
        """What they said."""
        return (self.home / "workers.log").read_text(encoding="utf-8")


@contextmanager
def workers(url: str, home: Path, module: str, environment: Mapping[str, str]) -> Iterator[Workers]:
    """Workers that end with the test, whatever becomes of it."""
    found = Workers(url, home, module, dict(environment))
    try:
        yield found
    finally:
        for process in found.running:
            process.kill()
            process.wait()


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    """Until the condition is true. Fails with `what` when it does not come true."""
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, f"waited {patience:.0f} s for {what}"
        time.sleep(0.1)
