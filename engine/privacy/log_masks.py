"""The last net: numbers that look like a person's are masked in whatever is logged, by us or by a library.

Nobody is to log them in the first place; what an unknown exception says is nobody's decision.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, MutableMapping
from typing import Any

from engine.privacy import masks


def mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor, to stand last before the event becomes a line."""
    for name, value in event.items():
        event[name] = _masked(value)
    return event


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masks.text(value)
    if isinstance(value, dict):
        return {name: _masked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(inner) for inner in value]
    # A number is masked only where it is long enough to be one of a person's.
    return masks.text(str(value)) if isinstance(value, int) and value >= 10**10 else value


def mask_records() -> None:
    """Let the standard library's loggers (the server's, the database driver's) write masked texts."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _Masking):
        logging.setLogRecordFactory(_Masking(make))


class _Masking:
    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._make(*args, **kwargs)
        try:
            record.msg, record.args = masks.text(record.getMessage()), ()
        except (TypeError, ValueError):
            # A message that does not fit its arguments: the handler reports that itself.
            return record
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = masks.text("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        return record
