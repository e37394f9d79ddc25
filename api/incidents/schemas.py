"""Incidents as they are sent and shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.paging import page_of
from api.schemas import Schema, Text


class Note(Schema):
    """What an officer found out about the cause."""

    note = Text(500, required=True, metadata={"description": "情况说明"})


class IncidentView(ma.Schema):
    """A step that failed (异常): cause, owner, and when it is tried again by itself."""

    id = fields.Integer(required=True)
    case_id = fields.Integer(allow_none=True)
    element_id = fields.String(required=True)
    operator = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)
    agency_code = fields.String(required=True)
    attempts = fields.Integer(required=True)
    retry_at = fields.AwareDateTime(allow_none=True)
    note = fields.String(allow_none=True)
    occurred_at = fields.AwareDateTime(required=True)
    resolved_at = fields.AwareDateTime(allow_none=True)
    resolved_by_id = fields.Integer(allow_none=True)


IncidentPage = page_of(IncidentView)
