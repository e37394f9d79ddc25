"""Insured people (参保人), found again by a keyed hash of their number, never by the number."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.errors import InvalidInput
from engine.models import Person
from engine.ports import ports


def find_person(session: Session, identity_number: str) -> Person | None:
    """The person with that (normalised) identity number, if anybody has applied for them before."""
    key = ports().identity_key(identity_number)
    return session.scalar(select(Person).where(Person.identity_key == key))


def register_person(
    session: Session, *, identity_type: str, identity_number: str, name: str, phone: str | None
) -> Person:
    """The person, registered now if unknown; the phone given last is kept.

    Raises InvalidInput where the number is registered under another name: one of the two is a mistake or a change of
    name, and neither is corrected by overwriting.
    """
    person = find_person(session, identity_number) or _add(session, identity_type, identity_number, name)
    if person.name != name:
        raise InvalidInput(
            fields={"worker.name": ["该证件号码此前登记的是另一个姓名，请核对证件；确已更名的，请先办理信息变更。"]},
            code="name_differs",
        )
    if phone is not None:
        person.phone = phone
    return person


def _add(session: Session, identity_type: str, identity_number: str, name: str) -> Person:
    key = ports().identity_key(identity_number)
    person = Person(identity_key=key, identity_type=identity_type, identity_number=identity_number, name=name)
    try:
        with session.begin_nested():
            session.add(person)
            session.flush()
    except IntegrityError:
        # Another counter registered the same person in this very moment.
        return session.scalars(select(Person).where(Person.identity_key == key)).one()
    return person
