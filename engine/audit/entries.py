"""Entries of the audit log: who did or saw what, from where, about whom; written in the transaction of the act.

Each entry is signed when it is written, by a key that the database does not have: a row that somebody adds or alters
there is found. Writers wait for nobody; the order is sealed afterwards (`engine.audit.sealing`).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.db import Base
from engine.models import AUDIT_IDS, Agency, Application, AuditEntry, AuditPending, AuditSeal, Case
from engine.privacy import masks
from engine.privacy.keyring import keyring

READ, CHANGE, UNMASK, EXPORT, REFUSED = "read", "change", "unmask", "export", "refused"
OFFICER, APPLICANT, CHANNEL, SYSTEM = "officer", "applicant", "channel", "system"
#: What `session_kind` can be besides that of a log-in.
NO_SESSION, COMMAND_LINE, PROCESS = "none", "command_line", "process"
DONE = "done"

LONGEST_REASON = 1000

#: What the signature covers, in this order.
SIGNED = (
    "id", "at", "chain", "kind", "action", "outcome", "actor", "officer_id", "agency_code", "session_kind", "address",
    "case_id", "application_id", "person_id", "subject", "rows", "reason", "key_id",
)  # fmt: skip
#: Columns that came later: signed where they have a value, so that what was written before stays genuine.
ADDED = ("party",)
_PURPOSE = "audit entry"

_ENTRIES, _PENDING = (Base.metadata.tables[model.__tablename__] for model in (AuditEntry, AuditPending))


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Who acts, and from where."""

    #: The officer; None: an applicant, or the system itself.
    officer: Actor | None = None
    #: officer, applicant, channel, system
    actor: str = SYSTEM
    #: Which channel system or applicant: channel:web-hall.
    party: str | None = None
    session_kind: str = PROCESS
    address: str | None = None


#: What happens by itself.
BY_ITSELF = Origin()


@dataclass(frozen=True, kw_only=True)
class About:
    """Which case, application and person, and what else (task:17)."""

    case_id: int | None = None
    application_id: int | None = None
    person_id: int | None = None
    subject: str | None = None
    #: How many rows were given out.
    rows: int | None = None


NOTHING_SPECIAL = About()


def record(
    session: Session,
    origin: Origin,
    kind: str,
    action: str,
    about: About = NOTHING_SPECIAL,
    *,
    outcome: str = DONE,
    reason: str | None = None,
) -> int:
    """Write the entry, in the caller's transaction; its id. No object of it is kept: nobody reads it there."""
    officer = origin.officer
    values: dict[str, Any] = {
        "id": _queued(session),
        "at": clock.now(),
        "chain": _chain(session, officer, about),
        "kind": kind,
        "action": action[:64],
        "outcome": outcome[:64],
        "actor": origin.actor,
        "party": origin.party,
        "officer_id": officer.officer_id if officer else None,
        "agency_code": officer.agency_code if officer else None,
        "session_kind": origin.session_kind,
        "address": origin.address,
        "case_id": about.case_id,
        "application_id": about.application_id,
        "person_id": about.person_id,
        "subject": about.subject[:128] if about.subject else None,
        "rows": about.rows,
        "reason": masks.text(reason)[:LONGEST_REASON] if reason else None,
        "key_id": keyring().current,
    }
    values["mac"] = signature(values["key_id"], values)
    session.connection().execute(_ENTRIES.insert(), values)
    return int(values["id"])


def signature(key_id: str, values: Mapping[str, Any]) -> str:
    """The signature of an entry with these values. Raises UnknownKey."""
    written = [_written(values[name]) for name in SIGNED]
    written += [[name, _written(values[name])] for name in ADDED if values[name] is not None]
    content = json.dumps(written, ensure_ascii=False, separators=(",", ":")).encode()
    return hmac.new(keyring().derive(_PURPOSE, key_id), content, "sha256").hexdigest()


def is_genuine(entry: AuditEntry) -> bool:
    """The entry is as the system wrote it. Raises UnknownKey."""
    made = signature(entry.key_id, {name: getattr(entry, name) for name in (*SIGNED, *ADDED)})
    return hmac.compare_digest(made, entry.mac)


def _written(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _queued(session: Session) -> int:
    """A new id, in the queue of what is to be sealed."""
    new: ColumnElement[int]
    if session.connection().dialect.name == "postgresql":
        new = AUDIT_IDS.next_value()
    else:
        # One writer at a time. A number that was sealed is never used again, not even where its entry has gone.
        last = (
            select(func.coalesce(func.max(column), 0)).scalar_subquery()
            for column in (AuditEntry.id, AuditSeal.entry_id)
        )
        new = func.max(*last) + 1
    written = _PENDING.insert().values(entry_id=new).returning(_PENDING.c.entry_id)
    return int(session.connection().execute(written).scalar_one())


def _chain(session: Session, officer: Actor | None, about: About) -> str:
    """The city of the officer; without one, that of the case's or the application's agency; else the province."""
    if officer is not None:
        return city_of(officer.agency_path)
    path = None
    if about.case_id is not None:
        agency = select(Case.handling_agency_code).where(Case.id == about.case_id)
        path = session.scalar(select(Agency.path).where(Agency.code == agency.scalar_subquery()))
    elif about.application_id is not None:
        agency = select(Application.accepting_agency_code).where(Application.id == about.application_id)
        path = session.scalar(select(Agency.path).where(Agency.code == agency.scalar_subquery()))
    return city_of(path or session.scalars(select(Agency.path).where(Agency.superior_code.is_(None))).one())


def city_of(path: str) -> str:
    """Agency code of the city in "/440099/440199/440106/"; the province's own for the province."""
    codes = path.strip("/").split("/")
    return codes[1] if len(codes) > 1 else codes[0]
