"""A worker process that knows the jobs of the tests: `python -m tests.engine.jobs.worker`, set by the environment."""

from __future__ import annotations

import sys

from api import server
from api.app import create_app
from config.settings import from_environment
from engine import jobs
from engine.jobs.procrastinate_queue import ProcrastinateQueue
from tests.engine.casework import timed  # noqa: F401  registers operators
from tests.engine.jobs import kinds  # noqa: F401  registers jobs

#: A worker is taken for dead sooner than in life.
SILENCE = 2.0


def main() -> None:
    server.configure_logs()
    settings = from_environment()
    app = create_app(settings)
    if settings.jobs == "procrastinate":
        jobs.use(ProcrastinateQueue(settings.database_url, silence=SILENCE))
    with app.app_context():
        server.work(app)


if __name__ == "__main__":
    sys.exit(main())
