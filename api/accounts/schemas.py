"""Accounts as they are sent and shown."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.paging import PageQuery, page_of
from api.schemas import Choice, Code, Day, Group, Items, Named, Number, Reason, Schema, Text
from engine import clock
from engine.accounts.administration import RoleTerm, terms_of
from engine.models import Officer
from engine.process.diagram import ROLES


class UserName(Text):
    """What an officer types to log in: letters, digits, `.`, `_`, `-`."""

    def __init__(self, **kwargs: Any) -> None:
        pattern = ma.validate.Regexp(
            r"^[A-Za-z0-9][A-Za-z0-9._-]{2,63}$",
            re.ASCII,
            error="用户名由 3 到 64 个字母、数字、点、下划线或短横组成，以字母或数字开头。",
        )
        super().__init__(64, validate=[pattern], **kwargs)


class RoleTermBody(Schema):
    """A role, and the days on which it is held, both included."""

    role = Choice(list(ROLES), required=True, metadata={"description": "岗位"})
    from_on = Day(allow_none=True, load_default=None, metadata={"description": "开始日期；不填为即日起"})
    until_on = Day(allow_none=True, load_default=None, metadata={"description": "截止日期（含当日）；不填为长期"})

    @ma.post_load
    def _term(self, data: dict[str, Any], **_: Any) -> RoleTerm:
        return RoleTerm(**data)


def _roles() -> Items:
    return Items(Group(RoleTermBody), most=len(ROLES), required=True, metadata={"description": "岗位"})


class NewAccount(Schema):
    """A new account; it gets a password by a request of its own."""

    username = UserName(required=True, metadata={"description": "用户名"})
    name = Text(64, required=True, metadata={"description": "姓名"})
    agency_code = Code(required=True, metadata={"description": "所属经办机构"})
    roles = _roles()


class AccountChange(Schema):
    """What is changed of an account. `version` is the one the administrator saw."""

    version = Number(required=True, metadata={"description": "打开时的版本"})
    name = Text(64, required=True, metadata={"description": "姓名"})
    agency_code = Code(required=True, metadata={"description": "所属经办机构"})


class RoleChange(Schema):
    """Exactly these roles. `version` is the one the administrator saw."""

    version = Number(required=True, metadata={"description": "打开时的版本"})
    roles = _roles()
    reason = Text(1000, allow_none=True, load_default=None, metadata={"description": "理由"})


class Activity(Reason):
    """Why an account ends, or begins again. `version` is the one the administrator saw."""

    version = Number(required=True, metadata={"description": "打开时的版本"})


class AccountQuery(PageQuery):
    """Which accounts."""

    agency_code = Code(metadata={"description": "只列出该机构的账户"})
    role = Choice(list(ROLES), metadata={"description": "只列出有该岗位的账户"})
    active = Choice(["true", "false"], metadata={"description": "只列出启用或停用的账户"})


class RoleTermView(ma.Schema):
    """A role of an account."""

    role = fields.String(required=True)
    from_on = fields.Date(allow_none=True)
    until_on = fields.Date(allow_none=True)


class ByName(ma.Schema):
    """Who did something."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)


class AccountView(ma.Schema):
    """One account, without anything that opens it."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    agency = fields.Nested(Named, required=True)
    active = fields.Boolean(required=True)
    roles = fields.List(fields.Nested(RoleTermView), required=True)
    roles_today = fields.List(fields.String(), required=True, metadata={"description": "今天有效的岗位"})
    must_change_password = fields.Boolean(required=True)
    second_factor = fields.Boolean(required=True)
    changed_by = fields.Nested(ByName, allow_none=True)
    changed_at = fields.AwareDateTime(allow_none=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Of an `Officer`, what it has under other names."""
        if isinstance(obj, Officer):
            if attr == "roles":
                return terms_of(obj)
            if attr == "roles_today":
                return obj.roles_on(clock.today())
            if attr == "second_factor":
                return obj.second_factor_confirmed
        return super().get_attribute(obj, attr, default)


AccountPage = page_of(AccountView)


class FirstPassword(ma.Schema):
    """A password that opens nothing but its own change; shown this once."""

    password = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)
