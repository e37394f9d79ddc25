"""Sending what is in the outbox: after the commit that made it, once, in order for each number, never lost (SMS-08).

A message is claimed in a short transaction of its own, handed over outside of any, and what came of it is written in
another one: no case is locked while a gateway thinks, and any number of workers may do this at once. A process that
dies in between leaves the claim behind; it ends by itself, and the message goes again under the same reference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from engine import clock
from engine.casework.messages import fail
from engine.db import transaction
from engine.errors import CannotProceed, RetryLater
from engine.guard import fault_of
from engine.models import Message, MessagePart, MessageReceipt
from engine.ports import Accepted, DeliveryReceipt, OutgoingMessage, ports

log = structlog.get_logger()

#: Messages of one tick.
BATCH = 200
#: No gateway takes longer for one message; after this the process that claimed it counts as dead.
CLAIM = timedelta(minutes=15)
#: A passing fault is tried again after 1, 2, 4 ... minutes, at last every hour, for about three days.
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
MOST_ATTEMPTS = 72
#: The span in which messages to one number count together.
LIMIT_SPAN = timedelta(hours=1)
#: For so long after the hand-over a receipt may still come.
RECEIPT_DAYS = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """A message that this process, and no other, is handing over."""

    message: OutgoingMessage
    attempt: int


def _never() -> bool:
    return False


def send_due(stopped: Callable[[], bool] = _never) -> int:
    """Hand over what is due, until `stopped`, and take in what the gateway has to say; how many messages it took.

    The first fault of the gateway ends the round: the other messages stay due, and the gateway gets a rest.
    """
    taken = 0
    while taken < BATCH and not stopped():
        claim = _claim(None)
        if claim is None or not _hand_over(claim):
            break
        taken += 1
    take_receipts()
    return taken


def send_now(message_ids: Collection[int]) -> None:
    """Hand over those of the messages that may go now; what came of it is on each of them."""
    for _ in message_ids:
        claim = _claim(message_ids)
        if claim is None or not _hand_over(claim):
            break
    take_receipts()


# Claiming


def _claim(only: Collection[int] | None) -> _Claim | None:
    """The next message to hand over, if there is one: nobody else gets it before the claim ends."""
    now = clock.now()
    if not ports().sending.allow(now):
        return None
    while True:
        with transaction() as session:
            message = session.scalar(_due(now, only))
            if message is None:
                return None
            free_at = _free_at(session, message, now)
            if free_at is None:
                message.attempts += 1
                message.next_attempt_at = now + CLAIM
                return _Claim(message=_outgoing(message), attempt=message.attempts)
            message.next_attempt_at = free_at


def _due(now: datetime, only: Collection[int] | None) -> Select[Message]:
    earlier = aliased(Message)
    first_of_its_number = ~exists().where(
        earlier.phone_key == Message.phone_key, earlier.state == "made", earlier.id < Message.id
    )
    query = select(Message).where(
        Message.state == "made",
        or_(Message.next_attempt_at.is_(None), Message.next_attempt_at <= now),
        first_of_its_number,
    )
    if only is not None:
        query = query.where(Message.id.in_(only))
    return query.order_by(Message.id).limit(1).with_for_update(of=Message, skip_locked=True)


def _free_at(session: Session, message: Message, now: datetime) -> datetime | None:
    """When the number may get this message, where it has had its share for the hour; None: now.

    Only the first waiting message of a number is ever claimed, so two workers cannot count past each other.
    """
    limit = ports().sending.hourly_limit
    if not limit:
        return None
    recent = (
        select(Message.handed_over_at)
        .where(Message.phone_key == message.phone_key, Message.handed_over_at > now - LIMIT_SPAN)
        .order_by(Message.handed_over_at.desc())
        .limit(limit)
    )
    times = list(session.scalars(recent))
    oldest = times[-1] if len(times) == limit else None
    return oldest + LIMIT_SPAN if oldest is not None else None


def _outgoing(message: Message) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=message.id,
        round=message.round,
        phone=message.phone or "",
        text=message.text or "",
        template=message.template or "",
        parameters=tuple(message.parameters or ()),
        accepted=tuple(part.gateway_id for part in message.parts),
    )


# Handing over


def _hand_over(claim: _Claim) -> bool:
    """Give the message to the gateway and write down what came of it; False where the gateway should rest."""
    accepted: list[Accepted] = []
    error = fault_of(lambda: accepted.append(ports().sms.hand_over(claim.message)))
    if error is None:
        _taken(claim, accepted[0])
    elif isinstance(error, CannotProceed):
        _refused(claim, error)
    else:
        if not isinstance(error, RetryLater):
            log.error("hand_over_failed", message_id=claim.message.message_id, exc_info=error)
        _not_taken(claim, error)
    return error is None or isinstance(error, CannotProceed)


def _taken(claim: _Claim, accepted: Accepted) -> None:
    with transaction() as session:
        message = _still_ours(session, claim)
        if message is None:
            return
        now = clock.now()
        message.state = "handed_over"
        message.gateway = ports().sms.name
        message.handed_over_at = now
        message.next_attempt_at = message.failure = message.failure_reason = None
        _keep_parts(message, accepted.ids)
        if accepted.delivered:
            message.state, message.delivered_at = "delivered", now
    _settle(claim.message.message_id)


def _refused(claim: _Claim, error: CannotProceed) -> None:
    with transaction() as session:
        message = _still_ours(session, claim)
        if message is not None:
            message.gateway = ports().sms.name
            fail(session, message, error.code, error.message, clock.now())


def _not_taken(claim: _Claim, error: BaseException) -> None:
    with transaction() as session:
        message = _still_ours(session, claim)
        if message is None:
            return
        if isinstance(error, RetryLater):
            code, reason = error.code, error.message
            _keep_parts(message, error.details.get("accepted", ()))
        else:
            code, reason = "gateway_fault", "提交短信网关时出现意外错误，稍后自动重发。"
        if claim.attempt >= MOST_ATTEMPTS:
            fail(session, message, code, reason, clock.now())
            return
        message.failure, message.failure_reason = code[:64], reason[:200]
        message.next_attempt_at = clock.now() + _pause(claim.attempt)


def _pause(attempt: int) -> timedelta:
    return min(FIRST_RETRY * (1 << min(attempt - 1, 10)), LONGEST_RETRY)


def _still_ours(session: Session, claim: _Claim) -> Message | None:
    """The message, unless the claim ended and another process has been faster."""
    message = session.get_one(Message, claim.message.message_id, with_for_update=True)
    ours = (message.state, message.round, message.attempts) == ("made", claim.message.round, claim.attempt)
    return message if ours else None


def _keep_parts(message: Message, ids: Collection[str]) -> None:
    known = len(message.parts)
    message.parts += [
        MessagePart(number=number, gateway_id=gateway_id)
        for number, gateway_id in enumerate(list(ids)[known:], known + 1)
    ]


# Receipts


def take_receipts() -> None:
    """Take in what the gateway says became of messages, while there are any to hear about."""
    with transaction() as session:
        waiting = session.scalar(
            select(Message.id)
            .where(Message.state == "handed_over", Message.handed_over_at > clock.now() - RECEIPT_DAYS)
            .limit(1)
        )
    if waiting is None:
        return
    error = fault_of(lambda: ports().sms.take_receipts(_keep))
    if error is not None and not isinstance(error, RetryLater):
        log.error("receipts_failed", exc_info=error)


def _keep(receipt: DeliveryReceipt) -> None:
    """Write the receipt down, once, and then look what it means for its message."""
    gateway = ports().sms.name
    with transaction() as session:
        if session.get(MessageReceipt, (gateway, receipt.gateway_id)) is None:
            session.add(
                MessageReceipt(
                    gateway=gateway,
                    gateway_id=receipt.gateway_id,
                    delivered=receipt.delivered,
                    reason=receipt.reason[:64],
                    received_at=clock.now(),
                )
            )
    with transaction() as session:
        message_id = session.scalar(
            select(MessagePart.message_id)
            .join(Message)
            .where(MessagePart.gateway_id == receipt.gateway_id, Message.gateway == gateway)
            .order_by(MessagePart.id.desc())
            .limit(1)
        )
    if message_id is not None:
        _settle(message_id)


def _settle(message_id: int) -> None:
    """All parts arrived: delivered. One did not: failed.

    Looked at after the commit of each receipt and after that of the hand-over: whichever comes last sees the other.
    """
    with transaction() as session:
        message = session.get_one(Message, message_id, with_for_update=True)
        if message.state != "handed_over":
            return
        ids = [part.gateway_id for part in message.parts]
        of_message = MessageReceipt.gateway == message.gateway, MessageReceipt.gateway_id.in_(ids)
        receipts = list(session.scalars(select(MessageReceipt).where(*of_message)))
        lost = [receipt for receipt in receipts if not receipt.delivered]
        if lost:
            fail(session, message, "undelivered", f"短信未能送达（{lost[0].reason}）。", clock.now())
        elif len(receipts) == len(ids):
            message.state, message.delivered_at = "delivered", clock.now()
