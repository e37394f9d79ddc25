"""Channel systems (渠道系统) and their keys: registered, given a key that is shown once, rotated, revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, update
from sqlalchemy.orm import Session

from engine import clock
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import ChannelClient, ChannelKey

#: Through what people apply by themselves. 职业伤害 is a line of business of its own (K-28).
ONLINE_CHANNELS = {"web_hall": "网上大厅", "terminal": "自助终端", "yueshengshi": "粤省事", "app": "广东人社APP"}
#: What a channel system may be allowed, and what that means.
SCOPES = {
    "applications:create": "为已核实身份的申请人提交申请和材料",
    "applications:read": "查询本渠道提交的申请",
    "catalogue:read": "查询事项目录和表单",
    "progress:read": "查询办理进度",
}

#: How keys begin; no other credential has this sign in it.
MARK = "tbk~"
KEY_LASTS = timedelta(days=365)
LONGEST = timedelta(days=730)
_CODE = re.compile(r"[a-z][a-z0-9-]{2,63}")
#: What an unknown key is compared with.
_NOBODY = hashlib.sha256(b"no key").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A new key: `key` is shown this once."""

    key: str
    prefix: str
    expires_at: datetime


def add_client(session: Session, *, code: str, name: str, channel: str, scopes: Collection[str]) -> ChannelClient:
    """Register a system. Raises InvalidInput, or Conflict where the code is taken."""
    faults: dict[str, list[str]] = {}
    if not _CODE.fullmatch(code):
        faults["code"] = ["应当是 3 到 64 个小写字母、数字或连字符，以字母开头。"]
    if not 1 <= len(name.strip()) <= 64:
        faults["name"] = ["应当有 1 到 64 个字。"]
    if channel not in ONLINE_CHANNELS:
        faults["channel"] = [f"应为以下之一：{'、'.join(ONLINE_CHANNELS)}。"]
    if not scopes or not set(scopes) <= SCOPES.keys():
        faults["scopes"] = [f"应为以下范围中的一项或几项：{'、'.join(SCOPES)}。"]
    if faults:
        raise InvalidInput(fields=faults)
    if session.scalar(select(ChannelClient.id).where(ChannelClient.code == code)) is not None:
        raise Conflict(f"渠道系统“{code}”已经登记。", code="channel_exists", details={"what": code})
    client = ChannelClient(
        code=code, name=name.strip(), channel=channel, scopes=sorted(scopes), active=True, created_at=clock.now()
    )
    session.add(client)
    session.flush()
    return client


def find_client(session: Session, code: str) -> ChannelClient:
    """The system, locked for change. Raises NotFound."""
    query = select(ChannelClient).where(ChannelClient.code == code).with_for_update()
    client = session.scalar(query.execution_options(populate_existing=True))
    if client is None:
        raise NotFound(f"没有登记渠道系统“{code}”。")
    return client


def issue_key(session: Session, client: ChannelClient, lasts: timedelta = KEY_LASTS) -> Issued:
    """A new key beside those that the system has."""
    now = clock.now()
    prefix = secrets.token_hex(4)
    key = f"{MARK}{prefix}~{secrets.token_urlsafe(32)}"
    expires_at = now + min(lasts, LONGEST)
    session.add(
        ChannelKey(client_id=client.id, prefix=prefix, key_hash=hash_of(key), created_at=now, expires_at=expires_at)
    )
    return Issued(key=key, prefix=prefix, expires_at=expires_at)


def rotate(session: Session, client: ChannelClient, *, overlap: timedelta, lasts: timedelta = KEY_LASTS) -> Issued:
    """A new key; those before it end after `overlap`, so that the system can change over without a pause."""
    ends = clock.now() + overlap
    of_client = (ChannelKey.client_id == client.id, ChannelKey.revoked_at.is_(None), ChannelKey.expires_at > ends)
    session.execute(update(ChannelKey).where(*of_client).values(expires_at=ends))
    return issue_key(session, client, lasts)


def revoke(session: Session, client: ChannelClient, prefix: str | None = None) -> int:
    """The key with this prefix ends now; without one, all of them, and the system itself. How many keys ended."""
    keys = [key for key in client.keys if key.revoked_at is None and prefix in (None, key.prefix)]
    if prefix is not None and not keys:
        raise NotFound(f"渠道系统“{client.code}”没有有效的密钥“{prefix}”。")
    for key in keys:
        key.revoked_at = clock.now()
    if prefix is None:
        client.active = False
    return len(keys)


def prefix_of(key: str) -> str:
    """The part of a key by which it is found; whatever else was sent finds nothing."""
    return key.removeprefix(MARK).partition("~")[0][:16]


#: One statement without a transaction around it, of nothing but what is looked at.
BY_PREFIX: Select[*tuple[Any, ...]] = (
    select(
        ChannelKey.id.label("key_id"),
        ChannelKey.key_hash,
        ChannelKey.expires_at,
        ChannelKey.revoked_at,
        ChannelKey.used_at,
        ChannelClient.id,
        ChannelClient.code,
        ChannelClient.channel,
        ChannelClient.scopes,
        ChannelClient.active,
    )
    .join(ChannelClient, ChannelClient.id == ChannelKey.client_id)
    .where(ChannelKey.prefix == bindparam("prefix"))
)


def counts(row: Row[*tuple[Any, ...]] | None, key: str) -> bool:
    """`key` is the one that was found by its prefix, and it is still good."""
    right = hmac.compare_digest(hash_of(key), row.key_hash if row is not None else _NOBODY)
    return right and row is not None and row.active and row.revoked_at is None and row.expires_at > clock.now()


def hash_of(key: str) -> str:
    """What is stored of a key. It is random and long: no slow hash is needed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
