"""Who is told of an event: the officer whose work it concerns, or the role of an agency where that is nobody's yet.

Whoever left, or was switched off, hears nothing more: the role takes his place. What is read here is read without
writing half of the use case's changes out before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.notices import notice_table
from config.province import province
from engine.models import Application, Case, CaseEvent, Escalation, Officer, Supplement, Task, Transfer

_OPEN = ("pool", "claimed")
#: Kinds of deadlines that are told in a way of their own.
_TIME_LIMIT, _SUPPLEMENT, _GUIDANCE = "time_limit", "supplement", "superior_guidance"
#: Forms of tasks that bring paper in: whoever has them is not the one who waits for it.
_OF_PAPER = ("scanning", "supplement")


@dataclass(frozen=True)
class Recipient:
    """An officer of the agency, or whoever holds the role there."""

    agency_code: str
    role: str | None = None
    officer_id: int | None = None


@dataclass(frozen=True)
class Occasion:
    """An event about a case, or one that belongs to none."""

    session: Session
    event: CaseEvent
    case: Case | None

    @cached_property
    def subject(self) -> Case:
        """The case. Raises LookupError where the table tells somebody of a case that there is not."""
        if self.case is None:
            raise LookupError(f"the event {self.event.kind} has no case")
        return self.case

    @cached_property
    def open_tasks(self) -> list[Task]:
        """Work that the case waits for, held or not."""
        rows = self.session.scalars(
            select(Task).where(Task.case_id == self.subject.id, Task.state.in_(_OPEN)).order_by(Task.id)
        )
        # What is being completed in this very transaction is open in the database alone.
        return [task for task in rows if task.state in _OPEN]


def recipients(to: str, occasion: Occasion) -> list[Recipient]:
    """Those whom the table calls `to`; nobody whose own act it was."""
    found = dict.fromkeys(RECIPIENTS[to](occasion))
    return [one for one in found if one.officer_id is None or one.officer_id != occasion.event.officer_id]


def _person(session: Session, officer_id: int, agency_codes: Iterable[str | None], role: str) -> Recipient:
    """The officer while he works at one of the agencies, else the role at the first of them."""
    here = [code for code in agency_codes if code is not None]
    found = session.execute(select(Officer.agency_code, Officer.active).where(Officer.id == officer_id)).one()
    if found.active and found.agency_code in here:
        return Recipient(found.agency_code, officer_id=officer_id)
    return Recipient(here[0], role=role)


def _holders(occasion: Occasion, tasks: Iterable[Task]) -> Iterator[Recipient]:
    for task in tasks:
        if task.claimed_by_id is not None:
            places = (task.agency_code, task.also_agency_code)
            yield _person(occasion.session, task.claimed_by_id, places, task.role)


def _workers(occasion: Occasion, tasks: Iterable[Task]) -> Iterator[Recipient]:
    """Whoever holds each task, or can acquire it."""
    for task in tasks:
        if task.claimed_by_id is not None:
            yield from _holders(occasion, [task])
        else:
            places = (task.agency_code, task.also_agency_code)
            yield from (Recipient(code, role=task.role) for code in places if code is not None)


def _holders_of_tasks(occasion: Occasion) -> Iterator[Recipient]:
    return _holders(occasion, occasion.open_tasks)


def _transfer_workers(occasion: Occasion) -> Iterator[Recipient]:
    return _workers(occasion, [task for task in occasion.open_tasks if task.transfer_id is not None])


def _decider(occasion: Occasion) -> Iterator[Recipient]:
    """Who goes on with the case at its handling agency: who asked for the supplement, or has its task, or may have it.

    Nobody before the case was dispatched there.
    """
    session, case = occasion.session, occasion.subject
    asked = session.scalars(
        select(Supplement).where(Supplement.case_id == case.id).order_by(Supplement.id.desc()).limit(1)
    ).first()
    waited = asked is not None and (asked.state == "open" or occasion.event.kind == "supplement_received")
    if waited and asked is not None and asked.requested_by_id is not None:
        yield _person(session, asked.requested_by_id, (case.handling_agency_code,), "first_reviewer")
        return
    own = [task for task in occasion.open_tasks if task.transfer_id is None and task.escalation_id is None]
    here = [task for task in own if task.agency_code == case.handling_agency_code and task.form not in _OF_PAPER]
    yield from _workers(occasion, here)


def _decider_elsewhere(occasion: Occasion) -> Iterable[Recipient]:
    """The same, for paper that was scanned at another agency."""
    case = occasion.case
    return () if case is None or case.handling_agency_code == occasion.event.agency_code else _decider(occasion)


def _accepting_clerk_elsewhere(occasion: Occasion) -> Iterator[Recipient]:
    """The original accepting account, where the case is handled by another agency than its own."""
    case = occasion.subject
    if case.accepting_agency_code != case.handling_agency_code:
        yield _person(occasion.session, case.accepted_by_id, (case.accepting_agency_code,), "acceptor")


def _handling_supervisors(occasion: Occasion) -> Iterator[Recipient]:
    yield Recipient(occasion.subject.handling_agency_code, role="supervisor")


def _receiving_reviewers(occasion: Occasion) -> Iterator[Recipient]:
    """Where the case has come to; nobody where it stayed."""
    details = occasion.event.details
    if details["to_agency"] != details["from_agency"]:
        yield Recipient(details["to_agency"], role="first_reviewer")


def _transfer_starter(occasion: Occasion) -> Iterator[Recipient]:
    transfer = occasion.session.get_one(Transfer, occasion.event.details["transfer"])
    yield _person(occasion.session, transfer.started_by_id, (transfer.from_agency_code,), "transfer_operator")


def _escalation_starter(occasion: Occasion) -> Iterator[Recipient]:
    escalation = occasion.session.get_one(Escalation, occasion.event.details["escalation"])
    yield _person(occasion.session, escalation.started_by_id, (escalation.from_agency_code,), "transfer_operator")


def _adjudicators(occasion: Occasion) -> Iterator[Recipient]:
    escalation = occasion.session.get_one(Escalation, occasion.event.details["escalation"])
    yield Recipient(escalation.superior_agency_code, role="superior_adjudicator")


def _assignee(occasion: Occasion) -> Iterator[Recipient]:
    officer_id = occasion.event.details["to"]
    agency_code = occasion.session.scalars(select(Officer.agency_code).where(Officer.id == officer_id)).one()
    yield Recipient(agency_code, officer_id=officer_id)


def _supervisors_of_incident(occasion: Occasion) -> Iterator[Recipient]:
    yield Recipient(occasion.event.details["agency"], role="supervisor")


# Urging: by hand, and by itself at the warning levels of a deadline


def _urged_workers(occasion: Occasion) -> Iterator[Recipient]:
    """Who can do now what the case waits for; the supervisors where that is nobody, because a step has failed."""
    workers = list(_workers(occasion, [task for task in occasion.open_tasks if task.held_because is None]))
    yield from workers or _handling_supervisors(occasion)


def _handling_supervisors_below(occasion: Occasion) -> Iterable[Recipient]:
    """The handling agency's, where an agency above it has urged."""
    by_itself = occasion.event.agency_code == occasion.subject.handling_agency_code
    return () if by_itself else _handling_supervisors(occasion)


def _superior_supervisors(occasion: Occasion) -> Iterator[Recipient]:
    above = province().superiors().get(occasion.subject.handling_agency_code)
    if above is not None:
        yield Recipient(above, role="supervisor")


def _audience(occasion: Occasion) -> tuple[str, ...]:
    """Whom this level of the deadline concerns; nobody where a later level was reached before this one was told."""
    details = occasion.event.details
    if details["overtaken"]:
        return ()
    return notice_table().concerned(details["deadline"], details["level"])


def _told_of_limit(occasion: Occasion) -> Iterator[Recipient]:
    """Of the time limit of the case itself."""
    if occasion.event.details["deadline"] != _TIME_LIMIT:
        return
    who = {"holder": _urged_workers, "supervisor": _handling_supervisors, "superior": _superior_supervisors}
    for audience in _audience(occasion):
        yield from who[audience](occasion)


def _told_of_deadline(occasion: Occasion) -> Iterator[Recipient]:
    """Of any other deadline."""
    kind = occasion.event.details["deadline"]
    if kind == _TIME_LIMIT:
        return
    for audience in _audience(occasion):
        if kind == _GUIDANCE:
            yield from _told_of_guidance(occasion, audience)
        elif audience == "holder":
            yield from (_decider if kind == _SUPPLEMENT else _urged_workers)(occasion)
        else:
            yield from (_handling_supervisors if audience == "supervisor" else _superior_supervisors)(occasion)


def _told_of_guidance(occasion: Occasion, audience: str) -> Iterator[Recipient]:
    """The superior's own; of the end of its time the adjudicators hear by the event of the diagram."""
    question = occasion.event.details["subject_id"]
    escalation = occasion.session.get(Escalation, question) if question is not None else None
    if escalation is None:
        # Nobody knows which agency was asked: its supervisors are above those who wait.
        yield from _superior_supervisors(occasion)
    elif audience != "holder":
        yield Recipient(escalation.superior_agency_code, role="supervisor")
    elif occasion.event.kind != "deadline_overdue":
        yield Recipient(escalation.superior_agency_code, role="superior_adjudicator")


#: Name in `config/notices.yaml` -> who that is.
RECIPIENTS: Mapping[str, Callable[[Occasion], Iterable[Recipient]]] = {
    "accepting_clerk_elsewhere": _accepting_clerk_elsewhere,
    "adjudicators": _adjudicators,
    "assignee": _assignee,
    "decider": _decider,
    "decider_elsewhere": _decider_elsewhere,
    "escalation_starter": _escalation_starter,
    "handling_supervisors": _handling_supervisors,
    "handling_supervisors_below": _handling_supervisors_below,
    "holders": _holders_of_tasks,
    "receiving_reviewers": _receiving_reviewers,
    "supervisors_of_incident": _supervisors_of_incident,
    "told_of_deadline": _told_of_deadline,
    "told_of_limit": _told_of_limit,
    "transfer_starter": _transfer_starter,
    "transfer_workers": _transfer_workers,
    "urged_workers": _urged_workers,
}


def subjects(session: Session, event: CaseEvent) -> list[Case | None]:
    """The cases that the event is about: its own, or those that came of its application."""
    if event.case_id is not None:
        return [session.get_one(Case, event.case_id)]
    if event.application_id is not None:
        application = session.get_one(Application, event.application_id)
        if application.state == "accepted":
            return list(session.scalars(select(Case).where(Case.application_id == application.id).order_by(Case.id)))
    return [None]
