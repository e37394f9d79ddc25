"""How the tests make the application and fill a fresh database."""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from config.settings import Settings
from engine.db import db


def build(settings: Settings) -> Flask:
    """The application, as `tongban serve` makes it."""
    try:
        from api.app import create_app
    except ModuleNotFoundError:
        app = Flask("tongban")
        app.config["SQLALCHEMY_DATABASE_URI"] = settings.sqlalchemy_url
        app.config["TONGBAN"] = settings
        db.init_app(app)
        return app
    return create_app(settings)


def fill(url: str, home: Path) -> None:
    """Tables, province, demo officers and diagrams, as a first start puts them there."""
    import engine.models

    app = build(Settings(mode="test", home=home, database_url=url, scheduler=False))
    with app.app_context():
        db.create_all()
        for engine in db.engines.values():
            engine.dispose()


def log_in(app: Flask, username: str) -> object:
    raise NotImplementedError
