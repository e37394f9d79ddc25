"""What is stored about people opens with its key, in its column, and nowhere else."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import String, select, text, type_coerce
from sqlalchemy.orm import Session

from config.keys import from_environment
from config.settings import SettingsError
from config.settings import from_environment as settings_from
from engine.db import Base, Personal, PersonalJSON, TooLong, transaction
from engine.models import Determination, Person
from engine.privacy.keyring import _SM4GCM, Keyring, Undecipherable, UnknownKey, is_encrypted

ONE, TWO = ("2023a", b"\1" * 32), ("2023b", b"\2" * 32)
CIPHERS = ("aes-256-gcm", "sm4-gcm")
TEXT = "陈志明 442000198405170316".encode()


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_value_opens_again_and_two_of_the_same_look_different(cipher: str) -> None:
    ring = Keyring([ONE], cipher)

    first, second = ring.encrypt("person.name", TEXT), ring.encrypt("person.name", TEXT)

    assert first != second
    assert ring.decrypt("person.name", first) == ring.decrypt("person.name", second) == TEXT
    assert first.startswith(ring.prefix)
    assert is_encrypted(first)


@pytest.mark.parametrize("plain", [b"", b"\0", b"\0" * 300, b"x" * 255, b"x" * 256, "伤情".encode() * 500])
def test_values_of_every_length_open_again_and_long_ones_are_compressed(plain: bytes) -> None:
    ring = Keyring([ONE], "aes-256-gcm")

    stored = ring.encrypt("application.content", plain)

    assert ring.decrypt("application.content", stored) == plain
    assert len(stored) < 500


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_value_moved_to_another_column_does_not_open(cipher: str) -> None:
    ring = Keyring([ONE], cipher)

    with pytest.raises(Undecipherable):
        ring.decrypt("payee.name", ring.encrypt("person.name", TEXT))


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_changed_value_does_not_open_and_the_error_does_not_repeat_it(cipher: str) -> None:
    ring = Keyring([ONE], cipher)
    stored = ring.encrypt("person.name", TEXT)
    head, _, body = stored.rpartition(".")

    for changed in (f"{head}.{body[:20]}{'A' if body[20] != 'A' else 'B'}{body[21:]}", f"{head}.", f"{head}.*", "!a.x"):
        with pytest.raises(Undecipherable) as error:
            ring.decrypt("person.name", changed)
        assert body not in str(error.value)


def test_an_older_key_and_the_other_cipher_stay_readable() -> None:
    stored = Keyring([ONE], "aes-256-gcm").encrypt("person.name", TEXT)
    ring = Keyring([TWO, ONE], "sm4-gcm")

    assert ring.decrypt("person.name", stored) == TEXT
    assert ring.encrypt("person.name", TEXT).startswith("!s.2023b.")
    with pytest.raises(UnknownKey):
        Keyring([TWO], "aes-256-gcm").decrypt("person.name", stored)


def test_sm4_is_the_cipher_of_the_standard() -> None:
    # RFC 8998, A.1
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    added = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex("".join(pair * 8 for pair in ("AA", "BB", "CC", "DD", "EE", "FF", "EE", "AA")))

    sealed = _SM4GCM(key).encrypt(nonce, plain, added)

    assert sealed[:16].hex() == "17f399f08c67d5ee19d0dc9969c4bb7d"
    assert sealed[-16:].hex() == "83de3541e4c2b58177e065a9bf7b62ec"
    assert _SM4GCM(key).decrypt(nonce, sealed, added) == plain


# --- columns


def _stored(session: Session, column) -> str:
    return session.execute(select(type_coerce(column, String()))).scalar_one()


def _person() -> Person:
    return Person(
        identity_key="0" * 64,
        identity_type="resident_identity_card",
        identity_number="442000198405170316",
        name="陈志明",
        phone=None,
    )


def test_a_column_holds_no_text_and_gives_it_back(any_app: Flask, session: Session) -> None:
    session.add(_person())
    session.flush()
    session.expire_all()

    person = session.scalars(select(Person)).one()
    assert (person.name, person.identity_number, person.phone) == ("陈志明", "442000198405170316", None)
    assert _stored(session, Person.__table__.c.name).startswith("!a.default.")


def test_a_value_that_was_stored_before_there_was_encryption_is_read_as_it_stands(
    any_app: Flask, session: Session
) -> None:
    session.add(_person())
    session.flush()
    session.execute(text("UPDATE person SET name = '陈志明'"))
    session.expire_all()

    assert session.scalars(select(Person)).one().name == "陈志明"


def test_a_text_is_measured_before_it_is_encrypted(any_app: Flask) -> None:
    person = _person()
    person.name = "陈" * 65

    with pytest.raises(TooLong) as error, transaction() as session:
        session.add(person)

    assert "person.name" in str(error.value)
    assert "陈" not in str(error.value)


def test_an_encrypted_column_cannot_be_searched_or_sorted_by(any_app: Flask) -> None:
    for compare in (lambda: Person.name == "陈志明", lambda: Person.name.like("陈%"), lambda: Person.name.desc()):
        with pytest.raises(TypeError):
            compare()
    assert str(Person.phone.is_(None)) == "person.phone IS NULL"
    with pytest.raises(TypeError):
        Determination.inputs["grade"].as_integer()


def test_every_personal_column_knows_where_it_is() -> None:
    for table in Base.metadata.tables.values():
        for column in table.columns:
            if isinstance(column.type, Personal | PersonalJSON):
                assert column.type.column == f"{table.name}.{column.name}"
                assert not column.unique
                assert not any(column.name in index.columns for index in table.indexes)


# --- settings


def test_keys_come_from_the_environment_or_from_a_file(tmp_path) -> None:
    written = f"2023b:{'ab' * 32},2023a:{'CD' * 32}"
    file = tmp_path / "keys"
    file.write_text(f"# 首行为使用中的密钥\n2023b:{'ab' * 32}\n\n2023a:{'cd' * 32}\n", encoding="utf-8")

    given = from_environment({"TONGBAN_KEYS": written}, production=True)

    assert given.ring == (("2023b", b"\xab" * 32), ("2023a", b"\xcd" * 32))
    assert from_environment({"TONGBAN_KEYS_FILE": str(file)}, production=True) == given
    assert "abab" not in repr(given)


@pytest.mark.parametrize(
    "environment",
    [
        {"TONGBAN_KEYS": "secret"},
        {"TONGBAN_KEYS": f"2023:{'ab' * 31}"},
        {"TONGBAN_KEYS": f"A B:{'ab' * 32}"},
        {"TONGBAN_KEYS": f"1:{'ab' * 32},1:{'cd' * 32}"},
        {"TONGBAN_KEYS": f"1:{'ab' * 32}", "TONGBAN_KEYS_FILE": "/nowhere"},
        {"TONGBAN_KEYS_FILE": "/nowhere"},
        {"TONGBAN_CIPHER": "rot13"},
    ],
)
def test_a_ring_that_cannot_be_used_is_refused_without_repeating_it(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment(environment, production=False)

    assert "abab" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_production_refuses_a_key_that_everybody_knows() -> None:
    production = {"TONGBAN_MODE": "production", "TONGBAN_SECRET": "x" * 40}

    with pytest.raises(SettingsError, match="TONGBAN_KEYS"):
        settings_from(production)
