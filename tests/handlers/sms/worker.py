"""A worker process whose claims end sooner than in life: `python -m tests.handlers.sms.worker`."""

from __future__ import annotations

import sys
from datetime import timedelta

from api import server
from api.app import create_app
from config.settings import from_environment
from engine.casework import outbox

CLAIM = timedelta(seconds=8)


def main() -> None:
    server.configure_logs()
    outbox.CLAIM = CLAIM
    app = create_app(from_environment())
    with app.app_context():
        server.work(app)


if __name__ == "__main__":
    sys.exit(main())
