"""The numbered migrations make what the models say, on both databases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect

from api.app import MIGRATIONS
from engine.db import Base, db
from engine.jobs.procrastinate_queue import ProcrastinateQueue

VERSIONS = MIGRATIONS / "versions"


def test_the_migrations_make_the_tables_of_the_models(any_app: Flask) -> None:
    # The database of the tests was made by the migrations, as that of a first start is.
    with db.engine.connect() as connection:
        assert inspect(connection).has_table("alembic_version")
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.postgres
def test_the_tables_that_procrastinate_brings_are_nobody_elses(postgres_app: Flask) -> None:
    queue = ProcrastinateQueue(postgres_app.config["SQLALCHEMY_DATABASE_URI"])
    queue.install()
    queue.install()

    with db.engine.connect() as connection:
        assert inspect(connection).has_table("procrastinate_jobs")
    # Raises where a new migration would be written.
    command.check(postgres_app.extensions["migrate"].migrate.get_config())


def test_there_is_one_head_and_each_migration_follows_the_one_before() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)

    revisions = [script.revision for script in scripts.walk_revisions()][::-1]

    assert len(scripts.get_heads()) == 1
    assert revisions == [f"{number:04d}" for number in range(1, len(revisions) + 1)]


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.name)
def test_a_migration_is_named_by_its_number_and_what_it_does(path: Path) -> None:
    assert re.fullmatch(r"[0-9]{4}(_[a-z]+)+\.py", path.name)
    assert path.name[:4] in path.read_text(encoding="utf-8").split("revision = ")[1][:8]
    # A migration must not change when a column type of ours does.
    assert "engine" not in re.findall(r"^(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
