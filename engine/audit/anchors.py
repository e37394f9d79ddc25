"""Anchors: the ends of all chains at one instant, signed, to be kept where the database's keepers cannot reach.

The signature is Ed25519 by a key derived from the ring. Who holds the public key can tell that an anchor is genuine
without any secret; an anchor given to another agency is as good as one kept in a safe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.errors import InvalidInput
from engine.models import AuditSeal
from engine.privacy.keyring import UnknownKey, keyring

FORMAT = "tongban-audit-anchor-1"
_PURPOSE = "audit anchor"
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """The ends of the chains as they were at an instant."""

    at: datetime
    #: Chain -> number and hash of its last seal.
    tails: Mapping[str, tuple[int, str]]


def take(session: Session) -> dict[str, Any]:
    """The document of an anchor of now."""
    last = select(AuditSeal.chain, func.max(AuditSeal.number).label("number")).group_by(AuditSeal.chain).subquery()
    ends = select(AuditSeal.chain, AuditSeal.number, AuditSeal.mac).join(
        last, (AuditSeal.chain == last.c.chain) & (AuditSeal.number == last.c.number)
    )
    tails = [
        {"chain": row.chain, "number": row.number, "mac": row.mac}
        for row in session.execute(ends.order_by(AuditSeal.chain))
    ]
    key_id = keyring().current
    key = _key(key_id)
    signed = {"format": FORMAT, "at": clock.now().isoformat(), "tails": tails, "key_id": key_id}
    return {
        **signed,
        "public_key": key.public_key().public_bytes_raw().hex(),
        "signature": key.sign(_content(signed)).hex(),
    }


def read(content: bytes) -> Anchor:
    """The anchor in a document. Raises InvalidInput where it is none, or not signed by a key of the ring."""
    try:
        document = json.loads(content)
        signed = {name: document[name] for name in ("format", "at", "tails", "key_id")}
        signature = bytes.fromhex(document["signature"])
        at = clock.aware(datetime.fromisoformat(signed["at"]))
        tails = {str(tail["chain"]): (int(tail["number"]), str(tail["mac"])) for tail in signed["tails"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused("文件不是审计锚点，或已损坏。") from None
    if signed["format"] != FORMAT or not all(_HEX.fullmatch(mac) for _, mac in tails.values()):
        raise _refused("文件不是本系统能识别的审计锚点。")
    try:
        _key(str(signed["key_id"])).public_key().verify(signature, _content(signed))
    except UnknownKey:
        raise _refused("密钥环中没有签署该锚点的密钥。") from None
    except InvalidSignature:
        raise _refused("锚点的签名不符：锚点被改动，或不是本系统签署的。") from None
    return Anchor(at=at, tails=tails)


def _key(key_id: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keyring().derive(_PURPOSE, key_id))


def _content(signed: Mapping[str, Any]) -> bytes:
    return json.dumps(signed, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={"anchor": [sentence]})
