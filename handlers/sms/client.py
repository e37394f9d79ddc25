"""What every gateway for text messages has in common: one at a time, timed, logged, and one kind of fault.

A gateway implements `_submit` (and `_receive`, where receipts come back). It raises `unreachable`, `nonsense` or
`not_now` where the message may go later, and `refused` where it never will.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import structlog

from engine.casework.message_texts import masked
from engine.errors import CannotProceed, RetryLater, TongbanError
from engine.ports import Accepted, DeliveryReceipt, OutgoingMessage

log = structlog.get_logger()

#: How long one thread waits for another that talks to the gateway.
_PATIENCE_SECONDS = 60
LONGEST_ID = 80

Keep = Callable[[DeliveryReceipt], None]


class Client(ABC):
    """`engine.ports.SmsGateway` with everything but the conversation itself."""

    name: str

    def __init__(self, timeout_seconds: float) -> None:
        #: For one answer of the gateway.
        self.timeout_seconds = timeout_seconds
        self._lock = Lock()

    def hand_over(self, message: OutgoingMessage) -> Accepted:
        """Give the message to the gateway and log how it went, without the number."""
        began = time.monotonic()
        about = log.bind(gateway=self.name, reference=message.reference, phone=masked(message.phone))
        try:
            with self._alone():
                accepted = self._submit(message)
            _check(accepted)
        except TongbanError as error:
            about.warning("sms_not_handed_over", code=error.code, seconds=_since(began))
            raise
        about.info("sms_handed_over", parts=len(accepted.ids), seconds=_since(began))
        return accepted

    def take_receipts(self, keep: Keep) -> None:
        """Every receipt that has come; none while somebody else talks to the gateway."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._receive(keep)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Leave the gateway."""
        with self._alone():
            self._leave()

    @abstractmethod
    def _submit(self, message: OutgoingMessage) -> Accepted:
        """Hand the message over; the lock is held."""

    @abstractmethod
    def _receive(self, keep: Keep) -> None:
        """Give every receipt that has come to `keep`, and acknowledge it afterwards."""

    @abstractmethod
    def _leave(self) -> None:
        """Close what is open."""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            raise not_now("gateway_busy", "短信网关正在处理其他短信")
        try:
            yield
        finally:
            self._lock.release()


def unreachable(accepted: Sequence[str] = ()) -> RetryLater:
    """The gateway does not answer, or not in time."""
    return not_now("gateway_unreachable", "短信网关没有应答", accepted)


def nonsense(accepted: Sequence[str] = ()) -> RetryLater:
    """The gateway answers, but nothing that could be an answer."""
    return not_now("gateway_nonsense", "短信网关的应答无法识别", accepted)


def not_now(code: str, words: str, accepted: Sequence[str] = ()) -> RetryLater:
    """The gateway does not take the message now; `accepted` are the parts it took."""
    return RetryLater(f"{words}，稍后自动重发。", code=code, details={"accepted": list(accepted)})


def refused(words: str) -> CannotProceed:
    """The gateway will never take this message; `words` are its own."""
    return CannotProceed(f"短信网关拒收：{words}。", code="gateway_refused")


def _check(accepted: Accepted) -> None:
    if not accepted.ids or not all(0 < len(one) <= LONGEST_ID for one in accepted.ids):
        raise nonsense()


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
