"""Routes of the outbox."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, json
from sqlalchemy.orm import Session

from api import auditing
from api.auditing import CHANGE, READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.idempotency import once
from api.messages.schemas import MessageIds, MessagePage, MessageQuery, MessageReport, MessageView, filters_of
from engine.actor import Actor
from engine.casework import outbox, outbox_page
from engine.casework.paging import Page
from engine.db import transaction
from engine.errors import TongbanError
from engine.models import Message
from engine.ports import ports

blueprint = Blueprint("messages", __name__, url_prefix="/api/v1/messages", description="短信")


@blueprint.route("", methods=["GET"])
@requires("message.read")
@blueprint.arguments(MessageQuery, location="query")
@blueprint.reads(MessagePage, "短信发件箱", audit=READ)
def list_messages(session: Session, query: dict[str, Any]) -> Page[Message]:
    """Messages that the officer's agency or one below it sends, newest first."""
    actor = current_actor()
    return outbox_page.listing(
        session, actor, filters=filters_of(query), after=query.get("after"), limit=query["limit"]
    )


@blueprint.route("/<id:message_id>", methods=["GET"])
@requires("message.read")
@blueprint.reads(MessageView, "短信详情", audit=READ)
def show_message(session: Session, message_id: int) -> Message:
    """One message; 404 for one of another agency."""
    return outbox_page.find_message(session, message_id, current_actor())


@blueprint.route("/<id:message_id>/retry", methods=["POST"])
@requires("message.retry")
@blueprint.answers(MessageView, "重新发送短信", keyed=True, audit=CHANGE)
def retry_message(message_id: int) -> Response:
    """Send a failed message again, now; the answer shows what came of it."""
    actor = current_actor()

    def renew(session: Session) -> None:
        auditing.record(session, CHANGE, outbox_page.renew(session, message_id, actor))

    renewed = once(actor, HTTPStatus.OK, renew)
    _send([message_id])
    with transaction() as session:
        return _answer(renewed, MessageView().dump(outbox_page.find_message(session, message_id, actor)))


@blueprint.route("/retry", methods=["POST"])
@requires("message.retry")
@blueprint.arguments(MessageIds)
@blueprint.answers(MessageReport, "批量重新发送短信", keyed=True, audit=CHANGE)
def retry_messages(body: dict[str, Any]) -> Response:
    """Send failed messages again, now. One that cannot be sent does not stop the others; each has its outcome."""
    actor = current_actor()
    ids = list(dict.fromkeys(body["ids"]))
    renewed = once(actor, HTTPStatus.OK, lambda session: {"refused": _renew(session, ids, actor)})
    refused = {row["id"]: row for row in json.loads(renewed.data)["refused"]}
    _send([message_id for message_id in ids if message_id not in refused])
    with transaction() as session:
        items = [refused.get(message_id) or _outcome(session, message_id, actor) for message_id in ids]
        return _answer(renewed, MessageReport().dump({"items": items}))


def _renew(session: Session, ids: Collection[int], actor: Actor) -> list[dict[str, Any]]:
    """Let these messages be sent again; the outcome of those that cannot be."""
    refused = []
    for message_id in ids:
        try:
            auditing.record(session, CHANGE, outbox_page.renew(session, message_id, actor))
        except TongbanError as error:
            refused.append({"id": message_id, "outcome": error.code, "words": error.message, "message": None})
    return refused


def _send(message_ids: Collection[int]) -> None:
    outbox.send_now(message_ids)
    if not current_app.config["TONGBAN"].scheduler:
        # Nothing listens in this process: receipts would come here and wait for ever.
        ports().sms.close()


def _outcome(session: Session, message_id: int, actor: Actor) -> dict[str, Any]:
    message = outbox_page.find_message(session, message_id, actor)
    waiting = message.state == "made"
    return {
        "id": message_id,
        "outcome": "waiting" if waiting else message.state,
        "words": message.failure_reason or ("已排队，稍后发送。" if waiting else outbox_page.STATES[message.state]),
        "message": message,
    }


def _answer(renewed: Response, content: Any) -> Response:
    """The outcome as it is now, also to a request that was sent twice and done once."""
    renewed.data = json.dumps(content, ensure_ascii=False)
    return renewed
