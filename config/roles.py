"""The roles that the province defines, from `roles.yaml`: who may give one to somebody, and where it can be held."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from config.files import FOLDER, ConfigError, only_keys, read_yaml
from config.province import LEVELS

BINDERS = ("city", "province")
#: Who gives roles to people, by `bound_by`.
BINDING_ROLES: Mapping[str, str] = {"city": "city_administrator", "province": "province_administrator"}


@dataclass(frozen=True, kw_only=True)
class RoleRule:
    """One role of the file."""

    code: str
    #: city: its administrator gives it; province: the province's alone.
    bound_by: str
    #: Levels of agencies where it can be held.
    levels: frozenset[str]
    #: Nobody holds it beside another role.
    alone: bool


@cache
def role_rules() -> Mapping[str, RoleRule]:
    """The roles by code. Raises `ConfigError` where the file is not right."""
    path = FOLDER / "roles.yaml"
    found = {}
    for code, row in read_yaml(path).items():
        only_keys(path, code, row, required={"bound_by", "levels"}, optional={"alone"})
        if row["bound_by"] not in BINDERS or not row["levels"] or not set(row["levels"]) <= set(LEVELS):
            raise ConfigError(path, code, "bound_by is city or province, and levels are those of agencies")
        found[code] = RoleRule(
            code=code,
            bound_by=row["bound_by"],
            levels=frozenset(row["levels"]),
            alone=row.get("alone", False) is True,
        )
    return found


def alone_among(roles: Collection[str]) -> str | None:
    """A role of `roles` that nobody may hold beside the others; None: all of them go together (PER-02)."""
    rules = role_rules()
    return next((role for role in sorted(roles) if rules[role].alone and len(set(roles)) > 1), None)
