"""Categories, templates and slots as they are sent and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from api.paging import PageQuery, page_of
from api.schemas import REQUIRED, Choice, Code, Flag, Number, QueryNumber, Schema, Text
from config.catalogue import SMS_MAX_LENGTH, SMS_SLOTS, services
from engine.casework.message_texts import KEYS, SLOT_KEYS, SOMETIMES, Key
from engine.models import MessageTemplate


class Content(fields.String):
    """The words of a template, exactly as they are written: blanks count (SMS-05, SMS-07)."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是文字。", "invalid_utf8": "文字编码有误。"}

    def __init__(self, **kwargs: Any) -> None:
        length = validate.Length(min=1, max=SMS_MAX_LENGTH, error="模板内容应为 {min} 至 {max} 字。")
        super().__init__(validate=[length], **kwargs)


def _function_code() -> Text:
    pattern = validate.Regexp(r"^[A-Za-z0-9_-]+$", error="功能代码只能由字母、数字、下划线和连字符组成。")
    return Text(32, required=True, validate=[pattern], metadata={"description": "功能代码"})


class CityQuery(Schema):
    """Whose: the officer's own city, or any for the province."""

    city = Code(metadata={"description": "地市机构编码"})


class CategoryName(Schema):
    """A category as it is to be called."""

    name = Text(64, required=True, metadata={"description": "短信模板大类名称"})


class CategoryView(ma.Schema):
    """A category of templates (短信模板大类)."""

    id = fields.Integer(required=True)
    city_code = fields.String(required=True)
    name = fields.String(required=True)
    changed_by = fields.String(attribute="changed_by.name", required=True)
    changed_at = fields.AwareDateTime(required=True)


class CategoryList(ma.Schema):
    """The categories of a city."""

    items = fields.List(fields.Nested(CategoryView), required=True)


class TemplateQuery(PageQuery):
    """Which templates."""

    city = Code(metadata={"description": "地市机构编码"})
    category_id = QueryNumber(metadata={"description": "模板分类"})
    active = Choice(["true", "false"], metadata={"description": "true 为有效，false 为无效"})


class NewTemplate(Schema):
    """A new template and its first draft."""

    category_id = Number(required=True, metadata={"description": "模板分类"})
    function_code = _function_code()
    name = Text(64, required=True, metadata={"description": "模板名称"})
    content = Content(required=True, metadata={"description": "模板内容"})


class Draft(Schema):
    """A draft, over the version of the template that was seen."""

    version = Number(required=True, metadata={"description": "所见模板的 version"})
    name = Text(64, required=True, metadata={"description": "模板名称"})
    content = Content(required=True, metadata={"description": "模板内容"})


class TemplateChange(Schema):
    """Another category, or another state."""

    version = Number(required=True, metadata={"description": "所见模板的 version"})
    category_id = Number(metadata={"description": "模板分类"})
    active = Flag(metadata={"description": "状态：true 为有效，false 为无效"})


class Seen(Schema):
    """The version of the template that was seen."""

    version = Number(required=True, metadata={"description": "所见模板的 version"})


class Removed(ma.Schema):
    """What is no longer there."""

    removed = fields.Integer(required=True)


class OfficerName(ma.Schema):
    """Who."""

    name = fields.String(required=True)


class WordingView(ma.Schema):
    """One wording of a template: who wrote it and when, who published it and when."""

    number = fields.Integer(allow_none=True)
    name = fields.String(required=True)
    content = fields.String(required=True)
    written_by = fields.String(attribute="written_by.name", required=True)
    written_at = fields.AwareDateTime(required=True)
    published_by = fields.Pluck(OfficerName, "name", allow_none=True)
    published_at = fields.AwareDateTime(allow_none=True)


class TemplateView(ma.Schema):
    """A template (短信模板): its draft, what is published, and every version before."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    city_code = fields.String(required=True)
    category_id = fields.Integer(required=True)
    category_name = fields.String(attribute="category.name", required=True)
    function_code = fields.String(required=True)
    active = fields.Boolean(required=True)
    state_name = fields.Function(lambda template: "有效" if template.active else "无效", metadata={"type": "string"})
    name = fields.Function(lambda template: _name(template), metadata={"type": "string"})
    draft = fields.Nested(WordingView, allow_none=True)
    published = fields.Nested(WordingView, allow_none=True)
    versions = fields.List(fields.Nested(WordingView), attribute="published_versions", required=True)
    changed_by = fields.String(attribute="changed_by.name", required=True)
    changed_at = fields.AwareDateTime(required=True)


def _name(template: MessageTemplate) -> str:
    wording = template.published or template.draft
    return wording.name if wording else ""


TemplatePage = page_of(TemplateView)


class PreviewQuestion(Schema):
    """A text to try out: in a slot of a service, with values or with examples."""

    content = Content(required=True, metadata={"description": "模板内容"})
    slot = Choice(SMS_SLOTS, metadata={"description": "短信种类"})
    service = Choice(list(services()), metadata={"description": "事项"})
    values = fields.Dict(
        keys=fields.String(validate=[validate.OneOf(list(KEYS), error="只能是：{choices}。")]),
        values=Text(200),
        load_default=dict,
        error_messages={**REQUIRED, "invalid": "这里应当是一组“关键词：值”。"},
        metadata={"description": "关键词的值；没有的用示例"},
    )


class PreviewView(ma.Schema):
    """What a text becomes: an example, its length, the worst case, faults and warnings."""

    text = fields.String(required=True)
    characters = fields.Integer(required=True)
    parts = fields.Integer(required=True)
    longest_characters = fields.Integer(required=True)
    longest_parts = fields.Integer(required=True)
    keys = fields.List(fields.String(), required=True)
    faults = fields.List(fields.String(), required=True)
    warnings = fields.List(fields.String(), required=True)


class KeyView(ma.Schema):
    """One of the 13 keys: what it stands for, how long it gets, where it makes sense."""

    code = fields.String(required=True)
    title = fields.String(required=True)
    sample = fields.String(required=True)
    longest = fields.Function(lambda key: key.longest(), metadata={"type": "integer"})
    slots = fields.Function(lambda key: _slots(key), metadata={"type": "array", "items": {"type": "string"}})


def _slots(key: Key) -> list[str]:
    return [slot for slot in SMS_SLOTS if key.code in SLOT_KEYS[slot] or slot in SOMETIMES.get(key.code, ())]


class KeyList(ma.Schema):
    """The 13 keys."""

    items = fields.List(fields.Nested(KeyView), required=True)


class SlotTemplateView(ma.Schema):
    """The template version in a slot."""

    id = fields.Integer(attribute="template_id", required=True)
    number = fields.Integer(required=True)
    name = fields.String(required=True)
    function_code = fields.String(attribute="message_template.function_code", required=True)


class SlotView(ma.Schema):
    """One of the nine slots: its text, where it comes from (template, standard, empty), how long it gets."""

    slot = fields.String(required=True)
    title = fields.String(required=True)
    source = fields.String(required=True)
    content = fields.String(allow_none=True)
    template = fields.Nested(SlotTemplateView, allow_none=True)
    outdated = fields.Boolean(required=True)
    preview = fields.Nested(PreviewView, allow_none=True)


class ChangeView(ma.Schema):
    """One version of the configuration: since when it counts, who made it and when (nobody: it was installed)."""

    version = fields.Integer(attribute="configuration.version", required=True)
    valid_from = fields.Date(attribute="configuration.valid_from", required=True)
    by = fields.String(allow_none=True)
    at = fields.AwareDateTime(allow_none=True)


class SlotTableView(ma.Schema):
    """The nine slots of a service in a city, for cases accepted now."""

    city_code = fields.String(required=True)
    service = fields.String(required=True)
    version = fields.Integer(required=True)
    slots = fields.List(fields.Nested(SlotView), required=True)
    history = fields.List(fields.Nested(ChangeView), required=True)


class SlotChoice(Schema):
    """What stands in a slot: a template of the city, or the province's text. null: no message."""

    template_id = Number(metadata={"description": "短信模板"})
    standard = Flag(metadata={"description": "true：全省统一文本"})

    @ma.validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("template_id" in data) == (data.get("standard") is True) or data.get("standard") is False:
            raise ma.ValidationError("请给出 template_id，或者 standard: true，或者 null（不发送）。")


class SlotChoices(Schema):
    """Choices for some of the nine slots, over the version of the configuration that was seen."""

    version = Number(required=True, metadata={"description": "所见业务配置的 version"})
    slots = fields.Dict(
        keys=fields.String(validate=[validate.OneOf(SMS_SLOTS, error="只能是：{choices}。")]),
        values=fields.Nested(SlotChoice, allow_none=True),
        required=True,
        validate=[validate.Length(min=1, error="请至少选择一种短信。")],
        error_messages={**REQUIRED, "invalid": "这里应当是一组“短信种类：模板”。"},
        metadata={"description": "短信种类和模板"},
    )
