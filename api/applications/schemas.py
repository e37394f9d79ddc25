"""Applications as they are handed in and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.cases.schemas import CaseBrief, MaterialView, PersonView
from api.paging import PageQuery, page_of
from api.schemas import Anything, Choice, Code, Flag, Group, Items, Named, Number, Schema, Text
from engine.casework.applications import STATES
from engine.casework.intake import OPEN_CHANNELS
from engine.privacy import masks


class HandedIn(Schema):
    """What somebody applies for.

    Only the names are checked here: `engine.casework.intake` reads the content against the forms and says every fault
    at once, field by field.
    """

    services = Anything(metadata={"type": "array", "items": {"type": "string"}, "description": "事项"})
    outlet = Anything(metadata={"type": "string", "description": "受理网点"})
    injured_on = Anything(metadata={"type": "string", "description": "工伤发生日期，2023-07-17"})
    advance_payment = Anything(metadata={"type": "boolean", "description": "是否涉及申请先行支付"})
    applicant = Anything(metadata={"type": "object", "description": "申请人"})
    agent = Anything(metadata={"type": "object", "description": "代办人"})
    worker = Anything(metadata={"type": "object", "description": "工伤职工"})
    employer = Anything(metadata={"type": "object", "description": "用人单位"})
    application_items = Anything(metadata={"type": "array", "description": "申请事项"})
    auxiliary = Anything(metadata={"type": "array", "description": "辅助项"})
    forms = Anything(metadata={"type": "object", "description": "按表号填写的申请表，见 /forms/{code}"})
    facts = Anything(metadata={"type": "object", "description": "按事项填写的内容，见 /facts/{service}"})


class ApplicationForm(HandedIn):
    """What was handed in at the counter."""

    channel = Anything(metadata={"type": "string", "description": "渠道"})


class FurtherForms(Schema):
    """Forms that came after the application."""

    forms = Anything(required=True, metadata={"type": "object", "description": "按表号填写的表"})


class CollectedItem(Schema):
    """Paper of one material."""

    material = Code(required=True, metadata={"description": "材料"})
    copies = Number(1, 1000, load_default=1, metadata={"description": "份数"})


class Collection(Schema):
    """Paper that was taken in at the counter."""

    items = Items(Group(CollectedItem), least=1, required=True, metadata={"description": "收取的材料"})


class Checks(Schema):
    """What was found on the spot (ACC-01)."""

    eligible = Flag(required=True, metadata={"description": "申领人具备资格"})
    complete = Flag(required=True, metadata={"description": "材料完整"})


class Gap(Schema):
    """A material that is missing or will not do."""

    material = Code(required=True, metadata={"description": "材料"})
    what = Text(500, metadata={"description": "缺什么、有什么问题"})


class Notice(Schema):
    """The one-time notice; what is missing altogether is on it by itself."""

    missing = Items(Group(Gap), load_default=list, metadata={"description": "不合格的材料"})
    reason = Text(500, allow_none=True, load_default=None, metadata={"description": "再次要求材料的理由（主管）"})


class Refusal(Schema):
    """Why the application is refused, and by which law."""

    opinion = Text(1000, required=True, metadata={"description": "不予受理的理由"})
    ground = Text(500, required=True, metadata={"description": "法律依据"})


class Acceptance(Schema):
    """Acceptance; a second open case of the same kind needs a reason."""

    duplicate_reason = Text(200, allow_none=True, load_default=None, metadata={"description": "重复受理的理由"})


class ApplicationQuery(PageQuery):
    """Which applications."""

    state = Choice(list(STATES), metadata={"description": "申请状态"})
    channel = Choice(OPEN_CHANNELS, metadata={"description": "渠道"})


class ApplicationBrief(ma.Schema):
    """One application in a list."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    state_name = fields.Function(lambda application: STATES[application.state], metadata={"type": "string"})
    services = fields.List(fields.String(), required=True)
    channel = fields.String(required=True)
    person_name: fields.Field[Any] = fields.Function(
        lambda application: masks.name(application.person.name),
        metadata={"type": "string", "description": "隐去名字，只显示姓"},
    )
    injured_on = fields.Date(required=True)
    accepting_agency = fields.Nested(Named, required=True)
    handling_agency = fields.Nested(Named, allow_none=True)
    created_at = fields.AwareDateTime(required=True)


ApplicationPage = page_of(ApplicationBrief)


class ApplicationView(ma.Schema):
    """One application (申请)."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    state = fields.String(required=True)
    services = fields.List(fields.String(), required=True)
    channel = fields.String(required=True)
    outlet = fields.Nested(Named, required=True)
    accepting_agency = fields.Nested(Named, required=True)
    handling_agency = fields.Nested(Named, allow_none=True)
    applicant_kind = fields.String(required=True)
    injured_on = fields.Date(required=True)
    advance_payment = fields.Boolean(required=True)
    person = fields.Nested(PersonView, required=True)
    content = fields.Raw(metadata={"type": "object", "description": "申请表填写的内容"})
    gates = fields.List(fields.Dict(keys=fields.String()), metadata={"description": "受理条件逐项结果"})
    routing = fields.Raw(metadata={"type": "object", "description": "参保地认定"})
    checklist = fields.Raw(metadata={"type": "object", "description": "按事项的材料清单"})
    notices = fields.List(fields.Dict(keys=fields.String()), metadata={"description": "一次性告知"})
    eligibility_checked = fields.Raw(allow_none=True, metadata={"type": "object"})
    created_at = fields.AwareDateTime(required=True)
    materials = fields.List(fields.Nested(MaterialView), required=True)
    missing = fields.List(fields.String(), required=True, metadata={"description": "还缺的必要材料"})
    duplicates = fields.List(fields.Nested(CaseBrief), required=True, metadata={"description": "未办结的同类办件"})
    cases = fields.List(fields.Nested(CaseBrief), required=True, metadata={"description": "受理产生的办件"})


class AcceptedView(ma.Schema):
    """The cases that the acceptance made, one a service."""

    cases = fields.List(fields.Nested(CaseBrief), required=True)
