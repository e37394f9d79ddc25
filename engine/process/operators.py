"""What a service task of a diagram can name: `implementation="area.verb"`.

A handler registers itself with `@operator`; it gets the context of the case it works for and returns scalars for
the process data (or None). It can run twice for one process task after a crash; the second run must give the first
result, which it does by itself because everything it wrote was rolled back with the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int | bool | None
Handler = Callable[[Any], Mapping[str, Scalar] | None]


@dataclass(frozen=True)
class Operator:
    """One operation a diagram may name."""

    name: str
    #: Chinese, for the modeler's list.
    title: str
    #: Names of the scalars it returns; expressions behind it may use them.
    returns: frozenset[str]
    handler: Handler


_operators: dict[str, Operator] = {}


def operator(name: str, title: str, *, returns: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """Register the decorated function as operator `name` ("area.verb")."""

    def register(handler: Handler) -> Handler:
        if name in _operators and _operators[name].handler.__module__ != handler.__module__:
            raise ValueError(f"operator {name} is registered twice")
        _operators[name] = Operator(name, title, frozenset(returns), handler)
        return handler

    return register


def operators() -> Mapping[str, Operator]:
    """All registered operators by name."""
    return _operators
