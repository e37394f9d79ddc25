"""The forms of human tasks, from `task_forms.yaml`: outcomes, fields, and what goes into the process data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import yaml

FieldType = Literal["text", "date", "money", "integer", "boolean", "choice", "list"]

FILE = Path(__file__).with_name("task_forms.yaml")


class TaskFormsError(Exception):
    """`task_forms.yaml` says something that cannot be meant; the message names the form and the field."""


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
    """All forms by key, in the order of the file. Raises `TaskFormsError` for a file that cannot be meant."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> Mapping[str, TaskForm]:
    """The forms that a YAML text describes. Raises `TaskFormsError`."""
    raw = yaml.safe_load(text)
    if not isinstance(raw, dict):
        raise TaskFormsError("a mapping of forms was expected")
    return MappingProxyType({str(key): _form(str(key), entry) for key, entry in raw.items()})


def _form(key: str, entry: Mapping[str, Any]) -> TaskForm:
    _only(key, entry, {"title", "outcomes", "fields", "spans", "one_of", "process_fields"})
    outcomes = tuple(_outcome(key, one) for one in entry["outcomes"])
    form = TaskForm(
        key=key,
        title=entry["title"],
        outcomes=outcomes,
        fields=tuple(_field(key, one) for one in entry["fields"]),
        spans=tuple((first, last) for first, last in entry.get("spans", ())),
        one_of=tuple(tuple(group) for group in entry.get("one_of", ())),
        process_fields=tuple(entry["process_fields"]),
    )
    _check_names(form)
    return form


def _outcome(key: str, entry: Mapping[str, Any]) -> Outcome:
    _only(key, entry, {"code", "title", "opinion", "blocks_pass"})
    return Outcome(
        code=entry["code"],
        title=entry["title"],
        opinion_required=entry.get("opinion") == "required",
        blocks_pass=entry.get("blocks_pass", False),
    )


def _field(key: str, entry: Mapping[str, Any]) -> Field:
    plain = {"name", "label", "type", "required", "max_length", "multiline", "min", "max", "min_items", "max_items"}
    _only(key, entry, plain | {"outcomes", "when", "choices", "fields"})
    if entry["type"] not in get_args(FieldType):
        raise TaskFormsError(f"{key}.{entry['name']}: unknown type {entry['type']!r}")
    if (entry["type"] == "choice") != ("choices" in entry) or (entry["type"] == "list") != ("fields" in entry):
        raise TaskFormsError(f"{key}.{entry['name']}: choices belong to a choice, fields to a list")
    when = entry.get("when")
    return Field(
        **{name: value for name, value in entry.items() if name in plain},
        outcomes=frozenset(entry.get("outcomes", ())),
        when=next(iter(when.items())) if when else None,
        choices=tuple(Choice(code=one["code"], title=one["title"]) for one in entry.get("choices", ())),
        fields=tuple(_field(f"{key}.{entry['name']}", one) for one in entry.get("fields", ())),
    )


def _only(key: str, entry: Mapping[str, Any], known: set[str]) -> None:
    unknown = set(entry) - known
    if unknown:
        raise TaskFormsError(f"{key}: unknown entry {', '.join(sorted(unknown))}")


def _check_names(form: TaskForm) -> None:
    _check_whens(form.key, form.fields)
    names = {field.name for field in form.fields}
    codes = {outcome.code for outcome in form.outcomes}
    mentioned = {name for pair in form.spans for name in pair} | {name for group in form.one_of for name in group}
    mentioned |= set(form.process_fields)
    if mentioned - names:
        raise TaskFormsError(f"{form.key}: no field {', '.join(sorted(mentioned - names))}")
    for field in form.fields:
        if field.outcomes - codes:
            raise TaskFormsError(f"{form.key}.{field.name}: no outcome {', '.join(sorted(field.outcomes - codes))}")


def _check_whens(key: str, fields: tuple[Field, ...]) -> None:
    before: set[str] = set()
    for field in fields:
        # The other field stands before it, so that its answer is known when this one is read.
        if field.when and field.when[0] not in before:
            raise TaskFormsError(f"{key}.{field.name}: no field {field.when[0]} before it")
        before.add(field.name)
        _check_whens(f"{key}.{field.name}", field.fields)
