"""The running system: what a start puts in place, the web server, and the tick in the same process."""

from __future__ import annotations

import errno
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from alembic import command
from argon2 import PasswordHasher
from flask import Flask
from gunicorn.app.base import BaseApplication
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from api import metrics
from api.app import create_app
from api.health.routes import TICKER
from api.housekeeping import keep_periodic_jobs
from api.ticking import Ticker
from config.settings import PROJECT, Settings
from engine import clock, jobs, ports
from engine.audit import sealing
from engine.casework import outbox, province, relations, timers
from engine.casework.deadline_ticks import tell_due
from engine.db import db, transaction
from engine.models import Agency, InsuranceRelation, Officer
from engine.privacy.log_masks import mask_event, mask_records
from engine.process import definitions

DIAGRAMS = PROJECT / "bpmn"
DEMO_RELATIONS = PROJECT / "config" / "demo_relations.csv"

#: The one password of all demo officers, who do not exist in production.
DEMO_PASSWORD = "tongban-demo"  # noqa: S105

THREADS = 8
_WHY_NOT = {
    errno.EADDRINUSE: "端口已被其他程序占用",
    errno.EACCES: "没有使用这个端口的权限",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
}
#: How long requests under way may still take when the system is told to stop.
GRACE_SECONDS = 10
#: A statement of a request that takes longer waits for somebody who hangs; nobody in front of a screen waits so long.
STATEMENT_SECONDS = 30.0
#: How often it is made sure that the periodic jobs wait.
_MINUTE = 60
#: How long an entry of the audit log waits for its seal at most, about.
_SEALED_EVERY = 10


class CannotStart(Exception):
    """The system cannot start here; the message is a Chinese sentence for the operator."""


@dataclass(frozen=True)
class DemoLogin:
    """One demo officer, for the sign at the start."""

    role: str
    username: str
    agency: str


def prepare(app: Flask) -> None:
    """Bring the database up to date and fill in what a fresh one lacks; what is there stays as it is."""
    with app.app_context():
        command.upgrade(app.extensions["migrate"].migrate.get_config(), "head")
        jobs.queue().install()
    install(app)


def install(app: Flask) -> None:
    """Fill in the province, the stock of diagrams and, outside production, the demo's officers and relations."""
    settings: Settings = app.config["TONGBAN"]
    with app.app_context():
        with transaction() as session:
            province.install_province(session)
            definitions.install_stock(session, DIAGRAMS, clock.now())
            if settings.mode != "production":
                province.install_demo_officers(session, PasswordHasher().hash(DEMO_PASSWORD))
                _install_demo_relations(session)
        for engine in db.engines.values():
            engine.dispose()


def _install_demo_relations(session: Session) -> None:
    if DEMO_RELATIONS.is_file() and session.scalar(select(InsuranceRelation.id).limit(1)) is None:
        relations.import_csv(session, DEMO_RELATIONS.read_bytes())


def demo_logins(app: Flask) -> list[DemoLogin]:
    """For each role one officer who holds it, of a city where there is one: that is where most of the work is done."""
    found: dict[str, DemoLogin] = {}
    with app.app_context():
        query = select(Officer).join(Agency).where(Officer.active).order_by(Agency.level != "city", Officer.id)
        for officer in db.session.scalars(query):
            for role in officer.roles:
                found.setdefault(role, DemoLogin(role, officer.username, officer.agency.name))
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
    return list(found.values())


def require_free_port(host: str, port: int) -> None:
    """Raises `CannotStart` where nobody can listen on that address."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = _WHY_NOT.get(error.errno or 0, f"（{error.strerror}）")
        raise CannotStart(
            f"不能在 {host} 的 {port} 端口上启动：{why}。可用 TONGBAN_PORT 换一个，例如 TONGBAN_PORT=8001 make run。"
        ) from error


def start_ticking(app: Flask) -> Ticker:
    """Fire due timers, run jobs and send messages from now on, in this process."""
    settings: Settings = app.config["TONGBAN"]
    ticker = Ticker(app)
    ticker.every("timers", settings.tick_seconds, timers.fire_due)
    ticker.every("deadlines", settings.tick_seconds, tell_due)
    ticker.every("jobs", settings.tick_seconds, lambda stopped: jobs.queue().work(stopped))
    # On its own: a gateway that is slow must not hold up the timers.
    ticker.every("messages", settings.tick_seconds, outbox.send_due)
    ticker.every("audit", _SEALED_EVERY, sealing.seal)
    ticker.every("periodic_jobs", _MINUTE, lambda stopped: keep_periodic_jobs())
    ticker.start()
    app.extensions[TICKER] = ticker
    return ticker


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with processes of eight threads each."""

    def __init__(self, settings: Settings, ready: Callable[[], None]) -> None:
        self.settings = settings
        self.ready = ready
        self.ticker: Ticker | None = None
        super().__init__()

    def load_config(self) -> None:
        watched = self.settings.monitoring
        options = {
            "bind": [
                f"{self.settings.host}:{self.settings.port}",
                *([f"{watched.host}:{watched.port}"] if watched.port else []),
            ],
            "worker_class": "gthread",
            "workers": self.settings.processes,
            "threads": THREADS,
            "graceful_timeout": GRACE_SECONDS,
            "loglevel": "warning",
            "control_socket_disable": True,
            "proc_name": "tongban",
            "on_starting": lambda server: metrics.begin_together(),
            "when_ready": lambda server: self.ready(),
            "post_worker_init": lambda worker: self._begin(worker.app.callable),
            "worker_exit": lambda server, worker: self._end(),
            "child_exit": lambda server, worker: metrics.forget_process(worker.pid),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # Made in the process that serves: no connection is carried over the fork.
        app = create_app(self.settings)
        limit_statements(app, seconds=STATEMENT_SECONDS)
        return app

    def _begin(self, app: Flask) -> None:
        if self.settings.scheduler:
            self.ticker = start_ticking(app)

    def _end(self) -> None:
        if self.ticker is not None:
            self.ticker.stop()


def limit_statements(app: Flask, *, seconds: float) -> None:
    """Let the database give up what takes longer; the request is answered 503. Only PostgreSQL can do that.

    SQLite waits for another writer as long as `busy_timeout` says, with the same end.
    """

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"SET statement_timeout = {round(1000 * seconds)}")
        connection.commit()

    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            event.listen(db.engine, "connect", limit)


def serve(settings: Settings, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once the address answers."""
    _Server(settings, ready).run()


def work(app: Flask) -> None:
    """Tick until SIGTERM or SIGINT, without a web server (production's workers).

    What is being done is finished first: one timer, one job.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    jobs.queue().install()
    ticker = start_ticking(app)
    with _shown_to_watchers(app):
        stopped.wait()
    ticker.stop()
    ports.ports().sms.close()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Being watched is not worth a line."""


class _ThreadedServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@contextmanager
def _shown_to_watchers(app: Flask) -> Iterator[None]:
    """A process without a web server answers on the port for watching, where there is one."""
    watched = app.config["TONGBAN"].monitoring
    if not watched.port:
        yield
        return
    with make_server(watched.host, watched.port, app, _ThreadedServer, _QuietHandler) as shown:
        thread = threading.Thread(target=shown.serve_forever, daemon=True)
        thread.start()
        yield
        shown.shutdown()
        thread.join()


def configure_logs() -> None:
    """One JSON object a line on stderr; a traceback without the values of variables, which may be personal."""
    mask_records()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            mask_event,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
