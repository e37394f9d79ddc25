"""The law as data: documents, references, and dated values (`config/documents.yaml`, `config/rules/*.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text

#: What a value of each unit is: days and months are counted, money and percentages exact decimals.
UNITS = ("workdays", "calendar_days", "months", "levels", "date", "yuan", "percent", "codes")
_COUNTED = ("workdays", "calendar_days", "months", "levels")

ASSUMPTION = "本系统的设定（依据文件未作规定，待确认）"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A legal document we cite (依据文件)."""

    id: str
    title: str
    #: 文号; empty for a document that has none.
    number: str
    issuer: str
    in_force_from: date | None
    in_force_until: date | None
    #: Division code of the area it binds; 000000: the whole country.
    area: str
    #: What of this row nobody has checked against the text yet; None: checked.
    unverified: str | None

    @property
    def label(self) -> str:
        """As it is quoted to people: 《title》（number）."""
        return f"《{self.title}》（{self.number}）" if self.number else f"《{self.title}》"


@dataclass(frozen=True, kw_only=True)
class LegalRef:
    """Where a rule stands: document, article and the words. An assumption has no document and says what we assumed."""

    #: Id in `documents.yaml`; None: an assumption, and `quote` is its sentence.
    document: str | None
    article: str
    quote: str

    @property
    def is_assumption(self) -> bool:
        return self.document is None

    def reason(self) -> dict[str, str]:
        """What is saved with an event and shown to people: {"document", "article", "quote"}."""
        if self.document is None:
            return {"document": ASSUMPTION, "article": "—", "quote": self.quote}
        return {"document": documents()[self.document].label, "article": self.article, "quote": self.quote}


@dataclass(frozen=True, kw_only=True)
class RuleValue:
    """A number, day or list of the law as it is on one day, with its source."""

    #: int for counts, Decimal for money and percentages, date, or a tuple of codes: by `unit`.
    value: Any
    unit: str
    ref: LegalRef
    in_force_from: date
    #: Division code of the area it holds in; None: wherever no narrower value is set.
    region: str | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule's values over time, in rising order."""

    key: str
    label: str
    unit: str
    values: tuple[RuleValue, ...]
    #: The day somebody last compared it with the text.
    checked_on: date


class RuleNotInForce(LookupError):
    """No value of the rule is in force on that day. `message` is the Chinese sentence."""

    def __init__(self, rule: Rule, on: date) -> None:
        self.key, self.on = rule.key, on
        self.message = f"“{rule.label}”在{on.isoformat()}尚无生效的规定，不能据此办理，请由业务主管确认适用的依据。"
        super().__init__(self.message)


class UnknownRule(LookupError):
    """No file of `config/rules` has this key."""


def rule_value(key: str, on: date, region: str | None = None) -> RuleValue:
    """The value of rule `key` on that day, in the area with division code `region`.

    A value of the district goes before its city's, that before the province's, that before one without an area.
    Raises `RuleNotInForce` before the first date in force, `UnknownRule` for a key that nobody has entered.
    """
    rule = rules().get(key)
    if rule is None:
        raise UnknownRule(f"no rule {key!r} in config/rules")
    for area in _areas(region):
        in_force = [value for value in rule.values if value.region == area and value.in_force_from <= on]
        if in_force:
            return in_force[-1]
    raise RuleNotInForce(rule, on)


def _areas(region: str | None) -> Iterator[str | None]:
    if region:
        yield from dict.fromkeys((region, f"{region[:4]}00", f"{region[:2]}0000"))
    yield None


@cache
def documents() -> Mapping[str, Document]:
    """The register of documents by id. Raises `ConfigError` where a row cannot be read."""
    path = FOLDER / "documents.yaml"
    return {str(id_): _document(path, str(id_), row) for id_, row in read_yaml(path).items()}


def _document(path: Path, id_: str, row: Any) -> Document:
    only_keys(
        path,
        id_,
        row,
        required={"title", "issuer", "in_force_from", "area"},
        optional={"number", "in_force_until", "unverified", "note"},
    )
    since, until = row["in_force_from"], row.get("in_force_until")
    for day in (since, until):
        if day is not None and type(day) is not date:
            raise ConfigError(path, id_, f"{day!r} is no date")
    if since and until and until < since:
        raise ConfigError(path, id_, f"it ends on {until}, before it begins on {since}")
    if since is None and not row.get("unverified"):
        raise ConfigError(path, id_, "without a first day in force it must say what is unverified")
    return Document(
        id=id_,
        title=text(path, id_, row["title"]),
        number=row.get("number") or "",
        issuer=text(path, id_, row["issuer"]),
        in_force_from=since,
        in_force_until=until,
        area=text(path, id_, row["area"]),
        unverified=row.get("unverified"),
    )


@cache
def rules() -> Mapping[str, Rule]:
    """All dated values by key, from `config/rules/*.yaml`. Raises `ConfigError` where a file contradicts itself."""
    return load_rules(FOLDER / "rules")


def load_rules(folder: Path) -> Mapping[str, Rule]:
    """The rules of `folder`: keys once, values of their unit's type, rising dates in each area, a source each."""
    found: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.yaml")):
        for key, row in read_yaml(path).items():
            if key in found:
                raise ConfigError(path, key, "another file has this key already")
            found[key] = _rule(path, key, row)
    return found


def _rule(path: Path, key: str, row: Any) -> Rule:
    only_keys(path, key, row, required={"label", "unit", "values", "checked_on"}, optional={"note"})
    unit = row["unit"]
    if unit not in UNITS:
        raise ConfigError(path, key, f"unit {unit!r} is none of {', '.join(UNITS)}")
    if type(row["checked_on"]) is not date:
        raise ConfigError(path, key, "checked_on must be a date")
    values = tuple(_rule_value(path, f"{key}[{number}]", unit, value) for number, value in enumerate(row["values"]))
    for area in {value.region for value in values}:
        days = [value.in_force_from for value in values if value.region == area]
        if days != sorted(set(days)):
            raise ConfigError(path, key, "the dates must rise, each once")
    return Rule(key=key, label=text(path, key, row["label"]), unit=unit, values=values, checked_on=row["checked_on"])


def _rule_value(path: Path, place: str, unit: str, row: Any) -> RuleValue:
    only_keys(path, place, row, required={"from", "value", "source"}, optional={"quote", "region"})
    if type(row["from"]) is not date:
        raise ConfigError(path, place, f"from: {row['from']!r} is no date")
    return RuleValue(
        value=_typed(path, place, unit, row["value"]),
        unit=unit,
        ref=legal_ref(path, place, row["source"], row.get("quote")),
        in_force_from=row["from"],
        region=row.get("region"),
    )


def _typed(path: Path, place: str, unit: str, value: Any) -> Any:
    if unit in _COUNTED and type(value) is int and value >= 0:
        return value
    if unit == "date" and type(value) is date:
        return value
    if unit == "codes" and isinstance(value, list) and value and all(isinstance(code, str) for code in value):
        return tuple(value)
    if unit in ("yuan", "percent") and isinstance(value, str):
        try:
            return Decimal(value)
        except InvalidOperation:
            pass
    raise ConfigError(path, place, f"value {value!r} is not of the unit {unit} (money and percentages stand in quotes)")


def legal_ref(path: Path, place: str, source: Any, quote: str | None = None) -> LegalRef:
    """The reference that a `source` mapping of a configuration file makes: a document's article, or an assumption.

    The words stand beside the source (`quote`) or in it. Raises `ConfigError` for a document that is not registered.
    """
    if isinstance(source, Mapping) and "assumption" in source:
        only_keys(path, place, source, required={"assumption", "agreed_by", "agreed_on"})
        return LegalRef(document=None, article="", quote=text(path, place, source["assumption"]))
    only_keys(path, place, source, required={"document", "article"}, optional={"quote"})
    if source["document"] not in documents():
        raise ConfigError(path, place, f"document {source['document']!r} is not in documents.yaml")
    return LegalRef(
        document=source["document"],
        article=text(path, place, source["article"]),
        quote=text(path, f"{place}.quote", quote if quote is not None else source.get("quote")),
    )
