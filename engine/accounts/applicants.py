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

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from engine import clock
from engine.casework import people
from engine.errors import InvalidInput
from engine.models import Applicant, ApplicantCode, ApplicantSession
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
    _keep_phone(session, found, phone)
    return found


def _keep_phone(session: Session, found: Applicant, phone: str) -> None:
    """Somebody made sure of this phone: it takes the place of what was on record, also of the worker that he is."""
    found.phone = phone
    person = people.find_person(session, found.identity_number) if found.identity_number else None
    if person is not None:
        person.phone = phone


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
    found, person = of_person(session, claimed.identity_number), people.find_person(session, claimed.identity_number)
    # What a worker gave at a counter last counts, also after he has logged in here.
    phone = (person.phone if person else None) or (found.phone if found else None)
    on_record = f"{found.name if found else ''}/{phone or ''}"
    right = hmac.compare_digest(on_record.encode(), f"{claimed.name}/{claimed.phone}".encode())
    return found if right else None


def of_provider(
    session: Session, issuer: str, subject: str, *, name: str | None, identity_number: str | None, phone: str | None
) -> Applicant | None:
    """The applicant whom an identity provider has made sure of; made now where he is new.

    None: the number is on record under another name, and somebody must look at the papers first. Without a number the
    applicant is known to the provider alone, and nothing is his own before `confirm`.
    """
    by_subject = session.scalar(select(Applicant).where(Applicant.issuer == issuer, Applicant.subject == subject))
    found = by_subject
    if identity_number is not None:
        found = of_person(session, identity_number)
        if found is None:
            key = ports().identity_key(identity_number)
            found = _add(session, key, RESIDENT, identity_number, str(name))
        if found.name != name:
            return None
    elif found is None:
        found = Applicant(name=name, created_at=clock.now())
        session.add(found)
    if phone is not None:
        _keep_phone(session, found, phone)
    _join(session, by_subject, found, issuer, subject)
    return found


def confirm(session: Session, applicant_id: int, name: str, identity_number: str) -> bool:
    """Make somebody whom only a provider knows the person on record with this name, number and the provider's phone."""
    row = session.get_one(Applicant, applicant_id)
    if row.identity_key is not None or row.phone is None or row.issuer is None or row.subject is None:
        return False
    found = known(session, Claimed(name=name, identity_number=identity_number, phone=row.phone))
    if found is None:
        return False
    issuer, subject = row.issuer, row.subject
    _join(session, row, found, issuer, subject)
    of_row = ApplicantSession.applicant_id == row.id
    session.execute(update(ApplicantSession).where(of_row).values(applicant_id=found.id))
    return True


def _join(session: Session, before: Applicant | None, now: Applicant, issuer: str, subject: str) -> None:
    """The provider's subject belongs to `now`, and to nobody else."""
    if before is not None and before is not now:
        before.issuer = before.subject = None
        session.flush()
    now.issuer, now.subject = issuer, subject
    session.flush()


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
