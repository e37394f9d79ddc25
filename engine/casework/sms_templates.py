"""A city's templates of text messages (短信模板): categories, drafts, published versions (SMS-04, SMS-05, CFG-13).

Administrators of a city write its templates; nobody of another city reads or changes them, and the province reads
all. A published version never changes; a case is never told anything else than what its configuration holds.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from config.catalogue import SMS_MAX_LENGTH, services
from engine import clock
from engine.actor import Actor
from engine.casework.access import require_role, sees_everything
from engine.casework.message_texts import SLOT_TITLES, text_faults
from engine.casework.paging import Page, page_size
from engine.casework.province import city_of, configurations_from
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.models import Agency, MessageCategory, MessageTemplate, MessageTemplateVersion, Officer, SlotBinding

WRITERS = ("city_administrator", "province_administrator")
READERS = (*WRITERS, "supervisor", "business_analyst", "auditor")

NO_SUCH_CATEGORY = "没有找到这个短信模板大类。"
NO_SUCH_TEMPLATE = "没有找到这个短信模板。"


def readable_city(session: Session, actor: Actor, city_code: str | None) -> str:
    """The city whose templates the officer asks for: their own, any for the province. Raises `NotFound`."""
    require_role(actor, *READERS)
    own = city_of(session, actor.agency_code)
    if city_code is None or city_code == own:
        return own
    agency = session.get(Agency, city_code)
    if not sees_everything(actor) or agency is None or agency.level != "city":
        raise NotFound("没有找到这个地市的短信模板。")
    return city_code


def own_city(session: Session, actor: Actor) -> str:
    """The city whose templates the officer may change: that of the agency they administer. Raises `NotAllowed`."""
    require_role(actor, *WRITERS)
    if city_of(session, actor.agency_code) != actor.agency_code:
        raise NotAllowed("短信模板由地市经办机构的管理员设置。", code="not_the_city")
    return actor.agency_code


# Categories


def list_categories(session: Session, actor: Actor, city_code: str | None = None) -> list[MessageCategory]:
    """The categories (短信模板大类) of a city."""
    city = readable_city(session, actor, city_code)
    query = select(MessageCategory).where(MessageCategory.city_code == city).order_by(MessageCategory.id)
    return list(session.scalars(query))


def add_category(session: Session, actor: Actor, name: str) -> MessageCategory:
    """A new category of the officer's city."""
    city = own_city(session, actor)
    _require_free_name(session, city, name)
    category = MessageCategory(city_code=city, name=name, changed_by_id=actor.officer_id, changed_at=clock.now())
    session.add(category)
    return category


def rename_category(session: Session, category_id: int, actor: Actor, name: str) -> MessageCategory:
    """The category under another name."""
    category = _own_category(session, category_id, actor)
    if name != category.name:
        _require_free_name(session, category.city_code, name)
    category.name = name
    category.changed_by_id, category.changed_at = actor.officer_id, clock.now()
    return category


def remove_category(session: Session, category_id: int, actor: Actor) -> None:
    """Delete a category without templates."""
    category = _own_category(session, category_id, actor)
    if session.scalar(select(exists().where(MessageTemplate.category_id == category.id))):
        raise Conflict("该大类下还有短信模板，不能删除。", code="category_in_use")
    session.delete(category)


def _own_category(session: Session, category_id: int, actor: Actor) -> MessageCategory:
    city = own_city(session, actor)
    category = session.get(MessageCategory, category_id, with_for_update=True)
    if category is None or category.city_code != city:
        raise NotFound(NO_SUCH_CATEGORY)
    return category


def _require_free_name(session: Session, city: str, name: str) -> None:
    taken = exists().where(MessageCategory.city_code == city, MessageCategory.name == name)
    if session.scalar(select(taken)):
        raise Conflict("本市已有同名的短信模板大类。", code="category_exists")


# Templates


def list_templates(
    session: Session,
    actor: Actor,
    *,
    city_code: str | None = None,
    category_id: int | None = None,
    active: bool | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[MessageTemplate]:
    """The templates of a city, or of one category, in the order in which they were made."""
    city = readable_city(session, actor, city_code)
    size = page_size(limit)
    query = select(MessageTemplate).where(MessageTemplate.city_code == city)
    if category_id is not None:
        query = query.where(MessageTemplate.category_id == category_id)
    if active is not None:
        query = query.where(MessageTemplate.active == active)
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(MessageTemplate.id > int(after))
    rows = list(session.scalars(query.order_by(MessageTemplate.id).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def find_template(session: Session, template_id: int, actor: Actor) -> MessageTemplate:
    """The template with its versions, for those who may read it."""
    require_role(actor, *READERS)
    template = session.get(MessageTemplate, template_id)
    own = city_of(session, actor.agency_code)
    if template is None or (template.city_code != own and not sees_everything(actor)):
        raise NotFound(NO_SUCH_TEMPLATE)
    return template


def add_template(
    session: Session, actor: Actor, *, category_id: int, function_code: str, name: str, content: str
) -> MessageTemplate:
    """A new template with its first draft; it can be put into a slot once it is published."""
    category = _own_category(session, category_id, actor)
    taken = exists().where(
        MessageTemplate.city_code == category.city_code, MessageTemplate.function_code == function_code
    )
    if session.scalar(select(taken)):
        raise Conflict("本市已有使用这个功能代码的短信模板。", code="template_exists")
    template = MessageTemplate(
        city_code=category.city_code,
        category_id=category.id,
        function_code=function_code,
        changed_by_id=actor.officer_id,
        changed_at=clock.now(),
    )
    template.versions.append(_draft(actor, name, content))
    session.add(template)
    return template


def write_draft(
    session: Session, template_id: int, actor: Actor, *, version: int, name: str, content: str
) -> MessageTemplate:
    """Write the draft, or a new one beside the published versions."""
    template = _own_template(session, template_id, actor, version)
    draft = template.draft
    if draft is None:
        template.versions.append(_draft(actor, name, content))
    else:
        _require_length(content)
        draft.name, draft.content = name, content
        draft.written_by_id, draft.written_at = actor.officer_id, clock.now()
    _touch(template, actor)
    return template


def publish(session: Session, template_id: int, actor: Actor, *, version: int) -> MessageTemplate:
    """Make the draft the newest version. Slots keep the version that was put into them."""
    template = _own_template(session, template_id, actor, version)
    draft = template.draft
    if draft is None:
        raise Conflict("没有可以发布的草稿。", code="no_draft")
    faults = text_faults(draft.content)
    if faults:
        raise InvalidInput(fields={"content": faults})
    newest = template.published
    draft.number = newest.number + 1 if newest is not None and newest.number else 1
    draft.published_by_id, draft.published_at = actor.officer_id, clock.now()
    _touch(template, actor)
    return template


def discard_draft(session: Session, template_id: int, actor: Actor, *, version: int) -> MessageTemplate:
    """Throw the draft away; what is published stays."""
    template = _own_template(session, template_id, actor, version)
    draft = template.draft
    if draft is None or template.published is None:
        raise Conflict("没有可以放弃的草稿；从未发布的模板可以删除。", code="no_draft")
    template.versions.remove(draft)
    _touch(template, actor)
    return template


def remove_template(session: Session, template_id: int, actor: Actor, *, version: int) -> None:
    """Delete a template that was never published; a published one can only be made inactive."""
    template = _own_template(session, template_id, actor, version)
    if template.published is not None:
        raise Conflict("已发布过的模板不能删除，可以设为无效。", code="template_published")
    session.delete(template)


def change_template(
    session: Session,
    template_id: int,
    actor: Actor,
    *,
    version: int,
    category_id: int | None = None,
    active: bool | None = None,
) -> MessageTemplate:
    """Move the template to another category, make it active or inactive (状态). One that is in use stays active."""
    template = _own_template(session, template_id, actor, version)
    if category_id is not None:
        template.category_id = _own_category(session, category_id, actor).id
    if active is False:
        _require_unused(session, template)
    if active is not None:
        template.active = active
    _touch(template, actor)
    session.flush()
    session.refresh(template)
    return template


def uses_of(session: Session, template: MessageTemplate, on: date) -> list[tuple[str, str]]:
    """(service, slot) where a version of the template stands, for cases accepted from that day on."""
    counting = {
        row.id: row.service
        for service in services()
        for row in configurations_from(session, template.city_code, service, on)
    }
    rows = session.execute(
        select(SlotBinding.configuration_id, SlotBinding.slot)
        .join(MessageTemplateVersion)
        .where(MessageTemplateVersion.template_id == template.id, SlotBinding.configuration_id.in_(counting))
    )
    return sorted({(counting[configuration_id], slot) for configuration_id, slot in rows})


def _own_template(session: Session, template_id: int, actor: Actor, version: int) -> MessageTemplate:
    city = own_city(session, actor)
    template = session.get(MessageTemplate, template_id, with_for_update=True)
    if template is None or template.city_code != city:
        raise NotFound(NO_SUCH_TEMPLATE)
    if template.version != version:
        by = session.get_one(Officer, template.changed_by_id)
        raise Conflict(
            "模板已被他人改动，请刷新后再操作。",
            code="stale_version",
            details={"by": by.name, "at": template.changed_at.isoformat(), "what": "message_template"},
        )
    return template


def _draft(actor: Actor, name: str, content: str) -> MessageTemplateVersion:
    _require_length(content)
    return MessageTemplateVersion(name=name, content=content, written_by_id=actor.officer_id, written_at=clock.now())


def _require_length(content: str) -> None:
    if not 0 < len(content) <= SMS_MAX_LENGTH:
        raise InvalidInput(fields={"content": [f"模板内容有{len(content)}字，应为1至{SMS_MAX_LENGTH}字。"]})


def _require_unused(session: Session, template: MessageTemplate) -> None:
    uses = uses_of(session, template, clock.today())
    if uses:
        where = "、".join(f"{services()[service].title}的{SLOT_TITLES[slot]}" for service, slot in uses)
        raise Conflict(f"模板正在使用（{where}），请先更换这些短信的模板。", code="template_in_use")


def _touch(template: MessageTemplate, actor: Actor) -> None:
    template.version += 1
    template.changed_by_id, template.changed_at = actor.officer_id, clock.now()
