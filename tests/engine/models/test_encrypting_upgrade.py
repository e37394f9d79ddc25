"""A database from before there was encryption: what lies in it stays readable, and is encrypted by the hourly job."""

from __future__ import annotations

import pytest
from alembic import command
from flask import Flask
from sqlalchemy import select, text

from api.housekeeping import keep_periodic_jobs
from engine.casework import timers
from engine.db import db, transaction
from engine.models import DeterminationLine, Incident, Officer, Person

BEFORE = "0005"
KEY = "a" * 64


@pytest.fixture
def upgraded(any_app: Flask) -> Flask:
    """The older database, filled as its code did, brought to the newest version."""
    config = any_app.extensions["migrate"].migrate.get_config()
    command.downgrade(config, BEFORE)
    with transaction() as session:
        session.execute(text("UPDATE officer SET name = '钟某', second_factor = NULL"))
        session.execute(
            text(
                "INSERT INTO person (identity_key, identity_type, identity_number, name)"
                " VALUES (:key, 'other', 'H1234567', '陈志明')"
            ).bindparams(key=KEY)
        )
        session.execute(
            text(
                "INSERT INTO incident (process_task_id, element_id, operator, code, message, agency_code, attempts,"
                " note, occurred_at) VALUES ('job', 'job', 'x', 'x', 'x', '442099', 1,"
                " '已电话通知', '2023-08-01 01:00:00')"
            )
        )
    command.upgrade(config, "head")
    return any_app


def test_what_was_stored_before_is_read_as_it_stands_and_then_encrypted(upgraded: Flask) -> None:
    def read() -> tuple:
        db.session.rollback()
        return (
            db.session.scalars(select(Person.name)).one(),
            set(db.session.scalars(select(Officer.name))),
            db.session.scalars(select(Incident.note)).one(),
        )

    before = read()
    with transaction() as session:
        session.execute(text("UPDATE person SET phone = NULL"))
    keep_periodic_jobs()
    while timers.tick():
        pass

    assert before == read() == ("陈志明", {"钟某"}, "已电话通知")
    for column in ("person.name", "person.identity_number", "officer.name", "incident.note"):
        table, name = column.split(".")
        stored = db.session.scalars(text(f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL")).all()
        assert stored
        assert all(value.startswith("!a.default.") for value in stored)
    db.session.rollback()


def test_the_key_of_a_dependant_moves_out_of_the_facts(any_app: Flask, clock) -> None:
    config = any_app.extensions["migrate"].migrate.get_config()
    command.downgrade(config, BEFORE)
    off = "PRAGMA foreign_keys=OFF" if db.engine.dialect.name == "sqlite" else "SET session_replication_role = replica"
    raw = db.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute(off)
    cursor.execute(
        "INSERT INTO determination_line (case_id, kind, line, label, claimed, facts) VALUES"
        f""" (1, 'dependant', 1, '供养亲属1', 0, '{{"relation": "child", "identity_key": "{KEY}"}}')"""
    )
    raw.commit()
    raw.close()
    db.engine.dispose()
    command.upgrade(config, "head")

    line = db.session.scalars(select(DeterminationLine)).one()
    assert (line.person_key, line.label, line.facts["relation"]) == (KEY, "供养亲属1", "child")
    db.session.rollback()
