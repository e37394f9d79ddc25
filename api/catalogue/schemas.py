"""The catalogue as it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from datetime import date
from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas import Code, Schema


class ServiceView(ma.Schema):
    """One of the services (事项)."""

    code = fields.String(required=True)
    number = fields.Integer(required=True)
    title = fields.String(required=True)
    function_point = fields.String(required=True)
    kind = fields.String(required=True)
    valid_from = fields.Date(required=True)
    limit_workdays = fields.Integer(required=True)
    review_levels = fields.Integer(required=True)
    distribution_mode = fields.String(required=True)
    forms = fields.List(fields.String(), required=True)
    further_forms = fields.List(fields.String(), required=True)


class ServiceItemView(ma.Schema):
    """One service of work-injury insurance (经办服务事项), of the eleven or not."""

    code = fields.String(required=True)
    title = fields.String(required=True)
    province_wide = fields.Boolean(required=True, metadata={"description": "全省任一网点可以受理"})
    online = fields.Boolean(required=True, metadata={"description": "可以通过各渠道网上申请"})


class AgencyView(ma.Schema):
    """One agency (经办机构)."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    level = fields.String(required=True)
    superior_code = fields.String(allow_none=True)
    division_code = fields.String(required=True)
    pooling_area = fields.String(required=True)
    decides = fields.Boolean(required=True)


class OutletQuery(Schema):
    """Which outlets."""

    agency_code = Code(metadata={"description": "只列出该机构的网点"})


class OutletView(ma.Schema):
    """One counter (受理网点)."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    agency_code = fields.String(required=True)


class OfficerQuery(Schema):
    """Whose officers."""

    agency_code = Code(metadata={"description": "机构编码；不填为本机构"})


class ColleagueView(ma.Schema):
    """An officer to whom work may be given, with the roles he holds today."""

    id = fields.Integer(required=True, attribute="officer_id")
    name = fields.String(required=True)
    agency_code = fields.String(required=True)
    roles = fields.Function(
        lambda actor: sorted(actor.roles), metadata={"type": "array", "items": {"type": "string"}}, required=True
    )
    stands_in = fields.Function(
        lambda actor: sorted(actor.stands_in),
        metadata={"type": "array", "items": {"type": "string"}, "description": "其中代理他人的岗位"},
        required=True,
    )


class OperatorView(ma.Schema):
    """What a service task may name."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    returns = fields.List(fields.String(), required=True)


class RoleView(ma.Schema):
    """A role (岗位) and its word, as the province defines it."""

    code = fields.String(required=True)
    title = fields.String(required=True)
    bound_by = fields.String(required=True, metadata={"description": "由哪一岗位赋予"})
    levels = fields.List(fields.String(), required=True, metadata={"description": "可设的机构层级"})
    alone = fields.Boolean(required=True, metadata={"description": "不与其他岗位兼任"})


def list_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a whole list that is never paged."""
    members: dict[str, Any] = {"items": fields.List(fields.Nested(item), required=True)}
    return type(f"{item.__name__.removesuffix('View')}List", (ma.Schema,), members)


class FormView(ma.Schema):
    """A form as data: its fields, checks and notes as `config/forms` describes them."""

    form = fields.Raw(required=True, metadata={"type": "object"})


class FormsView(ma.Schema):
    """Forms by key."""

    items = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)


def plain(value: Any) -> Any:
    """A description as JSON has it, without what is not said (None, empty, false)."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = {field.name: plain(getattr(value, field.name)) for field in fields_of(value)}
        return {name: inner for name, inner in pairs.items() if inner not in (None, False, "", [], {})}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(inner) for inner in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value.isoformat() if isinstance(value, date) else value
