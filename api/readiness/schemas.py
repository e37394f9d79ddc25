"""What an agency lacks, as it is shown."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields


class GapView(ma.Schema):
    """A step that nobody could do today, or people who are too few to be different."""

    code = fields.String(required=True, metadata={"enum": ["nobody", "separation_of_duties"]})
    process = fields.String(required=True)
    element = fields.String(required=True)
    name = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    message = fields.String(required=True)


class AgencyReadinessView(ma.Schema):
    """One agency: how many are at work there, and what they cannot do."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    at_work = fields.Integer(required=True)
    gaps = fields.List(fields.Nested(GapView), required=True)


class ReadinessView(ma.Schema):
    """The agency and those below it (上线检查)."""

    ready = fields.Boolean(required=True)
    agencies = fields.List(fields.Nested(AgencyReadinessView), required=True)
