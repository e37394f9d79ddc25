"""Text messages (短信): the outbox, the cities' templates, and which template stands in which slot."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal, PersonalJSON
from engine.models.agency import Agency, Officer


class Message(Base):
    """A text message in the outbox (短信): made in the transaction of the change, sent after it (promise 6).

    state: made 未发送 (and due at `next_attempt_at`, at once where that is empty), handed_over 已提交网关,
    delivered 已送达, failed 发送失败, not_configured 未配置 (the slot is empty: no message, but on record).
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("case_id", "slot", "occasion"),
        Index("ix_message_state", "state", "id"),
        Index("ix_message_number", "phone_key", "state", "id"),
        Index("ix_message_list", "sender_agency_code", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    #: One of `config.catalogue.SMS_SLOTS`.
    slot: Mapped[str] = mapped_column(String(32))
    #: What makes it one of its kind: the process task or use case that emitted it.
    occasion: Mapped[str] = mapped_column(String(64))
    sender_agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    phone: Mapped[str | None] = mapped_column(Personal(32))
    #: Keyed hash of the number: messages to one number go in order and count together, without reading the number.
    phone_key: Mapped[str | None] = mapped_column(String(64))
    text: Mapped[str | None] = mapped_column(Personal(1000))
    #: The text before the keys were replaced, and what replaced them in order: a gateway may know texts by number.
    template: Mapped[str | None] = mapped_column(String(500))
    parameters: Mapped[list[str] | None] = mapped_column(PersonalJSON)
    state: Mapped[str] = mapped_column(String(16))
    made_at: Mapped[datetime] = mapped_column(Moment)
    #: Raised each time an officer lets it be sent again; with the id it is the reference that the gateway sees.
    round: Mapped[int] = mapped_column(default=1, server_default="1")
    #: Hand-overs begun in this round.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    #: When it is handed over (again). While a hand-over runs: when it counts as lost with the process that ran it.
    next_attempt_at: Mapped[datetime | None] = mapped_column(Moment)
    #: Name of the gateway that took it.
    gateway: Mapped[str | None] = mapped_column(String(16))
    handed_over_at: Mapped[datetime | None] = mapped_column(Moment)
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    #: Why it failed, or was not taken yet: no_mobile, missing_value, undelivered, or the gateway's cause.
    failure: Mapped[str | None] = mapped_column(String(64))
    #: The same as a sentence, with the gateway's own words; nothing personal.
    failure_reason: Mapped[str | None] = mapped_column(String(200))

    parts: Mapped[list[MessagePart]] = relationship(order_by="MessagePart.number", cascade="all, delete-orphan")
    sender: Mapped[Agency] = relationship()


class MessagePart(Base):
    """One part of a message that a gateway took, under the id it gave it."""

    __tablename__ = "message_part"
    __table_args__ = (UniqueConstraint("message_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    #: 1, 2 ...
    number: Mapped[int]
    gateway_id: Mapped[str] = mapped_column(String(80), index=True)


class MessageReceipt(Base):
    """What a gateway said became of a part (回执). It may come before the part itself is on record."""

    __tablename__ = "message_receipt"

    gateway: Mapped[str] = mapped_column(String(16), primary_key=True)
    gateway_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    delivered: Mapped[bool]
    #: The gateway's own word: DELIVRD, UNDELIV 001 ...
    reason: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(Moment)


class MessageCategory(Base):
    """A city's category of templates (短信模板大类)."""

    __tablename__ = "message_category"
    __table_args__ = (UniqueConstraint("city_code", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    city_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    name: Mapped[str] = mapped_column(String(64))
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    changed_at: Mapped[datetime] = mapped_column(Moment)

    changed_by: Mapped[Officer] = relationship()


class MessageTemplate(Base):
    """A city's template (短信模板); its words are in its versions."""

    __tablename__ = "message_template"
    __table_args__ = (UniqueConstraint("city_code", "function_code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Raised at each change; a stale writer gets a conflict.
    version: Mapped[int] = mapped_column(default=1)
    city_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    category_id: Mapped[int] = mapped_column(ForeignKey("message_category.id"), index=True)
    #: 功能代码, unique in the city; it never changes.
    function_code: Mapped[str] = mapped_column(String(32))
    #: 有效 or 无效: an inactive one cannot be put into a slot.
    active: Mapped[bool] = mapped_column(default=True)
    changed_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    changed_at: Mapped[datetime] = mapped_column(Moment)

    category: Mapped[MessageCategory] = relationship()
    changed_by: Mapped[Officer] = relationship()
    versions: Mapped[list[MessageTemplateVersion]] = relationship(
        order_by="MessageTemplateVersion.id", cascade="all, delete-orphan", back_populates="message_template"
    )

    @property
    def draft(self) -> MessageTemplateVersion | None:
        """The wording that is not published yet."""
        return next((one for one in self.versions if one.number is None), None)

    @property
    def published_versions(self) -> list[MessageTemplateVersion]:
        """What was published, the newest last."""
        return sorted((one for one in self.versions if one.number is not None), key=lambda one: one.number or 0)

    @property
    def published(self) -> MessageTemplateVersion | None:
        """The version published last."""
        return next(reversed(self.published_versions), None)


class MessageTemplateVersion(Base):
    """One wording of a template: the draft (no number yet), or a published version, which never changes."""

    __tablename__ = "message_template_version"
    __table_args__ = (UniqueConstraint("template_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("message_template.id"))
    #: 1, 2 ... once published; None: the draft.
    number: Mapped[int | None]
    name: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(String(500))
    written_by_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    written_at: Mapped[datetime] = mapped_column(Moment)
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    published_at: Mapped[datetime | None] = mapped_column(Moment)

    message_template: Mapped[MessageTemplate] = relationship(back_populates="versions")
    written_by: Mapped[Officer] = relationship(foreign_keys=[written_by_id])
    published_by: Mapped[Officer | None] = relationship(foreign_keys=[published_by_id])


class SlotBinding(Base):
    """The template version that stands in a slot of one version of a city's service configuration.

    The configuration holds the text itself; this says where it came from. A slot without a row has the province's
    text, or none.
    """

    __tablename__ = "slot_binding"

    configuration_id: Mapped[int] = mapped_column(ForeignKey("service_configuration.id"), primary_key=True)
    slot: Mapped[str] = mapped_column(String(32), primary_key=True)
    template_version_id: Mapped[int] = mapped_column(ForeignKey("message_template_version.id"), index=True)

    template_version: Mapped[MessageTemplateVersion] = relationship()


class ConfigurationChange(Base):
    """Who made a version of a city's service configuration, and when; none for what the system was installed with."""

    __tablename__ = "configuration_change"

    configuration_id: Mapped[int] = mapped_column(ForeignKey("service_configuration.id"), primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    at: Mapped[datetime] = mapped_column(Moment)

    officer: Mapped[Officer] = relationship()
