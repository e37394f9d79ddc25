"""What a handler sees of the case it works for. It reaches tables through this and through nothing else.

A context belongs to one operator call inside one transaction; what it writes is saved with the instance or not at
all. Values for the process go back as the handler's result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.casework import events, handling, jurisdiction, materials, relations_choice, supplements, suspensions
from engine.casework.benefits import Benefits
from engine.casework.calendars import calendar_of
from engine.casework.documents import issue_document
from engine.casework.dossier import Dossier
from engine.models import (
    Application,
    Case,
    CaseEvent,
    Escalation,
    Instance,
    IssuedDocument,
    ServiceConfiguration,
    Task,
    Transfer,
)
from engine.ports import Calendar, Reason, ports


class CaseContext:
    """The case, who acts, the form completed last, and the acts a handler may perform."""

    def __init__(
        self,
        session: Session,
        instance: Instance,
        *,
        actor: Actor | None,
        at: datetime,
        task_id: str,
        data: Mapping[str, Any],
        dossier: Dossier | None = None,
    ) -> None:
        #: For the facades of this package; handlers do not use it.
        self.session = session
        self.instance = instance
        #: The officer whose act led here; None when a timer did.
        self.actor = actor
        self.at = at
        #: Id of the process task: the key under which an operator's work is done once.
        self.task_id = task_id
        #: Process data, read only.
        self.data = data
        #: What officers completed in this business before, for the facades of this package too.
        self.dossier = dossier if dossier is not None else Dossier.around(session, instance)
        #: Messages for the instances of other cases, delivered in this transaction: (case id, message name).
        self.notifications: list[tuple[int, str]] = []

    # What it works for

    @cached_property
    def case(self) -> Case:
        """The case. To be read; what changes it are the methods below."""
        case_id = self.instance.case_id
        case = self.session.get(Case, case_id) if case_id is not None else None
        if case is None:
            raise LookupError(f"instance {self.instance.id} has no case")
        return case

    @cached_property
    def application(self) -> Application:
        """What was handed in; its `content` holds the forms and `facts`."""
        if self.instance.case_id is not None:
            # Reading it must not write half of the step's changes out.
            with self.session.no_autoflush:
                return self.case.application
        application = self.session.get(Application, self.instance.application_id)
        if application is None:
            raise LookupError(f"instance {self.instance.id} has no application")
        return application

    @cached_property
    def transfer(self) -> Transfer:
        """The transfer whose instance this is."""
        transfer = self.session.get(Transfer, self.instance.transfer_id)
        if transfer is None:
            raise LookupError(f"instance {self.instance.id} has no transfer")
        return transfer

    @cached_property
    def escalation(self) -> Escalation:
        """The escalation whose instance this is."""
        escalation = self.session.get(Escalation, self.instance.escalation_id)
        if escalation is None:
            raise LookupError(f"instance {self.instance.id} has no escalation")
        return escalation

    @property
    def configuration(self) -> ServiceConfiguration:
        """The city's configuration the case is pinned to."""
        return self.case.configuration

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the applicant stated for this case's service."""
        facts: Mapping[str, Any] = (self.application.content.get("facts") or {}).get(self.case.service) or {}
        return facts

    # The human task completed last: read from its row, so that a retry days later sees the same.

    @cached_property
    def _last_task(self) -> Task | None:
        return self.dossier.last(instance_id=self.instance.id)

    @property
    def form(self) -> Mapping[str, Any]:
        """Fields of the human task completed last; empty when there was none."""
        return (self._last_task.fields or {}) if self._last_task else {}

    @property
    def opinion(self) -> str | None:
        """The opinion written with it."""
        return self._last_task.opinion if self._last_task else None

    @property
    def outcome(self) -> str | None:
        """Its outcome."""
        return self._last_task.outcome if self._last_task else None

    # Law and calendar

    @property
    def calendar(self) -> Calendar:
        """Working days."""
        return calendar_of(self.session, self.case.handling_agency_code)

    def rule(self, key: str, on: date) -> tuple[Any, Reason]:
        """A dated value of the law and its source."""
        return ports().rules.value(key, on)

    # Acts on any case

    def record(
        self, kind: str, *, because: Sequence[Reason] = (), opinion: str | None = None, **details: Any
    ) -> CaseEvent:
        """Write an event of the case (or of the application, before there is a case)."""
        return events.record_event(
            self.session,
            kind,
            at=self.at,
            actor=self.actor,
            case_id=self.instance.case_id,
            application_id=None if self.instance.case_id else self.instance.application_id,
            opinion=opinion,
            because=because,
            **details,
        )

    def set_state(self, state: str) -> None:
        """Show the case in `state`; while it is held, this is what it will go back to."""
        handling.set_state(self.case, state)

    def issue_document(self, kind: str, content: Mapping[str, Any]) -> IssuedDocument:
        """Record a document issued by the handling agency."""
        return issue_document(
            self.session,
            kind,
            issuing_agency_code=self.case.handling_agency_code,
            issued_by_id=self.actor.officer_id if self.actor else None,
            at=self.at,
            content=content,
            case_id=self.case.id,
        )

    def notify_case(self, case_id: int, message: str) -> None:
        """Send `message` to the running process of another case, in this transaction."""
        self.notifications.append((case_id, message))

    def images_complete(self) -> bool:
        """Every mandatory material that was handed in has its images (ACC-08)."""
        return not materials.unscanned(self.session, self.case)

    def has_image(self, material: str) -> bool:
        """The case has at least one image of `material`."""
        return materials.has_image(self.session, self.case, material)

    def finish(self, result: str) -> None:
        """The case is decided: `result` is approved, not_approved, terminated, withdrawn or voided; the limit stops."""
        handling.finish(self, result)

    # Supplement and suspension

    def request_supplement(self) -> datetime:
        """Ask for what the reviewer named in the form; the instant until which it may come."""
        return supplements.request(self)

    def receive_supplement(self) -> None:
        """The materials asked for have come."""
        supplements.receive(self)

    def expire_supplement(self) -> None:
        """They have not come in time; the reviewer goes on without."""
        supplements.expire(self)

    def suspend(self) -> None:
        """Issue the suspension: the time limit stops (K-21)."""
        suspensions.issue(self)

    def resume(self) -> None:
        """End the suspension: the due date moves by the working days it lasted."""
        suspensions.lift(self)

    # Transfer, escalation, relation

    def mark_transfer_alerted(self) -> None:
        """The transfer is overdue and somebody must know, once."""
        jurisdiction.mark_alerted(self)

    def complete_transfer(self) -> None:
        """The case goes to the other agency; receipt number, acceptance time and due date stay (JUR-09)."""
        jurisdiction.complete_transfer(self)

    def give_transfer_back(self) -> None:
        """Give the held tasks back as they were; nothing has moved."""
        jurisdiction.give_transfer_back(self)

    def designate_agency(self, code: str, guidance: str) -> bool:
        """The superior's answer; True when the case stays where it is."""
        return jurisdiction.designate(self, code, guidance)

    def give_escalation_back(self) -> None:
        """The question to the superior has become pointless."""
        jurisdiction.give_escalation_back(self)

    def choose_relation(self, *, relation_id: int | None, agency_code: str | None, reason: str) -> None:
        """Settle the place of insurance of the application (ROU-06)."""
        relations_choice.choose(self, relation_id=relation_id, agency_code=agency_code, reason=reason)

    # What the services are about

    @cached_property
    def benefits(self) -> Benefits:
        """Lines, determinations, payees, filings, cycles, accounts, closures."""
        return Benefits(self)
