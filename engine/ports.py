"""What the engine needs of the law and does not know: declared here, filled by `api.app` from `handlers.rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

Reason = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Due:
    """A due day; `provisional` says why it may still move (暂算), None: final."""

    on: date
    provisional: str | None = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One question at the counter, answered: may this application be taken here?"""

    #: Rule ID (SCO-03) and stable code (injured_before_scheme).
    rule: str
    code: str
    passed: bool
    #: Chinese: what stands in the way and where to go instead; empty when passed.
    message: str = ""
    because: Sequence[Reason] = field(default_factory=tuple)


class Calendar(Protocol):
    """Working days (工作日) of the official calendar."""

    def due(self, day: date, workdays: int) -> Due:
        """The day that many working days after `day` (which is not counted); provisional where a year is unknown."""

    def workdays_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; 0 when `end` is not later."""


class Gates(Protocol):
    def check(self, facts: Mapping[str, Any]) -> list[Gate]:
        """All gates for the facts: services, channel, cross_place, injured_on, received_on, advance_payment, mode."""


class Jurisdiction(Protocol):
    def common_superior(self, first: str, second: str) -> str:
        """The lowest common superior agency that is no party (共同上级); RuleRefused where there is none (JUR-04)."""


class RuleValues(Protocol):
    def value(self, key: str, on: date) -> tuple[Any, Reason]:
        """A dated number of the law and its source; raises `config.legal.RuleNotInForce`."""


@dataclass
class Ports:
    """Filled once by `api.app.create_app`."""

    calendar: Calendar
    gates: Gates
    rules: RuleValues
    jurisdiction: Jurisdiction
    #: Keyed hash of an identity number, for search: number -> 64 hex digits.
    identity_key: Any


_ports: list[Ports] = []


def fill(ports: Ports) -> None:
    """Give the engine its ports (again, when a test makes another application)."""
    _ports[:] = [ports]


def ports() -> Ports:
    """The ports in force. Raises RuntimeError before `fill`."""
    if not _ports:
        raise RuntimeError("the engine's ports are not filled: use api.app.create_app()")
    return _ports[0]
