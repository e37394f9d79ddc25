"""Who acts for whom, as officers record and see it."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.cases.schemas import PersonView
from api.paging import page_of
from api.schemas import Choice, Day, Group, Named, Schema, Text
from config.form_schemas import party_schemas
from engine.accounts.applicants import RESIDENT
from engine.casework.representing import KINDS

_TYPES = next(field.choices for field in party_schemas()["worker"].fields if field.id == "identity_type")


class Represented(Schema):
    """The worker, as his document says."""

    name = Text(64, required=True, metadata={"description": "姓名"})
    identity_type = Choice(list(_TYPES), load_default=RESIDENT, metadata={"description": "证件类型"})
    identity_number = Text(64, required=True, metadata={"description": "证件号码"})


class Representing(Represented):
    """Who acts for the worker; codes for log-ins go to the phone."""

    phone = Text(32, required=True, metadata={"description": "手机号码"})


class RepresentationForm(Schema):
    """Who acts for whom, as what, from which day to which."""

    kind = Choice(list(KINDS), required=True, metadata={"description": "身份"})
    worker = Group(Represented, required=True, metadata={"description": "工伤职工"})
    representative = Group(Representing, required=True, metadata={"description": "代办人"})
    from_on = Day(required=True, metadata={"description": "起始日（含）"})
    until_on = Day(required=True, metadata={"description": "截止日（含）"})


class RepresentationView(ma.Schema):
    """Who acts for whom (代办关系); without papers it gives nothing."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    kind_name = fields.Function(lambda row: KINDS[row.kind], metadata={"type": "string"})
    worker = fields.Nested(PersonView, attribute="person", required=True)
    representative = fields.Nested(PersonView, required=True)
    from_on = fields.Date(required=True)
    until_on = fields.Date(required=True)
    papers = fields.Function(
        lambda row: [paper.sha256 for paper in row.papers],
        metadata={"type": "array", "items": {"type": "string"}, "description": "SHA-256"},
    )
    recorded_agency = fields.Nested(Named, required=True)
    recorded_at = fields.AwareDateTime(required=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)


RepresentationPage = page_of(RepresentationView)
