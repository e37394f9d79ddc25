"""Filled-in forms and facts against their schemas (`config/form_schemas.py`): every fault by field, in Chinese.

Nothing is stored here. What comes back is in the form it is kept in: amounts with exactly two decimals as text, days
as YYYY-MM-DD, numbers of documents normalised; a field that was not filled in and has no default is absent.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from config.form_schemas import Check, Condition, FormField, FormSchema
from engine.ports import IdentityRules

#: Yuan as text, at most two decimals; twelve digits before the point are more than the fund will ever see.
_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: A name of a field that somebody invented is not repeated at any length.
_SHOWN_NAME = 40

REQUIRED = "请填写此项。"


class Fault(ValueError):
    """One value is not acceptable; the sentence says why."""


@dataclass
class Faults:
    """Sentences by the path of the field: {"forms.1-1.phone": ["..."]}."""

    by_field: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def add(self, path: str, sentence: str) -> None:
        self.by_field.setdefault(path, []).append(sentence)

    def __bool__(self) -> bool:
        return bool(self.by_field)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a check needs to know besides the value."""

    identity: IdentityRules
    today: date


def check_form(
    schema: FormSchema,
    values: Any,
    *,
    at: str,
    desk: Desk,
    faults: Faults,
    application: Mapping[str, Any] | None = None,
    forms: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The filled form as it is kept; faults go to `faults` under paths that begin with `at`.

    A field that `application` ({"worker.name": ...}) or one of the checked `forms` already says is taken from there
    when it is not filled in, and refused when it says something else.
    """
    if not isinstance(values, Mapping):
        faults.add(at, "应为一组填写项。")
        return {}
    known = {
        field.id: value
        for field in schema.fields
        if (value := _known(field, application or {}, forms or {})) is not None
    }
    given = {**known, **_filled(values)}
    clean, broken = _check_fields(
        schema.fields, given, at, desk, faults, _missing_elsewhere(schema, given, forms or {})
    )
    for field in schema.fields:
        if field.id in known and field.id in clean and clean[field.id] != known[field.id]:
            faults.add(f"{at}.{field.id}", "与申请的其他内容不一致，请核对。")
    for check in schema.checks:
        if _is_broken(check, clean, broken):
            faults.add(f"{at}.{check.field}", check.message)
    return clean


def _known(field: FormField, application: Mapping[str, Any], forms: Mapping[str, Mapping[str, Any]]) -> Any:
    if field.application is not None:
        return application.get(field.application)
    if field.form is not None:
        form, name = field.form
        return forms.get(form, {}).get(name)
    return None


def _missing_elsewhere(schema: FormSchema, given: Mapping[Any, Any], forms: Mapping[str, Any]) -> set[str]:
    """Fields whose source is missing or broken: it is asked for there, and not here again."""
    return {
        field.id
        for field in schema.fields
        if field.id not in given and (field.application or (field.form and field.form[0] in forms))
    }


def _filled(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Without what was left empty: an empty box, an empty list and no value at all are the same."""
    return {name: value for name, value in values.items() if value is not None and value != "" and value != []}


def _check_fields(
    fields: Sequence[FormField],
    values: Mapping[Any, Any],
    at: str,
    desk: Desk,
    faults: Faults,
    asked_elsewhere: Iterable[str] = (),
) -> tuple[dict[str, Any], set[str]]:
    """What is kept, and the ids of the fields that have to be filled in again."""
    known = {field.id: field for field in fields}
    for name in values:
        if name not in known:
            faults.add(f"{at}.{str(name)[:_SHOWN_NAME]}", "表单没有这一项。")
    clean: dict[str, Any] = {}
    broken = set(asked_elsewhere)
    for field in _documents_last(fields):
        value = values.get(field.id, field.default)
        if value is None:
            continue
        count = len(faults.by_field)
        try:
            if field.filled_by == "agency":
                raise Fault("此项由经办机构填写。")
            clean[field.id] = _check_value(field, value, clean, f"{at}.{field.id}", desk, faults)
        except ValueError as fault:
            faults.add(f"{at}.{field.id}", str(fault))
        if len(faults.by_field) > count:
            broken.add(field.id)
    _check_presence(fields, clean, broken, at, faults)
    return {field.id: clean[field.id] for field in fields if field.id in clean}, broken


def _documents_last(fields: Sequence[FormField]) -> Iterator[FormField]:
    """What a field is compared with is read before it, wherever it stands on the paper."""
    yield from (field for field in fields if not _compares(field))
    yield from (field for field in fields if _compares(field))


def _compares(field: FormField) -> bool:
    return bool(field.identity_type or field.birth or field.sex or field.not_before)


def _check_presence(
    fields: Sequence[FormField], clean: Mapping[str, Any], broken: set[str], at: str, faults: Faults
) -> None:
    for field in fields:
        if field.id in broken:
            continue
        if field.id not in clean:
            if field.required or _is_sure(field.required_when, clean, broken):
                faults.add(f"{at}.{field.id}", REQUIRED)
        elif _is_sure(field.forbidden_when, clean, broken):
            if clean[field.id] == field.default or clean[field.id] is False:
                continue
            faults.add(f"{at}.{field.id}", "按其他项的填写情况，此项不应填写。")


def _check_value(field: FormField, value: Any, clean: Mapping[str, Any], path: str, desk: Desk, faults: Faults) -> Any:
    if field.type == "list":
        return _rows(field, value, path, desk, faults)
    checked = _TYPES[field.type](field, value, clean, desk)
    if field.equals is not None and checked != field.equals:
        raise Fault(f"应填写“{field.equals}”。" if isinstance(field.equals, str) else "此项须签名或确认。")
    return checked


def _rows(field: FormField, value: Any, path: str, desk: Desk, faults: Faults) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Fault("应为列表。")
    if len(value) > field.max_rows:
        raise Fault(f"不能超过{field.max_rows}行。")
    rows = []
    for number, row in enumerate(value):
        if not isinstance(row, Mapping):
            faults.add(f"{path}.{number}", "应为一组填写项。")
            continue
        rows.append(_check_fields(field.fields, _filled(row), f"{path}.{number}", desk, faults)[0])
    for column in (one.id for one in field.fields if one.unique):
        seen: set[Any] = set()
        for number, row in enumerate(rows):
            if column in row and row[column] in seen:
                faults.add(f"{path}.{number}.{column}", "与前面的行重复。")
            seen.add(row.get(column))
    return rows


# --- the types


def money(value: Any) -> str:
    """An amount in yuan with exactly two decimals ("120.50"). Raises ValueError for anything but such a text."""
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise Fault("金额应为文本，单位元，最多两位小数，例如“120.50”。")
    return f"{Decimal(value):.2f}"


def day(value: Any) -> date:
    """A day written YYYY-MM-DD. Raises ValueError for anything else and for days that do not exist."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise Fault("日期应为“年年年年-月月-日日”，例如“2023-08-01”。")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise Fault("这个日期不存在。") from None
    if found.year < 1900 or found.year > 2200:
        raise Fault("日期超出范围。")
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Fault("应为文本。")
    return value


def _plain(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    checked = desk.identity.text(_text(value), field.max_length, multiline=field.multiline)
    if not checked:
        raise Fault(REQUIRED)
    return checked


def _date(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    found = day(value)
    if field.not_future and found > desk.today:
        raise Fault("不能晚于今天。")
    earlier = clean.get(field.not_before) if field.not_before else None
    if earlier is not None and found.isoformat() < earlier:
        raise Fault("结束日期不能早于开始日期。")
    return found.isoformat()


def _money(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    amount = money(value)
    if field.positive and Decimal(amount) == 0:
        raise Fault("金额应大于零。")
    return amount


def _integer(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> int:
    if type(value) is not int:
        raise Fault("应为整数。")
    if not field.minimum <= value <= field.maximum:
        raise Fault(f"应在{field.minimum}到{field.maximum}之间。")
    return value


def _boolean(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> bool:
    if type(value) is not bool:
        raise Fault("应为是或否。")
    return value


def _choice(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    if not isinstance(value, str) or value not in field.choices:
        raise Fault(f"应为以下之一：{'、'.join(field.choices)}。")
    return value


def _choices(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> list[str]:
    if not isinstance(value, list) or len(value) > len(field.choices):
        raise Fault("应为不重复的选项列表。")
    ticked = [_choice(field, one, clean, desk) for one in value]
    if len(set(ticked)) != len(ticked):
        raise Fault("选项重复。")
    return ticked


def _identity_number(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    kind = clean.get(field.identity_type, "other") if field.identity_type else "resident_identity_card"
    number = desk.identity.identity_number(_text(value), kind, desk.today)
    holder = desk.identity.birth_and_sex(number)
    if holder is None:
        return number
    born_on, sex = holder
    if field.birth and clean.get(field.birth, born_on.isoformat()) != born_on.isoformat():
        raise Fault("与填写的出生日期不一致。")
    if field.sex and clean.get(field.sex, sex) != sex:
        raise Fault("与填写的性别不一致。")
    return number


def _by_identity_rule(rule: str) -> Callable[[FormField, Any, Mapping[str, Any], Desk], str]:
    def check(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
        checked: str = getattr(desk.identity, rule)(_text(value))
        return checked

    return check


def _social_security_number(field: FormField, value: Any, clean: Mapping[str, Any], desk: Desk) -> str:
    return desk.identity.social_security_number(_text(value), desk.today)


_TYPES: Mapping[str, Callable[[FormField, Any, Mapping[str, Any], Desk], Any]] = {
    "text": _plain,
    "date": _date,
    "money": _money,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "choices": _choices,
    "identity_number": _identity_number,
    "social_security_number": _social_security_number,
    **{rule: _by_identity_rule(rule) for rule in ("name", "mobile", "telephone", "postcode", "bank_account", "uscc")},
}


# --- conditions and checks


def holds(condition: Condition, clean: Mapping[str, Any]) -> bool:
    """The condition is true of the filled fields; a field that is not filled in makes it false."""
    if condition.negated is not None:
        return not holds(condition.negated, clean)
    if condition.every:
        return all(holds(one, clean) for one in condition.every)
    if condition.some:
        return any(holds(one, clean) for one in condition.some)
    value = clean.get(condition.field or "")
    if condition.filled:
        return value not in (None, "", [])
    if condition.positive:
        return value is not None and Decimal(value) > 0
    return condition.equals in value if isinstance(value, list) else value == condition.equals


def _is_broken(check: Check, clean: Mapping[str, Any], broken: set[str]) -> bool:
    if check.refuse_when is not None:
        return _is_sure(check.refuse_when, clean, broken)
    limit = _total(check.at_most or "", clean)
    return limit is not None and sum(Decimal(clean.get(name, "0")) for name in check.sum) > limit


def _is_sure(condition: Condition | None, clean: Mapping[str, Any], broken: set[str]) -> bool:
    """The condition holds, and asks about nothing that has to be filled in again anyway."""
    return condition is not None and broken.isdisjoint(condition.names()) and holds(condition, clean)


def _total(path: str, clean: Mapping[str, Any]) -> Decimal | None:
    """An amount, or the sum of a column; None where it was not filled in."""
    name, _, column = path.partition(".")
    if name not in clean:
        return None
    if not column:
        return Decimal(clean[name])
    return sum((Decimal(row[column]) for row in clean[name] if column in row), Decimal(0))
