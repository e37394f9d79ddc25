"""Copying a database that is in use, and filling an empty one: SQLite by its backup call, PostgreSQL by its tools.

The two tools (`pg_dump`, `pg_restore`) belong to PostgreSQL's client package, which a host of the system needs for this
alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, create_engine, inspect, make_url

from config.settings import Settings
from engine.errors import CannotProceed


class Database(Protocol):
    """One kind of database."""

    kind: str

    def dump(self, file: Path) -> None:
        """Write all of it, as it is at one moment, to `file`. Raises CannotProceed."""

    def is_empty(self) -> bool:
        """Nothing is there yet."""

    def load(self, file: Path) -> None:
        """Fill it with what `dump` wrote: wholly or not at all. Raises CannotProceed."""


def database_of(settings: Settings) -> Database:
    """The database that these settings name."""
    address = make_url(settings.sqlalchemy_url)
    return Sqlite(Path(str(address.database))) if address.drivername.startswith("sqlite") else Postgres(address)


class Sqlite:
    """The embedded database."""

    kind = "sqlite"

    def __init__(self, file: Path) -> None:
        self._file = file

    def dump(self, file: Path) -> None:
        """Write all of it, as it is at one moment, to `file`. Raises CannotProceed."""
        try:
            # All pages in one step: whoever writes meanwhile is neither seen nor held up.
            with closing(sqlite3.connect(self._file)) as source, closing(sqlite3.connect(file)) as target:
                source.backup(target)
                # The copy is to be one file, with no other beside it.
                target.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.Error as error:
            raise CannotProceed(f"数据库无法备份：{error}。", code="backup_failed") from error

    def is_empty(self) -> bool:
        """Nothing is there yet."""
        return not self._file.exists()

    def load(self, file: Path) -> None:
        """Fill it with what `dump` wrote: wholly or not at all. Raises CannotProceed."""
        with closing(sqlite3.connect(file)) as copy:
            found = copy.execute("PRAGMA integrity_check").fetchone()
        if found != ("ok",):
            raise CannotProceed("备份中的数据库已损坏，没有恢复。", code="backup_damaged")
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        shutil.copyfile(file, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(self._file)


class Postgres:
    """PostgreSQL, by its own tools."""

    kind = "postgresql"

    def __init__(self, address: URL) -> None:
        self._address = address

    def dump(self, file: Path) -> None:
        """Write all of it, as it is at one moment, to `file`. Raises CannotProceed."""
        self._run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}")

    def is_empty(self) -> bool:
        """Nothing is there yet."""
        engine = create_engine(self._address, hide_parameters=True)
        try:
            return not inspect(engine).get_table_names()
        finally:
            engine.dispose()

    def load(self, file: Path) -> None:
        """Fill it with what `dump` wrote: wholly or not at all. Raises CannotProceed."""
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        self._run("pg_restore", *options, str(file))

    def _run(self, tool: str, *options: str) -> None:
        if shutil.which(tool) is None:
            raise CannotProceed(
                f"没有找到 {tool}：请先安装 PostgreSQL 客户端（apt-get install postgresql-client）。",
                code="tool_missing",
            )
        # The password does not belong where everybody on the host can read it.
        password = {} if self._address.password is None else {"PGPASSWORD": str(self._address.password)}
        address = self._address.set(drivername="postgresql", password=None)
        named = f"--dbname={address.render_as_string(hide_password=False)}"
        done = subprocess.run(  # noqa: S603  PostgreSQL's own tool, found in PATH
            [tool, named, *options], env={**os.environ, **password}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CannotProceed(f"{tool} 没有成功：{done.stderr.strip()[-500:]}", code="backup_failed")
