"""A database of the bench's own, on a server that is found or started as the tests do it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from flask import Flask
from psycopg import sql

from api.app import create_app
from api.auth import open_session
from api.server import prepare
from bench.serve import SMALL, TIMER
from config.settings import PROJECT, Settings
from engine import clock
from engine.db import db, transaction
from engine.models import Officer
from engine.process import definitions
from tests import databases

#: What is dropped at the end begins like this, so nobody else's data can be.
PREFIX = "tongban_bench_"


@dataclass(frozen=True)
class Database:
    """A filled database and an application in this process that can look into it."""

    url: str
    home: Path
    app: Flask
    server: str

    @property
    def dsn(self) -> str:
        """The address as psycopg wants it."""
        return self.url.replace("postgresql+psycopg://", "postgresql://", 1)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A bare connection that commits each statement."""
        return psycopg.connect(self.dsn, autocommit=True)

    def token_of(self, username: str) -> str:
        """A session of this officer, without the slow check of the password."""
        with self.app.app_context(), transaction() as session:
            officer_id = session.query(Officer.id).filter(Officer.username == username).scalar()
            return open_session(session, officer_id)


@contextmanager
def database(name: str) -> Iterator[Database]:
    """A fresh database with province, officers, stock and the bench's diagrams; gone afterwards."""
    server = databases.server()
    full = f"{PREFIX}{name}_{os.getpid()}"
    _execute(server.url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(full)))
    try:
        with tempfile.TemporaryDirectory(prefix="tongban-bench-") as folder:
            url = server.url_of(full)
            app = filled(url, Path(folder))
            try:
                yield Database(url, Path(folder), app, server.found)
            finally:
                close(app)
    finally:
        _execute(server.url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(full)))


def filled(url: str, home: Path) -> Flask:
    """The application on a database that has just been filled."""
    app = create_app(Settings(mode="test", home=home, database_url=url, scheduler=False))
    prepare(app)
    with app.app_context(), transaction() as session:
        files = {f"{name}.bpmn": (PROJECT / "bench" / f"{name}.bpmn").read_bytes() for name in (SMALL, TIMER)}
        definitions.publish(session, files, by="bench", at=clock.now())
    return app


def close(app: Flask) -> None:
    """Leave no connection behind."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
