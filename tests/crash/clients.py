"""Clients that work through the API at random and repeat what got no answer, and a ledger of what they were told."""

from __future__ import annotations

import itertools
import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.demo.steps import picture
from api.demo.story import application
from bench.http import Answer, Client, Unreachable
from engine.db import db, transaction
from engine.models import Case, InsuranceRelation, Officer, Outlet, Task, Transfer
from engine.ports import ports
from tests.applications import token_of
from tests.crash.processes import Site
from tests.factories import Person, make_person
from tests.promises.entries import entry
from tests.promises.history import AGENCIES, outcomes

SERVICES = (
    "medical_expense", "rehabilitation_expense", "assistive_device", "inpatient_meals", "bank_account_change",
    "referral_filing",
)  # fmt: skip
#: So many workers are insured before the load begins; each hands in once.
PEOPLE = 4000
#: A client gives up after this: the run has failed.
PATIENCE = 240.0
API = "/api/v1"


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A change that a client was told is done."""

    officer_id: int
    path: str
    key: str
    status: int
    answer: Any
    sent: Any
    #: How often it was sent until the answer came.
    tries: int


@dataclass
class Ledger:
    """What the clients know."""

    confirmed: list[Confirmed] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    #: What no client may ever see, and requests that never got an answer.
    faults: list[str] = field(default_factory=list)
    #: Requests whose answer differed when they were repeated after it.
    changed: list[str] = field(default_factory=list)
    repeated: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, what: Any) -> None:
        """Write something down."""
        with self._lock:
            if kind == "refused":
                self.refused[what] += 1
            else:
                getattr(self, kind).append(what)

    def repeat(self) -> None:
        """A request had to be sent again."""
        with self._lock:
            self.repeated += 1


@dataclass(frozen=True)
class Worker:
    """An officer who works: account and log-in."""

    officer_id: int
    username: str
    agency: str
    roles: tuple[str, ...]
    token: str


@dataclass
class Office:
    """Everybody and everything that the clients know before they begin."""

    app: Flask
    site: Site
    workers: dict[str, list[Worker]]
    outlets: dict[str, list[str]]
    ledger: Ledger = field(default_factory=Ledger)
    people: itertools.count[int] = field(default_factory=itertools.count)
    stopped: threading.Event = field(default_factory=threading.Event)

    def one_of(self, agency: str, role: str | None, chance: random.Random) -> Worker:
        """An officer of the agency with this role, or with any."""
        fitting = [one for one in self.workers[agency] if role is None or role in one.roles]
        return chance.choice(fitting or self.workers[agency])


def open_office(app: Flask, site: Site) -> Office:
    """Log everybody in and insure the workers; on a database that answers."""
    with app.app_context():
        places = (*AGENCIES, "440099", "440199", "441399")
        rows = db.session.scalars(select(Officer).where(Officer.agency_code.in_(places)).order_by(Officer.id)).all()
        found = [(row.id, row.username, row.agency_code, tuple(row.roles)) for row in rows]
        outlets: dict[str, list[str]] = {}
        for code, agency in db.session.execute(select(Outlet.code, Outlet.agency_code).order_by(Outlet.code)):
            outlets.setdefault(agency, []).append(code)
        db.session.rollback()
        with transaction() as session:
            session.execute(insert(InsuranceRelation), [_insured(number) for number in range(PEOPLE)])
    workers: dict[str, list[Worker]] = {}
    for officer_id, username, agency, roles in found:
        token = token_of(app, username)
        workers.setdefault(agency, []).append(Worker(officer_id, username, agency, roles, token))
    return Office(app, site, workers, {agency: outlets[agency] for agency in AGENCIES if agency in outlets})


def _insured(number: int) -> dict[str, Any]:
    return {
        "identity_key": ports().identity_key(person(number).identity_number),
        "agency_code": AGENCIES[number % len(AGENCIES)],
        "employer_name": "测试用人单位1",
        "employer_uscc": "91442000MA0000001X",
        "from_on": date(2015, 1, 1),
        "until_on": None,
    }


def person(number: int) -> Person:
    """The worker with this number."""
    return make_person(number + 100)


def claim(service: str, number: int, outlet: str) -> dict[str, Any]:
    """What this worker hands in."""
    stated = application(service)
    worker, told = person(number), stated["worker"]
    text = json.dumps(stated, ensure_ascii=False)
    for old, new in (
        (told["identity_number"], worker.identity_number),
        (told["name"], worker.name),
        (told["phone"], worker.phone),
    ):
        text = text.replace(old, new)
    changed: dict[str, Any] = json.loads(text)
    return {**changed, "outlet": outlet}


class RandomClient:
    """One client: does one thing after the other until it is told to stop, and finishes what it began."""

    def __init__(self, office: Office, number: int, seed: int) -> None:
        self.office = office
        self.chance = random.Random(seed * 1000 + number)
        self._connections: dict[tuple[str, int, str], Client] = {}
        self.failed: list[BaseException] = []

    def run(self) -> None:
        """Until the office closes."""
        acts: tuple[tuple[int, Callable[[], None]], ...] = (
            (3, self.hand_in),
            (14, self.work),
            (2, self.acquire),
            (1, self.release),
            (2, self.transfer),
            (1, self.withdraw_transfer),
            (2, self.escalate),
            (1, self.withdraw),
            (1, self.intrude),
        )
        weighted = [act for weight, act in acts for _ in range(weight)]
        with self.office.app.app_context():
            while not self.office.stopped.is_set():
                try:
                    self.chance.choice(weighted)()
                except GaveUp:
                    break
                except SQLAlchemyError:
                    # Looking for something to do; the database is away for a moment.
                    db.session.remove()
                    time.sleep(0.2)
            db.session.remove()
        for connection in self._connections.values():
            connection.close()

    # What officers do

    def hand_in(self) -> None:
        """A whole intake: handed in, paper and images, checks, acceptance."""
        number = next(self.office.people)
        if number >= PEOPLE:
            return
        agency = self.chance.choice(list(self.office.outlets))
        clerk = self.office.one_of(agency, "acceptor", self.chance)
        service = self.chance.choice(SERVICES)
        body = claim(service, number, self.chance.choice(self.office.outlets[agency]))
        handed_in = self.post(clerk, "/applications", body)
        if handed_in is None:
            return
        path = f"/applications/{handed_in['id']}"
        for item in handed_in["materials"]:
            if item["mandatory"] and not item["waived_because"]:
                self.post(clerk, f"{path}/materials", {"items": [{"material": item["material"], "copies": 1}]})
                if self.chance.random() < 0.9:
                    self.upload(clerk, f"{path}/images", item["material"], f"{number} {item['material']}")
        self.post(clerk, f"{path}/checks", {"eligible": True, "complete": True})
        self.post(clerk, f"{path}/acceptance", {})

    def work(self) -> None:
        """Take an open task, or the one already held, and complete it somehow."""
        found = self._look(self._open_task)
        if found is None:
            return
        task_id, agency, role, holder, outcome, fields = found
        worker = self._known(holder) or self._someone(agency, role)
        if holder is None and self.post(worker, f"/tasks/{task_id}/claim", {}) is None:
            return
        body = {"outcome": outcome, "opinion": "按材料和规定办理", "fields": fields}
        self.post(worker, f"/tasks/{task_id}/completion", body)

    def acquire(self) -> None:
        """Random acquisition."""
        self.post(self._someone(self.chance.choice(AGENCIES), None), "/tasks/acquisitions", {})

    def release(self) -> None:
        """Give a task back to the pool."""
        found = self._look(self._open_task)
        if found is not None and (holder := self._known(found[3])) is not None:
            self.post(holder, f"/tasks/{found[0]}/release", {})

    def transfer(self) -> None:
        """Not ours."""
        found = self._look(lambda session: self._case(session, "handling"))
        if found is not None:
            body = {
                "to_agency": self.chance.choice(AGENCIES),
                "reason": "不属于本机构管辖",
                "legal_ground": "附件2三（五）",
            }
            clerk = self.office.one_of(found[1], "transfer_operator", self.chance)
            self.post(clerk, f"/cases/{found[0]}/transfers", body)

    def withdraw_transfer(self) -> None:
        """It is ours after all."""
        query = select(Transfer.id, Transfer.started_by_id).where(Transfer.state == "running").limit(20)
        rows = self._look(lambda session: session.execute(query).all())
        if rows:
            transfer_id, officer_id = self.chance.choice(list(rows))
            worker = self._known(officer_id)
            if worker is not None:
                self.post(worker, f"/transfers/{transfer_id}/withdrawal", {"reason": "经核实属于本机构管辖"})

    def escalate(self) -> None:
        """The superior is asked."""
        found = self._look(lambda session: self._case(session, "handling"))
        if found is not None:
            reviewer = self.office.one_of(found[1], "first_reviewer", self.chance)
            self.post(reviewer, f"/cases/{found[0]}/escalations", {"reason": "本机构认为不属于本机构管辖"})

    def withdraw(self) -> None:
        """The applicant takes it back."""
        found = self._look(lambda session: self._case(session, "accepting"))
        if found is not None and self.chance.random() < 0.4:
            clerk = self.office.one_of(found[1], "acceptor", self.chance)
            self.post(clerk, f"/cases/{found[0]}/withdrawal", {"reason": "申请人要求撤回"})

    def intrude(self) -> None:
        """Somebody tries to complete what is not theirs."""
        found = self._look(self._open_task)
        if found is not None:
            stranger = self._someone(self.chance.choice(list(self.office.workers)), None)
            self.post(stranger, f"/tasks/{found[0]}/completion", {"outcome": found[4], "opinion": "越权"})

    # Looking for something to do

    def _look(self, find: Callable[[Session], Any]) -> Any:
        session = db.session()
        session.rollback()
        try:
            return find(session)
        finally:
            session.rollback()

    def _open_task(self, session: Session) -> tuple[int, str, str, int | None, str, Any] | None:
        query = select(Task.id).where(Task.state.in_(("pool", "claimed"))).order_by(Task.id.desc()).limit(60)
        ids = session.scalars(query).all()
        if not ids:
            return None
        task = session.get(Task, self.chance.choice(ids))
        if task is None:
            return None
        outcome = self.chance.choice(outcomes(task.form))
        holder = task.claimed_by_id if task.state == "claimed" else None
        return task.id, task.agency_code, task.role, holder, outcome, entry(session, task, outcome)

    def _case(self, session: Session, whose: str) -> tuple[int, str] | None:
        column = Case.handling_agency_code if whose == "handling" else Case.accepting_agency_code
        query = select(Case.id, column).where(Case.result.is_(None)).order_by(Case.id.desc()).limit(40)
        rows = [row for row in session.execute(query).all() if row[1] in self.office.workers]
        return tuple(self.chance.choice(rows)) if rows else None  # type: ignore[return-value]

    def _someone(self, agency: str, role: str | None) -> Worker:
        place = agency if agency in self.office.workers else self.chance.choice(AGENCIES)
        return self.office.one_of(place, role, self.chance)

    def _known(self, officer_id: int | None) -> Worker | None:
        everybody = itertools.chain.from_iterable(self.office.workers.values())
        return next((one for one in everybody if one.officer_id == officer_id), None)

    # Sending, until there is an answer

    def post(self, worker: Worker, path: str, body: Any) -> Any:
        """What the system answered; None: it refused. Raises `GaveUp`."""
        return self._send(worker, path, orjson.dumps(body), "application/json", body)

    def upload(self, worker: Worker, path: str, material: str, text: str) -> Any:
        """The same for an image."""
        boundary = secrets.token_hex(12)
        content = picture(text)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="material"\r\n\r\n{material}\r\n--{boundary}\r\n'
        head += 'Content-Disposition: form-data; name="file"; filename="scan.png"\r\nContent-Type: image/png\r\n\r\n'
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        return self._send(worker, path, body, f"multipart/form-data; boundary={boundary}", content)

    def _send(self, worker: Worker, path: str, body: bytes, kind: str, sent: Any) -> Any:
        key = secrets.token_hex(12)
        answer, tries = self._until_answered(worker, path, body, kind, key)
        ledger = self.office.ledger
        if answer.status >= 500:
            ledger.note("faults", f"{answer.status} {path} {answer.body[:300]!r}")
            return None
        if answer.status >= 400:
            ledger.note("refused", str(answer.json.get("code")))
            return None
        done = Confirmed(
            officer_id=worker.officer_id, path=path, key=key, status=answer.status, answer=answer.json, sent=sent,
            tries=tries,
        )  # fmt: skip
        ledger.note("confirmed", done)
        if self.chance.random() < 0.05:
            # A double click, long after.
            again, _ = self._until_answered(worker, path, body, kind, key)
            if (again.status, again.json) != (answer.status, answer.json):
                ledger.note("changed", f"{path}: {answer.body[:200]!r} and then {again.body[:200]!r}")
        return answer.json

    def _until_answered(self, worker: Worker, path: str, body: bytes, kind: str, key: str) -> tuple[Answer, int]:
        until = time.monotonic() + PATIENCE
        for tries in itertools.count(1):
            try:
                answer = self._connection(worker).ask("POST", API + path, body, kind=kind, key=key)
            except Unreachable:
                answer = None
            # A full house says so, and the same request is welcome later.
            if answer is not None and answer.status not in (502, 503):
                return answer, tries
            self.office.ledger.repeat()
            if time.monotonic() > until:
                self.office.ledger.note("faults", f"no answer for {PATIENCE:.0f} s: {path}")
                raise GaveUp
            time.sleep(self.chance.uniform(0.05, 0.4))
        raise GaveUp

    def _connection(self, worker: Worker) -> Client:
        process = self.chance.choice(self.office.site.web)
        place = (process.host, process.port, worker.token)
        if place not in self._connections:
            self._connections[place] = Client(*place, patience=self.office.site.patience)
        return self._connections[place]


class GaveUp(Exception):
    """A request never got an answer."""
