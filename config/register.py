"""The register of rules (规则登记): every rule of the requirements, its place in the law, its owner and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text
from config.legal import documents

PRIORITIES = ("M", "S", "C", "B", "E", "X")
STATES = ("open", "done")


@dataclass(frozen=True, kw_only=True)
class RegisteredRule:
    """One rule of the requirements."""

    #: Three letters or so and numbers: ABC-03, FRM-9-9-05.
    id: str
    priority: str
    #: Id in `documents.yaml`.
    document: str
    article: str
    #: The words themselves; empty where the requirement has no text behind it.
    quote: str
    #: The issue that alone may mark it done.
    owner: str
    state: str


def reason(rule_id: str) -> dict[str, str]:
    """The place of a registered rule in the law, as events keep it: {"document", "article", "quote"}.

    Raises KeyError for an id that is not registered.
    """
    rule = register()[rule_id]
    return {"document": documents()[rule.document].label, "article": rule.article, "quote": rule.quote}


@cache
def register() -> Mapping[str, RegisteredRule]:
    """The rules of `config/register.yaml` by id, in their order. Raises `ConfigError`."""
    return load_register(FOLDER / "register.yaml")


def load_register(path: Path) -> Mapping[str, RegisteredRule]:
    """The rules of `path`: ids once, documents registered, and the words wherever a rule is marked done."""
    content = read_yaml(path)
    only_keys(path, "", content, required={"rules"})
    found: dict[str, RegisteredRule] = {}
    for row in content["rules"]:
        rule = _rule(path, row)
        if rule.id in found:
            raise ConfigError(path, rule.id, "the rule stands twice")
        found[rule.id] = rule
    return found


def _rule(path: Path, row: Any) -> RegisteredRule:
    place = str(row.get("id", "?")) if isinstance(row, Mapping) else "?"
    only_keys(
        path,
        place,
        row,
        required={"id", "priority", "document", "article", "owner", "state"},
        optional={"quote"},
    )
    if row["priority"] not in PRIORITIES or row["state"] not in STATES:
        raise ConfigError(path, place, f"priority {row['priority']!r} or state {row['state']!r} is not known")
    if row["document"] not in documents():
        raise ConfigError(path, place, f"document {row['document']!r} is not in documents.yaml")
    if row["state"] == "done" and not row.get("quote"):
        raise ConfigError(path, place, "a rule that is done needs its words")
    return RegisteredRule(
        id=text(path, place, row["id"]),
        priority=row["priority"],
        document=row["document"],
        article=text(path, place, row["article"]),
        quote=row.get("quote") or "",
        owner=text(path, place, row["owner"]),
        state=row["state"],
    )
