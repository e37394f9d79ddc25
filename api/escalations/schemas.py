"""Escalations as they are shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields


class EscalationView(ma.Schema):
    """One question to the common superior (上报共同上级)."""

    id = fields.Integer(required=True)
    case_id = fields.Integer(required=True)
    from_agency_code = fields.String(required=True)
    other_agency_code = fields.String(required=True)
    superior_agency_code = fields.String(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True)
    started_by_id = fields.Integer(required=True)
    started_at = fields.AwareDateTime(required=True)
    due_on = fields.Date(required=True)
    designated_agency_code = fields.String(allow_none=True)
    decided_by_id = fields.Integer(allow_none=True)
    decided_at = fields.AwareDateTime(allow_none=True)
    guidance = fields.String(allow_none=True)
