"""Checking the audit log: what was altered, taken away, moved or put in, row by row (`tongban audit verify`).

The chains are read in order and in pieces, however long they are. What an attacker with the whole database can still
do unseen is to cut off the end of a chain together with its entries; an anchor that was taken before and kept
elsewhere shows that too. Entries that were never sealed are counted and are no fault by themselves.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, String, exists, func, select, type_coerce
from sqlalchemy.orm import Session

from engine.audit.anchors import Anchor
from engine.audit.entries import ADDED, SIGNED, signature
from engine.audit.sealing import mac_of
from engine.models import AuditEntry, AuditPending, AuditSeal
from engine.privacy.keyring import Undecipherable, UnknownKey, is_encrypted, keyring

_PIECE = 1000
_REASON = f"{AuditEntry.__tablename__}.reason"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong: in which chain, at which place, with which entry, and what."""

    chain: str | None
    number: int | None
    entry_id: int | None
    #: entry_altered, entry_removed, entry_added, seal_altered, seal_removed, tail_cut, rewritten, key_missing
    code: str
    sentence: str


@dataclass
class Tail:
    """How far a chain goes."""

    number: int = 0
    mac: str = ""


@dataclass
class Report:
    """What was found."""

    tails: dict[str, Tail] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    #: Entries that wait for their seal.
    unsealed: int = 0

    @property
    def valid(self) -> bool:
        return not self.findings


Progress = Callable[[int], None]


def verify(session: Session, anchors: Iterable[Anchor] = (), progress: Progress = lambda done: None) -> Report:
    """Check everything; `progress` is told how many rows were looked at."""
    report = Report()
    for chain in session.scalars(select(AuditSeal.chain).distinct().order_by(AuditSeal.chain)).all():
        report.findings += _check_chain(session, chain, report, progress)
    report.findings += _check_unsealed(session, report, progress)
    for anchor in anchors:
        report.findings += _check_anchor(session, anchor, report)
    return report


def count(session: Session) -> int:
    """How many rows there are to look at, about."""
    return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


# The chains

#: The entry's columns as they are stored: one that does not decrypt is a finding, not a fault.
_STORED: list[Any] = [
    type_coerce(AuditEntry.reason, String).label("reason") if name == "reason" else getattr(AuditEntry, name)
    for name in (*SIGNED, *ADDED, "mac")
]
_SEAL: list[Any] = [
    AuditSeal.number.label("seal_number"),
    AuditSeal.entry_id.label("seal_entry_id"),
    AuditSeal.sealed_at.label("sealed_at"),
    AuditSeal.key_id.label("seal_key_id"),
    AuditSeal.mac.label("seal_mac"),
]


def _check_chain(session: Session, chain: str, report: Report, progress: Progress) -> Iterator[Finding]:
    query = (
        select(*_SEAL, *_STORED)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .where(AuditSeal.chain == chain)
        .order_by(AuditSeal.number)
        .execution_options(yield_per=_PIECE)
    )
    tail = report.tails.setdefault(chain, Tail())
    #: What the next seal may continue: the hash as it is stored and as it should be. They differ after an altered seal.
    before = {""}
    for done, row in enumerate(session.execute(query), start=1):
        if row.seal_number != tail.number + 1:
            missing = _range(tail.number + 1, row.seal_number - 1)
            yield _finding(chain, tail.number + 1, None, "seal_removed", f"第{missing}号记录的封条被删除。")
            before = set()
        yield from _check_entry(chain, row)
        expected, findings = _check_seal(chain, row, before)
        yield from findings
        before = {row.seal_mac, *expected}
        tail.number, tail.mac = row.seal_number, row.seal_mac
        if done % _PIECE == 0:
            progress(_PIECE)


def _check_seal(chain: str, row: Row[Any], before: set[str]) -> tuple[set[str], list[Finding]]:
    """The hashes that the row may have, and what is wrong with the one it has."""
    if row.mac is None:
        # Its entry is gone, which has been said; nothing can be computed without it.
        return set(), []
    rest = (chain, row.seal_number, row.seal_entry_id, row.mac, row.sealed_at, row.seal_key_id)
    try:
        expected = {mac_of(one, *rest) for one in before}
    except UnknownKey:
        return set(), [_key_missing(chain, row.seal_number, row.seal_entry_id, row.seal_key_id)]
    if not expected or any(hmac.compare_digest(one, row.seal_mac) for one in expected):
        return expected, []
    sentence = f"第{row.seal_number}号记录的封条不符：封条或其顺序被改动。"
    return expected, [_finding(chain, row.seal_number, row.seal_entry_id, "seal_altered", sentence)]


def _check_entry(chain: str, row: Row[Any]) -> Iterator[Finding]:
    number, entry_id = row.seal_number, row.seal_entry_id
    if row.mac is None:
        yield _finding(chain, number, entry_id, "entry_removed", f"第{number}号记录（编号{entry_id}）被删除。")
        return
    try:
        genuine = _is_genuine(row) and row.chain == chain
    except UnknownKey:
        yield _key_missing(chain, number, entry_id, row.key_id)
        return
    if not genuine:
        yield _finding(chain, number, entry_id, "entry_altered", f"第{number}号记录（编号{entry_id}）被改动。")


def _is_genuine(stored: Row[Any]) -> bool:
    """The entry's own signature fits. Raises UnknownKey."""
    values = dict(stored._mapping)
    try:
        if values["reason"] is not None:
            encrypted = is_encrypted(values["reason"])
            values["reason"] = keyring().decrypt(_REASON, values["reason"]).decode() if encrypted else None
    except UnknownKey:
        raise
    except Undecipherable:
        return False
    return hmac.compare_digest(signature(values["key_id"], values), values["mac"])


# What has no seal


def _check_unsealed(session: Session, report: Report, progress: Progress) -> Iterator[Finding]:
    sealed = exists().where(AuditSeal.entry_id == AuditEntry.id)
    query = select(*_STORED).where(~sealed).order_by(AuditEntry.id).execution_options(yield_per=_PIECE)
    for row in session.execute(query):
        try:
            genuine = _is_genuine(row)
        except UnknownKey:
            yield _key_missing(row.chain, None, row.id, row.key_id)
            continue
        if genuine:
            report.unsealed += 1
        else:
            yield _finding(
                row.chain, None, row.id, "entry_added", f"编号{row.id}的记录不是系统写入的，或在封存之前被改动。"
            )
    gone = select(AuditPending.entry_id).where(~exists().where(AuditEntry.id == AuditPending.entry_id))
    for entry_id in session.scalars(gone.order_by(AuditPending.entry_id)):
        yield _finding(None, None, entry_id, "entry_removed", f"编号{entry_id}的记录在封存之前被删除。")


# Anchors


def _check_anchor(session: Session, anchor: Anchor, report: Report) -> Iterator[Finding]:
    for chain, (number, mac) in anchor.tails.items():
        tail = report.tails.get(chain, Tail())
        if tail.number < number:
            sentence = f"{anchor.at:%Y-%m-%d %H:%M}的锚点记有{number}条，现仅有{tail.number}条：末尾被截去。"
            yield _finding(chain, tail.number + 1, None, "tail_cut", sentence)
            continue
        now = session.scalar(select(AuditSeal.mac).where(AuditSeal.chain == chain, AuditSeal.number == number))
        if now is not None and not hmac.compare_digest(now, mac):
            sentence = f"第{number}号记录与{anchor.at:%Y-%m-%d %H:%M}的锚点不符：此号及以前的记录被重写。"
            yield _finding(chain, number, None, "rewritten", sentence)


def _finding(chain: str | None, number: int | None, entry_id: int | None, code: str, sentence: str) -> Finding:
    return Finding(chain=chain, number=number, entry_id=entry_id, code=code, sentence=sentence)


def _key_missing(chain: str, number: int | None, entry_id: int, key_id: str) -> Finding:
    return _finding(chain, number, entry_id, "key_missing", f"密钥环中没有核验此记录所需的密钥（{key_id}）。")


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}至{last}"
