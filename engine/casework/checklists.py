"""The checklist (材料清单) of an application: what the handling agency configured for its services (ACC-05)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from config.form_schemas import ticks
from engine.casework.forms import holds
from engine.errors import InvalidInput
from engine.models import Application, Case, MaterialItem, ServiceConfiguration

Row = dict[str, Any]


def draw_up(session: Session, application: Application, configurations: Mapping[str, ServiceConfiguration]) -> None:
    """Write the checklist per service, and one material item for each material, shared by all services (K-27)."""
    lists = {code: one.materials[application.channel] for code, one in configurations.items()}
    application.checklist = {code: list(_rows(application, code, listed)) for code, listed in lists.items()}
    for item in _items(application):
        session.add(item)


def redraw(session: Session, case: Case, configuration: ServiceConfiguration) -> list[str]:
    """Ask for what the case's new agency asks for; the names of what is new and has to be handed in (K-17).

    What was handed in stays in the file, also where the new agency would not have asked for it.
    """
    application = case.application
    rows = list(_rows(application, case.service, configuration.materials[application.channel]))
    application.checklist = {**application.checklist, case.service: rows}
    query = select(MaterialItem).where(MaterialItem.application_id == application.id)
    known = {item.material: item for item in session.scalars(query)}
    added = []
    for row in rows:
        item = known.get(row["material"])
        required = row["mandatory"] and not row["waived_because"]
        if required and (item is None or not (item.paper_copies or item.images)):
            added.append(row["name"])
        if item is None:
            session.add(_item(application, row["material"], [(case.service, row)]))
        else:
            item.services = list(dict.fromkeys((*item.services, case.service)))
            item.mandatory = item.mandatory or row["mandatory"]
            item.waived_because = item.waived_because and row["waived_because"]
    session.flush()
    return added


def _rows(application: Application, service: str, listed: Mapping[str, Any]) -> Iterator[Row]:
    """Main materials, then those of the items that are ticked or that follow from what the application says."""
    seen: set[str] = set()
    ticked = _ticked(application, service)
    for kind in ("main", "auxiliary", "application_items"):
        for group in [{"materials": listed["main"]}] if kind == "main" else listed[kind]:
            if kind != "main" and group["code"] not in ticked:
                continue
            for material in group["materials"]:
                if material["code"] not in seen:
                    seen.add(material["code"])
                    yield _row(material, kind, group.get("code"))


def _row(material: Mapping[str, Any], kind: str, item: str | None) -> Row:
    waivable = material["waivable"]
    return {
        "material": material["code"],
        "name": material["name"],
        "mandatory": material["mandatory"],
        "kind": kind,
        "item": item,
        "form": material["form"],
        "original": material["original"],
        "copies": material["copies"],
        "legal_basis": material["legal_basis"],
        # Obtained by data sharing, so it need not be handed in (ACC-06).
        "waived_because": waivable["because"] if waivable else None,
    }


def _ticked(application: Application, service: str) -> set[str]:
    content = application.content
    said = _said(content, service)
    follows = {code for code, condition in ticks().items() if holds(condition, said)}
    return {*content["auxiliary"], *content["application_items"], *follows}


def _said(content: Mapping[str, Any], service: str) -> dict[str, Any]:
    """What the conditions of `config/ticks.yaml` speak of."""
    facts = content["facts"].get(service) or {}
    columns: dict[str, list[Any]] = {}
    for name, rows in facts.items():
        for row in rows if isinstance(rows, list) else ():
            for column, value in row.items():
                columns.setdefault(f"{name}.{column}", []).append(value)
    forms = {f"{form}.{name}": value for form, filled in content["forms"].items() for name, value in filled.items()}
    return {**facts, **columns, **forms, "applicant.kind": content["applicant"]["kind"], "agent": content["agent"]}


def refuse_unknown_ticks(
    application: Application, configurations: Mapping[str, ServiceConfiguration] | None = None
) -> None:
    """Raises InvalidInput for a ticked item that no list has: the place of insurance's, or the province's while that
    place is not known. A city may add to the province's lists and drop nothing (K-15)."""
    channel = application.channel
    lists: list[Mapping[str, Any]] = (
        [one.materials[channel] for one in configurations.values()]
        if configurations is not None
        else [services()[code].channels[channel].row() for code in application.services]
    )
    for field in ("auxiliary", "application_items"):
        known = {group["code"] for listed in lists for group in listed[field]}
        unknown = [number for number, code in enumerate(application.content[field]) if code not in known]
        if unknown:
            raise InvalidInput(fields={f"{field}.{number}": ["参保地的清单没有这一项。"] for number in unknown})


def _items(application: Application) -> Iterator[MaterialItem]:
    merged: dict[str, list[tuple[str, Row]]] = {}
    for service, rows in application.checklist.items():
        for row in rows:
            merged.setdefault(row["material"], []).append((service, row))
    for material, asked in merged.items():
        yield _item(application, material, asked)


def _item(application: Application, material: str, asked: Sequence[tuple[str, Row]]) -> MaterialItem:
    """One line for the material, whichever services ask for it."""
    waivers = [row["waived_because"] for _, row in asked]
    return MaterialItem(
        application_id=application.id,
        material=material,
        name=asked[0][1]["name"],
        mandatory=any(row["mandatory"] for _, row in asked),
        # Needed by one service is needed.
        waived_because=waivers[0] if all(waivers) else None,
        services=[service for service, _ in asked],
        paper_copies=0,
        images=[],
    )
