"""Applicants who log in (申请人): known by their identity number, or by what an identity provider says of them.

A code is sent to the phone that is on record for whoever has this name and this number; who is not known, or gave
another phone, gets the same answer and no message. Only a keyed hash of the code is stored.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine import clock
from engine.casework import people
from engine.errors import InvalidInput
from engine.models import Applicant, ApplicantCode
from engine.ports import ports

CODE_LASTS = timedelta(minutes=5)
RESIDENT = "resident_identity_card"


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """Who somebody says to be: as typed, normalised."""

    name: str
    identity_number: str
    phone: str

    @property
    def key(self) -> str:
        """Keyed hash of number and phone together."""
        return str(ports().identity_key(f"{self.identity_number}/{self.phone}"))


def read_person(values: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Name, identity_type, identity_number and, where it is given, phone, in their normal forms.

    Raises InvalidInput by field, with `at` before its name.
    """
    rules, faults = ports().identity, dict[str, list[str]]()
    kind = values.get("identity_type", RESIDENT)
    checks: Mapping[str, Callable[[str], str]] = {
        "name": rules.name,
        "identity_number": lambda number: rules.identity_number(number, kind, clock.today()),
        "phone": rules.mobile,
    }
    read = {"identity_type": kind}
    for name, check in checks.items():
        if name in values:
            try:
                read[name] = check(values[name])
            except ValueError as fault:
                faults[f"{at}{name}"] = [str(fault)]
    if faults:
        raise InvalidInput(fields=faults)
    return read


def register(session: Session, *, name: str, identity_type: str, identity_number: str, phone: str) -> Applicant:
    """The applicant whom an officer has in front of him; the phone given last is kept.

    Raises InvalidInput where the number is known under another name.
    """
    key = ports().identity_key(identity_number)
    found = session.scalar(select(Applicant).where(Applicant.identity_key == key))
    if found is None:
        found = _add(session, key, identity_type, identity_number, name)
    if found.name != name:
        raise InvalidInput(
            fields={"representative.name": ["该证件号码此前登记的是另一个姓名，请核对证件。"]}, code="name_differs"
        )
    found.phone = phone
    return found


def of_person(session: Session, identity_number: str) -> Applicant | None:
    """The applicant with that number; made now for a worker who has applied before and logs in for the first time."""
    key = ports().identity_key(identity_number)
    found = session.scalar(select(Applicant).where(Applicant.identity_key == key))
    if found is not None:
        return found
    person = people.find_person(session, identity_number)
    if person is None:
        return None
    made = _add(session, key, person.identity_type, identity_number, person.name)
    made.phone = person.phone
    return made


def known(session: Session, claimed: Claimed) -> Applicant | None:
    """The applicant, if name, number and phone are what is on record."""
    found = of_person(session, claimed.identity_number)
    on_record = f"{found.name if found else ''}/{found.phone if found else ''}"
    right = hmac.compare_digest(on_record.encode(), f"{claimed.name}/{claimed.phone}".encode())
    return found if right else None


def new_code(session: Session, claimed: Claimed) -> tuple[Applicant | None, str]:
    """A new code in place of the one before; and who it is for: None is told nothing."""
    found = known(session, claimed)
    code = f"{secrets.randbelow(10**6):06d}"
    session.execute(delete(ApplicantCode).where(ApplicantCode.key == claimed.key))
    session.add(
        ApplicantCode(
            key=claimed.key,
            code_hash=_hash(claimed, code),
            applicant_id=found.id if found else None,
            expires_at=clock.now() + CODE_LASTS,
        )
    )
    return found, code


def take_code(session: Session, claimed: Claimed, code: str) -> int | None:
    """Id of the applicant whose code this is; it opens once. None: it is wrong, too old, or for nobody."""
    row = session.scalar(select(ApplicantCode).where(ApplicantCode.key == claimed.key).with_for_update())
    right = hmac.compare_digest(row.code_hash if row else "", _hash(claimed, code))
    if row is None or not right or row.applicant_id is None or row.expires_at <= clock.now():
        return None
    session.delete(row)
    return row.applicant_id


def forget_old_codes(session: Session) -> None:
    """Delete the codes that open nothing any more."""
    session.execute(delete(ApplicantCode).where(ApplicantCode.expires_at <= clock.now()))


def _add(session: Session, key: str, identity_type: str, identity_number: str, name: str) -> Applicant:
    made = Applicant(
        identity_key=key,
        identity_type=identity_type,
        identity_number=identity_number,
        name=name,
        created_at=clock.now(),
    )
    session.add(made)
    session.flush()
    return made


def _hash(claimed: Claimed, code: str) -> str:
    """Six digits are quickly tried out: only who has the key of the search hashes can."""
    return str(ports().identity_key(f"{claimed.key}:{code}"))
