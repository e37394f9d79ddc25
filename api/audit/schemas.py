"""The audit log as it is asked for and shown."""

from __future__ import annotations

import re

import marshmallow as ma
from flask import current_app
from marshmallow import fields, validate

from api.paging import PageQuery, page_of
from api.schemas import Choice, Code, Moment, QueryNumber, Schema, Text
from engine.audit.entries import APPLICANT, CHANGE, CHANNEL, EXPORT, OFFICER, READ, REFUSED, SYSTEM, UNMASK

KINDS = {READ: "查看", CHANGE: "办理", UNMASK: "查看隐去的内容", EXPORT: "导出", REFUSED: "被拒绝"}
ACTORS = {OFFICER: "工作人员", APPLICANT: "申请人", CHANNEL: "渠道系统", SYSTEM: "系统"}
#: What has no route: the clockwork and the command line.
_OTHER_ACTIONS = {
    "timers.fire": "办理到期事项",
    "jobs.run": "执行后台任务",
    "command.relations_import": "导入参保关系",
    "command.definitions_publish": "发布流程图",
    "command.keys_rotate": "更换密钥",
    "command.sign_on_bind": "关联统一身份",
    "command.sign_on_unbind": "解除统一身份关联",
    "command.channels_add": "登记渠道系统",
    "command.channels_rotate": "更换渠道系统密钥",
    "command.channels_revoke": "吊销渠道系统密钥",
}


def title_of(action: str) -> str:
    """What the action is called for people."""
    title = getattr(current_app.view_functions.get(action), "title", None)
    return str(title or _OTHER_ACTIONS.get(action, action))


class AuditFilters(Schema):
    """Which entries; every filter narrows."""

    officer_id = QueryNumber(metadata={"description": "人员编号"})
    username = Text(64, metadata={"description": "用户名"})
    party = Text(80, metadata={"description": "渠道系统或申请人，例如 channel:web-hall、applicant:17"})
    case_id = QueryNumber(metadata={"description": "办件"})
    receipt_number = Code(metadata={"description": "受理回执号"})
    kind = Choice(list(KINDS), metadata={"description": "类别"})
    action = Text(
        64,
        validate=[validate.Regexp(r"^[a-z_.]{1,64}$", re.ASCII, error="应当是操作的代码。")],
        metadata={"description": "操作，例如 cases.show_case"},
    )
    outcome = Code(metadata={"description": "结果：done，或拒绝的代码"})
    from_at = Moment(metadata={"description": "起始时刻（含）"})
    until_at = Moment(metadata={"description": "截止时刻（含）"})


class AuditQuery(AuditFilters, PageQuery):
    """Which page of them."""


class ActingOfficer(ma.Schema):
    """Who acted."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)


class AuditEntryView(ma.Schema):
    """One act, or one look at personal data (审计日志)."""

    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True)
    kind_name = fields.Function(lambda entry: KINDS[entry.kind], metadata={"type": "string"})
    action = fields.String(required=True)
    action_name = fields.Function(lambda entry: title_of(entry.action), metadata={"type": "string"})
    outcome = fields.String(required=True)
    actor = fields.String(required=True, metadata={"enum": list(ACTORS)})
    party = fields.String(allow_none=True, metadata={"description": "哪个渠道系统或申请人"})
    officer = fields.Nested(ActingOfficer, allow_none=True)
    agency_code = fields.String(allow_none=True)
    session_kind = fields.String(required=True)
    address = fields.String(allow_none=True)
    case_id = fields.Integer(allow_none=True)
    application_id = fields.Integer(allow_none=True)
    person_id = fields.Integer(allow_none=True)
    subject = fields.String(allow_none=True)
    rows = fields.Integer(allow_none=True)
    reason = fields.String(allow_none=True)


AuditEntryPage = page_of(AuditEntryView)


def filters_of(query: dict[str, object]) -> dict[str, object]:
    """The filters of a query, without the page."""
    return {name: value for name, value in query.items() if name not in ("after", "limit")}
