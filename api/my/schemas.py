"""What applicants send and see."""

from __future__ import annotations

import re

import marshmallow as ma
from marshmallow import fields, validate

from api.online_file import OnlineMaterial
from api.paging import page_of
from api.progress.schemas import ProgressView
from api.schemas import REQUIRED, Flag, Schema, Text
from engine.casework.representing import KINDS


class OwnIdentity(Schema):
    """Name and number of whoever is logged in."""

    name = Text(64, required=True, metadata={"description": "姓名"})
    identity_number = Text(64, required=True, metadata={"description": "证件号码"})


class Claim(OwnIdentity):
    """Who somebody says to be."""

    phone = Text(32, required=True, metadata={"description": "登记的手机号码"})


class SentCode(fields.String):
    """Six digits that came by text message."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是文字。"}

    def __init__(self) -> None:
        pattern = validate.Regexp(r"^[0-9]{6}$", re.ASCII, error="验证码是六位数字。")
        super().__init__(required=True, load_only=True, validate=[pattern])


class CodeLogIn(Claim):
    """The same, with the code that was sent to the phone."""

    code = SentCode()
    browser = Flag(load_default=False, metadata={"description": "用 Cookie 保持登录（浏览器）"})


class CodeSent(ma.Schema):
    """The answer to everybody, known or not."""

    words = fields.String(required=True)
    seconds = fields.Integer(required=True, metadata={"description": "验证码有效的秒数"})


class ApplicantView(ma.Schema):
    """The applicant who is logged in, numbers masked."""

    id = fields.Integer(required=True)
    name = fields.String(required=True, allow_none=True)
    identity_number = fields.String(required=True, allow_none=True)
    phone = fields.String(required=True, allow_none=True)
    csrf_token = fields.String(required=True, allow_none=True, metadata={"description": "浏览器随更改请求发送"})


class ApplicantSessionView(ma.Schema):
    """A new log-in: send `Authorization: Bearer <token>`, or in a browser the cookie with `X-CSRF-Token`."""

    token = fields.String(required=True, allow_none=True)
    applicant = fields.Nested(ApplicantView, required=True)


class OwnCaseView(ProgressView):
    """A case of the applicant, or of somebody for whom he acts."""

    id = fields.Integer(required=True)
    worker = fields.String(required=True, metadata={"description": "工伤职工"})
    own = fields.Boolean(required=True, metadata={"description": "本人的办件"})


OwnCasePage = page_of(OwnCaseView)


class OwnCaseFile(OwnCaseView):
    """The same with its materials."""

    materials = fields.List(fields.Nested(OnlineMaterial), required=True)


class PlainEvent(ma.Schema):
    """What happened, in plain words."""

    at = fields.AwareDateTime(required=True)
    words = fields.String(required=True)
    agency = fields.String(required=True, allow_none=True)


class PlainEvents(ma.Schema):
    """What happened, in order."""

    items = fields.List(fields.Nested(PlainEvent), required=True)


class OwnRepresentationView(ma.Schema):
    """Who acts for whom, from when to when."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    kind_name = fields.Function(lambda row: KINDS[row.kind], metadata={"type": "string"})
    worker = fields.String(attribute="person.name", required=True)
    representative = fields.String(attribute="representative.name", required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)


class OwnRepresentations(ma.Schema):
    """All of them."""

    items = fields.List(fields.Nested(OwnRepresentationView), required=True)
