"""The ticks of one process: what is to be done every second, each in a thread of its own.

APScheduler keeps the beat and remembers nothing: what is due stands in the database. It reckons by the wall clock,
which may be set; a tick is due again so long after it was looked at, however far the clock jumps in between.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from flask import Flask

from api import metrics
from engine import clock
from engine.guard import fault_of

log = structlog.get_logger()

#: Asked between two pieces of work: True, and the tick returns.
Stopped = Callable[[], bool]

#: A tick that is still at work is left alone; that is not worth a line every second.
_logger = logging.getLogger("tongban.ticker")
_logger.setLevel(logging.ERROR)


class _Every(BaseTrigger):  # type: ignore[misc]
    """At once, and then so long after the present time: a clock set forward by a year makes up for one tick."""

    def __init__(self, seconds: float) -> None:
        self.interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now if previous_fire_time is None else now + self.interval


class Ticker(BackgroundScheduler):  # type: ignore[misc]
    """Calls each act again and again until `stop`; one that fails is called again like the others."""

    def __init__(self, app: Flask) -> None:
        super().__init__(timezone=clock.SHANGHAI, logger=_logger)
        self._app = app
        self._stopped = threading.Event()
        self._longest = 0.0
        #: Tick -> when it last showed a sign of life: it began, ended, or asked between two pieces of work.
        self._beats: dict[str, float] = {}

    def every(self, name: str, seconds: float, act: Callable[[Stopped], object]) -> None:
        """Call `act` every so many seconds, in the application's context, never twice at once."""
        self._longest = max(self._longest, seconds)
        self._beats[name] = monotonic()
        # One at a time; ticks that were missed are made up by the next one, because what is due stays due.
        options: dict[str, Any] = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self.add_job(self._call, trigger=_Every(seconds), args=(name, act), id=name, **options)

    def stop(self) -> None:
        """Let each act finish the piece of work it is at, and end."""
        self._stopped.set()
        self.shutdown(wait=True)

    def silent(self, seconds: float) -> list[str]:
        """The ticks that have shown no sign of life for so long, beyond their own pause."""
        now = monotonic()
        pauses = {job.id: job.trigger.interval.total_seconds() for job in self.get_jobs()}
        return [name for name, beat in self._beats.items() if now - beat > seconds + pauses.get(name, 0.0)]

    def _call(self, name: str, act: Callable[[Stopped], object]) -> None:
        def stopped() -> bool:
            self._beats[name] = monotonic()
            return self._stopped.is_set()

        stopped()
        with self._app.app_context():
            error = fault_of(lambda: act(stopped))
        stopped()
        metrics.note_tick(name, failed=error is not None)
        if error is not None:
            log.error("tick_failed", tick=name, exc_info=error)

    def _process_jobs(self) -> float | None:
        wait: float | None = super()._process_jobs()
        if wait is None or wait <= self._longest:
            return wait
        # The clock was set back: the ticks are planned for a time that is far away now.
        for planned in self.get_jobs():
            planned.reschedule(planned.trigger)
        return 0.0
