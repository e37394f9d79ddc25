"""The kinds of jobs: a name and what is done, registered where it is written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a job's name stands for."""

    name: str
    #: Called with the session of a transaction and the ids by name.
    handler: Callable[..., Any]
    #: The ids it takes.
    takes: frozenset[str]
    #: How long after one run the next is due; None: only when somebody defers it.
    every: timedelta | None

    @property
    def key(self) -> str | None:
        """Under which a periodic job waits, once for the whole system."""
        return f"every:{self.name}" if self.every is not None else None

    def run(self, session: Any, ids: Mapping[str, int]) -> None:
        """Do it, in the caller's transaction."""
        self.handler(session, **ids)


_kinds: dict[str, Kind] = {}


def job(name: str, *, every: timedelta | None = None) -> Callable[[Handler], Handler]:
    """Register the function below as what the job `name` does: it takes a session and ids."""

    def decorator(handler: Handler) -> Handler:
        known = _kinds.get(name)
        if known is not None and known.handler.__module__ != handler.__module__:
            raise ValueError(f"the job {name} is registered by {known.handler.__module__} already")
        takes = frozenset(list(inspect.signature(handler).parameters)[1:])
        _kinds[name] = Kind(name=name, handler=handler, takes=takes, every=every)
        return handler

    return decorator


def kind_named(name: str) -> Kind | None:
    """The kind; None: this process does not know it (its code may be older than that of who deferred it)."""
    return _kinds.get(name)


def kinds() -> Iterable[Kind]:
    """All kinds."""
    return tuple(_kinds.values())
