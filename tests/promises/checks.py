"""The promises of the design (section 5), each as a function that fails where it is broken."""

from __future__ import annotations

from collections import Counter, defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.benefits import benefit_table
from engine.casework import materials
from engine.models import Case, CaseEvent, Incident, Instance, Message, Payee, Suspension, Task, Transfer
from tests.promises.history import History, told


def every_case_ended_and_is_archived(session: Session) -> None:
    """Promise 1."""
    for case in session.scalars(select(Case)):
        assert case.result is not None, case.id
        assert case.state == "archived", (case.id, case.state)
        assert case.completed_at is not None


def one_transfer_at_most(session: Session) -> None:
    """Promise 2: at most one agency-initiated transfer; the handling agency is where transfers and designations led."""
    done = Counter(session.scalars(select(Transfer.case_id).where(Transfer.state == "completed")))
    for case in session.scalars(select(Case)):
        assert case.transfer_count == done[case.id] <= 1
        moves = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.case_id == case.id, CaseEvent.kind.in_(("case_transferred", "agency_designated")))
            .order_by(CaseEvent.id)
        ).all()
        expected = moves[-1].details["to_agency"] if moves else None
        assert expected in (None, case.handling_agency_code)


def due_days_moved_only_by_suspensions(session: Session, history: History) -> None:
    """Promise 3."""
    moved: dict[int, int] = defaultdict(int)
    for suspension in session.scalars(select(Suspension).where(Suspension.resumed_on.is_not(None))):
        moved[suspension.case_id] += suspension.moved_workdays or 0
    for case in session.scalars(select(Case)):
        if moved[case.id] == 0:
            assert case.due_on == history.promised[case.id]
        else:
            assert case.due_on > history.promised[case.id]


def decided_on_complete_images(session: Session) -> None:
    """Promise 4: whoever passed or refused a case had the images of all its mandatory materials before him."""
    for task in session.scalars(select(Task).where(Task.form == "review", Task.state == "completed")):
        if task.outcome not in ("pass", "not_passed") or task.case is None:
            continue
        for item in materials.of_application(session, task.case.application_id):
            if materials.is_required(item) and task.case.service in item.services:
                assert item.images and item.imaged_at and item.imaged_at <= task.completed_at, (task.case_id, item.name)


def different_people(session: Session) -> None:
    """Promise 5: whoever decided at one level neither accepted the business nor decided at another.

    Whoever somebody stood in for counts as the one who did it, too.
    """
    levels: dict[Case | Transfer, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for task in session.scalars(select(Task).where(Task.state == "completed", Task.element_id.endswith("_review"))):
        if task.case is not None:
            business = task.case if task.transfer_id is None else session.get_one(Transfer, task.transfer_id)
            levels[business][task.element_id] |= {task.completed_by_id or 0, task.completed_for_id or 0} - {0}
    for business, by_level in levels.items():
        begun_by = business.accepted_by_id if isinstance(business, Case) else business.started_by_id
        people = [{begun_by}, *by_level.values()]
        for place, group in enumerate(people):
            for other in people[place + 1 :]:
                assert group.isdisjoint(other), business


def one_message_per_occasion(session: Session) -> None:
    """Promise 6: one acceptance message, and one about the end, for each case."""
    slots: dict[int, Counter[str]] = defaultdict(Counter)
    for message in session.scalars(select(Message).where(Message.case_id.is_not(None))):
        slots[message.case_id or 0][message.slot] += 1
    for case in session.scalars(select(Case)):
        told = slots[case.id]
        assert told["acceptance"] == 1
        ends = told["completion"] + told["not_passed"] + told["termination"]
        assert ends == (0 if case.result == "voided" else 1), (case.id, case.result, told)
        suspended = len(session.scalars(select(Suspension).where(Suspension.case_id == case.id)).all())
        assert told["suspension"] == suspended


def what_the_receipt_says_stays(session: Session, history: History) -> None:
    """Numbers, time and place of acceptance, limit and diagram: through transfers and designations too."""
    for case in session.scalars(select(Case)):
        assert told(case) == history.told[case.id], case.id


def reviewed_by_the_handling_agency(session: Session) -> None:
    """Each review was done by an officer of the agency that handled the case then; the last one of them decided."""
    for case in session.scalars(select(Case)):
        reviews = session.scalars(
            select(Task)
            .where(Task.case_id == case.id, Task.form == "review", Task.state == "completed")
            .order_by(Task.completed_at, Task.id)
        ).all()
        for review in reviews:
            assert review.completed_by is not None
            assert review.completed_by.agency_code == review.agency_code, (case.id, review.element_id)
        if case.result in ("approved", "not_approved"):
            assert reviews[-1].agency_code == case.handling_agency_code, case.id


def employers_are_paid_on_evidence_alone(session: Session) -> None:
    """Promise 7: an employer's account has a coded reason and the image of its evidence, and gets nothing monthly."""
    reasons = benefit_table().account_reasons
    rows = select(Payee, Case).join(Case, Case.id == Payee.case_id)
    for payee, case in session.execute(rows.where(Payee.account_kind == "employer_account", Case.result == "approved")):
        assert payee.reason_code in reasons, case.id
        assert materials.has_image(session, case, str(reasons[payee.reason_code].evidence)), case.id
        assert not payee.monthly, case.id


def nothing_is_left_open(session: Session) -> None:
    """No open task, no incident, no running process but a filing's validity."""
    assert session.scalars(select(Task).where(Task.state.in_(("pool", "claimed")))).all() == []
    incidents = session.scalars(select(Incident).where(Incident.resolved_at.is_(None))).all()
    assert [(incident.element_id, incident.code, incident.message) for incident in incidents] == []
    for instance in session.scalars(select(Instance).where(Instance.ended_at.is_(None))):
        assert instance.due_at is not None, instance.id
