"""What the loops over timers, jobs, messages and incidents need: one thing that fails must not stop the others.

The house catches everything here and in the API's last handler, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy.exc import InterfaceError, OperationalError, PendingRollbackError, TimeoutError

from engine.db import BeginAgain
from engine.errors import RetryLater

#: Say nothing about what was done: the database is gone or busy, a deadlock was broken, the connection was lost.
_PASSING = (RetryLater, OperationalError, InterfaceError, PendingRollbackError, TimeoutError)


def fault_of(act: Callable[[], object]) -> BaseException | None:
    """What `act` raised, whatever it is; None: it went well. Only Ctrl+C and `BeginAgain` go through."""
    try:
        act()
    except (KeyboardInterrupt, BeginAgain):
        raise
    except BaseException as error:
        return error
    return None


def is_passing(error: BaseException) -> bool:
    """The fault may be gone at the next try."""
    return any(isinstance(one, _PASSING) for one in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    # An error object that is raised a second time, while its first raising is being handled, is its own cause.
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
