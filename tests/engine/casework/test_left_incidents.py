"""An incident whose step was left behind troubles nobody any more."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework import cases, incidents
from engine.db import transaction
from engine.errors import CannotProceed
from engine.models import Case, Incident, Task
from engine.process.operators import Operator, _operators
from tests.conftest import FixedClock
from tests.engine.casework.test_dispatching import AGENCY, _accept
from tests.promises.history import officer


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dispatch fails for a reason that an officer must look at."""

    def refuse(context: object) -> None:
        raise CannotProceed("派发规则缺失，请联系市级管理员。", code="no_dispatch_rule")

    was = _operators["dispatch.assign"]
    monkeypatch.setitem(_operators, "dispatch.assign", Operator(was.name, was.title, was.returns, refuse))


def _incident(session: Session) -> Incident:
    return session.scalars(select(Incident)).one()


def test_a_failed_step_is_an_incident_with_cause_and_owner_and_the_case_is_kept(
    app: Flask, clock: FixedClock, failing: None
) -> None:
    with transaction() as session:
        case_id = _accept(session, 1).id

    with transaction() as session:
        incident = _incident(session)
        assert (incident.code, incident.agency_code, incident.case_id) == ("no_dispatch_rule", AGENCY, case_id)
        assert incident.resolved_at is None
        assert session.get_one(Case, case_id).state == "accepted"


def test_a_retry_after_mending_goes_on_where_the_case_stood(
    app: Flask, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        was = _operators["dispatch.assign"]

        def refuse(context: object) -> None:
            raise ValueError("the text of an unknown fault is shown to nobody")

        broken.setitem(_operators, "dispatch.assign", Operator(was.name, was.title, was.returns, refuse))
        with transaction() as session:
            _accept(session, 1)
            assert "nobody" not in _incident(session).message
        with transaction() as session:
            again = incidents.retry(session, _incident(session).id, officer(session, AGENCY, "supervisor"))
            assert (again.attempts, again.resolved_at) == (2, None)

    with transaction() as session:
        mended = incidents.retry(session, _incident(session).id, officer(session, AGENCY, "supervisor"))

        assert mended.resolved_at is not None
        assert session.scalars(select(Task.element_id).where(Task.state == "pool")).all() == ["confirm_stays"]


def test_a_withdrawal_leaves_the_failed_step_and_closes_its_incident(
    app: Flask, clock: FixedClock, failing: None
) -> None:
    with transaction() as session:
        case_id = _accept(session, 1).id

    with transaction() as session:
        cases.withdraw(session, case_id, officer(session, AGENCY, "acceptor"), "申请人要求撤回")

    with transaction() as session:
        assert _incident(session).resolved_at is not None
        assert session.get_one(Case, case_id).result == "withdrawn"
