"""The forms of human tasks, from `task_forms.yaml`: outcomes, fields, and what goes into the process data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from config.files import FOLDER, ConfigError, only_keys, read_yaml

FieldType = Literal["text", "date", "money", "integer", "boolean", "choice", "list"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    code: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a task can end with."""

    code: str
    title: str
    #: An opinion in words must accompany it.
    opinion_required: bool = False
    #: While this is the last answer to the task, a review can pass only by saying how it was remedied.
    blocks_pass: bool = False


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form, or of the rows of a list."""

    name: str
    label: str
    type: FieldType
    required: bool = False
    #: The outcomes the field belongs to; empty: all.
    outcomes: frozenset[str] = frozenset()
    #: (field, value): it belongs to the form only when that field has that value.
    when: tuple[str, Any] | None = None
    max_length: int = 200
    multiline: bool = False
    min: int | None = None
    max: int | None = None
    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    min_items: int = 0
    max_items: int = 200
    #: Of a list: the field of its rows that must not occur twice.
    key: str | None = None
    #: The only answers the task may be completed with; empty: any. Or the least one, by a key of `config/rules`.
    accepts: tuple[Any, ...] = ()
    at_least_rule: str | None = None
    #: The sentence for any other answer.
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class TaskForm:
    """One form (任务表单)."""

    key: str
    title: str
    outcomes: tuple[Outcome, ...]
    fields: tuple[Field, ...]
    #: Pairs of date fields: the second is not before the first.
    spans: tuple[tuple[str, str], ...] = ()
    #: Groups of fields of which exactly one is filled in.
    one_of: tuple[tuple[str, ...], ...] = ()
    #: Fields that go into the process data beside `outcome`.
    process_fields: tuple[str, ...] = ()

    def outcome(self, code: str) -> Outcome | None:
        """The outcome with that code; None if the form does not have it."""
        return next((one for one in self.outcomes if one.code == code), None)


@cache
def task_forms() -> Mapping[str, TaskForm]:
    """All forms by key, in the order of the file. Raises `ConfigError` for a file that cannot be meant."""
    return load_task_forms(FOLDER / "task_forms.yaml")


def load_task_forms(path: Path) -> Mapping[str, TaskForm]:
    """The forms of a file. Raises `ConfigError` naming the form and the field."""
    return MappingProxyType({key: _form(path, key, entry) for key, entry in read_yaml(path).items()})


def _form(path: Path, key: str, entry: Any) -> TaskForm:
    only_keys(
        path, key, entry, required={"title", "outcomes", "fields", "process_fields"}, optional={"spans", "one_of"}
    )
    form = TaskForm(
        key=key,
        title=entry["title"],
        outcomes=tuple(_outcome(path, key, one) for one in entry["outcomes"]),
        fields=_fields(path, key, entry["fields"]),
        spans=tuple((first, last) for first, last in entry.get("spans", ())),
        one_of=tuple(tuple(group) for group in entry.get("one_of", ())),
        process_fields=tuple(entry["process_fields"]),
    )
    _check_names(path, form)
    return form


def _outcome(path: Path, key: str, entry: Any) -> Outcome:
    only_keys(path, f"{key}.outcomes", entry, required={"code", "title"}, optional={"opinion", "blocks_pass"})
    return Outcome(
        code=entry["code"],
        title=entry["title"],
        opinion_required=entry.get("opinion") == "required",
        blocks_pass=entry.get("blocks_pass", False),
    )


_PLAIN = {
    "required",
    "max_length",
    "multiline",
    "min",
    "max",
    "min_items",
    "max_items",
    "key",
    "at_least_rule",
    "refusal",
}


def _fields(path: Path, place: str, entries: Any) -> tuple[Field, ...]:
    fields: list[Field] = []
    for entry in entries:
        field = _field(path, place, entry)
        # The other field stands before it, so that its answer is known when this one is read.
        if field.when and field.when[0] not in {before.name for before in fields}:
            raise ConfigError(path, f"{place}.{field.name}", f"no field {field.when[0]} before it")
        fields.append(field)
    return tuple(fields)


def _field(path: Path, place: str, entry: Any) -> Field:
    special = {"outcomes", "when", "choices", "fields", "accepts"}
    only_keys(path, place, entry, required={"name", "label", "type"}, optional=_PLAIN | special)
    place = f"{place}.{entry['name']}"
    if entry["type"] not in get_args(FieldType):
        raise ConfigError(path, place, f"unknown type {entry['type']!r}")
    if (entry["type"] == "choice") != ("choices" in entry) or (entry["type"] == "list") != ("fields" in entry):
        raise ConfigError(path, place, "choices belong to a choice, fields to a list")
    if ("accepts" in entry or "at_least_rule" in entry) != ("refusal" in entry):
        raise ConfigError(path, place, "a refusal says why another answer is not accepted")
    return Field(
        name=entry["name"],
        label=entry["label"],
        type=entry["type"],
        **{name: entry[name] for name in _PLAIN if name in entry},
        outcomes=frozenset(entry.get("outcomes", ())),
        when=next(iter(entry["when"].items())) if "when" in entry else None,
        accepts=tuple(entry.get("accepts", ())),
        choices=tuple(Choice(code=one["code"], title=one["title"]) for one in entry.get("choices", ())),
        fields=_fields(path, place, entry.get("fields", ())),
    )


def _check_names(path: Path, form: TaskForm) -> None:
    names = {field.name for field in form.fields}
    codes = {outcome.code for outcome in form.outcomes}
    mentioned = {name for pair in form.spans for name in pair} | {name for group in form.one_of for name in group}
    if unknown := (mentioned | set(form.process_fields)) - names:
        raise ConfigError(path, form.key, f"no field {', '.join(sorted(unknown))}")
    for field in form.fields:
        if field.outcomes - codes:
            faults = ", ".join(sorted(field.outcomes - codes))
            raise ConfigError(path, f"{form.key}.{field.name}", f"no outcome {faults}")
        if field.key is not None and field.key not in {one.name for one in field.fields}:
            raise ConfigError(path, f"{form.key}.{field.name}", f"its rows have no field {field.key}")
