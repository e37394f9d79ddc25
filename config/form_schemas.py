"""The forms of annex 1 (附件1-1 至 1-8) and the facts of each service, as data: fields, types, conditions.

`forms/*.yaml` has one file per printed form, `facts.yaml` one entry per service, `parties.yaml` the people and the
employer of an application; all speak the same language:

    fields    id, label, type, rule (FRM-1-1-05), required, and what the type allows (see `FormField`)
    checks    what must not be: `refuse_when` a condition holds, or a `sum` of amounts above `at_most`
    notes     sentences of the form that are no field, with their rule
    condition {field, is}, {field, filled: true}, {field, positive: true}, {not: ...}, {all: [...]}, {any: [...]}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text

FieldType = Literal[
    "text", "name", "date", "money", "integer", "boolean", "choice", "choices", "list",
    "identity_number", "social_security_number", "mobile", "telephone", "postcode", "bank_account", "uscc",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A question about the other fields; exactly one kind of it is set."""

    field: str | None = None
    #: `field` has this value, or has it among its ticks.
    equals: Any = None
    filled: bool = False
    positive: bool = False
    negated: Condition | None = None
    every: tuple[Condition, ...] = ()
    some: tuple[Condition, ...] = ()

    def names(self) -> Iterator[str]:
        """The fields it asks about."""
        if self.field:
            yield self.field
        for inner in (*((self.negated,) if self.negated else ()), *self.every, *self.some):
            yield from inner.names()


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field of a form, or of the rows of a list."""

    id: str
    label: str
    type: FieldType
    #: FRM-1-1-05: the field or note of requirements part B; empty for facts that no printed form asks.
    rule: str = ""
    required: bool = False
    required_when: Condition | None = None
    forbidden_when: Condition | None = None
    #: Code -> Chinese label.
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    max_length: int = 200
    multiline: bool = False
    minimum: int = 0
    maximum: int = 1_000_000
    positive: bool = False
    not_future: bool = False
    #: Id of a date field beside it that must not be later.
    not_before: str | None = None
    fields: tuple[FormField, ...] = ()
    max_rows: int = 50
    #: No two rows of a list have the same value.
    unique: bool = False
    #: Id of the field that says what kind of document an identity number belongs to; None: a resident identity card.
    identity_type: str | None = None
    #: Ids of the birth date and sex beside an identity number that must agree with it.
    birth: str | None = None
    sex: str | None = None
    #: The only value it may have: a sentence to be copied, a box that must be ticked.
    equals: Any = None
    default: Any = None
    #: Where the application already says it ("worker.name"): taken from there, refused where it differs.
    application: str | None = None
    #: Facts only: the form and field that already say it ("1-7.from_on"), likewise.
    form: tuple[str, str] | None = None
    #: `agency`: the agency's own block, refused when an applicant fills it in.
    filled_by: Literal["applicant", "agency"] = "applicant"


@dataclass(frozen=True, kw_only=True)
class Check:
    """What must not be, across fields. Either a condition, or amounts that must not add up to more than another."""

    field: str
    message: str
    rule: str = ""
    refuse_when: Condition | None = None
    sum: tuple[str, ...] = ()
    #: An amount field, or "lines.amount": the sum of that column.
    at_most: str | None = None


@dataclass(frozen=True, kw_only=True)
class Note:
    """A sentence of the form that is no field."""

    rule: str
    text: str


@dataclass(frozen=True, kw_only=True)
class FormSchema:
    """One printed form, or the facts of one service."""

    code: str
    title: str
    #: The application itself: nothing can be submitted without it. Other forms are materials and may come later.
    is_application: bool = False
    fields: tuple[FormField, ...] = ()
    checks: tuple[Check, ...] = ()
    notes: tuple[Note, ...] = ()

    def field(self, identifier: str) -> FormField | None:
        """The field with this id; None if the form has none."""
        return next((field for field in self.fields if field.id == identifier), None)

    def rules(self) -> Iterator[str]:
        """Every FRM rule that a field, check or note of the form carries."""
        for field in self.fields:
            yield from (one.rule for one in (field, *field.fields) if one.rule)
        yield from (check.rule for check in self.checks if check.rule)
        yield from (note.rule for note in self.notes)


@cache
def form_schemas() -> Mapping[str, FormSchema]:
    """The printed forms by number ("1-1"). Raises `ConfigError` where a file cannot be meant."""
    return MappingProxyType({schema.code: schema for schema in map(_form, sorted((FOLDER / "forms").glob("*.yaml")))})


@cache
def fact_schemas() -> Mapping[str, FormSchema]:
    """The facts by service code. Raises `ConfigError` where `facts.yaml` cannot be meant."""
    path = FOLDER / "facts.yaml"
    return MappingProxyType({service: _schema(path, service, entry) for service, entry in read_yaml(path).items()})


@cache
def party_schemas() -> Mapping[str, FormSchema]:
    """What an application says of its applicant, agent, worker and employer. Raises `ConfigError`."""
    path = FOLDER / "parties.yaml"
    return MappingProxyType({party: _schema(path, party, entry) for party, entry in read_yaml(path).items()})


@cache
def ticks() -> Mapping[str, Condition]:
    """Code of an auxiliary or application item -> when an application ticks it by what it says."""
    path = FOLDER / "ticks.yaml"
    return MappingProxyType({code: _condition(path, code, row) for code, row in read_yaml(path).items()})


@cache
def other_services() -> Mapping[str, str]:
    """Services that are none of the eleven: code -> title (SCO-01)."""
    path = FOLDER / "other_services.yaml"
    return MappingProxyType({code: text(path, code, title) for code, title in read_yaml(path).items()})


def _form(path: Path) -> FormSchema:
    return _schema(path, path.stem, read_yaml(path))


def _schema(path: Path, code: str, entry: Any) -> FormSchema:
    only_keys(path, code, entry, required={"title", "fields"}, optional={"application", "checks", "notes"})
    schema = FormSchema(
        code=code,
        title=text(path, f"{code}.title", entry["title"]),
        is_application=entry.get("application", False),
        fields=tuple(_field(path, code, row) for row in entry["fields"]),
        checks=tuple(_check(path, code, row) for row in entry.get("checks", ())),
        notes=tuple(Note(rule=row["rule"], text=row["text"]) for row in entry.get("notes", ())),
    )
    _check_mentions(path, code, schema.fields, schema.checks)
    return schema


_PLAIN = {
    "id", "label", "type", "rule", "required", "max_length", "multiline", "minimum", "maximum", "positive",
    "not_future", "not_before", "max_rows", "unique", "identity_type", "birth", "sex", "equals", "default",
    "application", "filled_by",
}  # fmt: skip
_BUILT = {"required_when", "forbidden_when", "choices", "fields", "form"}


def _field(path: Path, place: str, row: Any) -> FormField:
    only_keys(path, place, row, required={"id", "label", "type"}, optional=_PLAIN | _BUILT)
    here = f"{place}.{row['id']}"
    if row["type"] not in get_args(FieldType):
        raise ConfigError(path, here, f"unknown type {row['type']!r}")
    if (row["type"] in ("choice", "choices")) != ("choices" in row) or (row["type"] == "list") != ("fields" in row):
        raise ConfigError(path, here, "choices belong to a choice, fields to a list")
    return FormField(
        **{key: value for key, value in row.items() if key in _PLAIN},
        required_when=_condition(path, here, row["required_when"]) if "required_when" in row else None,
        forbidden_when=_condition(path, here, row["forbidden_when"]) if "forbidden_when" in row else None,
        choices=MappingProxyType(dict(row.get("choices", {}))),
        fields=tuple(_field(path, here, one) for one in row.get("fields", ())),
        form=_reference(path, here, row["form"]) if "form" in row else None,
    )


def _reference(path: Path, place: str, value: str) -> tuple[str, str]:
    form, dot, field = value.partition(".")
    if not (form and dot and field):
        raise ConfigError(path, place, f"{value!r} names no field of a form")
    return form, field


def _check(path: Path, place: str, row: Any) -> Check:
    only_keys(
        path, f"{place}.checks", row, required={"field", "message"}, optional={"rule", "refuse_when", "sum", "at_most"}
    )
    if ("refuse_when" in row) == ("sum" in row) or ("sum" in row) != ("at_most" in row):
        raise ConfigError(path, f"{place}.checks", "either refuse_when, or sum with at_most")
    return Check(
        field=row["field"],
        message=row["message"],
        rule=row.get("rule", ""),
        refuse_when=_condition(path, place, row["refuse_when"]) if "refuse_when" in row else None,
        sum=tuple(row.get("sum", ())),
        at_most=row.get("at_most"),
    )


def _condition(path: Path, place: str, row: Any) -> Condition:
    match row:
        case {"not": inner, **rest} if not rest:
            return Condition(negated=_condition(path, place, inner))
        case {"all": inner, **rest} if not rest:
            return Condition(every=tuple(_condition(path, place, one) for one in inner))
        case {"any": inner, **rest} if not rest:
            return Condition(some=tuple(_condition(path, place, one) for one in inner))
        case {"field": str(field), "is": value, **rest} if not rest:
            return Condition(field=field, equals=value)
        case {"field": str(field), "filled": True, **rest} if not rest:
            return Condition(field=field, filled=True)
        case {"field": str(field), "positive": True, **rest} if not rest:
            return Condition(field=field, positive=True)
    raise ConfigError(path, place, f"no condition: {row!r}")


def _check_mentions(path: Path, place: str, fields: tuple[FormField, ...], checks: tuple[Check, ...]) -> None:
    """Every id that a condition, a check or a field mentions is a field beside it, and no id comes twice."""
    ids = [field.id for field in fields]
    if len(ids) != len(set(ids)):
        raise ConfigError(path, place, "two fields have the same id")
    for name in _mentioned(fields, checks):
        if name not in ids:
            raise ConfigError(path, place, f"there is no field {name!r}")
    for field in fields:
        _check_mentions(path, f"{place}.{field.id}", field.fields, ())


def _mentioned(fields: tuple[FormField, ...], checks: tuple[Check, ...]) -> Iterator[str]:
    for field in fields:
        yield from (name for name in (field.not_before, field.identity_type, field.birth, field.sex) if name)
        for condition in (field.required_when, field.forbidden_when):
            yield from condition.names() if condition else ()
    for check in checks:
        yield from (check.field, *check.sum, *(check.refuse_when.names() if check.refuse_when else ()))
        if check.at_most:
            yield check.at_most.partition(".")[0]
