"""Transfers as they are sent and shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas import Code, Schema, Text
from engine.casework.transfers import goes_to_superior


class TransferStart(Schema):
    """Where the case belongs, and by which law."""

    to_agency = Code(required=True, metadata={"description": "接收机构的经办机构编码或行政区划代码"})
    reason = Text(1000, required=True, metadata={"description": "移交理由"})
    legal_ground = Text(500, required=True, metadata={"description": "法律依据"})


_TO_SUPERIOR = "接收机构是移出机构的上级，移交后由其审核，不能再移交或上报；属于其他机构管辖的，请移交有管辖权的机构。"


class TransferView(ma.Schema):
    """One transfer (全省通办业务移交)."""

    id = fields.Integer(required=True)
    receipt_number = fields.String(required=True)
    case_id = fields.Integer(required=True)
    from_agency_code = fields.String(required=True)
    to_agency_code = fields.String(required=True)
    state = fields.String(required=True)
    reason = fields.String(required=True)
    legal_ground = fields.String(required=True)
    started_by_id = fields.Integer(required=True)
    found_at = fields.AwareDateTime(required=True)
    due_from_arrival_on = fields.Date(required=True)
    due_from_finding_on = fields.Date(required=True)
    due_provisional = fields.String(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)
    late_workdays = fields.Integer(allow_none=True)
    alerted_at = fields.AwareDateTime(allow_none=True)
    warning = fields.Function(
        lambda transfer: _TO_SUPERIOR if goes_to_superior(transfer) else None, metadata={"type": ["string", "null"]}
    )
