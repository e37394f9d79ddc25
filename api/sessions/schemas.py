"""What a log-in sends and gets."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas import Named, Schema, Text


class Credentials(Schema):
    """User name and password of a local account."""

    username = Text(64, required=True)
    password = fields.String(
        required=True,
        load_only=True,
        validate=ma.validate.Length(min=1, max=200, error="密码应当有 1 到 200 个字。"),
        error_messages={"required": "这一项必须填写。", "null": "这一项不能为空。", "invalid": "这里应当是文字。"},
    )


class OfficerView(ma.Schema):
    """The officer who is logged in."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    agency = fields.Nested(Named, required=True)
    roles = fields.List(fields.String(), required=True)
    permissions = fields.List(fields.String(), required=True)


class SessionView(ma.Schema):
    """A new log-in: send `Authorization: Bearer <token>` from now on."""

    token = fields.String(required=True)
    officer = fields.Nested(OfficerView, required=True)
