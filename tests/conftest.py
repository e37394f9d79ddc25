"""What every test can ask for: an application on its own database, its settings, a fixed clock, logged-in clients."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from config.settings import Settings
from engine import clock as house_clock
from engine.db import db, transaction
from tests import databases
from tests.applications import OfficerClient, build, close, fill, log_in

hypothesis.settings.register_profile("tongban", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.load_profile("tongban")

MORNING = "2023-08-01T09:00"
_LOCAL = {"localhost", "127.0.0.1", "::1", ""}


# --- the report at the end: which server was used, what could not be run


def pytest_sessionfinish(session: pytest.Session) -> None:
    used = databases.server.cache_info().currsize > 0
    report = {"used": databases.server().found if used else None, "missing": _missing}
    databases.stop()
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        _reports.append(report)
    else:
        output["postgres"] = report


class _Workers:
    """Only where pytest-xdist is at work: collects what its workers say."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        report = getattr(node, "workeroutput", {}).get("postgres")
        if report:
            _reports.append(report)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Workers())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    used = sorted({report["used"] for report in _reports if report["used"]})
    missing = sorted({report["missing"] for report in _reports if report["missing"]})
    terminalreporter.section("databases")
    terminalreporter.line("SQLite: the embedded database, copied for each test")
    for sentence in used:
        terminalreporter.line(f"PostgreSQL: {sentence}")
    for sentence in missing:
        terminalreporter.line(f"COULD NOT BE RUN on PostgreSQL (these tests failed): {sentence}", red=True)
    if not used and not missing:
        terminalreporter.line("PostgreSQL: none of the chosen tests asked for it")


_reports: list[dict[str, Any]] = []
_missing: str | None = None


# --- the house while tests run


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Nothing but this machine can be reached."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _LOCAL:
            raise OSError(f"the tests have no network, and something connects to {address[0]}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Plain logs; a command that configures them writes to this test's own output, which is closed afterwards."""
    # The library's default prints the variables of each frame where rich is installed: seconds for a recursion.
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
    yield
    structlog.reset_defaults()


class FixedClock:
    """The clock of the house, standing still until it is set."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def set(self, moment: str | datetime) -> None:
        """Stand at `moment` (Asia/Shanghai where no zone is said)."""
        self.close()
        self._stack.enter_context(house_clock.fixed(moment))

    def advance(self, **span: float) -> None:
        """Go on by `hours=2`, `days=1` ..."""
        self.set(self.now() + timedelta(**span))

    def now(self) -> datetime:
        return house_clock.now()

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def clock() -> Iterator[FixedClock]:
    """Tuesday 2023-08-01, nine in the morning."""
    fixed = FixedClock()
    fixed.set(MORNING)
    yield fixed
    fixed.close()


# --- applications, each on a database of its own


@pytest.fixture(scope="session")
def worker() -> str:
    """The name of this process among those that run the tests."""
    return os.environ.get("PYTEST_XDIST_WORKER", "alone")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> databases.SqliteTemplate:
    with house_clock.fixed(MORNING):
        return databases.sqlite_template(tmp_path_factory.mktemp("sqlite"), fill)


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory, worker: str) -> databases.PostgresTemplate:
    global _missing
    try:
        with house_clock.fixed(MORNING):
            return databases.postgres_template(tmp_path_factory.mktemp("postgres"), worker, fill)
    except databases.NoServer as error:
        _missing = str(error)
        pytest.fail(_missing, pytrace=False)


Template = databases.SqliteTemplate | databases.PostgresTemplate


@contextmanager
def running(template: Template, home: Path) -> Iterator[Flask]:
    """The application on a copy of the template."""
    with template.copy(home) as url:
        app = build(Settings(mode="test", home=home, database_url=url, scheduler=False))
        with app.app_context():
            try:
                yield app
            finally:
                # The session belongs to this context and to no other.
                db.session.remove()
        close(app)


@pytest.fixture
def app(sqlite_template: databases.SqliteTemplate, tmp_path: Path, clock: FixedClock) -> Iterator[Flask]:
    """The whole system in mode `test` on SQLite, with the province, its demo officers and the stock of diagrams."""
    with running(sqlite_template, tmp_path) as opened:
        yield opened


@pytest.fixture
def postgres_app(postgres_template: databases.PostgresTemplate, tmp_path: Path, clock: FixedClock) -> Iterator[Flask]:
    """The same on PostgreSQL: for everything about locks, queues and timers."""
    with running(postgres_template, tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_app(request: pytest.FixtureRequest) -> Flask:
    """The test runs twice: on SQLite and on PostgreSQL."""
    return request.getfixturevalue("app" if request.param == "sqlite" else "postgres_app")


@pytest.fixture
def settings(app: Flask) -> Settings:
    """The settings of `app`."""
    return app.config["TONGBAN"]


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """An open transaction on the application the test uses (SQLite where it asks for none)."""
    names = request.fixturenames
    if not any(name in names for name in ("app", "postgres_app", "any_app")):
        request.getfixturevalue("app")
    with transaction() as opened:
        yield opened


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Nobody: not logged in."""
    return app.test_client()


@pytest.fixture
def login(app: Flask) -> Callable[[str], OfficerClient]:
    """`login("first-442099")` is that demo officer's client."""
    return lambda username: log_in(app, username)
