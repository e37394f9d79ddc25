"""The systems that people use instead of a counter (渠道系统), and their keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment


class ChannelClient(Base):
    """A registered system: 网上大厅, 自助终端, 粤省事, 广东人社APP, or one of several terminals' makers."""

    __tablename__ = "channel_client"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Its name among systems; `client_id` of its access tokens.
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    #: web_hall, terminal, yueshengshi, app
    channel: Mapped[str] = mapped_column(String(16))
    #: What it may ask for at most: applications:create, progress:read ...
    scopes: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Moment)

    keys: Mapped[list[ChannelKey]] = relationship(order_by="ChannelKey.id", back_populates="client")


class ChannelKey(Base):
    """A key of a channel system; the key itself was shown once and is not stored, only its SHA-256."""

    __tablename__ = "channel_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("channel_client.id"), index=True)
    #: The part by which it is found, and by which people speak of it.
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    #: About when it was used last.
    used_at: Mapped[datetime | None] = mapped_column(Moment)

    client: Mapped[ChannelClient] = relationship(back_populates="keys")
