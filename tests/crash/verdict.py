"""What is left is compared with what the clients were told, and then every case is led to its end."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.audit import sealing, verifying
from engine.casework import outbox
from engine.casework.tasks import NOT_OURS
from engine.db import db, transaction
from engine.models import (
    Application,
    AuditEntry,
    Case,
    CaseEvent,
    Escalation,
    IdempotencyKey,
    Incident,
    Instance,
    MaterialItem,
    Message,
    Task,
    Transfer,
)
from engine.ports import ports, reference_of
from tests.conftest import FixedClock
from tests.crash.clients import Confirmed, Ledger
from tests.promises import checks
from tests.promises.history import History, told

#: After this the claim of a process that died while it handed a message over is nobody's any more.
AFTER_CLAIMS = outbox.CLAIM + timedelta(minutes=1)


@dataclass
class Verdict:
    """Sentences about everything that is wrong."""

    confirmed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    #: A 500, a request without an answer, a broken promise, a broken chain.
    broken: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.broken)

    def line(self, kills: int) -> str:
        """The result in one line."""
        text = (
            f"kills={kills} confirmed={self.confirmed} lost={len(self.lost)}"
            f" doubled={len(self.doubled)} stuck={len(self.stuck)}"
        )
        return f"{text} broken={len(self.broken)}" if self.broken else text

    def sentences(self) -> list[str]:
        """What is wrong, the first of each kind."""
        kinds = {"lost": self.lost, "doubled": self.doubled, "stuck": self.stuck, "broken": self.broken}
        return [f"  {kind}: {sentence}" for kind, found in kinds.items() for sentence in found[:10]]


def judge(app: Flask, ledger: Ledger, home: Path) -> Verdict:
    """Look at everything; the processes are stopped, the database answers."""
    verdict = Verdict(confirmed=len(ledger.confirmed))
    verdict.broken += [f"fault: {fault}" for fault in ledger.faults]
    verdict.doubled += [f"another answer to the same request: {what}" for what in ledger.changed]
    with app.app_context():
        db.session.rollback()
        _confirmed(db.session(), ledger, verdict)
        _once(db.session(), ledger, verdict)
        _waits(db.session(), verdict)
        db.session.rollback()
        _messages(home, verdict)
        _finish(ledger, verdict)
        _audit(verdict)
        db.session.remove()
    return verdict


# What was confirmed is there


def _confirmed(session: Session, ledger: Ledger, verdict: Verdict) -> None:
    for done in ledger.confirmed:
        kept = session.get(IdempotencyKey, (done.key, done.officer_id))
        if kept is None:
            verdict.lost.append(f"{done.path}: no trace of the request")
        elif (kept.status, kept.answer) != (done.status, done.answer):
            verdict.doubled.append(f"{done.path}: the answer is not the one that was given")
        elif (missing := _missing(session, done)) is not None:
            verdict.lost.append(f"{done.path}: {missing}")
        session.expunge_all()


def _missing(session: Session, done: Confirmed) -> str | None:
    """What should be there and is not."""
    answer = done.answer
    match done.path.split("/")[1:]:
        case ["applications"]:
            return None if session.get(Application, answer["id"]) else "no application"
        case ["applications", application_id, "images"]:
            return _image_missing(session, int(application_id), done.sent)
        case ["applications", _, "acceptance"]:
            return _cases_missing(session, answer["cases"])
        case ["tasks", task_id, "completion"]:
            task = session.get_one(Task, int(task_id))
            if done.sent["outcome"] == NOT_OURS:
                # The task is held until the transfer is over, and given back where it is refused.
                begun = session.scalar(select(Transfer.id).where(Transfer.case_id == task.case_id).limit(1))
                return None if begun else "no transfer"
            found = (task.state, task.completed_by_id, task.outcome)
            wanted = ("completed", done.officer_id, done.sent["outcome"])
            return None if found == wanted else f"the task is {found}, not {wanted}"
        case ["cases", _, "transfers"]:
            return None if session.get(Transfer, answer["id"]) else "no transfer"
        case ["cases", _, "escalations"]:
            return None if session.get(Escalation, answer["id"]) else "no escalation"
        case ["transfers", transfer_id, "withdrawal"]:
            state = session.get_one(Transfer, int(transfer_id)).state
            return None if state == "withdrawn" else f"the transfer is {state}"
        case ["cases", case_id, "withdrawal"]:
            result = session.get_one(Case, int(case_id)).result
            return None if result == "withdrawn" else f"the case is {result}"
    return None


def _image_missing(session: Session, application_id: int, content: bytes) -> str | None:
    sha256 = hashlib.sha256(content).hexdigest()
    items = session.scalars(select(MaterialItem).where(MaterialItem.application_id == application_id))
    count = sum(item.images.count(sha256) for item in items)
    if count != 1:
        return f"the image is there {count} times"
    return None if ports().files.get(sha256) == content else "the file has another content"


def _cases_missing(session: Session, cases: list[dict[str, Any]]) -> str | None:
    for told_ in cases:
        case = session.get(Case, told_["id"])
        if case is None:
            return f"case {told_['id']} is not there"
        if (case.receipt_number, case.serial_number) != (told_["receipt_number"], told_["serial_number"]):
            return f"case {case.id} has other numbers"
        if case.accepted_at != datetime.fromisoformat(told_["accepted_at"]):
            return f"case {case.id} was accepted at another time"
    return None


# Nothing is there twice


def _once(session: Session, ledger: Ledger, verdict: Verdict) -> None:
    # Each request leaves its key and its line in the audit log in one transaction: as many of the one as of the other.
    keys = dict(
        session.execute(select(IdempotencyKey.officer_id, func.count()).group_by(IdempotencyKey.officer_id)).all()
    )
    changes = select(AuditEntry.officer_id, func.count()).where(
        AuditEntry.kind == "change", AuditEntry.actor == "officer"
    )
    entries = dict(session.execute(changes.group_by(AuditEntry.officer_id)).all())
    if keys != entries:
        verdict.doubled.append(f"officers have done {entries} and were asked for {keys}")
    wanted = {done.key for done in ledger.confirmed}
    unasked = session.scalars(select(IdempotencyKey.key)).all()
    verdict.doubled += [f"done without an answer: {key}" for key in set(unasked) - wanted]
    people = session.execute(select(Application.person_id, func.count()).group_by(Application.person_id))
    verdict.doubled += [f"person {one} has handed in {count} times" for one, count in people if count > 1]
    accepted = session.execute(select(Case.application_id, func.count()).group_by(Case.application_id))
    verdict.doubled += [f"application {one} has {count} cases" for one, count in accepted if count > 1]
    events = Counter(
        (event.kind, event.details.get("transfer", event.case_id))
        for event in session.scalars(
            select(CaseEvent).where(CaseEvent.kind.in_(("case_accepted", "transfer_started", "transfer_completed")))
        )
    )
    verdict.doubled += [f"{event} happened {count} times" for event, count in events.items() if count > 1]

    completed = select(Task.case_id, func.count()).where(Task.state == "completed").group_by(Task.case_id)
    noted = select(CaseEvent.case_id, func.count()).where(CaseEvent.kind == "task_completed")
    per_case = dict(session.execute(completed).all())
    events_of = dict(session.execute(noted.group_by(CaseEvent.case_id)).all())
    if per_case != events_of:
        verdict.doubled.append(f"tasks are completed {per_case}, and their events are {events_of}")


# Every case waits for something


def _waits(session: Session, verdict: Verdict) -> None:
    with_task = set(session.scalars(select(Task.case_id).where(Task.state.in_(("pool", "claimed")))))
    for incident in session.scalars(select(Incident).where(Incident.resolved_at.is_(None))):
        verdict.stuck.append(f"incident {incident.code} at {incident.element_id}: {incident.message}")
    for instance in session.scalars(select(Instance).where(Instance.ended_at.is_(None), Instance.case_id.is_not(None))):
        if instance.due_at is None and instance.case_id not in with_task:
            verdict.stuck.append(f"case {instance.case_id} waits for nobody")


# Messages


def _messages(home: Path, verdict: Verdict) -> None:
    """Those that a process was handing over when it died go again, under the same reference; then all are out."""
    before = _references(home)
    verdict.doubled += [f"message {one} handed over {count} times" for one, count in before.items() if count > 1]
    at = clock.now() + AFTER_CLAIMS
    with clock.fixed(at):
        while outbox.send_due():
            pass
    references = _references(home)
    db.session.rollback()
    for message in db.session.scalars(select(Message)):
        seen = references[reference_of(message.id, message.round)]
        if message.state in ("made", "failed"):
            verdict.stuck.append(f"message {message.id} is {message.state} ({message.failure})")
        elif message.state == "delivered" and not seen:
            verdict.lost.append(f"message {message.id} was never handed over")
    db.session.rollback()


def _references(home: Path) -> Counter[str]:
    log = home / "sms.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return Counter(json.loads(line)["reference"] for line in lines if line.endswith("}"))


# The promises


def _finish(ledger: Ledger, verdict: Verdict) -> None:
    """Willing officers lead every case to its end; then every promise is looked at as after any random history."""
    history = History(0, FixedClock())
    for done in ledger.confirmed:
        if done.path.endswith("/acceptance"):
            for case in done.answer["cases"]:
                history.case_ids.append(case["id"])
                history.promised[case["id"]] = date.fromisoformat(case["due_on"])
    with transaction() as session:
        for case_id in history.case_ids:
            history.told[case_id] = told(session.get_one(Case, case_id))
    try:
        history.finish(60 * len(history.case_ids) + 400)
    except AssertionError as error:
        verdict.stuck.append(str(error))
        return
    with transaction() as session:
        for check in (
            checks.every_case_ended_and_is_archived,
            checks.one_transfer_at_most,
            checks.decided_on_complete_images,
            checks.different_people,
            checks.one_message_per_occasion,
            checks.reviewed_by_the_handling_agency,
            checks.employers_are_paid_on_evidence_alone,
            checks.nothing_is_left_open,
        ):
            _look(check.__name__, verdict, lambda check=check: check(session))
        for check in (checks.due_days_moved_only_by_suspensions, checks.what_the_receipt_says_stays):
            _look(check.__name__, verdict, lambda check=check: check(session, history))


def _look(name: str, verdict: Verdict, check: Any) -> None:
    try:
        check()
    except AssertionError as error:
        verdict.broken.append(f"{name}: {error}"[:600])
    except KeyError as error:
        verdict.broken.append(f"{name}: nobody was told of case {error}")


def _audit(verdict: Verdict) -> None:
    sealing.seal()
    db.session.rollback()
    report = verifying.verify(db.session())
    verdict.broken += [f"audit {finding.code}: {finding.sentence}" for finding in report.findings]
    if report.unsealed:
        verdict.broken.append(f"audit: {report.unsealed} entries without a seal")
    db.session.rollback()
