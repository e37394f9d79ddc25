"""Channel systems at the door: a hashed key of ours, or an access token of the province's issuer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import Row, select, update

from api import access_tokens
from api.access_tokens import KeySource
from config.settings import Settings
from engine import clock
from engine.accounts import channels
from engine.actor import ChannelActor
from engine.db import glance, transaction
from engine.errors import NotAuthenticated
from engine.models import ChannelClient, ChannelKey

KEY_KIND, TOKEN_KIND = "key", "token"
_NOTED_EVERY = timedelta(minutes=1)
_SOURCE = "tongban_token_keys"


def kind_of(credential: str) -> str | None:
    """How a channel system shows who it is: a key, a token; None: this is no channel system's credential."""
    if credential.startswith(channels.MARK):
        return KEY_KIND
    return TOKEN_KIND if credential.count(".") == 2 else None


def authenticate(credential: str) -> ChannelActor:
    """The channel system. Raises NotAuthenticated, the same for every fault of a key or of a token."""
    return _by_key(credential) if kind_of(credential) == KEY_KIND else _by_token(credential)


def _by_key(key: str) -> ChannelActor:
    with glance() as connection:
        row = connection.execute(channels.BY_PREFIX, {"prefix": channels.prefix_of(key)}).one_or_none()
    if not channels.counts(row, key) or row is None:
        raise NotAuthenticated("密钥无效、已过期或已吊销。", code="invalid_key")
    _note_use(row)
    return ChannelActor(client_id=row.id, code=row.code, channel=row.channel, scopes=frozenset(row.scopes))


def _note_use(row: Row[*tuple[Any, ...]]) -> None:
    now = clock.now()
    if row.used_at is None or row.used_at + _NOTED_EVERY <= now:
        with transaction() as session:
            session.execute(update(ChannelKey).where(ChannelKey.id == row.key_id).values(used_at=now))


def _by_token(token: str) -> ChannelActor:
    issuer = cast(Settings, current_app.config["TONGBAN"]).sign_on.tokens
    if issuer is None:
        raise NotAuthenticated("访问令牌无效或已过期。", code="invalid_token")
    source = current_app.extensions.setdefault(_SOURCE, KeySource(issuer.jwks))
    said = access_tokens.read(token, issuer, source)
    with glance() as connection:
        columns = (ChannelClient.id, ChannelClient.code, ChannelClient.channel, ChannelClient.scopes)
        query = select(*columns).where(ChannelClient.code == said.client, ChannelClient.active)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotAuthenticated("访问令牌无效或已过期。", code="invalid_token")
    # The issuer gives no more than the province has agreed to for this system.
    return ChannelActor(
        client_id=row.id, code=row.code, channel=row.channel, scopes=said.scopes.intersection(row.scopes)
    )
