"""Routes of categories, templates and slots of text messages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.sms_templates.schemas import (
    CategoryList,
    CategoryName,
    CategoryView,
    CityQuery,
    Draft,
    KeyList,
    NewTemplate,
    PreviewQuestion,
    PreviewView,
    Removed,
    Seen,
    SlotChoices,
    SlotTableView,
    TemplateChange,
    TemplatePage,
    TemplateQuery,
    TemplateView,
)
from engine.casework import sms_slots, sms_templates
from engine.casework.message_texts import KEYS, Key, Preview, preview
from engine.casework.paging import Page
from engine.casework.sms_slots import Choice, SlotTable
from engine.models import MessageCategory, MessageTemplate

blueprint = Blueprint("sms_templates", __name__, url_prefix="/api/v1/sms", description="短信模板")


@blueprint.route("/keys", methods=["GET"])
@requires("sms_template.read")
@blueprint.reads(KeyList, "短信关键词", audit=NOTHING)
def list_keys(session: Session) -> dict[str, list[Key]]:
    """The 13 keys."""
    return {"items": list(KEYS.values())}


@blueprint.route("/preview", methods=["POST"])
@requires("sms_template.read")
@blueprint.arguments(PreviewQuestion)
@blueprint.reads(PreviewView, "预览短信", audit=NOTHING)
def preview_text(session: Session, body: dict[str, Any]) -> Preview:
    """What the text becomes, how long it is and can get, what stands against it. Nothing is stored."""
    return preview(body["content"], body["values"], slot=body.get("slot"), service=body.get("service"))


# Categories


@blueprint.route("/categories", methods=["GET"])
@requires("sms_template.read")
@blueprint.arguments(CityQuery, location="query")
@blueprint.reads(CategoryList, "短信模板大类", audit=NOTHING)
def list_categories(session: Session, query: dict[str, str]) -> dict[str, list[MessageCategory]]:
    """The categories of the officer's city."""
    return {"items": sms_templates.list_categories(session, current_actor(), query.get("city"))}


@blueprint.route("/categories", methods=["POST"])
@requires("sms_template.edit")
@blueprint.arguments(CategoryName)
@blueprint.changes(CategoryView, "添加短信模板大类", status=HTTPStatus.CREATED)
def add_category(session: Session, body: dict[str, str]) -> MessageCategory:
    """A new category of the officer's city."""
    return sms_templates.add_category(session, current_actor(), body["name"])


@blueprint.route("/categories/<id:category_id>", methods=["PUT"])
@requires("sms_template.edit")
@blueprint.arguments(CategoryName)
@blueprint.changes(CategoryView, "修改短信模板大类")
def rename_category(session: Session, body: dict[str, str], category_id: int) -> MessageCategory:
    """Another name."""
    return sms_templates.rename_category(session, category_id, current_actor(), body["name"])


@blueprint.route("/categories/<id:category_id>", methods=["DELETE"])
@requires("sms_template.edit")
@blueprint.changes(Removed, "删除短信模板大类")
def remove_category(session: Session, category_id: int) -> dict[str, int]:
    """Only an empty one; 409 otherwise."""
    sms_templates.remove_category(session, category_id, current_actor())
    return {"removed": category_id}


# Templates


@blueprint.route("/templates", methods=["GET"])
@requires("sms_template.read")
@blueprint.arguments(TemplateQuery, location="query")
@blueprint.reads(TemplatePage, "短信模板列表", audit=NOTHING)
def list_templates(session: Session, query: dict[str, Any]) -> Page[MessageTemplate]:
    """The templates of the officer's city, or of one category (查看该类别下的短信)."""
    active = query.get("active")
    return sms_templates.list_templates(
        session,
        current_actor(),
        city_code=query.get("city"),
        category_id=query.get("category_id"),
        active=None if active is None else active == "true",
        after=query.get("after"),
        limit=query["limit"],
    )


@blueprint.route("/templates", methods=["POST"])
@requires("sms_template.edit")
@blueprint.arguments(NewTemplate)
@blueprint.changes(TemplateView, "新增短信模板", status=HTTPStatus.CREATED)
def add_template(session: Session, body: dict[str, Any]) -> MessageTemplate:
    """A new template with its first draft."""
    return sms_templates.add_template(session, current_actor(), **body)


@blueprint.route("/templates/<id:template_id>", methods=["GET"])
@requires("sms_template.read")
@blueprint.reads(TemplateView, "短信模板详情", audit=NOTHING)
def show_template(session: Session, template_id: int) -> MessageTemplate:
    """The template with its draft and versions; 404 for one of another city."""
    return sms_templates.find_template(session, template_id, current_actor())


@blueprint.route("/templates/<id:template_id>", methods=["PUT"])
@requires("sms_template.edit")
@blueprint.arguments(TemplateChange)
@blueprint.changes(TemplateView, "修改短信模板的分类和状态")
def change_template(session: Session, body: dict[str, Any], template_id: int) -> MessageTemplate:
    """Another category, active or inactive; 409 where a template in use is to become inactive."""
    return sms_templates.change_template(session, template_id, current_actor(), **body)


@blueprint.route("/templates/<id:template_id>/draft", methods=["PUT"])
@requires("sms_template.edit")
@blueprint.arguments(Draft)
@blueprint.changes(TemplateView, "修改短信模板")
def write_draft(session: Session, body: dict[str, Any], template_id: int) -> MessageTemplate:
    """Write the draft; what is published stays as it is."""
    return sms_templates.write_draft(session, template_id, current_actor(), **body)


@blueprint.route("/templates/<id:template_id>/draft", methods=["DELETE"])
@requires("sms_template.edit")
@blueprint.arguments(Seen)
@blueprint.changes(TemplateView, "放弃短信模板草稿")
def discard_draft(session: Session, body: dict[str, int], template_id: int) -> MessageTemplate:
    """Throw the draft away; what is published stays."""
    return sms_templates.discard_draft(session, template_id, current_actor(), version=body["version"])


@blueprint.route("/templates/<id:template_id>", methods=["DELETE"])
@requires("sms_template.edit")
@blueprint.arguments(Seen)
@blueprint.changes(Removed, "删除短信模板")
def remove_template(session: Session, body: dict[str, int], template_id: int) -> dict[str, int]:
    """Only one that was never published; 409 otherwise."""
    sms_templates.remove_template(session, template_id, current_actor(), version=body["version"])
    return {"removed": template_id}


@blueprint.route("/templates/<id:template_id>/publication", methods=["POST"])
@requires("sms_template.edit")
@blueprint.arguments(Seen)
@blueprint.changes(TemplateView, "发布短信模板")
def publish_template(session: Session, body: dict[str, int], template_id: int) -> MessageTemplate:
    """Make the draft a version that can be put into slots; slots that have an earlier one keep it."""
    return sms_templates.publish(session, template_id, current_actor(), version=body["version"])


# Slots


@blueprint.route("/slots/<code:service>", methods=["GET"])
@requires("sms_template.read")
@blueprint.arguments(CityQuery, location="query")
@blueprint.reads(SlotTableView, "短信配置", audit=NOTHING)
def show_slots(session: Session, query: dict[str, str], service: str) -> SlotTable:
    """The nine slots of the service, with who changed them and when."""
    return sms_slots.slots_of(session, current_actor(), service, query.get("city"))


@blueprint.route("/slots/<code:service>", methods=["PUT"])
@requires("sms_template.edit")
@blueprint.arguments(SlotChoices)
@blueprint.changes(SlotTableView, "保存短信配置")
def choose_slots(session: Session, body: dict[str, Any], service: str) -> SlotTable:
    """A new version of the city's configuration, for cases accepted from now on."""
    choices: dict[str, Choice] = {
        slot: None if choice is None else choice.get("template_id") or "standard"
        for slot, choice in body["slots"].items()
    }
    return sms_slots.choose(session, current_actor(), service, version=body["version"], choices=choices)
