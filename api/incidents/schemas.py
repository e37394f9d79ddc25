"""Incidents as they are sent and shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.paging import page_of
from api.schemas import Items, Number, Schema, Text
from engine.casework.incidents import MOST_AT_ONCE
from engine.models.instance import JOB, STEP, TIMER


class Note(Schema):
    """What an officer found out about the cause."""

    note = Text(500, required=True, metadata={"description": "情况说明"})


class IncidentView(ma.Schema):
    """What failed (异常): cause, owner, and when it is tried again by itself."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata={"enum": [STEP, TIMER, JOB]})
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


class Retries(Schema):
    """Which incidents to run again."""

    ids = Items(Number(), least=1, most=MOST_AT_ONCE, required=True, metadata={"description": "异常编号"})


class RetryOutcome(ma.Schema):
    """What came of one retry."""

    id = fields.Integer(required=True)
    outcome = fields.String(required=True, metadata={"enum": ["resolved", "failed", "already_resolved", "not_found"]})
    incident = fields.Nested(IncidentView, allow_none=True, required=True)


class RetryOutcomes(ma.Schema):
    """The outcome of each retry, in the order asked for."""

    outcomes = fields.List(fields.Nested(RetryOutcome), required=True)


IncidentPage = page_of(IncidentView)
