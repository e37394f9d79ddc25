"""What a log-in sends and gets."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas import REQUIRED, Flag, Named, Schema, Text


class Secret(fields.String):
    """A password as it is typed, spaces and all."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是文字。"}

    def __init__(self, **kwargs: Any) -> None:
        length = ma.validate.Length(min=1, max=200, error="密码应当有 1 到 200 个字。")
        super().__init__(load_only=True, validate=[length], **kwargs)


class TotpCode(fields.String):
    """Six digits of an authenticator app."""

    default_error_messages = {**REQUIRED, "invalid": "这里应当是文字。"}

    def __init__(self, **kwargs: Any) -> None:
        pattern = ma.validate.Regexp(r"^[0-9]{6}$", re.ASCII, error="动态验证码是六位数字。")
        super().__init__(load_only=True, validate=[pattern], **kwargs)


class Credentials(Schema):
    """User name and password of a local account, and the code of the second factor where there is one."""

    username = Text(64, required=True)
    password = Secret(required=True)
    code = TotpCode(allow_none=True, load_default=None, metadata={"description": "动态验证码"})
    browser = Flag(load_default=False, metadata={"description": "用 Cookie 保持登录（浏览器）"})


class PasswordChange(Schema):
    """The present password and the next one."""

    password = Secret(required=True, metadata={"description": "现在的密码"})
    new_password = Secret(required=True, metadata={"description": "新密码"})


class PasswordAgain(Schema):
    """The password once more, before something that matters."""

    password = Secret(required=True)


class FactorCode(Schema):
    """A first code of the new second factor."""

    code = TotpCode(required=True)


class FactorView(ma.Schema):
    """A new second factor, shown this once; it counts when a code of it was given."""

    secret = fields.String(required=True)
    address = fields.String(required=True, metadata={"description": "验证器应用可扫描的 otpauth 地址"})


class AbsentOfficer(ma.Schema):
    """Whose work somebody does meanwhile."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)


class StandingIn(ma.Schema):
    """A role that is held in the place of somebody on leave (代理)."""

    role = fields.String(required=True)
    officer = fields.Nested(AbsentOfficer, required=True)


class OfficerView(ma.Schema):
    """The officer who is logged in."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    agency = fields.Nested(Named, required=True)
    roles = fields.List(fields.String(), required=True)
    permissions = fields.List(fields.String(), required=True)
    stands_in = fields.List(fields.Nested(StandingIn), required=True)
    on_leave = fields.Boolean(required=True, metadata={"description": "在请假期间，销假前不能办理业务"})
    second_factor = fields.Boolean(required=True)
    due = fields.String(
        required=True,
        allow_none=True,
        metadata={"enum": ["password_change_due", "second_factor_due", None], "description": "须先完成的事项"},
    )
    csrf_token = fields.String(required=True, allow_none=True, metadata={"description": "浏览器随更改请求发送"})


class SessionView(ma.Schema):
    """A new log-in: send `Authorization: Bearer <token>`, or in a browser the cookie with `X-CSRF-Token`."""

    token = fields.String(required=True, allow_none=True)
    officer = fields.Nested(OfficerView, required=True)
