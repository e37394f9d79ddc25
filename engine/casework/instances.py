"""Running processes and their rows: the one place where an instance is loaded, moved and saved.

A step loads the locked instance, lets `engine.process.runtime` run it to its next waits, and saves in the same
transaction: state, task rows, the earliest timer, incidents, and what the step told other instances. Whoever calls
has locked the case (or the application) first, so two steps of one case never meet.

A step is taken without savepoints first and written at its end. Only where an operator fails it is taken back and
taken again, each operator in a savepoint of its own, so that the failed one alone leaves nothing behind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.casework import dispatching, faults, handling, sms
from engine.casework.context import CaseContext
from engine.casework.dossier import Dossier
from engine.db import BeginAgain, Precaution, precaution
from engine.errors import CannotProceed
from engine.models import (
    Application,
    Case,
    DefinitionRow,
    Escalation,
    Filing,
    Instance,
    Supplement,
    Task,
    Transfer,
)
from engine.process import definitions
from engine.process.diagram import Element
from engine.process.operators import Scalar, operators
from engine.process.runtime import Run, Waiting

Subject = Application | Case | Transfer | Escalation

#: A transfer heads the queue, so does a question to the superior (K-11).
PRIORITIES = {"transfer": 1, "escalation": 1}
USUAL_PRIORITY = 5

#: Thrown by a travel claim to the referral it used up.
FILING_USED = "filing_used"


class OperatorFailed(BeginAgain):
    """An operator failed in a step that was taken without a savepoint for it: nothing else of the step may go on."""


class InstanceHost:
    """What the runtime asks of case work: run an operator, notice what began and what is done."""

    def __init__(
        self,
        session: Session,
        instance: Instance,
        actor: Actor | None,
        at: datetime,
        *,
        guarded: bool,
        dossier: Dossier | None = None,
    ) -> None:
        self.session = session
        self.instance = instance
        self.actor = actor
        self.at = at
        #: Each operator in a savepoint of its own; what fails becomes an incident.
        self.guarded = guarded
        self.dossier = dossier if dossier is not None else Dossier.around(session, instance)
        self.notifications: list[tuple[int, str]] = []

    def call(self, element: Element, task_id: str, data: Mapping[str, Any]) -> Mapping[str, Scalar]:
        """Run the operator of a service task; what it wrote before a failure is taken back."""
        operator = operators().get(element.operator or "")
        if operator is None:
            raise CannotProceed(f"系统没有名为“{element.operator}”的操作，请检查流程图。", code="unknown_operator")
        context = CaseContext(
            self.session,
            self.instance,
            actor=self.actor,
            at=self.at,
            task_id=task_id,
            data=dict(data),
            dossier=self.dossier,
        )
        if self.guarded:
            try:
                with self.session.begin_nested():
                    result = dict(operator.handler(context) or {})
                    self.session.flush()
            finally:
                # After a failure they are not what the dossier says.
                self.dossier.forget_rows()
        else:
            try:
                result = dict(operator.handler(context) or {})
            except Exception as error:
                raise OperatorFailed from error
        self.notifications += context.notifications
        return result

    def entered(self, element: Element, task_id: str) -> None:
        """Human work began to wait: the case shows it. What holds the case is shown by `handling.hold`."""
        case = self._case()
        if case is not None and element.state and self.instance.subject == "case":
            handling.enter(case, element.state)

    def finished(self, element: Element, task_id: str, data: Mapping[str, Any]) -> None:
        """A step is done: the case shows it, and the configured message is made (SMS-08)."""
        case = self._case()
        if case is None:
            return
        if element.kind == "serviceTask" and element.state and self.instance.subject == "case":
            handling.set_state(case, element.state)
        if element.sms_slot:
            sms.emit_for_case(self.session, case, slot=element.sms_slot, occasion=task_id, at=self.at)

    def _case(self) -> Case | None:
        return self.session.get(Case, self.instance.case_id) if self.instance.case_id else None


def start(
    session: Session,
    *,
    process_id: str,
    subject: str,
    subject_row: Subject,
    actor: Actor | None,
    definition_hash: str | None = None,
) -> Instance:
    """Begin the process for a case, application, transfer or escalation and run it to its first wait.

    `definition_hash` pins it; without one the version published last counts.
    """
    row_hash = definition_hash or definitions.current(session, process_id).hash
    definition = definitions.load(session, row_hash)
    instance = Instance(subject=subject, definition_hash=row_hash, state=b"", version=0)
    data: dict[str, Scalar] = {f"{subject}_id": subject_row.id}
    if isinstance(subject_row, Case):
        instance.case_id = subject_row.id
    elif isinstance(subject_row, Application):
        instance.application_id = subject_row.id
    else:
        instance.case_id = subject_row.case_id
        data["case_id"] = subject_row.case_id
        if isinstance(subject_row, Transfer):
            instance.transfer_id = subject_row.id
        else:
            instance.escalation_id = subject_row.id
    session.add(instance)
    session.flush()

    def begin(host: InstanceHost) -> Run:
        return Run.start(definition, data, host)

    _take(session, instance, actor, begin)
    return instance


def advance(
    session: Session,
    instance: Instance,
    actor: Actor | None,
    step: Callable[[Run], object],
    dossier: Dossier | None = None,
) -> Run:
    """Restore the instance, take `step`, run to the next waits, save. The subject is locked by the caller.

    `step` may be taken twice, the first time without any effect.
    """
    session.refresh(instance, with_for_update=True)
    return go_on(session, instance, actor, step, dossier)


def go_on(
    session: Session,
    instance: Instance,
    actor: Actor | None,
    step: Callable[[Run], object],
    dossier: Dossier | None = None,
) -> Run:
    """The same for an instance that the caller has locked and read again, after its subject."""
    definition = definitions.load(session, instance.definition_hash)

    def resume(host: InstanceHost) -> Run:
        run = Run.restore(definition, instance.state, host)
        step(run)
        return run

    return _take(session, instance, actor, resume, dossier)


def _take(
    session: Session,
    instance: Instance,
    actor: Actor | None,
    step: Callable[[InstanceHost], Run],
    dossier: Dossier | None = None,
) -> Run:
    """Take the step and save what came of it, with as much precaution as the use case asks for."""
    at = clock.now()

    def take(*, guarded: bool) -> Run:
        host = InstanceHost(session, instance, actor, at, guarded=guarded, dossier=dossier)
        return _save(session, instance, step(host), host)

    if precaution() is not Precaution.EACH:
        try:
            if precaution() is Precaution.NONE:
                return take(guarded=False)
            with session.begin_nested():
                return take(guarded=False)
        except (OperatorFailed, DataError, IntegrityError) as failure:
            if precaution() is Precaution.NONE:
                raise BeginAgain from failure
            if dossier is not None:
                dossier.forget_rows()
    # Outside of the handler: what fails the second time is not told as a consequence of the first.
    return take(guarded=True)


def deliver(session: Session, case_id: int, message: str, actor: Actor | None) -> bool:
    """Give `message` to the process of the case; False when it does not wait for it."""
    instance = case_instance(session, case_id)
    if instance is None or instance.ended_at is not None:
        return False
    heard: list[bool] = []
    advance(session, instance, actor, lambda run: heard.append(run.send(message)))
    return heard[-1]


def case_instance(session: Session, case_id: int) -> Instance | None:
    """The main instance of the case."""
    return session.scalar(select(Instance).where(Instance.case_id == case_id, Instance.subject == "case"))


def pinned_definition(session: Session, case: Case) -> DefinitionRow | None:
    """The published version the case runs on."""
    return session.get(DefinitionRow, case.definition_hash)


def _save(session: Session, instance: Instance, run: Run, host: InstanceHost) -> Run:
    """State, timer, tasks, incidents and messages, all in the caller's transaction."""
    instance.state = run.dump()
    instance.version += 1
    instance.due_at = run.due_at()
    if run.ended and instance.ended_at is None:
        instance.ended_at = host.at
    _sync_tasks(session, instance, run, host)
    for failure in run.failures:
        faults.step_failed(session, instance, failure, host.at)
    session.flush()
    if run.failed_before:
        faults.close_left_steps(session, instance, run.failed(), host.at)
    for name, _payload in run.thrown:
        for case_id in _addressees(session, instance, name):
            deliver(session, case_id, name, host.actor)
    for case_id, name in host.notifications:
        deliver(session, case_id, name, host.actor)
    return run


def _addressees(session: Session, instance: Instance, message: str) -> list[int]:
    """Whose process hears what this one threw.

    A transfer's and an escalation's messages are for the case they are about; a case speaks only to the case whose
    filing it used.
    """
    if instance.case_id is None:
        return []
    if instance.subject in ("transfer", "escalation"):
        return [instance.case_id]
    if message == FILING_USED:
        return list(session.scalars(select(Filing.case_id).where(Filing.used_by_case_id == instance.case_id)))
    return []


def _sync_tasks(session: Session, instance: Instance, run: Run, host: InstanceHost) -> None:
    """Make the rows say what the process says: close what it left, open what it waits for.

    A task has an open row exactly while the process waits for it, so only what changed in this run is looked at.
    """
    waiting = {item.task_id: item for item in run.waiting()}
    left = run.waited_before - waiting.keys() - run.done
    if left:
        rows = session.scalars(select(Task).where(Task.process_task_id.in_(left), Task.state.in_(("pool", "claimed"))))
        for row in rows:
            row.state = "cancelled"
            row.held_because = None
            row.version += 1
    for task_id, item in waiting.items():
        if task_id not in run.waited_before:
            _open_task(session, instance, item, host)


def _open_task(session: Session, instance: Instance, item: Waiting, host: InstanceHost) -> None:
    element = item.element
    case = session.get(Case, instance.case_id) if instance.case_id else None
    agency, also_agency = _agencies(session, instance, element, case)
    task = Task(
        instance_id=instance.id,
        case_id=instance.case_id,
        application_id=instance.application_id,
        transfer_id=instance.transfer_id,
        escalation_id=instance.escalation_id,
        process_task_id=item.task_id,
        element_id=element.id,
        name=element.name,
        form=element.form,
        role=element.role,
        agency_code=agency,
        also_agency_code=also_agency,
        differs_from=list(element.differs_from),
        state="pool",
        priority=PRIORITIES.get(instance.subject, USUAL_PRIORITY),
        shuffle=random.random(),  # noqa: S311  a fair order, not a secret
        due_on=_due_on(session, instance, element, case),
        created_at=host.at,
    )
    reviews = case is not None and agency == case.handling_agency_code and also_agency is None
    if instance.subject == "case" and case is not None and reviews and case.state in HELD:
        task.held_because = HELD[case.state]
    if task.held_because is None:
        dispatching.dispatch(session, task, case, host.dossier, host.at)
    session.add(task)


HELD = {
    "transferring": "该办件正在移交中，移交办结或退回前不能审核。",
    "escalated": "该办件正在上报共同上级指导中，上级答复前不能审核。",
}


def _agencies(session: Session, instance: Instance, element: Element, case: Case | None) -> tuple[str, str | None]:
    """Which agency works on the task, and which other one may (a supplement, SUP-02)."""
    if case is None:
        application = session.get_one(Application, instance.application_id)
        return application.accepting_agency_code, None
    if element.agency == "accepting":
        return case.accepting_agency_code, None
    if element.agency == "superior":
        return session.get_one(Escalation, instance.escalation_id).superior_agency_code, None
    if element.agency == "either" and case.accepting_agency_code != case.handling_agency_code:
        return case.handling_agency_code, case.accepting_agency_code
    return case.handling_agency_code, None


def _due_on(session: Session, instance: Instance, element: Element, case: Case | None) -> date | None:
    if instance.transfer_id is not None:
        return session.get_one(Transfer, instance.transfer_id).due_from_arrival_on
    if instance.escalation_id is not None:
        return session.get_one(Escalation, instance.escalation_id).due_on
    if case is None:
        return None
    if element.form == "supplement":
        return session.scalar(
            select(Supplement.due_on)
            .where(Supplement.case_id == case.id, Supplement.state == "open")
            .order_by(Supplement.id.desc())
            .limit(1)
        )
    return case.due_on if case.result is None else None
