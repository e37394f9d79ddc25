"""What an applicant sends and reads."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas import Schema, Text


class ProgressQuery(Schema):
    """Sent as a body, because neither belongs into an address that is logged."""

    receipt_number = Text(32, required=True, metadata={"description": "受理回执号"})
    identity_number = Text(64, required=True, metadata={"description": "工伤职工证件号码"})


class ProgressView(ma.Schema):
    """Where the case is, in plain words (AH-07)."""

    receipt_number = fields.String(required=True)
    service = fields.String(required=True)
    state = fields.String(required=True)
    words = fields.String(required=True)
    result = fields.String(allow_none=True)
    accepted_at = fields.AwareDateTime(required=True)
    due_on = fields.Date(allow_none=True)
    due_provisional = fields.String(allow_none=True)
    in_time = fields.Boolean(allow_none=True)
    accepting_agency = fields.String(required=True)
    handling_agency = fields.String(required=True)
