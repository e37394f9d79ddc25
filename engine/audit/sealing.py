"""Sealing: every entry gets its place in the chain of its city, soon after it was written.

A seal is a keyed hash over the seal before it and the entry's signature. So writers never wait for each other, and an
entry that is altered, taken away, moved or put in afterwards breaks the chain.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from engine import clock
from engine.audit.entries import is_genuine
from engine.db import db, transaction
from engine.models import AuditEntry, AuditPending, AuditSeal
from engine.privacy.keyring import Undecipherable, keyring

log = structlog.get_logger()

BATCH = 500
_PURPOSE = "audit seal"
#: Any number, the same in every process: who cannot have it leaves the sealing to who has it.
_LOCK = text("SELECT pg_try_advisory_xact_lock(4402025)")


def seal(stopped: Callable[[], bool] = lambda: False) -> int:
    """Seal what waits, until `stopped`; how many entries got their seal."""
    sealed, after = 0, 0
    while not stopped() and _anything_waits(after):
        with transaction() as session:
            if session.get_bind().dialect.name == "postgresql" and not session.scalar(_LOCK):
                break
            ids = _waiting(session, after)
            sealed += _seal(session, ids)
        after = max(ids, default=after)
    return sealed


def _anything_waits(after: int) -> bool:
    """Looked up first, so that a tick with nothing to do keeps no writer waiting."""
    found = db.session.scalar(select(AuditPending.entry_id).where(AuditPending.entry_id > after).limit(1))
    db.session.rollback()
    return found is not None


def _waiting(session: Session, after: int) -> list[int]:
    query = select(AuditPending.entry_id).where(AuditPending.entry_id > after)
    return list(session.scalars(query.order_by(AuditPending.entry_id).limit(BATCH)))


def _seal(session: Session, ids: list[int]) -> int:
    entries = _genuine(session, ids)
    for entry_id in set(ids) - {entry.id for entry in entries}:
        # It stays unsealed, and `tongban audit verify` shows it.
        log.error("audit_entry_not_genuine", entry_id=entry_id)
    by_chain: dict[str, list[AuditEntry]] = {}
    for entry in entries:
        by_chain.setdefault(entry.chain, []).append(entry)
    for chain, members in by_chain.items():
        session.add_all(_continued(chain, tail(session, chain), members, clock.now()))
    session.execute(delete(AuditPending).where(AuditPending.entry_id.in_([entry.id for entry in entries])))
    return len(entries)


def _genuine(session: Session, ids: list[int]) -> list[AuditEntry]:
    """Those of the entries that are there and as the system wrote them."""
    try:
        query = select(AuditEntry).where(AuditEntry.id.in_(ids)).order_by(AuditEntry.id)
        return [entry for entry in session.scalars(query) if is_genuine(entry)]
    except Undecipherable:
        # One of them cannot be read: the others must not wait for it.
        return [entry for one in ids if len(ids) > 1 for entry in _genuine(session, [one])]


def tail(session: Session, chain: str) -> AuditSeal | None:
    """The last seal of a chain."""
    query = select(AuditSeal).where(AuditSeal.chain == chain).order_by(AuditSeal.number.desc()).limit(1)
    return session.scalar(query)


def _continued(chain: str, last: AuditSeal | None, entries: Iterable[AuditEntry], at: datetime) -> Iterable[AuditSeal]:
    number, before = (last.number, last.mac) if last is not None else (0, "")
    key_id = keyring().current
    for entry in entries:
        number += 1
        before = mac_of(before, chain, number, entry.id, entry.mac, at, key_id)
        yield AuditSeal(chain=chain, number=number, entry_id=entry.id, sealed_at=at, key_id=key_id, mac=before)


def mac_of(
    before: str, chain: str, number: int, entry_id: int, entry_mac: str, sealed_at: datetime, key_id: str
) -> str:
    """The hash that seals an entry at its place. Raises UnknownKey."""
    at = sealed_at.astimezone(UTC).isoformat(timespec="microseconds")
    content = f"{before}|{chain}|{number}|{entry_id}|{entry_mac}|{at}|{key_id}".encode()
    return hmac.new(keyring().derive(_PURPOSE, key_id), content, "sha256").hexdigest()
