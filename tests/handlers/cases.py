"""A case at an agency's desk, without a diagram: operators are run and forms completed one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.casework import form_checks, task_forms
from engine.casework.benefits import Benefits
from engine.casework.context import CaseContext
from engine.models import (
    Agency,
    Application,
    Case,
    CaseEvent,
    DefinitionRow,
    Instance,
    MaterialItem,
    Officer,
    Outlet,
    Person,
    ServiceConfiguration,
    Task,
)
from engine.ports import ports
from engine.process.operators import operators
from tests.factories import make_person, uscc

AGENCY = "442099"
INJURED_ON = date(2022, 3, 1)
_numbers = count(1)


@dataclass
class Desk:
    """One case, and what an officer and the process do with it."""

    session: Session
    case: Case
    instance: Instance
    officer_id: int

    def context(self, **data: Any) -> CaseContext:
        """What an operator would be given now."""
        return CaseContext(
            self.session, self.instance, actor=None, at=clock.now(), task_id=str(next(_numbers)), data=data
        )

    @property
    def benefits(self) -> Benefits:
        return Benefits(self.context())

    def run(self, operator: str, **data: Any) -> dict[str, Any]:
        """Run the operator as the engine does; only what it declares comes back."""
        registered = operators()[operator]
        result = dict(registered.handler(self.context(**data)) or {})
        self.session.flush()
        assert set(result) <= registered.returns
        return result

    def complete(self, form: str, outcome: str = "done", opinion: str | None = None, **fields: Any) -> dict[str, Any]:
        """An officer completes a task with that form; what goes into the process data."""
        entry = task_forms.validate(form, outcome, opinion, fields)
        form_checks.check(self.session, self.case, form, outcome, entry.fields)
        self.session.add(
            Task(
                instance_id=self.instance.id,
                case_id=self.case.id,
                process_task_id=f"form-{next(_numbers)}",
                element_id=form,
                name=form,
                form=form,
                role="first_reviewer",
                agency_code=AGENCY,
                state="completed",
                shuffle=0.5,
                created_at=clock.now(),
                completed_by_id=self.officer_id,
                completed_at=clock.now(),
                outcome=outcome,
                opinion=opinion,
                fields=entry.fields,
            )
        )
        self.session.flush()
        return {"outcome": outcome, **entry.process_fields}

    def image(self, material: str) -> None:
        """A scan of `material` is there."""
        self.session.add(
            MaterialItem(
                application_id=self.case.application_id,
                material=material,
                name=material,
                mandatory=False,
                services=[self.case.service],
                images=["0" * 64],
            )
        )
        self.session.flush()

    def events(self, kind: str) -> list[CaseEvent]:
        """The facts of that kind, oldest first."""
        return list(
            self.session.scalars(
                select(CaseEvent)
                .where(CaseEvent.case_id == self.case.id, CaseEvent.kind == kind)
                .order_by(CaseEvent.id)
            )
        )

    def payments(self) -> list[tuple[Any, ...]]:
        """(kind, account kind, account, cents, monthly, reason) of each payee."""
        return [
            (one.kind, one.account_kind, one.account, one.amount, one.monthly, one.reason_code)
            for one in self.benefits.payees()
        ]


def make_desk(
    session: Session,
    service: str,
    facts: Mapping[str, Any],
    *,
    forms: Mapping[str, Any] | None = None,
    person: int = 1,
    injured_on: date = INJURED_ON,
    beside: Desk | None = None,
) -> Desk:
    """An accepted case of the service at the city agency of 中山, for the invented person with that number.

    `beside`: another case, whose application asks for this service too.
    """
    officer = _officer(session)
    worker = _person(session, person)
    if beside is None:
        application = _application(session, service, facts, forms or {}, worker, injured_on)
    else:
        application = beside.case.application
        stated = application.content["facts"] | {service: dict(facts)}
        application.services = [*application.services, service]
        application.content = application.content | {"facts": stated}
    number = next(_numbers)
    case = Case(
        receipt_number=f"99{number:014d}",
        serial_number=f"98{number:014d}",
        service=service,
        application_id=application.id,
        person_id=worker.id,
        injured_on=injured_on,
        state="scanned",
        channel="counter",
        outlet_code=_outlet(session),
        accepting_agency_code=AGENCY,
        handling_agency_code=AGENCY,
        cross_place=False,
        accepted_by_id=officer.id,
        accepted_at=clock.now(),
        arrived_at=clock.now(),
        limit_workdays=20,
        due_on=clock.today(),
        definition_hash=_definition(session),
        configuration_id=_configuration(session, service),
    )
    session.add(case)
    session.flush()
    instance = Instance(subject="case", case_id=case.id, definition_hash=case.definition_hash, state=b"")
    session.add(instance)
    session.flush()
    return Desk(session, case, instance, officer.id)


def _application(
    session: Session,
    service: str,
    facts: Mapping[str, Any],
    forms: Mapping[str, Any],
    worker: Person,
    injured_on: date,
) -> Application:
    application = Application(
        state="accepted",
        services=[service],
        channel="counter",
        outlet_code=_outlet(session),
        accepting_agency_code=AGENCY,
        handling_agency_code=AGENCY,
        person_id=worker.id,
        applicant_kind="worker",
        injured_on=injured_on,
        content={
            "worker": {"name": worker.name},
            "employer": {"name": "中山市样例制造有限公司", "uscc": uscc(1)},
            "forms": dict(forms),
            "facts": {service: dict(facts)},
        },
        gates=[],
        routing={},
        checklist={},
        created_by_id=_officer(session).id,
        created_at=clock.now(),
    )
    session.add(application)
    session.flush()
    return application


def _agency(session: Session) -> None:
    if session.get(Agency, AGENCY) is None:
        session.add(
            Agency(
                code=AGENCY,
                name="中山市社会保险基金管理局",
                level="city",
                path=f"/{AGENCY}/",
                division_code="442000",
                pooling_area="442000",
            )
        )
        session.flush()


def _outlet(session: Session) -> str:
    _agency(session)
    if session.get(Outlet, "desk-outlet") is None:
        session.add(Outlet(code="desk-outlet", name="样例网点", kind="hall", agency_code=AGENCY))
        session.flush()
    return "desk-outlet"


def _officer(session: Session) -> Officer:
    _agency(session)
    found = session.scalar(select(Officer).where(Officer.username == "desk-officer"))
    if found is None:
        found = Officer(
            username="desk-officer", name="样例人员", agency_code=AGENCY, roles=["acceptor"], password_hash="-"
        )
        session.add(found)
        session.flush()
    return found


def _person(session: Session, number: int) -> Person:
    invented = make_person(number)
    key = ports().identity_key(invented.identity_number)
    found = session.scalar(select(Person).where(Person.identity_key == key))
    if found is None:
        found = Person(
            identity_key=key,
            identity_type="resident_identity_card",
            identity_number=invented.identity_number,
            name=invented.name,
            phone=invented.phone,
        )
        session.add(found)
        session.flush()
    return found


def _definition(session: Session) -> str:
    if session.get(DefinitionRow, "d" * 64) is None:
        session.add(
            DefinitionRow(
                hash="d" * 64,
                process_id="desk",
                version=1,
                title="样例",
                sources={},
                published_at=clock.now(),
                published_by="stock",
            )
        )
        session.flush()
    return "d" * 64


def _configuration(session: Session, service: str) -> int:
    row = ServiceConfiguration(
        city_code=AGENCY,
        service=service,
        version=1000 + next(_numbers),
        valid_from=date(2019, 7, 1),
        limit_workdays=20,
        review_levels=2,
        distribution_mode="province",
        materials={},
        sms={},
    )
    session.add(row)
    session.flush()
    return row.id
