"""What the commands share: the configured system, and saying a thing to a person or to a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from sqlalchemy import inspect

from api import server
from api.app import create_app
from config.settings import from_environment
from engine.audit.entries import COMMAND_LINE, Origin
from engine.db import db
from engine.models import Officer

#: Who acts on the command line: whoever may log in on the machine itself.
OPERATOR = Origin(session_kind=COMMAND_LINE)

json_option = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。")


@contextmanager
def system() -> Iterator[Flask]:
    """The configured system, with its database; raises `CannotStart` where there is none yet."""
    app = create_app(from_environment())
    with app.app_context():
        try:
            if not inspect(db.engine).has_table(Officer.__tablename__):
                raise server.CannotStart("数据库还没有建立，请先运行 tongban init 或 tongban serve。")
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def say(as_json: bool, document: Mapping[str, Any], text: str) -> None:
    """The text for a person, or the document for a program."""
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else text)
