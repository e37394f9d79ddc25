"""Which text stands in each of the nine slots of a service in a city (短信配置, CFG-10, SMS-03), and since when.

A choice makes a new version of the city's configuration of the service: cases accepted from then on are pinned to
it, cases accepted before keep theirs (CFG-13). The configuration holds the text itself; a binding says which version
of which template it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.catalogue import SMS_SLOTS, services
from engine import clock
from engine.actor import Actor
from engine.casework.message_texts import SLOT_TITLES, Preview, preview, slot_faults
from engine.casework.province import configurations_from
from engine.casework.sms_templates import own_city, readable_city
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import (
    ConfigurationChange,
    MessageTemplate,
    MessageTemplateVersion,
    ServiceConfiguration,
    SlotBinding,
)

#: The id of a template of the city, the province's own text, or no message.
Choice = int | Literal["standard"] | None

_OF_A_VERSION = ("id", "version", "valid_from", "sms")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One slot: its text, where it comes from, how long it gets."""

    slot: str
    title: str
    #: template, standard 全省统一文本, or empty 未配置
    source: str
    content: str | None
    template: MessageTemplateVersion | None
    #: A newer version of the template is published, and not put in here.
    outdated: bool
    preview: Preview | None


@dataclass(frozen=True, kw_only=True)
class SlotTable:
    """The nine slots of a service in a city, as cases get them that are accepted now."""

    city_code: str
    service: str
    #: Of the configuration: who changes the slots says which one they saw.
    version: int
    slots: Sequence[Slot]
    history: Sequence[Change]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One version of the configuration: from when it counts, who made it, and when (None: it was installed)."""

    configuration: ServiceConfiguration
    by: str | None
    at: datetime | None


def slots_of(session: Session, actor: Actor, service: str, city_code: str | None = None) -> SlotTable:
    """The slots of the service in the officer's city (any city, for the province)."""
    return _table(session, readable_city(session, actor, city_code), _known(service))


def choose(session: Session, actor: Actor, service: str, *, version: int, choices: Mapping[str, Choice]) -> SlotTable:
    """Put these texts into the slots; the other slots stay as they are (选择、确定、保存).

    Raises `InvalidInput` for a template that is inactive, not published or not the city's, and for one whose keys make
    no sense in the slot; `Conflict` where somebody else has changed the configuration since `version`.
    """
    city = own_city(session, actor)
    bases = _counting(session, city, _known(service))
    newest = _newest_version(session, city, service)
    if newest != version:
        raise Conflict("业务配置已被他人改动，请刷新后再操作。", code="stale_version", details={"version": newest})
    chosen = _resolve(session, city, service, choices)
    for base in bases:
        newest = _add_version(session, actor, base, newest, chosen)
    session.flush()
    return _table(session, city, service)


# Choosing


@dataclass(frozen=True)
class _Text:
    content: str | None
    version_id: int | None


def _resolve(session: Session, city: str, service: str, choices: Mapping[str, Choice]) -> dict[str, _Text]:
    faults: dict[str, list[str]] = {}
    chosen: dict[str, _Text] = {}
    for slot, choice in choices.items():
        if slot not in SMS_SLOTS:
            faults[f"slots.{slot}"] = ["没有这一种短信。"]
        elif choice is None:
            chosen[slot] = _Text(None, None)
        elif choice == "standard":
            chosen[slot] = _Text(services()[service].sms[slot], None)
        else:
            version, sentences = _usable(session, city, int(choice), slot, service)
            if version is None or sentences:
                faults[f"slots.{slot}"] = sentences
            else:
                chosen[slot] = _Text(version.content, version.id)
    if faults:
        raise InvalidInput(fields=faults)
    return chosen


def _usable(
    session: Session, city: str, template_id: int, slot: str, service: str
) -> tuple[MessageTemplateVersion | None, list[str]]:
    # Locked, so that nobody makes it inactive meanwhile.
    template = session.get(MessageTemplate, template_id, with_for_update=True)
    if template is None or template.city_code != city:
        return None, ["没有这个短信模板。"]
    newest = template.published
    if newest is None:
        return None, ["该模板还没有发布，不能使用。"]
    if not template.active:
        return None, ["该模板已失效，不能使用。"]
    return newest, slot_faults(newest.content, slot, service)


def _add_version(
    session: Session, actor: Actor, base: ServiceConfiguration, newest: int, chosen: Mapping[str, _Text]
) -> int:
    """A version like `base` with the chosen texts, for cases accepted from today on; the newest number afterwards."""
    bindings = session.scalars(select(SlotBinding).where(SlotBinding.configuration_id == base.id))
    bound = {binding.slot: binding.template_version_id for binding in bindings}
    wanted = {**bound, **{slot: text.version_id for slot, text in chosen.items()}}
    wanted = {slot: version_id for slot, version_id in wanted.items() if version_id is not None}
    texts = {**base.sms, **{slot: text.content for slot, text in chosen.items()}}
    if texts == base.sms and wanted == bound:
        return newest
    columns = [column.key for column in ServiceConfiguration.__table__.columns if column.key not in _OF_A_VERSION]
    row = ServiceConfiguration(
        **{name: getattr(base, name) for name in columns},
        version=newest + 1,
        valid_from=max(base.valid_from, clock.today()),
        sms=texts,
    )
    session.add(row)
    session.flush()
    session.add(ConfigurationChange(configuration_id=row.id, officer_id=actor.officer_id, at=clock.now()))
    session.add_all(
        SlotBinding(configuration_id=row.id, slot=slot, template_version_id=version_id)
        for slot, version_id in wanted.items()
    )
    return newest + 1


def _counting(session: Session, city: str, service: str) -> list[ServiceConfiguration]:
    # Whoever changes the configuration holds the newest row: the next one waits here and then sees the new version.
    session.scalar(
        select(ServiceConfiguration)
        .where(ServiceConfiguration.city_code == city, ServiceConfiguration.service == service)
        .order_by(ServiceConfiguration.version.desc())
        .limit(1)
        .with_for_update()
    )
    found = configurations_from(session, city, service, clock.today())
    if not found:
        raise NotFound("本市没有该事项的业务配置。")
    return found


def _newest_version(session: Session, city: str, service: str) -> int:
    newest = session.scalar(
        select(func.max(ServiceConfiguration.version)).where(
            ServiceConfiguration.city_code == city, ServiceConfiguration.service == service
        )
    )
    return newest or 0


def _known(service: str) -> str:
    if service not in services():
        raise NotFound("没有这个事项。")
    return service


# Showing


def _table(session: Session, city: str, service: str) -> SlotTable:
    found = configurations_from(session, city, service, clock.today())
    if not found:
        raise NotFound("该市没有该事项的业务配置。")
    counting = found[0]
    bindings = {
        row.slot: row.template_version
        for row in session.scalars(select(SlotBinding).where(SlotBinding.configuration_id == counting.id))
    }
    return SlotTable(
        city_code=city,
        service=service,
        version=_newest_version(session, city, service),
        slots=[_slot(service, slot, counting.sms.get(slot), bindings.get(slot)) for slot in SMS_SLOTS],
        history=_history(session, city, service),
    )


def _slot(service: str, slot: str, content: str | None, bound: MessageTemplateVersion | None) -> Slot:
    newest = bound.message_template.published if bound is not None else None
    return Slot(
        slot=slot,
        title=SLOT_TITLES[slot],
        source="template" if bound is not None else "standard" if content else "empty",
        content=content,
        template=bound,
        outdated=newest is not bound,
        preview=preview(content, {}, slot=slot, service=service) if content else None,
    )


def _history(session: Session, city: str, service: str) -> list[Change]:
    rows = session.scalars(
        select(ServiceConfiguration)
        .where(ServiceConfiguration.city_code == city, ServiceConfiguration.service == service)
        .order_by(ServiceConfiguration.version.desc())
    )
    found = []
    for row in rows:
        change = session.get(ConfigurationChange, row.id)
        found.append(
            Change(
                configuration=row,
                by=change.officer.name if change else None,
                at=change.at if change else None,
            )
        )
    return found
