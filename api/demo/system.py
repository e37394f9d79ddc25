"""A system of the demo's own: `tongban serve` in training mode, in a temporary folder, gone afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from api.demo.client import Client
from config.settings import PROJECT

_START = "import sys; from api.cli import main; sys.exit(main())"
_PATIENCE_SECONDS = 120
_LAST_LINES = 30


class NotStarted(Exception):
    """The temporary system did not come up; the message ends with what it said last."""


@contextmanager
def temporary_system() -> Iterator[str]:
    """The address of a fresh system whose clock can be moved. Raises `NotStarted`."""
    with TemporaryDirectory(prefix="tongban-demo-") as folder:
        home = Path(folder)
        port = _free_port()
        log = home / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  our own command line
                [sys.executable, "-c", _START, "serve"],
                cwd=PROJECT,
                env=_environment(home, port),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, address, log)
            yield address
        finally:
            _stop(process)


def _environment(home: Path, port: int) -> dict[str, str]:
    own = {
        "TONGBAN_MODE": "training",
        "TONGBAN_HOME": str(home),
        "TONGBAN_HOST": "127.0.0.1",
        "TONGBAN_PORT": str(port),
        "TONGBAN_DATABASE_URL": "",
        "TONGBAN_SCHEDULER": "on",
        "PYTHONPATH": str(PROJECT),
    }
    return {**os.environ, **own}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        if Client(address).is_alive():
            return
        time.sleep(0.2)
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
    raise NotStarted("临时系统没有启动：\n" + "\n".join(said))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
