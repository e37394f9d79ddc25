"""The system under load: what `tongban serve` and `tongban worker` run, and three routes that only the bench has.

    python -m bench.serve web PORT      one web process
    python -m bench.serve worker        the ticks without a web server

The database, the home folder and the rest come from the environment, as everywhere.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import local
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify
from gunicorn.app.base import BaseApplication
from sqlalchemy import Engine, event, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from api.app import create_app
from api.auth import current_actor, requires
from api.idempotency import once
from api.server import THREADS, work
from config.settings import Settings, from_environment
from engine import clock
from engine.actor import Actor
from engine.casework import instances
from engine.casework.context import CaseContext
from engine.casework.events import record_event
from engine.casework.numbers import next_numbers
from engine.casework.province import configuration_for
from engine.models import Application, Case, Outlet, Person
from engine.process import definitions
from engine.process.operators import Scalar, operator

SMALL, TIMER = "bench_small", "bench_timer"
#: How many statements and commits an answer took.
STATEMENTS, COMMITS = "X-Bench-Statements", "X-Bench-Commits"
#: A service whose texts the small case borrows.
SERVICE = "bank_account_change"

blueprint = Blueprint("bench", __name__, url_prefix="/bench")
_counted = local()


@operator("bench.pass", "无操作")
def pass_on(case: CaseContext) -> None:
    """Stands for a script that does nothing of weight."""


@operator("bench.set_moment", "确定时刻", returns=("moment",))
def set_moment(case: CaseContext) -> dict[str, Scalar]:
    """The moment that the bench wrote into the case's duplicate reason: it has no field of its own for it."""
    return {"moment": case.case.duplicate_reason}


@operator("bench.note_firing", "登记到期")
def note_firing(case: CaseContext) -> None:
    """An event, by which a timer that fired twice would be seen."""
    case.record("bench_timer_fired")


@blueprint.get("/floor")
@requires("session.own")
def floor() -> Response:
    """The least that a logged-in request costs."""
    return jsonify({"status": "ok", "officer": current_actor().officer_id})


@blueprint.post("/cases")
@requires("application.accept")
def open_case() -> Response:
    """Begin a small case of this officer, as acceptance begins a real one."""
    actor = current_actor()
    return once(actor, 201, lambda session: {"id": begin_small(session, actor).id})


def begin_small(session: Session, actor: Actor) -> Case:
    """A case whose process is the small one."""
    case = new_case(session, actor, definitions.current(session, SMALL).hash)
    record_event(session, "case_accepted", at=case.accepted_at, actor=actor, case_id=case.id)
    instances.start(
        session,
        process_id=SMALL,
        subject="case",
        subject_row=case,
        actor=actor,
        definition_hash=case.definition_hash,
    )
    return case


def new_case(session: Session, actor: Actor, definition_hash: str, **values: Any) -> Case:
    """The row of a case that the officer has accepted for his own agency; its process is not begun."""
    at = clock.now()
    application = _application(session, actor)
    serial, receipt = next_numbers(session, at)
    case = Case(
        receipt_number=receipt,
        serial_number=serial,
        service=SERVICE,
        application_id=application.id,
        person_id=application.person_id,
        injured_on=at.date(),
        state="accepted",
        channel="counter",
        outlet_code=application.outlet_code,
        accepting_agency_code=actor.agency_code,
        handling_agency_code=actor.agency_code,
        cross_place=False,
        accepted_by_id=actor.officer_id,
        accepted_at=at,
        arrived_at=at,
        limit_workdays=15,
        due_on=at.date(),
        definition_hash=definition_hash,
        configuration_id=configuration_for(session, actor.agency_code, SERVICE, at.date()).id,
        **values,
    )
    session.add(case)
    session.flush()
    return case


def _application(session: Session, actor: Actor) -> Application:
    """The one application of all small cases of an officer: what is measured begins with the case."""
    known = session.scalar(select(Application).where(Application.created_by_id == actor.officer_id).limit(1))
    if known is not None:
        return known
    key = f"bench-{actor.officer_id}"
    person = Person(identity_key=key, identity_type="other", identity_number=key, name="测试人员")
    session.add(person)
    session.flush()
    application = Application(
        state="accepted",
        services=[SERVICE],
        channel="counter",
        outlet_code=session.scalars(select(Outlet.code).limit(1)).one(),
        accepting_agency_code=actor.agency_code,
        handling_agency_code=actor.agency_code,
        person_id=person.id,
        applicant_kind="worker",
        injured_on=clock.today(),
        content={},
        gates=[],
        routing={},
        checklist={},
        created_by_id=actor.officer_id,
        created_at=clock.now(),
    )
    session.add(application)
    session.flush()
    return application


def count_statements(app: Flask) -> None:
    """Let every answer say how many statements and commits it took."""

    @event.listens_for(Engine, "before_cursor_execute")
    def _statement(connection: Connection, *others: Any) -> None:
        _counted.statements = getattr(_counted, "statements", 0) + 1

    @event.listens_for(Engine, "commit")
    def _commit(connection: Connection) -> None:
        _counted.commits = getattr(_counted, "commits", 0) + 1

    @app.before_request
    def _begin() -> None:
        g.bench = True
        _counted.statements = _counted.commits = 0

    @app.after_request
    def _tell(response: Response) -> Response:
        response.headers[STATEMENTS] = str(_counted.statements)
        response.headers[COMMITS] = str(_counted.commits)
        return response


def make_app(settings: Settings) -> Flask:
    """The system with the bench's routes."""
    app = create_app(settings)
    app.register_blueprint(blueprint)
    count_statements(app)
    return app


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn as `api.server` sets it up, without its ticks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"{self.settings.host}:{self.settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "loglevel": "warning",
            "control_socket_disable": True,
            # The clients' connections stay, as a workbench's do behind a reverse proxy.
            "keepalive": 75,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return make_app(self.settings)


def ready_mark(home: Path, pid: int) -> Path:
    """The file by which a worker says that it is up: it answers nobody."""
    return home / f"worker-{pid}.ready"


def main(role: str) -> None:
    """Serve or work until told to stop."""
    settings = from_environment()
    if role == "web":
        _Server(settings).run()
    else:
        app = create_app(settings)
        with app.app_context():
            ready_mark(settings.home, os.getpid()).touch()
            work(app)


if __name__ == "__main__":
    main(sys.argv[1])
