"""The audit log shows what was done to it: on both kinds of database, by somebody who may do anything there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from engine import clock
from engine.actor import Actor
from engine.audit import anchors, sealing, verifying
from engine.audit.entries import BY_ITSELF, CHANGE, OFFICER, READ, About, Origin, city_of, record
from engine.db import db, transaction
from engine.errors import InvalidInput
from engine.models import AuditEntry, AuditPending, AuditSeal
from engine.privacy.keyring import Keyring, keyring, ring_of, use
from tests.conftest import FixedClock

ZHONGSHAN, SHENZHEN, PROVINCE = "442099", "440399", "440099"
KEY = ("2023a", bytes(32))


def officer(agency: str = ZHONGSHAN, path: str = f"/{PROVINCE}/{ZHONGSHAN}/") -> Origin:
    actor = Actor(officer_id=7, name="钟试", agency_code=agency, agency_path=path, roles=frozenset())
    return Origin(officer=actor, actor=OFFICER, session_kind="bearer", address="10.1.2.3")


def write(count: int, origin: Origin | None = None) -> list[int]:
    """So many entries, each in a transaction of its own."""
    ids = []
    for number in range(count):
        with transaction() as session:
            about = About(case_id=1000 + number)
            ids.append(record(session, origin or officer(), READ, "cases.show_case", about, reason="核对资料"))
    return ids


def check(*known: anchors.Anchor) -> verifying.Report:
    db.session.rollback()
    return verifying.verify(db.session(), known)


def codes(report: verifying.Report) -> set[tuple[str, int | None]]:
    """What was found, at which place of the chain."""
    return {(one.code, one.number) for one in report.findings}


@pytest.fixture
def log(any_app: Flask, clock: FixedClock) -> list[int]:
    """Five sealed entries of 中山."""
    ids = write(5)
    assert sealing.seal() == 5
    return ids


@pytest.fixture
def tamper(any_app: Flask) -> Callable[..., None]:
    """Change the tables as their owner can: the triggers are put aside first."""

    def act(*statements) -> None:
        with transaction() as session:
            if session.get_bind().dialect.name == "sqlite":
                for table in ("audit_entry", "audit_seal"):
                    for trigger in ("no_update", "no_delete"):
                        session.execute(text(f"DROP TRIGGER IF EXISTS {table}_{trigger}"))
            else:
                for table in ("audit_entry", "audit_seal"):
                    session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            for statement in statements:
                session.execute(statement)

    return act


# --- writing


def test_an_entry_says_who_from_where_what_and_why(any_app: Flask) -> None:
    write(1)

    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.officer_id, entry.agency_code, entry.address, entry.session_kind) == (
        7,
        ZHONGSHAN,
        "10.1.2.3",
        "bearer",
    )
    assert (entry.kind, entry.action, entry.outcome, entry.case_id) == ("read", "cases.show_case", "done", 1000)
    assert entry.reason == "核对资料"
    assert entry.at == clock.now()


def test_an_entry_goes_with_its_transaction(any_app: Flask) -> None:
    with pytest.raises(RuntimeError), transaction() as session:
        record(session, officer(), CHANGE, "cases.void_case")
        raise RuntimeError

    assert db.session.scalars(select(AuditEntry)).all() == []
    assert db.session.scalars(select(AuditPending)).all() == []


@pytest.mark.parametrize("act", ["UPDATE {} SET key_id = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["audit_entry", "audit_seal"])
def test_the_database_refuses_to_change_or_delete_a_row(log: list[int], act: str, table: str) -> None:
    with pytest.raises(DatabaseError, match="only added to"), transaction() as session:
        session.execute(text(act.format(table)))

    assert check().valid


def test_truncation_is_refused_on_postgresql(postgres_app: Flask) -> None:
    write(1)
    with pytest.raises(DatabaseError, match="only added to"), transaction() as session:
        session.execute(text("TRUNCATE audit_entry"))


@pytest.mark.parametrize(
    ("path", "city"),
    [
        (f"/{PROVINCE}/", PROVINCE),
        (f"/{PROVINCE}/440399/", "440399"),
        (f"/{PROVINCE}/440399/440305/", "440399"),
        (f"/{PROVINCE}/442099/442000001/", "442099"),
    ],
)
def test_each_city_has_a_chain_and_the_province_its_own(path: str, city: str) -> None:
    assert city_of(path) == city


def test_what_happens_by_itself_belongs_to_the_province_where_no_case_says_more(any_app: Flask) -> None:
    write(1, BY_ITSELF)

    assert db.session.scalars(select(AuditEntry.chain)).all() == [PROVINCE]


# --- sealing


def test_entries_are_sealed_in_order_one_chain_a_city(any_app: Flask) -> None:
    first, second = write(2), write(1, officer("440305", f"/{PROVINCE}/{SHENZHEN}/440305/"))
    third = write(1)

    assert sealing.seal() == 4
    assert sealing.seal() == 0

    seals = db.session.scalars(select(AuditSeal).order_by(AuditSeal.chain, AuditSeal.number)).all()
    assert [(one.chain, one.number, one.entry_id) for one in seals] == [
        (SHENZHEN, 1, second[0]),
        (ZHONGSHAN, 1, first[0]),
        (ZHONGSHAN, 2, first[1]),
        (ZHONGSHAN, 3, third[0]),
    ]
    assert check().valid


def test_more_entries_than_one_piece_are_all_sealed(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    write(8)

    assert sealing.seal() == 8
    assert check().tails[ZHONGSHAN].number == 8


def test_what_is_not_sealed_yet_is_counted_and_is_no_fault(log: list[int]) -> None:
    write(2)

    report = check()

    assert (report.valid, report.unsealed, report.tails[ZHONGSHAN].number) == (True, 2, 5)


def test_an_open_transaction_holds_up_neither_other_writers_nor_the_sealer(postgres_app: Flask) -> None:
    done = threading.Event()

    def others() -> None:
        with postgres_app.app_context():
            write(2)
            sealing.seal()
            done.set()

    with transaction() as session:
        slow = record(session, officer(), CHANGE, "cases.void_case")
        thread = threading.Thread(target=others)
        thread.start()
        assert done.wait(20)
    thread.join()

    # The slow one was numbered first and is sealed last: its id says nothing, its place in the chain does.
    assert sealing.seal() == 1
    assert db.session.scalar(select(AuditSeal.number).where(AuditSeal.entry_id == slow)) == 3
    assert check().valid


# --- what is found


@pytest.mark.parametrize(
    ("column", "value"),
    [("address", "10.1.2.4"), ("officer_id", 8), ("case_id", None), ("outcome", "dona"), ("kind", "change")],
)
def test_a_changed_entry_is_found(log: list[int], tamper, column: str, value: object) -> None:
    tamper(update(AuditEntry).where(AuditEntry.id == log[2]).values({column: value}))

    assert codes(check()) == {("entry_altered", 3)}
    assert check().findings[0].entry_id == log[2]


def test_one_changed_byte_of_an_encrypted_reason_is_found(log: list[int], tamper) -> None:
    stored = db.session.scalar(text("SELECT reason FROM audit_entry WHERE id = :id"), {"id": log[1]})
    changed = stored[:-2] + ("A" if stored[-2] != "A" else "B") + stored[-1]
    db.session.rollback()
    tamper(text("UPDATE audit_entry SET reason = :changed WHERE id = :id").bindparams(changed=changed, id=log[1]))

    assert codes(check()) == {("entry_altered", 2)}


def test_a_changed_seal_is_found(log: list[int], tamper) -> None:
    tamper(update(AuditSeal).where(AuditSeal.number == 2).values(mac="0" * 64))

    assert codes(check()) == {("seal_altered", 2)}


def test_a_removed_entry_is_found(log: list[int], tamper) -> None:
    tamper(delete(AuditEntry).where(AuditEntry.id == log[3]))

    assert codes(check()) == {("entry_removed", 4)}


def test_an_entry_removed_with_its_seal_is_found(log: list[int], tamper) -> None:
    tamper(delete(AuditEntry).where(AuditEntry.id == log[1]), delete(AuditSeal).where(AuditSeal.number == 2))

    assert codes(check()) == {("seal_removed", 2)}


def test_a_removed_entry_whose_successors_were_moved_up_is_found(log: list[int], tamper) -> None:
    tamper(
        delete(AuditEntry).where(AuditEntry.id == log[1]),
        delete(AuditSeal).where(AuditSeal.number == 2),
        update(AuditSeal).where(AuditSeal.number == 3).values(number=2),
        update(AuditSeal).where(AuditSeal.number == 4).values(number=3),
        update(AuditSeal).where(AuditSeal.number == 5).values(number=4),
    )

    assert ("seal_altered", 2) in codes(check())


def _swap(model, key, columns: tuple[str, ...], one: int, other: int) -> list:
    rows = {
        row[0]: dict(zip(columns, row[1:], strict=True))
        for row in db.session.execute(
            select(key, *(getattr(model, name) for name in columns)).where(key.in_((one, other)))
        )
    }
    db.session.rollback()
    return [update(model).where(key == here).values(rows[there]) for here, there in ((one, other), (other, one))]


def test_two_swapped_entries_are_found(log: list[int], tamper) -> None:
    columns = ("at", "case_id", "officer_id", "mac")
    tamper(*_swap(AuditEntry, AuditEntry.id, columns, log[1], log[3]))

    assert {("entry_altered", 2), ("entry_altered", 4)} <= codes(check())


def test_two_swapped_seals_are_found(log: list[int], tamper) -> None:
    # Their entries change places in the chain; the numbers stay without a gap.
    ids = _swap(AuditSeal, AuditSeal.number, ("mac",), 2, 4)
    tamper(
        *ids,
        update(AuditSeal).where(AuditSeal.number == 2).values(entry_id=-1),
        update(AuditSeal).where(AuditSeal.number == 4).values(entry_id=log[1]),
        update(AuditSeal).where(AuditSeal.number == 2).values(entry_id=log[3]),
    )

    assert {("seal_altered", 2), ("seal_altered", 4)} <= codes(check())


def test_an_added_entry_is_found_and_never_sealed(log: list[int], tamper) -> None:
    columns = ", ".join(column.name for column in AuditEntry.__table__.columns if column.name != "id")
    tamper(
        text(f"INSERT INTO audit_entry (id, {columns}) SELECT 900, {columns} FROM audit_entry WHERE id = {log[0]}"),
        text("INSERT INTO audit_pending (entry_id) VALUES (900)"),
    )

    assert sealing.seal() == 0
    report = check()
    assert [(one.code, one.entry_id) for one in report.findings] == [("entry_added", 900)]
    # What is written afterwards is sealed all the same.
    write(1)
    assert sealing.seal() == 1


def test_an_added_seal_is_found(log: list[int], tamper) -> None:
    seal = "INSERT INTO audit_seal SELECT chain, 6, 901, sealed_at, key_id, mac FROM audit_seal WHERE number = 5"
    tamper(text(seal))

    assert ("entry_removed", 6) in codes(check())


def test_an_entry_that_vanished_before_it_was_sealed_is_found(log: list[int], tamper) -> None:
    entry_id = write(1)[0]
    tamper(delete(AuditEntry).where(AuditEntry.id == entry_id))

    assert sealing.seal() == 0
    assert [(one.code, one.entry_id) for one in check().findings] == [("entry_removed", entry_id)]


def _anchor() -> bytes:
    db.session.rollback()
    return json.dumps(anchors.take(db.session())).encode()


def test_a_tail_that_was_cut_is_found_with_an_anchor_and_only_with_one(log: list[int], tamper) -> None:
    anchor = anchors.read(_anchor())
    tamper(delete(AuditEntry).where(AuditEntry.id.in_(log[3:])), delete(AuditSeal).where(AuditSeal.number > 3))

    assert check().valid
    assert codes(check(anchor)) == {("tail_cut", 4)}


def test_a_whole_chain_that_was_removed_is_found_with_an_anchor(log: list[int], tamper) -> None:
    anchor = anchors.read(_anchor())
    tamper(delete(AuditEntry), delete(AuditSeal))

    assert codes(check(anchor)) == {("tail_cut", 1)}


def test_a_chain_that_was_written_anew_with_the_key_is_found_with_an_anchor(log: list[int], tamper) -> None:
    anchor = anchors.read(_anchor())
    tamper(delete(AuditEntry).where(AuditEntry.id == log[4]), delete(AuditSeal).where(AuditSeal.number == 5))
    write(1)
    sealing.seal()

    assert check().valid
    assert codes(check(anchor)) == {("rewritten", 5)}


def test_what_was_written_after_an_anchor_agrees_with_it(log: list[int]) -> None:
    anchor = anchors.read(_anchor())
    write(3)
    sealing.seal()

    assert check(anchor).valid


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["tails"][0].update(number=3),
        lambda document: document.update(at="2023-07-01T09:00:00+08:00"),
        lambda document: document.update(signature="00" * 64),
        lambda document: document.update(key_id="other"),
        lambda document: document.update(format="x"),
        lambda document: document.pop("tails"),
    ],
)
def test_an_anchor_that_was_altered_or_is_none_is_refused(log: list[int], change) -> None:
    document = json.loads(_anchor())
    change(document)

    with pytest.raises(InvalidInput):
        anchors.read(json.dumps(document).encode())


# --- keys


@pytest.fixture
def given_keys(any_app: Flask) -> Iterator[Callable[..., None]]:
    """Use a ring of these keys; afterwards the application's own again."""

    def give(*keys: tuple[str, bytes]) -> None:
        use(Keyring(keys, "aes-256-gcm"))

    yield give
    use(ring_of(any_app.config["TONGBAN"]))


def test_the_log_is_checked_across_a_change_of_keys_as_long_as_the_old_one_is_kept(given_keys) -> None:
    old, new = KEY, ("2023b", b"\1" * 32)
    given_keys(old)
    write(2)
    sealing.seal()
    given_keys(new, old)
    write(2)
    sealing.seal()

    assert check().valid
    given_keys(new)
    assert {one.code for one in check().findings} == {"key_missing"}


def test_another_secret_has_other_keys(any_app: Flask) -> None:
    own, other = keyring(), ring_of(replace(any_app.config["TONGBAN"], secret="another"))

    assert own.derive("audit entry", own.current) != other.derive("audit entry", other.current)
