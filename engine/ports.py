"""What the engine needs of the law and does not know: declared here, filled by `api.app` from `handlers.rules`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

from config.official_years import OfficialYear
from config.sms import SendingRules
from engine.files import Files

Reason = Mapping[str, str]


class Due(Protocol):
    """A due day."""

    @property
    def on(self) -> date: ...

    @property
    def provisional(self) -> str | None:
        """Why it may still move (暂算); None: final."""

    @property
    def missing(self) -> tuple[int, ...]:
        """The years whose official calendar it would need."""


class Gate(Protocol):
    """One question at the counter, answered: may this application be taken here?"""

    @property
    def rule(self) -> str:
        """Rule ID: SCO-03."""

    @property
    def code(self) -> str:
        """Stable code: injured_before_scheme."""

    @property
    def passed(self) -> bool: ...

    @property
    def message(self) -> str:
        """Chinese: what stands in the way and where to go instead; empty when passed."""

    @property
    def because(self) -> Sequence[Reason]: ...


class Calendar(Protocol):
    """Working days (工作日) of the official calendar."""

    def due(self, day: date, workdays: int) -> Due:
        """The day that many working days after `day` (which is not counted); provisional where a year is unknown."""

    def due_after(self, day: date, length: int, unit: str) -> Due:
        """The last day of a limit of `length` workdays, calendar_days or months that `day` sets off."""

    def workdays_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; 0 when `end` is not later."""

    def left(self, day: date, due_on: date, unit: str) -> int:
        """What is left after `day` up to `due_on`, in working days or else in calendar days; 0 when nothing is."""

    def first_day_with(self, left: int, due_on: date, unit: str) -> date:
        """The first day on which not more than `left` is left up to `due_on`."""

    def knows(self, year: int) -> bool:
        """An official calendar of `year` exists."""


class CalendarMaker(Protocol):
    def __call__(self, entered: Mapping[int, OfficialYear], ordered: Mapping[date, bool] | None = None) -> Calendar:
        """The calendar with the years entered by hand and the days that an agency ordered otherwise."""


class Gates(Protocol):
    def check(self, facts: Mapping[str, Any]) -> Sequence[Gate]:
        """All gates for the facts: services, applicant_kind, channel, injured_on, received_on, advance_payment;
        and once the place of insurance is known cross_place, distribution_modes, place_of_insurance."""

    def is_province_wide(self, service: str, on: date) -> bool:
        """The service is one of those that every counter takes."""

    def refusal_of_service(self, title: str, on: date) -> Gate:
        """The answer to an application for a service that exists but is none of them."""


class IdentityRules(Protocol):
    """Checks and normal forms. Each raises ValueError with a Chinese sentence that does not repeat the value."""

    def identity_number(self, value: str, kind: str, on: date) -> str: ...
    def social_security_number(self, value: str, on: date) -> str: ...
    def birth_and_sex(self, number: str) -> tuple[date, Literal["male", "female"]] | None:
        """What a checked 18-digit number says of its holder; None for another document's number."""

    def mobile(self, value: str) -> str: ...
    def telephone(self, value: str) -> str: ...
    def uscc(self, value: str) -> str: ...
    def bank_account(self, value: str) -> str: ...
    def postcode(self, value: str) -> str: ...
    def name(self, value: str) -> str: ...
    def text(self, value: str, max_length: int, *, multiline: bool = False) -> str: ...


class Jurisdiction(Protocol):
    def common_superior(self, first: str, second: str) -> str:
        """The lowest common superior agency that is no party (共同上级); RuleRefused where there is none (JUR-04)."""


class RuleValues(Protocol):
    def value(self, key: str, on: date) -> tuple[Any, Reason]:
        """A dated number of the law and its source; raises `config.legal.RuleNotInForce`."""


@dataclass(frozen=True, kw_only=True)
class OutgoingMessage:
    """A text message on its way to a gateway."""

    message_id: int
    #: 1, and one more each time an officer lets it be sent again.
    round: int
    #: Eleven digits.
    phone: str
    text: str
    #: The text before the keys were replaced, and what replaced them, in order.
    template: str
    parameters: tuple[str, ...]
    #: Ids of the first parts, where an earlier hand-over got no further.
    accepted: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """What the gateway is told with it, so that a hand-over repeated after a crash can be recognised."""
        return reference_of(self.message_id, self.round)


def reference_of(message_id: int, round_: int) -> str:
    """ "4711"; "4711.2" once an officer has sent it again."""
    return str(message_id) if round_ == 1 else f"{message_id}.{round_}"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A gateway took a message: an id for each part, to be found again in receipts."""

    ids: tuple[str, ...]
    #: True where there will be no receipts, because it has arrived already.
    delivered: bool = False


@dataclass(frozen=True, kw_only=True)
class DeliveryReceipt:
    """What became of a part, in the gateway's own word."""

    gateway_id: str
    delivered: bool
    reason: str


class SmsGateway(Protocol):
    """Where text messages go. It may be used by several threads."""

    @property
    def name(self) -> str: ...

    def hand_over(self, message: OutgoingMessage) -> Accepted:
        """Give the message to the gateway. Anything that is raised but CannotProceed means: later, again.

        RetryLater: not now; `details["accepted"]` holds the ids of the parts that were taken. CannotProceed: never,
        with the gateway's cause as code.
        """

    def take_receipts(self, keep: Callable[[DeliveryReceipt], None]) -> None:
        """Hand every receipt that has come to `keep`; only what it kept is acknowledged. Does not wait for more."""

    def close(self) -> None:
        """Leave the gateway; the next use comes back to it."""


@dataclass
class Ports:
    """Filled once by `api.app.create_app`."""

    #: Asked for by `engine.casework.calendars` alone, which brings what was entered.
    calendar: CalendarMaker
    gates: Gates
    rules: RuleValues
    jurisdiction: Jurisdiction
    #: Keyed hash of an identity number, for search: number -> 64 hex digits.
    identity_key: Any
    #: The module handlers.rules.identity.
    identity: IdentityRules
    #: Where images are kept: engine.files.LocalFiles(settings.files).
    files: Files
    sms: SmsGateway
    sending: SendingRules


_ports: list[Ports] = []


def fill(ports: Ports) -> None:
    """Give the engine its ports (again, when a test makes another application)."""
    _ports[:] = [ports]


def ports() -> Ports:
    """The ports in force. Raises RuntimeError before `fill`."""
    if not _ports:
        raise RuntimeError("the engine's ports are not filled: use api.app.create_app()")
    return _ports[0]
