"""What an officer enters when completing a task, checked against the form's description (`config/task_forms.yaml`).

Nothing is repaired or guessed: what is not a plain answer to a field of the form is refused with the field and a
sentence. Amounts come as text and leave as integer cents; days leave as ISO text, so the entry can be stored as JSON.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.task_forms import Field, Outcome, TaskForm, task_forms
from engine import clock
from engine.errors import CannotProceed, InvalidInput
from engine.ports import ports
from engine.process.operators import Scalar

OPINION_LENGTH = 1000

#: At most ten digits before the point: sums of thousands of lines stay far inside the database's range.
_MONEY = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,2}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_GREATEST_INTEGER = 2**31 - 1
#: Characters that turn the direction of the text behind them: what is shown would not be what is stored.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A form as completed."""

    #: Every field that belongs to the outcome; None where it was left empty.
    fields: dict[str, Any]
    #: What of it goes into the process data.
    process_fields: dict[str, Scalar]


def validate(key: str, outcome: str, opinion: str | None, fields: Mapping[str, Any]) -> Entry:
    """The entry, cleaned: amounts in cents, days as ISO text, text without blanks around it.

    Raises InvalidInput with a sentence per field ("fields.lines.0.allowed"), or for `outcome` or `opinion`;
    CannotProceed where a diagram names a form that does not exist.
    """
    form = task_forms().get(key)
    if form is None:
        raise CannotProceed(f"系统没有名为“{key}”的任务表单，请业务分析员检查流程图。", code="unknown_form")
    chosen = form.outcome(outcome) if isinstance(outcome, str) else None
    if chosen is None:
        choices = "、".join(f"{one.code}（{one.title}）" for one in form.outcomes)
        raise InvalidInput(fields={"outcome": [f"办理结论须为以下之一：{choices}。"]})
    faults: dict[str, list[str]] = {}
    _check_opinion(chosen, opinion, faults)
    if isinstance(fields, Mapping):
        clean = _clean_fields(form.fields, fields, chosen.code, "fields", faults)
        _check_form(form, clean, faults)
    else:
        faults["fields"] = ["填写内容须为一组字段。"]
    if faults:
        raise InvalidInput(fields=faults)
    return Entry(fields=clean, process_fields={name: clean.get(name) for name in form.process_fields})


def _check_opinion(outcome: Outcome, opinion: Any, faults: dict[str, list[str]]) -> None:
    if opinion is None or opinion == "":
        if outcome.opinion_required:
            faults["opinion"] = [f"选择“{outcome.title}”须填写意见。"]
        return
    text, sentence = _clean_text(opinion, max_length=OPINION_LENGTH, multiline=True)
    if sentence:
        faults["opinion"] = [sentence]
    elif not text and outcome.opinion_required:
        faults["opinion"] = [f"选择“{outcome.title}”须填写意见。"]


def _clean_fields(
    fields: Sequence[Field], values: Mapping[str, Any], outcome: str, path: str, faults: dict[str, list[str]]
) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    known = {field.name for field in fields}
    for name in values:
        if name not in known:
            faults[f"{path}.{name}"[:200]] = ["表单没有这个字段。"]
    for field in fields:
        value = values.get(field.name)
        given = not (value is None or value == "")
        place = f"{path}.{field.name}"
        if not _applies(field, clean, outcome):
            if given:
                faults[place] = [f"所选结论或前项不需要填写“{field.label}”。"]
            continue
        clean[field.name] = _clean_value(field, value, outcome, place, faults) if given else None
        if not given and field.required:
            faults[place] = [f"请填写“{field.label}”。"]
    return clean


def _applies(field: Field, before: Mapping[str, Any], outcome: str) -> bool:
    if field.outcomes and outcome not in field.outcomes:
        return False
    return field.when is None or before.get(field.when[0]) == field.when[1]


def _clean_value(field: Field, value: Any, outcome: str, path: str, faults: dict[str, list[str]]) -> Any:
    if field.type == "list":
        return _clean_list(field, value, outcome, path, faults)
    clean, sentence = _CLEANERS[field.type](field, value)
    if not sentence and clean == "" and field.required:
        sentence = f"请填写“{field.label}”。"
    if not sentence and not _accepted(field, clean):
        sentence = field.refusal
    if sentence:
        faults[path] = [sentence]
        return None
    return clean if clean != "" else None


def _accepted(field: Field, clean: Any) -> bool:
    if field.at_least_rule:
        least, _ = ports().rules.value(field.at_least_rule, clock.today())
        return bool(clean >= least)
    return not field.accepts or clean in field.accepts


def _clean_list(field: Field, value: Any, outcome: str, path: str, faults: dict[str, list[str]]) -> list[Any] | None:
    if not isinstance(value, list):
        faults[path] = [f"“{field.label}”须为列表。"]
        return None
    if not field.min_items <= len(value) <= field.max_items:
        faults[path] = [f"“{field.label}”须有{field.min_items}至{field.max_items}行，现有{len(value)}行。"]
        return None
    rows, seen = [], set()
    for number, row in enumerate(value):
        place = f"{path}.{number}"
        if not isinstance(row, Mapping):
            faults[place] = ["每一行须为一组字段。"]
            continue
        clean = _clean_fields(field.fields, row, outcome, place, faults)
        key = clean.get(field.key) if field.key else None
        if key is not None and key in seen:
            faults[f"{place}.{field.key}"] = [f"{key}在列表中重复出现，请只保留一行。"]
        seen.add(key)
        rows.append(clean)
    return rows


Cleaned = tuple[Any, str]


def _text(field: Field, value: Any) -> Cleaned:
    return _clean_text(value, max_length=field.max_length, multiline=field.multiline)


def _clean_text(value: Any, *, max_length: int, multiline: bool) -> tuple[str, str]:
    if not isinstance(value, str):
        return "", "须为文字。"
    if len(value) > max_length:
        return "", f"最多{max_length}个字，现有{len(value)}个字。"
    for character in value:
        if character == "\n" and multiline:
            continue
        if unicodedata.category(character) in ("Cc", "Cs") or character in _DIRECTION:
            return "", "含有控制字符，请删除后重新填写。"
    return value.strip(), ""


def _date(field: Field, value: Any) -> Cleaned:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return None, "日期须写成年-月-日，例如2026-03-02。"
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None, f"没有{value}这一天，请核对日期。"
    if day.year < 1900:
        return None, "日期过早，请核对。"
    return value, ""


def _money(field: Field, value: Any) -> Cleaned:
    match = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None, "金额须用文字写成元，最多两位小数，例如“1234.50”，不能为负数。"
    whole, fraction = match.groups()
    return int(whole) * 100 + int((fraction or "").ljust(2, "0")), ""


def _integer(field: Field, value: Any) -> Cleaned:
    least, greatest = field.min or 0, field.max if field.max is not None else _GREATEST_INTEGER
    if not isinstance(value, int) or isinstance(value, bool):
        return None, "须为整数。"
    if not least <= value <= greatest:
        return None, f"须在{least}至{greatest}之间。"
    return value, ""


def _boolean(field: Field, value: Any) -> Cleaned:
    return (value, "") if isinstance(value, bool) else (None, "须为是（true）或否（false）。")


def _choice(field: Field, value: Any) -> Cleaned:
    if isinstance(value, str) and value in {choice.code for choice in field.choices}:
        return value, ""
    titles = "、".join(f"{choice.code}（{choice.title}）" for choice in field.choices)
    return None, f"须为以下之一：{titles}。"


_CLEANERS = {
    "text": _text,
    "date": _date,
    "money": _money,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
}


def _check_form(form: TaskForm, clean: Mapping[str, Any], faults: dict[str, list[str]]) -> None:
    for first, last in form.spans:
        if clean.get(first) and clean.get(last) and clean[last] < clean[first]:
            faults[f"fields.{last}"] = ["结束日期不能早于开始日期。"]
    labels = {field.name: field.label for field in form.fields}
    for group in form.one_of:
        if sum(clean.get(name) is not None for name in group) != 1:
            names = "、".join(f"“{labels[name]}”" for name in group)
            faults.setdefault(f"fields.{group[0]}", [f"{names}须填写且只填写一项。"])
