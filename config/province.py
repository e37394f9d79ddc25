"""The province as `agencies.yaml` describes it: the tree of agencies (经办机构) and the outlets (受理网点)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text

LEVELS = ("province", "city", "district", "branch")
OUTLET_KINDS = ("hall", "platform", "bank")

_CODE = re.compile(r"\d{6}|\d{9}")


@dataclass(frozen=True, kw_only=True)
class AgencyEntry:
    """One agency of the file."""

    #: 社会保险经办机构编码
    code: str
    name: str
    #: province, city, district or branch
    level: str
    #: Code of the agency above; None for the province.
    superior: str | None
    #: "/440099/440199/440106/"
    path: str
    #: 行政区划代码
    division_code: str
    #: 统筹区编码 (DAT-02)
    pooling_area: str
    #: False for a branch: its city decides.
    decides: bool


@dataclass(frozen=True, kw_only=True)
class OutletEntry:
    """One counter of the file, with the agency it accepts for (SCO-06, ARC-07)."""

    code: str
    name: str
    #: hall, platform or bank
    kind: str
    agency_code: str


class UnknownAgency(LookupError):
    """No agency has this agency code or division code."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.message = f"没有编码为“{code}”的经办机构，请核对经办机构编码或行政区划代码。"
        super().__init__(self.message)


@dataclass(frozen=True, eq=False)
class Province:
    """All agencies by code, superiors before their subordinates, and all outlets by code."""

    agencies: Mapping[str, AgencyEntry]
    outlets: Mapping[str, OutletEntry]

    def agency(self, code: str) -> AgencyEntry:
        """The agency with this agency code or division code (440100 is 440199). Raises `UnknownAgency`."""
        found = self.agencies.get(code) or self._by_division.get(code)
        if found is None:
            raise UnknownAgency(code)
        return found

    def city_of(self, code: str) -> AgencyEntry:
        """The city whose configuration holds for the agency: itself, its city, or the province for the province."""
        found = self.agency(code)
        while found.level not in ("city", "province"):
            found = self.agencies[str(found.superior)]
        return found

    def superiors(self) -> Mapping[str, str | None]:
        """Agency code -> code of the agency above it."""
        return {entry.code: entry.superior for entry in self.agencies.values()}

    def deciding(self) -> list[AgencyEntry]:
        """Agencies that decide cases themselves: all but the branches."""
        return [entry for entry in self.agencies.values() if entry.decides]

    @cached_property
    def _by_division(self) -> Mapping[str, AgencyEntry]:
        return {entry.division_code: entry for entry in self.agencies.values()}


@cache
def province() -> Province:
    """The province of `config/agencies.yaml`. Raises `ConfigError` where the file contradicts itself."""
    return load_province(FOLDER / "agencies.yaml")


def load_province(path: Path) -> Province:
    """The province of `path`, checked: codes unique and well-formed, a hall for every city, district and county."""
    document = read_yaml(path)
    only_keys(path, "", document, required={"province", "cities"})
    agencies: dict[str, AgencyEntry] = {}
    outlets: dict[str, OutletEntry] = {}
    for entry, row in _agencies(path, document):
        if entry.code in agencies:
            raise ConfigError(path, entry.code, "two agencies have this code")
        agencies[entry.code] = entry
        for outlet in _outlets(path, entry, row):
            if outlet.code in outlets:
                raise ConfigError(path, outlet.code, "two outlets have this code")
            outlets[outlet.code] = outlet
    _check(path, agencies, outlets)
    return Province(agencies, outlets)


def _agencies(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[AgencyEntry, Mapping[str, Any]]]:
    keys = {"code", "name", "division", "pooling_area"}
    root_row = document["province"]
    only_keys(path, "province", root_row, required=keys)
    root = _entry(path, "province", root_row, level="province", above=None)
    yield root, root_row
    for number, city_row in enumerate(document["cities"]):
        place = f"cities[{number}]"
        only_keys(path, place, city_row, required=keys, optional={"outlets", "districts", "branches"})
        city = _entry(path, place, city_row, level="city", above=root)
        yield city, city_row
        for level in ("district", "branch"):
            rows = city_row.get("districts" if level == "district" else "branches", ())
            for index, row in enumerate(rows):
                below = f"{place}.{level}[{index}]"
                only_keys(path, below, row, required={"code", "name"}, optional={"outlets", "division"})
                yield _entry(path, below, row, level=level, above=city), row


def _entry(path: Path, place: str, row: Mapping[str, Any], *, level: str, above: AgencyEntry | None) -> AgencyEntry:
    code = text(path, f"{place}.code", row["code"])
    if not _CODE.fullmatch(code):
        raise ConfigError(path, f"{place}.code", f"{code!r} is no agency code: six digits, or nine for a branch")
    return AgencyEntry(
        code=code,
        name=text(path, f"{place}.name", row["name"]),
        level=level,
        superior=above.code if above else None,
        path=f"{above.path if above else '/'}{code}/",
        division_code=text(path, f"{place}.division", row.get("division", code)),
        pooling_area=text(path, f"{place}.pooling_area", row.get("pooling_area", above.pooling_area if above else "")),
        decides=level != "branch",
    )


def _outlets(path: Path, agency: AgencyEntry, row: Mapping[str, Any]) -> Iterator[OutletEntry]:
    for outlet in row.get("outlets", ()):
        only_keys(path, f"{agency.code}.outlets", outlet, required={"code", "kind", "name"})
        if outlet["kind"] not in OUTLET_KINDS:
            raise ConfigError(path, str(outlet["code"]), f"kind must be one of {', '.join(OUTLET_KINDS)}")
        yield OutletEntry(
            code=text(path, f"{agency.code}.outlets", outlet["code"]),
            name=text(path, str(outlet["code"]), outlet["name"]),
            kind=outlet["kind"],
            agency_code=agency.code,
        )


def _check(path: Path, agencies: Mapping[str, AgencyEntry], outlets: Mapping[str, OutletEntry]) -> None:
    halls = {outlet.agency_code for outlet in outlets.values() if outlet.kind == "hall"}
    divisions: set[str] = set()
    names: set[str] = set()
    for entry in agencies.values():
        if entry.decides and entry.level != "province" and entry.code not in halls:
            raise ConfigError(path, entry.code, "an agency that decides needs a hall of its own")
        if entry.division_code in divisions or entry.name in names:
            raise ConfigError(path, entry.code, "another agency has this division code or name")
        divisions.add(entry.division_code)
        names.add(entry.name)
