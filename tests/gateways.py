"""A gateway for the tests: takes messages, recognises references, and goes wrong as it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.errors import CannotProceed, RetryLater
from engine.ports import Accepted, DeliveryReceipt, OutgoingMessage, ports


class Killed(KeyboardInterrupt):
    """The process ends here; of all exceptions, this one goes through everything."""


@dataclass
class RecognisingGateway:
    """Keeps every reference that it was given, and how often."""

    #: What happens at the next hand-overs, one after the other; then everything goes well.
    #: down: nothing arrives. lost: it arrives, the answer does not. fault: the client breaks. refuse: never.
    #: killed: it arrives, and the process that handed it over is no more.
    script: list[str] = field(default_factory=list)
    name: str = "test"
    #: Ids that a message gets: as many as it has parts.
    parts: int = 1
    delivers_at_once: bool = True
    given: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    messages: list[OutgoingMessage] = field(default_factory=list)
    receipts: list[DeliveryReceipt] = field(default_factory=list)

    def hand_over(self, message: OutgoingMessage) -> Accepted:
        what = self.script.pop(0) if self.script else "take"
        self.messages.append(message)
        if what == "down":
            raise RetryLater("短信网关没有应答，稍后自动重发。", code="gateway_unreachable")
        if what == "refuse":
            raise CannotProceed("短信网关拒收：空号。", code="gateway_refused")
        if what == "fault":
            raise ZeroDivisionError
        self.given[message.reference] += 1
        self.order.append(message.reference)
        if what == "killed":
            raise Killed
        if what == "lost":
            raise RetryLater("短信网关没有应答，稍后自动重发。", code="gateway_unreachable")
        self.answered[message.reference] += 1
        ids = tuple(f"{message.reference}/{number}" for number in range(1, self.parts + 1))
        return Accepted(ids=ids, delivered=self.delivers_at_once)

    def report(self, *ids: str, delivered: bool = True) -> None:
        """Let these receipts come."""
        word = "DELIVRD" if delivered else "UNDELIV"
        self.receipts += [DeliveryReceipt(gateway_id=one, delivered=delivered, reason=word) for one in ids]

    def take_receipts(self, keep: Callable[[DeliveryReceipt], None]) -> None:
        while self.receipts:
            keep(self.receipts[0])
            self.receipts.pop(0)

    def close(self) -> None:
        """Nothing is open."""


def plug_in(gateway: RecognisingGateway) -> RecognisingGateway:
    """Let the application of this test send its messages there."""
    ports().sms = gateway
    return gateway
