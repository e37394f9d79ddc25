"""Published diagrams and the cities' configuration of the services: what a case is pinned to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.db import Base, Blob, Moment


class DiagramSource(Base):
    """The bytes of one diagram or decision table, known by their SHA-256."""

    __tablename__ = "diagram_source"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: bpmn or dmn
    kind: Mapped[str] = mapped_column(String(8))
    #: Process id or decision id, which is also the file name.
    name: Mapped[str] = mapped_column(String(64), index=True)
    content: Mapped[bytes] = mapped_column(Blob)


class LibraryEntry(Base):
    """The source that counts today for a process or decision id: what the next publication is made of."""

    __tablename__ = "library_entry"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    source_hash: Mapped[str] = mapped_column(ForeignKey("diagram_source.hash"))
    #: Of a root process: the published version that new cases begin with. Not always the highest one: who publishes
    #: an earlier content again gets the earlier version back.
    definition_hash: Mapped[str | None] = mapped_column(ForeignKey("definition.hash"))


class DefinitionRow(Base):
    """One published version: a diagram with every diagram and table it calls (definition). Never changed."""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("process_id", "version"),)

    #: Over the names and hashes of all its sources.
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    process_id: Mapped[str] = mapped_column(String(64), index=True)
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(128))
    #: {name: source hash}, the whole closure.
    sources: Mapped[dict[str, str]] = mapped_column(JSON)
    published_at: Mapped[datetime] = mapped_column(Moment)
    #: An officer's user name, or "stock".
    published_by: Mapped[str] = mapped_column(String(64))


class ServiceConfiguration(Base):
    """A city's configuration of a service from a day on (本地业务配置): materials, limit, review levels, mode."""

    __tablename__ = "service_configuration"
    __table_args__ = (UniqueConstraint("city_code", "service", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Agency code of the city (dddd99).
    city_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    service: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    valid_from: Mapped[date]
    limit_workdays: Mapped[int]
    review_levels: Mapped[int]
    #: province 全省模式 or local (only the insured place accepts)
    distribution_mode: Mapped[str] = mapped_column(String(16))
    #: {channel: {"main": [...], "auxiliary": [...], "application_items": [...]}} as config/services/*.yaml.
    #: Long, and read at intake alone: loaded when it is asked for.
    materials: Mapped[Any] = mapped_column(JSON, deferred=True)
    #: {slot: text or None}
    sms: Mapped[Any] = mapped_column(JSON)
    #: Further switches: supplement_stops_clock, dispatch ...
    switches: Mapped[Any] = mapped_column(JSON, default=dict)
