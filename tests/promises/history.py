"""A random history: officers of several agencies do whatever they may, and often what they may not, to some cases.

Everything random comes from one seed. Refusals are part of the game: they must be errors of the house, and they must
change nothing. At the end `finish` lets willing officers complete whatever is still open.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.task_forms import task_forms
from engine import clock
from engine.accounts import absences, duty
from engine.actor import Actor
from engine.casework import (
    acceptance,
    applications,
    cases,
    escalations,
    form_checks,
    handovers,
    materials,
    supplements,
    tasks,
    timers,
    transfers,
)
from engine.casework.separation import barred_officers
from engine.db import transaction
from engine.errors import TongbanError
from engine.models import Absence, Case, Officer, Task, Transfer
from tests.conftest import FixedClock
from tests.factories import make_person
from tests.factories_intake import benefit_form, facts_for, make_command, make_relation, outlet_of
from tests.promises.entries import entry

#: Two cities far apart, two districts of one city, a city with its own district.
AGENCIES = ("442099", "440106", "440113", "441399", "441303")
PNG = b"\x89PNG\r\n\x1a\n" + b"picture of a paper"
SERVICES = (
    "medical_expense",
    "rehabilitation_expense",
    "assistive_device",
    "inpatient_meals",
    "medical_lump_sum",
    "disability_benefit",
    "death_benefit",
    "bank_account_change",
    "referral_filing",
    "travel_expense",
    "remote_treatment_filing",
)
#: Services whose expenses an employer may have advanced, and their box on form 1-1.
ADVANCED = {"medical_expense": "medical", "rehabilitation_expense": "rehabilitation", "assistive_device": "device"}
TO_EMPLOYER = {
    "account_kind": "employer_account",
    "employer_bank": "测试银行",
    "employer_holder": "测试用人单位1",
    "employer_account": "4400000000000000002",
    "employer_account_reason": "advanced_by_employer",
}


@dataclass
class History:
    """One history on the application whose context is pushed; deterministic in `seed`."""

    seed: int
    clock: FixedClock
    cases: int = 4
    #: Few people with several posts each, often away, and a supervisor who moves work about: who meets himself where?
    crowded: bool = False
    case_ids: list[int] = field(default_factory=list)
    #: Due days as told to clients at acceptance.
    promised: dict[int, date] = field(default_factory=dict)
    #: What stands on the receipt and never changes.
    told: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    # Beginning

    def begin(self) -> None:
        """Some accepted cases of different services, places and kinds of counter."""
        if self.crowded:
            with transaction() as session:
                crowd(session)
        for number in range(self.cases):
            self._accept(number)

    def _accept(self, number: int) -> None:
        service = self.random.choice(SERVICES)
        accepting, insured = self.random.choice(AGENCIES), self.random.choice(AGENCIES)
        person = make_person(self.seed * 10 + number)
        if service == "bank_account_change":
            # The account of the form is in the worker's own name.
            person = replace(person, name=make_person().name)
        scan = self.random.random() < 0.7
        with transaction() as session:
            acceptor = officer(session, accepting, "acceptor", self.random)
            make_relation(session, person, insured)
            command = make_command(
                service, outlet=outlet_of(session, accepting), person=person, **self._advance_of_employer(service)
            )
            application = applications.submit_application(session, command, acceptor)
            for item in materials.of_application(session, application.id):
                materials.collect(session, application.id, acceptor, [{"material": item.material, "copies": 1}])
                if scan:
                    materials.add_image(session, application.id, item.material, PNG, acceptor)
            applications.record_checks(session, application.id, acceptor, eligible=True, complete=True)
            for case in acceptance.accept_application(session, application.id, acceptor):
                self.case_ids.append(case.id)
                self.promised[case.id] = case.due_on
                self.told[case.id] = told(case)

    def _advance_of_employer(self, service: str) -> dict[str, Any]:
        """In half of the claims for expenses the employer has paid a part of them."""
        if service not in ADVANCED or self.random.random() < 0.5:
            return {}
        form = benefit_form(
            **TO_EMPLOYER,
            expenses=[ADVANCED[service]],
            invoice_count=1,
            invoice_total="100.00",
            advanced_by_employer="60.00",
            expenses_signed_by="worker_or_relative",
            expenses_signed_on="2022-03-01",
        )
        return {
            "facts": {service: {**facts_for(service), "advanced_by_employer": "60.00"}},
            "forms": {"1-1": form},
        }

    # Middle

    def go_on(self, steps: int) -> None:
        """`steps` acts at random, time passing between them."""
        acts = (
            (10, self._work),
            (2, self._claim_only),
            (1, self._release),
            (1, self._transfer),
            (1, self._withdraw_transfer),
            (2, self._escalate),
            (1, self._withdraw),
            (1, self._void),
            (2, self._scan),
            (2, self._let_time_pass),
            (1, self._intrude),
            (2, self._assign),
            (2, self._hand_over),
            (2, self._go_on_leave),
            (1, self._come_back),
            (1, self._return_stranded),
        )
        moving = {
            self._work: 16,
            self._assign: 6,
            self._hand_over: 3,
            self._go_on_leave: 6,
            self._withdraw: 0,
            self._void: 0,
        }
        weighted = [act for weight, act in acts for _ in range(moving.get(act, weight) if self.crowded else weight)]
        for _ in range(steps):
            self._attempt(self.random.choice(weighted))

    def _attempt(self, act: Callable[[Session], object]) -> None:
        name = act.__name__.lstrip("_")
        try:
            with transaction() as session:
                act(session)
            self.done.append(name)
        except TongbanError as refusal:
            self.refusals.append(f"{name}: {refusal.code}")
        while timers.tick():
            pass

    def _case(self, session: Session) -> Case:
        return session.get_one(Case, self.random.choice(self.case_ids))

    def _open_task(self, session: Session) -> Task | None:
        rows = session.scalars(select(Task).where(Task.state.in_(("pool", "claimed"))).order_by(Task.id)).all()
        return self.random.choice(rows) if rows else None

    def _someone(self, session: Session, task: Task) -> Actor:
        """Usually somebody of the right place and role, sometimes anybody."""
        standing_in = [one for one in duty.on_duty(session, task.agency_code) if one.acts_for(task.role) is not None]
        if self.crowded and standing_in and self.random.random() < 0.7:
            return self.random.choice(standing_in)
        if self.random.random() < 0.85:
            return officer(session, task.agency_code, task.role, self.random)
        return officer(session, self.random.choice(AGENCIES), None, self.random)

    def _work(self, session: Session) -> None:
        task = self._open_task(session)
        if task is None:
            return
        actor = holder(session, task) or self._someone(session, task)
        if task.state == "pool":
            tasks.claim(session, task.id, actor)
        outcome = self.random.choice(outcomes(task.form))
        complete(session, task, actor, outcome)

    def _claim_only(self, session: Session) -> None:
        actor = officer(session, self.random.choice(AGENCIES), None, self.random)
        tasks.acquire_random(session, actor)

    def _release(self, session: Session) -> None:
        task = self._open_task(session)
        if task is not None:
            tasks.release(session, task.id, holder(session, task) or self._someone(session, task))

    def _transfer(self, session: Session) -> None:
        case = self._case(session)
        actor = officer(session, case.handling_agency_code, "transfer_operator", self.random)
        to_agency = self.random.choice((*AGENCIES, "440099"))
        transfers.start_transfer(
            session, case.id, actor, to_agency=to_agency, reason="不属于本机构管辖", legal_ground="附件2三（五）"
        )

    def _withdraw_transfer(self, session: Session) -> None:
        transfer = session.scalars(select(Transfer).where(Transfer.state == "running")).first()
        if transfer is not None:
            actor = actor_of(session, session.get_one(Officer, transfer.started_by_id))
            transfers.withdraw_transfer(session, transfer.id, actor, "经核实属于本机构管辖")

    def _escalate(self, session: Session) -> None:
        case = self._case(session)
        actor = officer(session, case.handling_agency_code, "first_reviewer", self.random)
        escalations.start_escalation(session, case.id, actor, reason="本机构认为不属于本机构管辖")

    def _withdraw(self, session: Session) -> None:
        if self.random.random() < 0.5:
            return
        case = self._case(session)
        actor = officer(session, case.accepting_agency_code, "acceptor", self.random)
        cases.withdraw(session, case.id, actor, "申请人要求撤回")

    def _void(self, session: Session) -> None:
        if self.random.random() < 0.6:
            return
        case = self._case(session)
        cases.void(session, case.id, officer(session, case.handling_agency_code, "supervisor", self.random), "重复受理")

    def _scan(self, session: Session) -> None:
        case = self._case(session)
        actor = officer(session, case.accepting_agency_code, "acceptor", self.random)
        scan_all(session, case, actor)

    def _let_time_pass(self, session: Session) -> None:
        self.clock.advance(hours=self.random.choice((2, 20, 24, 72, 240)))

    def _intrude(self, session: Session) -> None:
        """Somebody of another place tries to work on a case that is not theirs."""
        task = self._open_task(session)
        if task is None:
            return
        stranger = officer(session, "445299", None, self.random)
        tasks.complete(session, task.id, stranger, outcome="pass", opinion="越权")

    def _assign(self, session: Session) -> None:
        """A supervisor gives a task to anybody of the agency: what he must not, the house does not let him."""
        task = self._open_task(session)
        if task is None:
            return
        supervisor = officer(session, task.agency_code, "supervisor", self.random)
        whom = officer(session, task.agency_code, self.random.choice((None, task.role)), self.random)
        tasks.assign(session, task.id, whom.officer_id, supervisor, "统筹安排")

    def _hand_over(self, session: Session) -> None:
        task = self._open_task(session)
        if task is None or task.claimed_by_id is None:
            return
        supervisor = officer(session, task.agency_code, "supervisor", self.random)
        whom = officer(session, task.agency_code, self.random.choice((None, task.role)), self.random)
        outcomes = handovers.hand_over(
            session,
            supervisor,
            from_officer_id=task.claimed_by_id,
            task_ids=None,
            to_officer_id=self.random.choice((None, whom.officer_id)),
            reason="请假前移交",
        )
        self.refusals += [f"hand_over: {one.code}" for one in outcomes if one.code is not None]

    def _go_on_leave(self, session: Session) -> None:
        """Somebody is away for some days, and somebody of another post stands in for him."""
        agency = self.random.choice(AGENCIES)
        away, substitute = officer(session, agency, None, self.random), officer(session, agency, None, self.random)
        first = clock.today() + timedelta(days=self.random.choice((0, 0, 1)))
        absences.record(
            session,
            officer(session, agency, "supervisor", self.random),
            officer_id=away.officer_id,
            substitute_id=substitute.officer_id,
            from_on=first,
            until_on=first + timedelta(days=self.random.choice((1, 10, 40))),
            reason="年休假",
        )

    def _come_back(self, session: Session) -> None:
        current = select(Absence).where(Absence.ended_at.is_(None), Absence.until_on >= clock.today())
        absence = session.scalars(current.order_by(Absence.id)).first()
        if absence is not None:
            absences.end(session, absence.id, actor_of(session, absence.officer))

    def _return_stranded(self, session: Session) -> None:
        handovers.return_stranded(session)

    # End

    def finish(self, most: int = 400) -> None:
        """Willing officers, all of them back, do everything that is left; in so many acts at most."""
        with transaction() as session:
            for absence in session.scalars(select(Absence).where(Absence.ended_at.is_(None))):
                absence.ended_at = clock.now()
            session.flush()
            handovers.return_stranded(session)
        for _ in range(most):
            while timers.tick():
                pass
            if not self._finish_one():
                return
        raise AssertionError("a case does not come to its end")

    def _finish_one(self) -> bool:
        with transaction() as session:
            rows = session.scalars(
                select(Task)
                .where(Task.state.in_(("pool", "claimed")), Task.held_because.is_(None))
                .order_by(Task.priority, Task.id)
                .limit(1)
            ).all()
            for task in rows:
                actor = holder(session, task) or willing(session, task)
                if task.form in ("scanning", "review", "supplement") and task.case is not None:
                    scan_all(session, task.case, officer(session, task.case.accepting_agency_code, "acceptor"))
                if task.state == "pool":
                    tasks.claim(session, task.id, actor)
                complete(session, task, actor, finishing_outcome(session, task))
                return True
        return False


#: Who is left in a crowded agency.
POSTS = (
    ("acceptor", "first_reviewer", "archivist"),
    ("first_reviewer", "second_reviewer"),
    ("second_reviewer", "supervisor"),
    ("acceptor", "second_reviewer", "transfer_operator"),
    ("first_reviewer", "supervisor", "advanced_scanner"),
)


def crowd(session: Session) -> None:
    """Leave five people in each agency, each with several posts, one of them away and another in his place."""
    for agency in AGENCIES:
        rows = session.scalars(select(Officer).where(Officer.agency_code == agency).order_by(Officer.id)).all()
        people = [row for row in rows if not {"city_administrator", "superior_adjudicator"}.intersection(row.roles)]
        for row in people:
            row.active = False
        for row, posts in zip(people, POSTS, strict=False):
            row.active, row.roles = True, list(posts)
        absences.record(
            session,
            actor_of(session, people[4]),
            officer_id=people[1].id,
            substitute_id=people[3].id,
            from_on=clock.today(),
            until_on=clock.today() + timedelta(days=300),
            reason="产假",
        )


def told(case: Case) -> tuple[Any, ...]:
    """What the applicant was told at acceptance and nobody may change (ACC-12)."""
    return (
        case.receipt_number,
        case.serial_number,
        case.accepted_at,
        case.accepting_agency_code,
        case.accepted_by_id,
        case.outlet_code,
        case.service,
        case.limit_workdays,
        case.definition_hash,
    )


# People


def actor_of(session: Session, row: Officer) -> Actor:
    """The officer as he may act today."""
    return duty.actor_of(session, row)


def officer(session: Session, agency: str, role: str | None, dice: random.Random | None = None) -> Actor:
    """An officer of the agency with the role (any role where none is named): somebody at work where there is one."""
    at_work = [one for one in duty.on_duty(session, agency) if role is None or one.has(role)]
    if at_work:
        return dice.choice(at_work) if dice else at_work[0]
    rows = session.scalars(select(Officer).where(Officer.agency_code == agency).order_by(Officer.id))
    return actor_of(session, next(row for row in rows if role is None or role in row.roles))


def holder(session: Session, task: Task) -> Actor | None:
    """Who has claimed it."""
    return actor_of(session, task.claimed_by) if task.state == "claimed" and task.claimed_by else None


def willing(session: Session, task: Task) -> Actor:
    """Somebody whom separation of duties does not bar."""
    barred = barred_officers(session, task)
    able = [one for one in duty.on_duty(session, task.agency_code) if one.has(task.role)]
    return next((one for one in able if one.officer_id not in barred), None) or _sent(session, task)


def _sent(session: Session, task: Task) -> Actor:
    """Somebody new, where all who could do it have had a part in it."""
    row = Officer(
        username=f"sent-{task.id}", name="钟调", agency_code=task.agency_code, roles=[task.role], password_hash="-"
    )
    session.add(row)
    session.flush()
    return actor_of(session, row)


# Work


def scan_all(session: Session, case: Case, actor: Actor) -> None:
    """Images for whatever has none."""
    for item in [*materials.missing_images(session, case), *supplements.without_images(session, case)]:
        materials.add_image(session, case.application_id, item.material, PNG, actor)


def complete(session: Session, task: Task, actor: Actor, outcome: str) -> None:
    """Complete it with a valid entry."""
    tasks.complete(
        session, task.id, actor, outcome=outcome, opinion="按材料和规定办理", fields=entry(session, task, outcome)
    )


def outcomes(form: str) -> list[str]:
    """What the task may end with, the usual answers more often."""
    codes = [outcome.code for outcome in task_forms()[form].outcomes]
    return codes + [code for code in codes if code in ("pass", "done", "sufficient", "settled")] * 3


def finishing_outcome(session: Session, task: Task) -> str:
    """The answer that leads on: pass where it can be passed, else not passed."""
    codes = [outcome.code for outcome in task_forms()[task.form].outcomes]
    if task.form == "review" and task.case is not None and not _passable(session, task.case):
        return "not_passed"
    return codes[0]


def _passable(session: Session, case: Case) -> bool:
    try:
        form_checks.check(session, case, "review", "pass", {"remedy": "已补正"})
    except TongbanError:
        return False
    return True
