"""Jobs: work for later, outside the request, deferred in the transaction that needs it.

    @job("certification.remind")
    def remind(session: Session, certification_id: int) -> None: ...

    jobs.defer(session, "certification.remind", {"certification_id": 7}, run_at=at, key="certification:7")

What a handler can rely on, whichever queue carries it (`TONGBAN_JOBS`: the embedded table, or procrastinate):

- A job exists when the transaction that deferred it is committed, and not before.
- It runs in a transaction of its own at or after `run_at`, in some process, at least once. It is run again where a
  process died while it ran, so doing it twice must be the same as doing it once.
- What fails is taken back and tried again after 1, 2, 4 ... minutes, at most six times in all; then, or where an
  officer must look, it becomes an incident, with the ids, and can be retried from there.
- `key`: while a job with this key waits to be run, another one is not added. One that runs does not count; the embedded
  table waits for its end, so nobody may hold, while deferring a key, what its job locks.
- `every`: the job defers itself again each time, and the scheduler sees to it that it waits.
- Only ids travel. A handler finds what it needs where it is kept.
"""

from engine.jobs.kinds import Kind, job, kind_named, kinds
from engine.jobs.queue import Backlog, Queue, Waiting, defer, defer_periodic, queue, use

__all__ = [
    "Backlog",
    "Kind",
    "Queue",
    "Waiting",
    "defer",
    "defer_periodic",
    "job",
    "kind_named",
    "kinds",
    "queue",
    "use",
]
