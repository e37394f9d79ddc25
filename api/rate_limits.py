"""How many requests one log-in, and one address, may send: a bucket for each that fills evenly over the minute.

Kept in this process: with several of them the limit counts for each. Wrong log-ins are counted in the database.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from flask import request

from api.auth import cookie_name
from config.access import AccessSettings
from engine.errors import TooOften

#: More than all officers of a province; the buckets that are full again are thrown away beyond it.
_MOST_BUCKETS = 50_000


@dataclass
class Buckets:
    """For each key what is left, `per_minute` at most; 0: no limit."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, key: str) -> None:
        """One request of `key`. Raises TooOften with the seconds to wait."""
        if not self.per_minute:
            return
        now = self.clock()
        with self._lock:
            if len(self._left) >= _MOST_BUCKETS:
                self._left = {name: kept for name, kept in self._left.items() if now - kept[1] < 60}
            left, then = self._left.get(key, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - then) * self.per_minute / 60)
            self._left[key] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            seconds = max(1, round((1 - left) * 60 / self.per_minute))
            raise TooOften("请求过于频繁，请稍后再试。", code="too_many_requests", details={"seconds": seconds})


class RequestLimits:
    """Before each request, and before anything of it is read."""

    def __init__(self, access: AccessSettings) -> None:
        self.of_log_ins = Buckets(access.requests_per_log_in)
        self.of_addresses = Buckets(access.requests_per_address)

    def check(self) -> None:
        """Raises TooOften."""
        self.of_addresses.take(request.remote_addr or "")
        named = request.headers.get("Authorization") or request.cookies.get(cookie_name())
        if named:
            # A key of a dictionary that may be looked at in a dump must not be a credential.
            self.of_log_ins.take(hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest())
