"""How the tests make the application, fill a fresh database and are somebody."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from api import server
from api.app import create_app
from api.auth import open_session
from config.settings import Settings
from engine.db import db, transaction
from engine.models import Officer


def build(settings: Settings) -> Flask:
    """The application, as `tongban serve` makes it."""
    return create_app(settings)


def fill(url: str, home: Path) -> None:
    """Tables, province, demo officers and diagrams, as a first start puts them there."""
    app = build(Settings(mode="test", home=home, database_url=url, scheduler=False))
    try:
        server.prepare(app)
    finally:
        close(app)


def close(app: Flask) -> None:
    """Leave no connection behind."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def token_of(app: Flask, username: str) -> str:
    """A session of this officer, without the slow check of the password."""
    with app.app_context(), transaction() as session:
        officer_id = session.scalars(select(Officer.id).where(Officer.username == username)).one()
        return open_session(session, officer_id)


@dataclass
class OfficerClient:
    """A test client that is logged in: `first.post("/api/v1/tasks/3/claim")`."""

    app: Flask
    username: str
    token: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        if "data" not in options:
            options["json"] = {} if json is None else json
        return self.open("POST", path, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.open("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.open("DELETE", path, **options)

    def open(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """Ask; a session that ended because the test moved the clock is opened again."""
        answer = self._ask(method, path, headers, options)
        if answer.status_code == 401:
            self.token = token_of(self.app, self.username)
            answer = self._ask(method, path, headers, options)
        return answer

    def _ask(self, method: str, path: str, headers: dict[str, str] | None, options: dict[str, Any]) -> TestResponse:
        own = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.app.test_client().open(path, method=method, headers=own, **options)


def log_in(app: Flask, username: str) -> OfficerClient:
    """The officer's client."""
    return OfficerClient(app, username, token_of(app, username))
