"""The outbox as officers see it: what was sent, what waits, what failed and why; and sending again by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.casework import sms
from engine.casework.access import require_role, subtree
from engine.casework.events import record_event
from engine.casework.messages import MISSING_VALUE, NO_MOBILE, address, sendable
from engine.casework.paging import Page, page_size
from engine.errors import Conflict, InvalidInput, NotFound, RuleRefused
from engine.models import Agency, Case, Message

READERS = ("supervisor", "city_administrator", "province_administrator", "auditor")
SENDERS = ("supervisor", "city_administrator", "province_administrator")

STATES: Mapping[str, str] = {
    "made": "未发送",
    "handed_over": "已提交网关",
    "delivered": "已送达",
    "failed": "发送失败",
    "not_configured": "未配置",
}
_SENT = frozenset({"handed_over", "delivered"})

_WHY_NOT = {
    NO_MOBILE: "仍没有可以接收短信的中国内地手机号码，请先更正联系电话。",
    MISSING_VALUE: "这条短信没有可以发送的内容。",
}


def listing(
    session: Session,
    actor: Actor,
    *,
    filters: Mapping[str, Any] | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Message]:
    """Messages that the officer's agency or one below it sends, newest first. Filters: state, slot, case_id."""
    require_role(actor, *READERS)
    size = page_size(limit)
    query = select(Message).where(_visible(actor))
    columns = {"state": Message.state, "slot": Message.slot, "case_id": Message.case_id}
    for name, value in (filters or {}).items():
        query = query.where(columns[name] == value)
    if after is not None:
        if not after.isdecimal() or len(after) > 18:
            raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
        query = query.where(Message.id < int(after))
    rows = list(session.scalars(query.order_by(Message.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def find_message(session: Session, message_id: int, actor: Actor) -> Message:
    """The message, for those who may read it."""
    return _find(session, message_id, actor, *READERS)


def renew(session: Session, message_id: int, actor: Actor) -> Message:
    """Let a failed message be sent again, as a new one to the gateway.

    Raises `Conflict` unless it failed, `RuleRefused` where there is still nothing or nobody to send to.
    """
    message = _find(session, message_id, actor, *SENDERS, lock=True)
    if message.state != "failed":
        raise Conflict("只有发送失败的短信可以重新发送。", code="message_not_failed", details={"state": message.state})
    if message.case_id is not None:
        address(message, sms.phone_of(session.get_one(Case, message.case_id)))
    failure = sendable(message)
    if failure is not None:
        raise RuleRefused(_WHY_NOT[failure], code=failure)
    message.parts.clear()
    message.state = "made"
    message.round += 1
    message.attempts = 0
    message.failure = message.failure_reason = message.gateway = message.handed_over_at = None
    record_event(
        session,
        "message_retried",
        at=clock.now(),
        actor=actor,
        case_id=message.case_id,
        application_id=message.application_id,
        slot=message.slot,
    )
    return message


def is_sent(messages: Iterable[Message]) -> bool:
    """At least one of them has left the house: 发送短信 已发送 (annex 4, SMS-08)."""
    return any(message.state in _SENT for message in messages)


def of_case(session: Session, case_id: int) -> Sequence[Message]:
    """The messages of a case that the officer may see, in the order in which they were made."""
    return session.scalars(select(Message).where(Message.case_id == case_id).order_by(Message.id)).all()


def _find(session: Session, message_id: int, actor: Actor, *roles: str, lock: bool = False) -> Message:
    require_role(actor, *roles)
    query = select(Message).where(Message.id == message_id, _visible(actor))
    if lock:
        query = query.with_for_update(of=Message)
    message = session.scalar(query)
    if message is None:
        raise NotFound("没有找到这条短信。")
    return message


def _visible(actor: Actor) -> ColumnElement[bool]:
    return Message.sender_agency_code.in_(select(Agency.code).where(subtree(actor)))
