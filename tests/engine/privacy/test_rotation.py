"""A change of keys goes through everything that is stored, in pieces, and can stop and go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, text

from engine import clock, jobs
from engine.audit.entries import BY_ITSELF, CHANGE, record
from engine.casework import timers
from engine.db import db, transaction
from engine.models import IssuedDocument, KeyRotation, Officer, Person
from engine.privacy import rotation
from engine.privacy.keyring import Keyring, keyring, ring_of, use

OLD, NEW = ("old", b"\1" * 32), ("new", b"\2" * 32)


@pytest.fixture
def people(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Seven people under the old key, one of them from before there was encryption; then the new key comes first."""
    monkeypatch.setattr(rotation, "BATCH", 3)
    own = ring_of(any_app.config["TONGBAN"])
    derived = (own.current, own._keys[own.current])
    use(Keyring([OLD, derived], "aes-256-gcm"))
    with transaction() as session:
        for number in range(7):
            session.add(_person(number))
        session.add(_document({"name": "陈志明", "lines": [1, 2]}))
        record(session, BY_ITSELF, CHANGE, "timers.fire", reason="说明")
    with transaction() as session:
        session.execute(text("UPDATE person SET name = '姓名3' WHERE id = (SELECT max(id) FROM person)"))
    use(Keyring([NEW, OLD, derived], "sm4-gcm"))
    yield 7
    use(own)


def _person(number: int) -> Person:
    return Person(
        identity_key=f"{number:064}", identity_type="other", identity_number=f"H{number}", name=f"姓名{number}"
    )


def _document(content: object) -> IssuedDocument:
    return IssuedDocument(
        kind="acceptance_receipt",
        issuing_agency_code="442099",
        issued_at=clock.now(),
        verification_code="23456789ABCD",
        content=content,
    )


def steps() -> int:
    """Go on until nothing is left; how many pieces that took."""
    count = 0
    while True:
        with transaction() as session:
            if rotation.step(session) is rotation.Step.FINISHED:
                return count
        count += 1


def stored(sql: str) -> list[str]:
    found = list(db.session.scalars(text(sql)))
    db.session.rollback()
    return found


def test_everything_is_encrypted_with_the_new_key_and_reads_as_before(people: int) -> None:
    assert steps() > people / 3

    assert all(value.startswith("!s.new.") for value in stored("SELECT name FROM person"))
    assert all(value.startswith("!s.new.") for value in stored("SELECT name FROM officer"))
    assert all(value.startswith('"!s.new.') for value in stored("SELECT CAST(content AS VARCHAR) FROM issued_document"))
    assert db.session.scalars(select(Person.name).order_by(Person.id)).all() == [f"姓名{n}" for n in (*range(6), 3)]
    assert db.session.scalars(select(IssuedDocument.content)).all() == [{"name": "陈志明", "lines": [1, 2]}]
    assert steps() == 0


def test_a_stopped_change_goes_on_where_it_was(people: int) -> None:
    # Bank accounts, cases ... come before; the seven people take three pieces.
    while not stored("SELECT 1 FROM key_rotation WHERE \"column\" = 'person.name' AND position IS NOT NULL"):
        with transaction() as session:
            rotation.step(session)
    done = [value for value in stored("SELECT name FROM person") if value.startswith("!s.new.")]

    assert len(done) == 3
    steps()
    assert len([value for value in stored("SELECT name FROM person") if value.startswith("!s.new.")]) == 7


def test_what_an_older_process_writes_meanwhile_is_found_before_it_is_called_done(people: int) -> None:
    while not stored("SELECT 1 FROM key_rotation WHERE \"column\" = 'person.name' AND position IS NOT NULL"):
        with transaction() as session:
            rotation.step(session)
    newest = keyring()
    use(Keyring([OLD, NEW], "aes-256-gcm"))
    with transaction() as session:
        session.execute(text("UPDATE person SET name = :v WHERE identity_key = :k").bindparams(
            v=keyring().encrypt("person.name", "姓名0".encode()), k=f"{0:064}"
        ))  # fmt: skip
    use(newest)

    steps()

    assert all(value.startswith("!s.new.") for value in stored("SELECT name FROM person"))


def test_a_row_somebody_works_on_is_not_waited_for_and_not_forgotten(postgres_app: Flask, people_on: int) -> None:
    with db.engine.connect() as other:
        other.execute(text("SELECT id FROM person ORDER BY id LIMIT 1 FOR UPDATE"))
        while True:
            with transaction() as session:
                if rotation.step(session) is rotation.Step.HELD_UP:
                    break
        assert len([one for one in stored("SELECT name FROM person") if not one.startswith("!s.new.")]) == 1
        other.rollback()

    steps()
    assert all(one.startswith("!s.new.") for one in stored("SELECT name FROM person"))


@pytest.fixture
def people_on(postgres_app: Flask, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The same people, on PostgreSQL."""
    yield from people.__wrapped__(postgres_app, monkeypatch)


def test_the_audit_log_keeps_the_keys_it_was_written_with(people: int) -> None:
    steps()
    states = {one.column: one for one in rotation.states(db.session())}

    assert stored("SELECT reason FROM audit_entry")[0].startswith("!a.old.")
    assert (states["audit_entry"].keys, states["audit_entry"].fixed) == ({"old": 1}, True)
    assert states["person.name"].keys == {"new": 7}


def test_what_is_in_plain_or_under_an_unknown_key_is_counted_apart(people: int) -> None:
    states = {one.column: one.keys for one in rotation.states(db.session())}

    assert states["person.name"] == {"old": 6, "other": 1}
    assert states["issued_document.content"] == {"old": 1}


def test_the_hourly_job_does_it_piece_by_piece(people: int) -> None:
    with transaction() as session:
        jobs.defer_periodic(session)
    while timers.tick():
        pass

    assert all(value.startswith("!s.new.") for value in stored("SELECT name FROM person"))
    with transaction() as session:
        assert {row.done for row in session.scalars(select(KeyRotation))} == {True}
    assert db.session.scalars(select(Officer.name).limit(1)).one()
