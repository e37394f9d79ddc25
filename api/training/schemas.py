"""The training clock as it is sent and shown."""

from __future__ import annotations

from datetime import datetime

import marshmallow as ma
from marshmallow import fields, validate

from api.schemas import Moment, Schema
from engine.clock import SHANGHAI

_FIRST = datetime(2004, 1, 1, tzinfo=SHANGHAI)
_LAST = datetime(2100, 1, 1, tzinfo=SHANGHAI)


class ClockMove(Schema):
    """The instant from which the clock goes on."""

    now = Moment(
        required=True,
        validate=validate.Range(min=_FIRST, max=_LAST, error="应当在 2004 年到 2099 年之间。"),
        metadata={"description": "新的当前时刻"},
    )


class ClockView(ma.Schema):
    """What time it is."""

    now = fields.AwareDateTime(required=True)
