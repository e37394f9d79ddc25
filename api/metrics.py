"""What a monitoring system is shown, in the format of Prometheus: counters of the processes, figures of the database.

Labels are route templates, methods, statuses, names of ticks and codes of causes: never an id, nothing personal.
Where several processes share a port (`TONGBAN_PROCESSES`), `PROMETHEUS_MULTIPROC_DIR` adds up what they counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import Pool

from engine import backlog, clock
from engine.db import POOL_SIZE, db

SHARED = "PROMETHEUS_MULTIPROC_DIR"
#: A client may send any word as a method.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
if os.environ.get(SHARED):
    # The library opens its files as soon as there is something to count.
    Path(os.environ[SHARED]).mkdir(parents=True, exist_ok=True)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)

REQUESTS = Counter("tongban_http_requests", "Answers given", ["method", "route", "status"])
LATENCY = Histogram("tongban_http_request_seconds", "Time to the answer", ["method", "route"], buckets=_SECONDS)
TICKS = Counter("tongban_ticks", "Rounds of what happens by itself", ["tick", "outcome"])
CONNECTIONS = Gauge(
    "tongban_database_connections_in_use", "Connections taken from the pools", multiprocess_mode="livesum"
)
POOLS = Gauge("tongban_database_pool_size", "Connections that the pools keep open", multiprocess_mode="livesum")


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer. `route`: the template of the address."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(known, route, str(status)).inc()
    LATENCY.labels(known, route).observe(seconds)


def note_tick(name: str, *, failed: bool) -> None:
    """Count a round of a tick."""
    TICKS.labels(name, "failed" if failed else "done").inc()


@event.listens_for(Pool, "checkout")
def _note_checkout(connection: Any, record: Any, proxy: Any) -> None:
    CONNECTIONS.inc()


@event.listens_for(Pool, "checkin")
def _note_checkin(connection: Any, record: Any) -> None:
    CONNECTIONS.dec()


def exposition() -> bytes:
    """Everything, as text; to be called in the application's context."""
    POOLS.set(POOL_SIZE)
    own = CollectorRegistry()
    own.register(_Figures())
    return generate_latest(_processes()) + generate_latest(own)


def _processes() -> CollectorRegistry:
    if not os.environ.get(SHARED):
        return REGISTRY
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


class _Figures(Collector):
    """What waits in the database, asked when it is shown."""

    def describe(self) -> list[Metric]:
        """Nothing is asked before it is shown."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; where the database does not answer, only that."""
        try:
            found = backlog.measure(db.session(), clock.now())
        except SQLAlchemyError:
            yield GaugeMetricFamily("tongban_database_up", "1: the database answers", 0)
            return
        finally:
            db.session.rollback()
        yield GaugeMetricFamily("tongban_database_up", "1: the database answers", 1)
        yield GaugeMetricFamily("tongban_timers_due", "Due instances that nobody has fired", found.timers_due)
        yield GaugeMetricFamily("tongban_timer_lag_seconds", "Age of the oldest of them", found.timer_lag)
        yield GaugeMetricFamily("tongban_jobs_due", "Due jobs that nobody has taken", found.jobs_due)
        yield GaugeMetricFamily("tongban_job_age_seconds", "For how long the oldest of them is due", found.job_age)
        yield GaugeMetricFamily("tongban_outbox_messages", "Messages not handed over yet", found.messages_waiting)
        yield GaugeMetricFamily("tongban_outbox_age_seconds", "Age of the oldest of them", found.message_age)
        yield GaugeMetricFamily("tongban_audit_unsealed", "Audit entries that wait for a seal", found.audit_unsealed)
        incidents = GaugeMetricFamily("tongban_incidents_open", "Incidents nobody has resolved", labels=["cause"])
        for cause, count in found.incidents.items():
            incidents.add_metric([cause], count)
        yield incidents


def begin_together() -> None:
    """Forget what processes of an earlier start counted; called once, before the first of this start counts."""
    if folder := os.environ.get(SHARED):
        for file in Path(folder).glob("*.db"):
            file.unlink()


def forget_process(pid: int) -> None:
    """A process is gone: what it held counts no more, what it counted stays."""
    if os.environ.get(SHARED):
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
