"""Messages as they are asked for and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import current_app
from marshmallow import fields

from api.paging import PageQuery, page_of
from api.schemas import Choice, Items, Number, QueryNumber, Schema
from config.catalogue import SMS_SLOTS
from engine.casework.message_texts import SLOT_TITLES, masked
from engine.casework.messages import SIGN_ON_CODE
from engine.casework.outbox_page import STATES
from engine.models import Message
from engine.ports import reference_of

#: Messages that are sent again with one request.
MOST_AT_ONCE = 50


class MessageQuery(PageQuery):
    """Which messages; every filter narrows."""

    state = Choice(list(STATES), metadata={"description": "发送状态"})
    slot = Choice([*SMS_SLOTS, SIGN_ON_CODE], metadata={"description": "短信种类"})
    case_id = QueryNumber(metadata={"description": "办件"})


def filters_of(query: dict[str, Any]) -> dict[str, Any]:
    """The filters of a query, without the page."""
    return {name: value for name, value in query.items() if name not in ("after", "limit")}


TITLES = {**SLOT_TITLES, SIGN_ON_CODE: "登录验证码"}


def _shown(message: Message) -> str | None:
    """The text; of a code for a log-in only where nothing is at stake: whoever reads it could log in with it."""
    secret = message.slot == SIGN_ON_CODE and current_app.config["TONGBAN"].mode == "production"
    return message.template if secret else message.text


class MessageIds(Schema):
    """Which messages."""

    ids = Items(Number(), least=1, most=MOST_AT_ONCE, required=True, metadata={"description": "短信"})


class MessageView(ma.Schema):
    """A text message (短信): from whom, to whom (masked), what, and what became of it."""

    id = fields.Integer(required=True)
    case_id = fields.Integer(allow_none=True)
    application_id = fields.Integer(allow_none=True)
    slot = fields.String(required=True)
    slot_name = fields.Function(lambda message: TITLES[message.slot], metadata={"type": "string"})
    sender_agency_code = fields.String(required=True)
    sender_agency_name = fields.String(attribute="sender.name", required=True)
    phone = fields.Function(lambda message: masked(message.phone), metadata={"type": ["string", "null"]})
    text = fields.Function(lambda message: _shown(message), metadata={"type": ["string", "null"]})
    state = fields.String(required=True)
    state_name = fields.Function(lambda message: STATES[message.state], metadata={"type": "string"})
    failure = fields.String(allow_none=True)
    failure_reason = fields.String(allow_none=True)
    attempts = fields.Integer(required=True)
    next_attempt_at = fields.AwareDateTime(allow_none=True)
    gateway = fields.String(allow_none=True)
    reference = fields.Function(lambda message: reference_of(message.id, message.round), metadata={"type": "string"})
    parts = fields.Function(lambda message: len(message.parts), metadata={"type": "integer"})
    made_at = fields.AwareDateTime(required=True)
    handed_over_at = fields.AwareDateTime(allow_none=True)
    delivered_at = fields.AwareDateTime(allow_none=True)


MessagePage = page_of(MessageView)


class MessageOutcome(ma.Schema):
    """What came of one message that was sent again."""

    id = fields.Integer(required=True)
    #: handed_over, delivered, waiting, failed, or why it was not tried: not_found, message_not_failed, no_mobile ...
    outcome = fields.String(required=True)
    words = fields.String(required=True)
    message = fields.Nested(MessageView, allow_none=True)


class MessageReport(ma.Schema):
    """What came of each message, in the order asked for."""

    items = fields.List(fields.Nested(MessageOutcome), required=True)
