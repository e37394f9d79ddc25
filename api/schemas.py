"""Fields that all resources share: they speak Chinese, and they are strict about type, length and range."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

REQUIRED = {"required": "这一项必须填写。", "null": "这一项不能为空。"}

#: The largest id and version: a four-byte integer of the database.
LARGEST_ID = 2**31 - 1


class Schema(ma.Schema):
    """Refuses what it does not know."""

    error_messages = {"unknown": "没有这一项，请删除。", "type": "这里应当是一组“名称：内容”。"}

    class Meta:
        unknown = ma.RAISE


def _length_sentence(least: int, most: int) -> str:
    return f"不能超过 {most} 个字。" if least == 0 else f"应当有 {least} 到 {most} 个字。"


class Text(fields.String):
    """Text of `least` to `most` characters, spaces around it taken away."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是文字。", "invalid_utf8": "文字编码有误。"}

    def __init__(self, most: int = 200, *, least: int = 1, **kwargs: Any) -> None:
        length = validate.Length(min=least, max=most, error=_length_sentence(least, most))
        kwargs.setdefault("validate", []).append(length)
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return str(super()._deserialize(value, *args, **kwargs)).strip()


class Code(fields.String):
    """A code of ours: letters, digits, `_`, `-`, at most 64."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是代码。"}

    def __init__(self, **kwargs: Any) -> None:
        pattern = validate.Regexp(r"^[A-Za-z0-9_-]{1,64}$", re.ASCII, error="代码只能由字母、数字和下划线组成。")
        super().__init__(validate=[pattern], **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return str(super()._deserialize(value, *args, **kwargs)).strip()


class Choice(fields.String):
    """One of the listed codes."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是代码。"}

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        super().__init__(validate=[validate.OneOf(choices, error="只能是：{choices}。")], **kwargs)


class Number(fields.Integer):
    """A whole number in a range, written as a number."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是整数。", "too_large": "数字超出范围。"}

    def __init__(self, least: int = 1, most: int = LARGEST_ID, *, strict: bool = True, **kwargs: Any) -> None:
        between = validate.Range(min=least, max=most, error="应当在 {min} 到 {max} 之间。")
        super().__init__(strict=strict, validate=[between], **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or (self.strict and not isinstance(value, int)):
            raise self.make_error("invalid", input=value)
        if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
            raise self.make_error("invalid", input=value)
        return int(super()._deserialize(value, *args, **kwargs) or 0)


class QueryNumber(Number):
    """A whole number in a query string."""

    def __init__(self, least: int = 1, most: int = LARGEST_ID, **kwargs: Any) -> None:
        super().__init__(least, most, strict=False, **kwargs)


#: Days that any business of ours can speak of. Beyond them a day has no moment in every zone.
EARLIEST_DAY, LATEST_DAY = date(1900, 1, 1), date(2199, 12, 31)


class Day(fields.Date):
    """A calendar day, YYYY-MM-DD."""

    default_error_messages = {
        **REQUIRED,
        "invalid": "这里应当是日期，格式为 2023-07-17。",
        "format": "日期格式有误。",
    }

    def __init__(self, **kwargs: Any) -> None:
        possible = validate.Range(min=EARLIEST_DAY, max=LATEST_DAY, error="日期超出范围。")
        super().__init__(validate=[possible], **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
            raise self.make_error("invalid", input=value, obj_type="date")
        return super()._deserialize(value, *args, **kwargs)


class Moment(fields.AwareDateTime):
    """An instant with its offset."""

    default_error_messages = {
        **REQUIRED,
        "invalid": "这里应当是时刻，格式为 2023-07-17T09:00:00+08:00。",
        "invalid_awareness": "时刻须带时区。",
        "format": "时刻格式有误。",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)


class Flag(fields.Boolean):
    """true or false, nothing that looks like it."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是 true 或 false。"}

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Items(fields.List[Any]):
    """A list of at most `most` entries."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是列表。"}

    def __init__(self, inner: Any, *, least: int = 0, most: int = 200, **kwargs: Any) -> None:
        length = validate.Length(min=least, max=most, error="应当有 {min} 到 {max} 项。")
        super().__init__(inner, validate=[length], **kwargs)


class Group(fields.Nested):
    """A part with fields of its own."""

    default_error_messages = {**REQUIRED, "type": "这里应当是一组“名称：内容”。"}


class Free(fields.Dict):
    """A document whose fields are checked by what the form's own description says."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是一组“名称：内容”。"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(keys=fields.String(), **kwargs)


class Anything(fields.Raw):
    """What the use case reads itself, whatever it is; null is as good as left out."""

    default_error_messages = {**REQUIRED}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_none=True, **kwargs)


class Problem(ma.Schema):
    """Every refusal and fault (see `api.errors`)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    because = fields.List(fields.Dict(keys=fields.String(), values=fields.String()), required=True)
    fields_ = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True, data_key="fields")
    details = fields.Dict(keys=fields.String(), required=True)


class Reason(Schema):
    """Why an officer does something that needs a reason."""

    reason = Text(1000, required=True, metadata={"description": "理由"})


class Unmasking(Schema):
    """Which masked value somebody needs to see, and why."""

    field_ = Text(
        200,
        required=True,
        data_key="field",
        attribute="field",
        metadata={"description": "内容的路径，例如 person.phone"},
    )
    reason = Text(1000, required=True, metadata={"description": "理由"})


class Unmasked(ma.Schema):
    """One value in full."""

    field_ = fields.String(required=True, data_key="field", attribute="field")
    value = fields.String(required=True)


class Named(ma.Schema):
    """A code and the words people read for it."""

    code = fields.String()
    name = fields.String()


def yuan(cents: int | None) -> str | None:
    """An amount in cents as it is written: "65000.00"."""
    if cents is None:
        return None
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"
