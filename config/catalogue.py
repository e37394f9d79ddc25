"""The services (通办事项) as `config/services/*.yaml` configures them: limits, review levels, materials, messages.

The province's file is what every city starts with; a city may shorten the limit, add materials of the same file and
choose its review levels (K-15). What a case is pinned to is a copy in the database, made by `for_city`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text
from config.legal import LegalRef, legal_ref

#: Six independent lists of materials (CFG-03).
CHANNELS = ("counter", "web_hall", "terminal", "app", "yueshengshi", "occupational")
KINDS = ("benefit", "filing", "change")
DISTRIBUTION_MODES = ("province", "local")
DISPATCH_MODES = ("pool", "random", "least_loaded")
#: 受理, 收件, 办结, 终止, 催办, 非职业伤害或不予受理办结, 中止, 审核不通过, 已初审 (SMS-02).
SMS_SLOTS = (
    "acceptance",
    "receipt",
    "completion",
    "termination",
    "urging",
    "not_injury_or_refusal",
    "suspension",
    "not_passed",
    "first_reviewed",
)
SMS_MAX_LENGTH = 500
FORMS = tuple(f"1-{number}" for number in range(1, 9))
MAX_REVIEW_LEVELS = 3


@dataclass(frozen=True, kw_only=True)
class Material:
    """A material that may be asked for (材料), with its basis in law (agency-regulation 31)."""

    code: str
    name: str
    mandatory: bool
    #: "1-1" to "1-8" where it is one of the province's forms.
    form: str | None
    #: The paper itself is kept, not a copy.
    original: bool
    copies: int
    basis: LegalRef
    #: Why it need not be handed in, because the system obtains it (ACC-06); None: it must be.
    waivable: LegalRef | None

    def row(self) -> dict[str, Any]:
        """As it stands in a city's configuration and a checklist."""
        return {
            "code": self.code,
            "name": self.name,
            "mandatory": self.mandatory,
            "form": self.form,
            "original": self.original,
            "copies": self.copies,
            "legal_basis": self.basis.reason(),
            "waivable": {"because": [self.waivable.reason()]} if self.waivable else None,
        }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Something to tick that adds materials: an auxiliary item (辅助项) or an application item (申请事项)."""

    code: str
    name: str
    materials: tuple[Material, ...]

    def row(self, order: int) -> dict[str, Any]:
        """As it stands in a city's configuration."""
        return {
            "order": order,
            "code": self.code,
            "name": self.name,
            "materials": [material.row() for material in self.materials],
        }


@dataclass(frozen=True, kw_only=True)
class MaterialList:
    """What one channel asks for."""

    main: tuple[Material, ...]
    auxiliary: tuple[Choice, ...]
    application_items: tuple[Choice, ...]

    def row(self, add_main: tuple[Material, ...] = ()) -> dict[str, Any]:
        """As it stands in a city's configuration, with what the city adds."""
        main = (*self.main, *(material for material in add_main if material not in self.main))
        return {
            "main": [material.row() for material in main],
            "auxiliary": [choice.row(order) for order, choice in enumerate(self.auxiliary, 1)],
            "application_items": [choice.row(order) for order, choice in enumerate(self.application_items, 1)],
        }


@dataclass(frozen=True, kw_only=True)
class CityOverride:
    """What a city has set otherwise than the province."""

    limit_workdays: int | None
    review_levels: int | None
    add_main: tuple[Material, ...]
    source: LegalRef


@dataclass(frozen=True, kw_only=True)
class CityConfiguration:
    """A service as one city runs it: the content of a `service_configuration` row."""

    limit_workdays: int
    review_levels: int
    distribution_mode: str
    #: {channel: {"main": [...], "auxiliary": [...], "application_items": [...]}}
    materials: dict[str, Any]
    sms: dict[str, str | None]
    switches: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One of the eleven services."""

    code: str
    #: 1 to 11, the order of 粤社保〔2023〕4号 二（二）.
    number: int
    title: str
    #: 省系统功能点 (SCO-02)
    function_point: str
    #: benefit, filing or change
    kind: str
    source: LegalRef
    valid_from: date
    limit_workdays: int
    limit_source: LegalRef
    review_levels: int
    review_source: LegalRef
    distribution_mode: str
    #: Forms every application needs, and forms some need.
    forms: tuple[str, ...]
    further_forms: tuple[str, ...]
    #: All materials of the file by code.
    materials: Mapping[str, Material]
    channels: Mapping[str, MaterialList]
    sms: Mapping[str, str | None]
    switches: Mapping[str, Any]
    cities: Mapping[str, CityOverride]

    def for_city(self, city_code: str) -> CityConfiguration:
        """The service as the city (agency code dddd99) runs it; the province's own values where it set nothing."""
        own = self.cities.get(city_code)
        limit = own.limit_workdays if own and own.limit_workdays is not None else self.limit_workdays
        levels = own.review_levels if own and own.review_levels is not None else self.review_levels
        added = own.add_main if own else ()
        return CityConfiguration(
            limit_workdays=limit,
            review_levels=levels,
            distribution_mode=self.distribution_mode,
            materials={channel: listed.row(added if listed.main else ()) for channel, listed in self.channels.items()},
            sms=dict(self.sms),
            switches=dict(self.switches),
        )


@cache
def services() -> Mapping[str, Service]:
    """The services by code, in the order of the plan. Raises `ConfigError` where a file contradicts itself."""
    return load_services(FOLDER / "services")


@cache
def functions() -> Mapping[str, tuple[str, ...]]:
    """Function point (功能点) of the provincial system -> codes of its services (SCO-02)."""
    found: dict[str, tuple[str, ...]] = {}
    for service in services().values():
        found[service.function_point] = (*found.get(service.function_point, ()), service.code)
    return found


def load_services(folder: Path) -> Mapping[str, Service]:
    """The services of `folder`, each file checked, numbered 1 to n without a gap."""
    found = sorted((_service(path) for path in folder.glob("*.yaml")), key=lambda service: service.number)
    if [service.number for service in found] != list(range(1, len(found) + 1)):
        raise ConfigError(folder, "number", "the services must be numbered 1 to n, each once")
    return {service.code: service for service in found}


_REQUIRED = {
    "code", "number", "title", "function_point", "kind", "source", "valid_from", "limit_workdays", "review_levels",
    "distribution_mode", "forms", "further_forms", "switches", "materials", "channels", "sms", "cities",
}  # fmt: skip


def _service(path: Path) -> Service:
    row = read_yaml(path)
    only_keys(path, "", row, required=_REQUIRED)
    if row["code"] != path.stem:
        raise ConfigError(path, "code", f"{row['code']!r} must be the name of the file")
    materials = {code: _material(path, code, material) for code, material in row["materials"].items()}
    limit, limit_source = _sourced(path, "limit_workdays", row["limit_workdays"], at_most=365)
    levels, review_source = _sourced(path, "review_levels", row["review_levels"], at_most=MAX_REVIEW_LEVELS)
    if type(row["valid_from"]) is not date or type(row["number"]) is not int:
        raise ConfigError(path, "", "valid_from must be a date and number an integer")
    service = Service(
        code=row["code"],
        number=row["number"],
        title=text(path, "title", row["title"]),
        function_point=text(path, "function_point", row["function_point"]),
        kind=_one_of(path, "kind", row["kind"], KINDS),
        source=legal_ref(path, "source", row["source"]),
        valid_from=row["valid_from"],
        limit_workdays=limit,
        limit_source=limit_source,
        review_levels=levels,
        review_source=review_source,
        distribution_mode=_one_of(path, "distribution_mode", row["distribution_mode"], DISTRIBUTION_MODES),
        forms=tuple(_one_of(path, "forms", form, FORMS) for form in row["forms"]),
        further_forms=tuple(_one_of(path, "further_forms", form, FORMS) for form in row["further_forms"]),
        materials=materials,
        channels={channel: _list(path, channel, row["channels"], materials) for channel in CHANNELS},
        sms=_sms(path, row["sms"]),
        switches=_switches(path, row["switches"]),
        cities={
            str(city): _override(path, str(city), override, limit, materials)
            for city, override in row["cities"].items()
        },
    )
    _check_use(path, service)
    return service


def _material(path: Path, code: str, row: Any) -> Material:
    place = f"materials.{code}"
    only_keys(
        path,
        place,
        row,
        required={"name", "mandatory", "basis"},
        optional={"form", "original", "copies", "waivable"},
    )
    if type(row["mandatory"]) is not bool or type(row.get("copies", 1)) is not int:
        raise ConfigError(path, place, "mandatory must be true or false, copies a number")
    waivable = row.get("waivable")
    return Material(
        code=code,
        name=text(path, place, row["name"]),
        mandatory=row["mandatory"],
        form=_one_of(path, f"{place}.form", row["form"], FORMS) if "form" in row else None,
        original=bool(row.get("original", False)),
        copies=row.get("copies", 1),
        basis=legal_ref(path, f"{place}.basis", row["basis"]),
        waivable=legal_ref(path, f"{place}.waivable", waivable) if waivable is not None else None,
    )


def _list(path: Path, channel: str, channels: Any, materials: Mapping[str, Material]) -> MaterialList:
    only_keys(path, "channels", channels, required=set(CHANNELS))
    row = channels[channel]
    only_keys(path, channel, row, required={"main", "auxiliary", "application_items"})
    return MaterialList(
        main=_named(path, f"{channel}.main", row["main"], materials),
        auxiliary=tuple(_choices(path, f"{channel}.auxiliary", row["auxiliary"], materials)),
        application_items=tuple(_choices(path, f"{channel}.application_items", row["application_items"], materials)),
    )


def _choices(path: Path, place: str, rows: Any, materials: Mapping[str, Material]) -> Iterator[Choice]:
    seen: set[str] = set()
    for row in rows:
        only_keys(path, place, row, required={"code", "name", "materials"})
        if row["code"] in seen:
            raise ConfigError(path, place, f"{row['code']} stands twice")
        seen.add(row["code"])
        yield Choice(
            code=text(path, place, row["code"]),
            name=text(path, place, row["name"]),
            materials=_named(path, f"{place}.{row['code']}", row["materials"], materials),
        )


def _named(path: Path, place: str, codes: Any, materials: Mapping[str, Material]) -> tuple[Material, ...]:
    if unknown := [code for code in codes if code not in materials]:
        raise ConfigError(path, place, f"no material {unknown[0]!r} in this file")
    if len(set(codes)) != len(codes):
        raise ConfigError(path, place, "a material stands twice")
    return tuple(materials[code] for code in codes)


def _sms(path: Path, row: Any) -> dict[str, str | None]:
    only_keys(path, "sms", row, required=set(SMS_SLOTS))
    for slot, template in row.items():
        if template is not None and len(text(path, f"sms.{slot}", template)) > SMS_MAX_LENGTH:
            raise ConfigError(path, f"sms.{slot}", f"longer than {SMS_MAX_LENGTH} characters (SMS-05)")
    return dict(row)


def _switches(path: Path, row: Any) -> dict[str, Any]:
    only_keys(path, "switches", row, required={"dispatch", "supplement_stops_clock"})
    _one_of(path, "switches.dispatch", row["dispatch"], DISPATCH_MODES)
    if type(row["supplement_stops_clock"]) is not bool:
        raise ConfigError(path, "switches.supplement_stops_clock", "must be true or false")
    return dict(row)


def _override(
    path: Path, city: str, row: Any, provincial_limit: int, materials: Mapping[str, Material]
) -> CityOverride:
    place = f"cities.{city}"
    only_keys(path, place, row, required={"source"}, optional={"limit_workdays", "review_levels", "add_main"})
    limit, levels = row.get("limit_workdays"), row.get("review_levels")
    if limit is not None and _count(path, f"{place}.limit_workdays", limit, at_most=365) > provincial_limit:
        raise ConfigError(
            path, place, f"{limit} workdays: a city may only shorten the limit of {provincial_limit} (K-15)"
        )
    if levels is not None:
        _count(path, f"{place}.review_levels", levels, at_most=MAX_REVIEW_LEVELS)
    return CityOverride(
        limit_workdays=limit,
        review_levels=levels,
        add_main=_named(path, f"{place}.add_main", row.get("add_main", []), materials),
        source=legal_ref(path, f"{place}.source", row["source"]),
    )


def _sourced(path: Path, place: str, row: Any, *, at_most: int) -> tuple[int, LegalRef]:
    only_keys(path, place, row, required={"value", "source"})
    return _count(path, place, row["value"], at_most=at_most), legal_ref(path, place, row["source"])


def _count(path: Path, place: str, value: Any, *, at_most: int) -> int:
    if type(value) is not int or not 0 <= value <= at_most:
        raise ConfigError(path, place, f"{value!r} must be a whole number from 0 to {at_most}")
    return value


def _one_of(path: Path, place: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ConfigError(path, place, f"{value!r} is none of {', '.join(allowed)}")
    return str(value)


def _check_use(path: Path, service: Service) -> None:
    asked = {
        material.code
        for listed in service.channels.values()
        for group in (listed.main, *(choice.materials for choice in (*listed.auxiliary, *listed.application_items)))
        for material in group
    } | {material.code for override in service.cities.values() for material in override.add_main}
    if idle := sorted(set(service.materials) - asked):
        raise ConfigError(path, "materials", f"no list asks for {', '.join(idle)}")
    brought = {material.form for material in service.materials.values() if material.form}
    if missing := [form for form in (*service.forms, *service.further_forms) if form not in brought]:
        raise ConfigError(path, "forms", f"form {missing[0]} is no material of the service")
