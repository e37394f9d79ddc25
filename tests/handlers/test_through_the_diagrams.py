"""Each service from acceptance to the archive on its stock diagram, with the real operators and no HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.casework import instances, tasks
from engine.casework.province import configuration_for
from engine.models import Incident, MaterialItem, Officer, Task
from tests.conftest import FixedClock
from tests.factories import make_person
from tests.handlers import test_death, test_devices, test_disability, test_expenses, test_filings, test_lump_sum
from tests.handlers.cases import AGENCY, Desk, make_desk

SECOND = "second_review"
#: A task that comes back is given to whoever did it before.
OPEN = ("pool", "claimed")
#: Role -> first part of a demo officer's user name; the acceptor of the case is nobody of these.
USERNAMES = {
    "acceptor": "acceptor2",
    "advanced_scanner": "scanner",
    "first_reviewer": "first",
    "second_reviewer": "second",
    "archivist": "archivist",
}
WORKER = make_person(1).name


class Process(Desk):
    """A case on its diagram: officers complete whatever waits, in the order given."""

    def work(self, element: str, outcome: str = "done", opinion: str | None = None, **fields: Any) -> None:
        """The first officer of the task's role whom the law allows completes it."""
        task = self.session.scalars(
            select(Task).where(Task.case_id == self.case.id, Task.state.in_(OPEN), Task.element_id == element)
        ).one()
        actor = self.officer(USERNAMES[task.role])
        tasks.claim(self.session, task.id, actor)
        tasks.complete(self.session, task.id, actor, outcome=outcome, opinion=opinion, fields=fields)
        incidents = self.session.scalars(select(Incident).where(Incident.case_id == self.case.id)).all()
        assert [(one.operator, one.message) for one in incidents] == []

    def officer(self, prefix: str) -> Actor:
        row = self.session.scalars(select(Officer).where(Officer.username == f"{prefix}-{AGENCY}")).one()
        return Actor(
            officer_id=row.id,
            name=row.name,
            agency_code=row.agency_code,
            agency_path=row.agency.path,
            roles=frozenset(row.roles),
        )

    def scan(self, material: str) -> None:
        """What a supplement asked for is scanned."""
        of_case = MaterialItem.application_id == self.case.application_id
        line = self.session.scalars(select(MaterialItem).where(of_case, MaterialItem.material == material)).one()
        line.images = ["0" * 64]

    def reviews(self) -> None:
        self.work("first_review", "pass")
        if self.waiting() == [SECOND]:
            self.work(SECOND, "pass")

    def archive(self) -> None:
        self.work("deliver_result", method="counter", delivered_on="2023-08-01")
        self.work("archive_case")
        self.session.refresh(self.case)
        assert (self.case.state, self.case.result) == ("archived", "approved")

    def waiting(self) -> list[str]:
        return list(
            self.session.scalars(select(Task.element_id).where(Task.case_id == self.case.id, Task.state.in_(OPEN)))
        )


def begin(session: Session, service: str, facts: dict[str, Any], **more: Any) -> Process:
    desk = make_desk(session, service, facts, **more)
    session.delete(desk.instance)
    desk.case.configuration_id = configuration_for(session, AGENCY, service, desk.case.injured_on).id
    session.flush()
    instance = instances.start(session, process_id=service, subject="case", subject_row=desk.case, actor=None)
    return Process(session, desk.case, instance, desk.officer_id)


def test_medical_expense(session: Session) -> None:
    case = begin(session, "medical_expense", test_expenses.FACTS | {"third_party": True})

    case.work("confirm_third_party_share", amount="1000", evidence="settlement", basis="赔偿协议")
    case.work("assess_expense_lines", lines=test_expenses.ALL)
    case.reviews()
    case.archive()

    assert [(one.amount, one.final) for one in case.benefits.determinations()] == [(1222650, True)]


def test_medical_expense_with_evidence_that_comes_as_a_supplement(session: Session) -> None:
    case = begin(session, "medical_expense", test_expenses.FACTS | {"advanced_by_employer": "5000"})
    case.work("assess_expense_lines", lines=test_expenses.ALL)

    missing = [{"material": "advance_evidence", "name": "垫付材料", "what": "工伤职工签名的垫付材料"}]
    case.work("first_review", "supplement", "缺垫付材料", materials=missing)
    case.scan("advance_evidence")
    case.work("collect_supplement")
    case.reviews()
    case.archive()

    assert [one.kind for one in case.benefits.payees()] == ["worker", "employer"]


def test_a_case_dispatched_again_is_determined_anew_and_nothing_is_there_twice(session: Session) -> None:
    case = begin(session, "medical_expense", test_expenses.FACTS)
    case.work("assess_expense_lines", lines=test_expenses.ALL)

    instances.deliver(session, case.case.id, "case_redispatched", None)
    assert case.waiting() == ["assess_expense_lines"]
    assert [line.allowed for line in case.benefits.lines("expense")] == [None, None]
    case.work(
        "assess_expense_lines", lines=[test_expenses.ALL[0], {**test_expenses.ALL[1], "allowed": "0", "reason": "x"}]
    )
    case.reviews()
    case.archive()

    assert [one.amount for one in case.benefits.determinations()] == [38650]
    assert [one.amount for one in case.benefits.payees()] == [38650]


def test_medical_expense_that_is_not_passed_pays_nothing(session: Session) -> None:
    case = begin(session, "medical_expense", test_expenses.FACTS)
    case.work("assess_expense_lines", lines=test_expenses.ALL)

    case.work("first_review", "not_passed", "不属于工伤医疗费")
    case.work(SECOND, "not_passed", "同意")

    assert case.case.result == "not_approved"
    assert not case.benefits.is_final()


def test_rehabilitation_expense(session: Session) -> None:
    case = begin(session, "rehabilitation_expense", test_expenses.REHABILITATION)

    case.work(
        "confirm_rehabilitation_period", from_on="2023-03-01", until_on="2023-06-30", confirmation_number="样例1号"
    )
    amounts = ("400.00", "500.00", "600.00")
    case.work(
        "assess_expense_lines",
        lines=[{"line": n, "allowed": a, "catalogue": "inside"} for n, a in enumerate(amounts, start=1)],
    )
    case.reviews()
    case.archive()

    assert case.benefits.determinations()[0].amount == 150000


def test_assistive_device(session: Session) -> None:
    facts = {
        "lines": [test_devices.device("1000", "2023-01-01", "2022-01-01")],
        "third_party": False,
        "advanced_by_employer": "0.00",
        "advanced_by_medical_insurance": "0.00",
    }
    case = begin(session, "assistive_device", facts)

    case.work(
        "confirm_device",
        devices=[{"line": 1, "confirmation_number": "样例1号", "catalogue_limit": "900", "minimum_life_months": 36}],
    )
    case.work("justify_replacement", justified=True, reason="残肢萎缩")
    case.reviews()
    case.archive()

    assert case.benefits.determinations()[0].amount == 90000


def test_inpatient_meals(session: Session) -> None:
    stay = {"hospital": "样例医院", "admitted_on": "2023-03-01", "discharged_on": "2023-03-15"}
    case = begin(session, "inpatient_meals", {"stays": [stay]})

    case.work("confirm_stays", stays=[{"line": 1, "days": 15, "rate": "70"}])
    case.reviews()
    case.archive()

    assert case.benefits.payees()[0].amount == 105000


def test_medical_lump_sum_and_a_second_claim_for_the_same_injury(session: Session) -> None:
    case = begin(session, "medical_lump_sum", test_lump_sum.FACTS, forms=test_lump_sum.SIGNED)
    case.work(
        "confirm_employment_end",
        employment_ended_on="2023-06-30",
        insurance_stopped_on="2023-07-31",
        ended_by="contract_end",
        evidence="证明书",
    )
    benefits = [{"benefit": "medical_lump_sum", "amount": "36900.00", "basis": "6个月"}]
    case.work("enter_determination", benefits=benefits)
    case.reviews()
    case.archive()

    second = begin(session, "medical_lump_sum", test_lump_sum.FACTS, forms=test_lump_sum.SIGNED)
    assert second.waiting() == ["first_review"]
    assert second.benefits.refusal_recommended() == "already_claimed"
    second.work("first_review", "not_passed", "已领取")
    second.work(SECOND, "not_passed", "同意")
    assert second.case.result == "not_approved"


def test_disability_benefit(session: Session) -> None:
    case = begin(session, "disability_benefit", test_disability.FACTS)

    case.work("choose_allowance_way", way="one", medical_insurance="withheld")
    case.work("enter_determination", benefits=test_disability.BENEFITS)
    case.reviews()
    case.archive()

    assert case.events("certification_started")


def test_death_benefit(session: Session) -> None:
    facts = {
        "died_on": "2023-06-20",
        "recognition_number": "样例1号",
        "within_paid_leave": True,
        "dependants": [test_death.dependant(2)],
        "relatives": [test_death.relative(4)],
        "account_disputed": True,
    }
    case = begin(session, "death_benefit", facts)

    case.work("verify_dependants", dependants=[{"dependant": 1, "eligible": True, "account_evidence": "own_name"}])
    case.work("settle_account_dispute", "unsettled", "双方各持己见")
    case.work(
        "enter_determination",
        benefits=[*test_death.LUMP_SUMS, test_death.pension("1950")],
        shares=[{"benefit": "dependants_pension", "receiver": 1, "amount": "1950"}],
    )
    case.reviews()
    case.archive()

    assert [one.reason_code for one in case.benefits.payees()] == ["held_disputed", None]
    assert case.events("certification_started")


def test_bank_account_change(session: Session) -> None:
    facts = {"bank": "样例银行", "holder": WORKER, "account": "6200000000000000045"}
    case = begin(session, "bank_account_change", facts | {"account_kind": "social_security_card"})
    case.image("account_copy")

    case.work("verify_account_evidence", "sufficient", holder=WORKER, account_ending="0045")
    case.reviews()
    case.archive()

    assert case.events("bank_account_changed")


def test_referral_filing_and_the_travel_claim_that_uses_it(session: Session, clock: FixedClock) -> None:
    clock.set("2026-03-02T10:00")
    facts = {"hospital": "样例", "hospital_level": 2, "destination_province": "广东省", "destination_city": "广州市"}
    filed = begin(session, "referral_filing", facts)
    filed.work("check_hospital_opinion", "sufficient", **test_filings.OPINION)
    filed.reviews()
    filed.archive()
    assert filed.instance.due_at is not None
    assert filed.instance.due_at.isoformat() == "2026-05-01T23:59:59+08:00"

    fare = {"label": "中山至广州", "travelled_on": "2026-03-10", "means": "train", "amount": "104.50"}
    travel = begin(
        session, "travel_expense", {"hospital": "样例", "admitted_on": "2026-03-10", "days": 2, "fares": [fare]}
    )
    travel.work("assess_travel_lines", lines=[{"line": 1, "allowed": "104.50"}], days=2, rate="350")
    travel.reviews()
    travel.archive()

    filing = filed.benefits.filing()
    assert filing is not None
    assert filing.state == "used"
    assert filed.events("filing_used")
    session.refresh(filed.instance)
    assert filed.instance.ended_at is not None


def test_a_travel_claim_without_a_referral_comes_to_the_review_with_a_recommendation(session: Session) -> None:
    facts = {"hospital": "样例", "admitted_on": "2023-03-10", "days": 2, "fares": []}

    case = begin(session, "travel_expense", facts)

    assert case.waiting() == ["first_review"]
    assert case.benefits.refusal_recommended() == "referral_missing"


@pytest.mark.parametrize("registration", ["new", "change"])
def test_remote_treatment_filing(session: Session, clock: FixedClock, registration: str) -> None:
    facts = {
        "registration": registration,
        "category": "resides_elsewhere",
        "destination_province": "湖南省",
        "destination_city": "长沙市",
        "from_on": "2023-09-01",
        "until_on": "2024-02-29",
        "employed": True,
    }
    case = begin(session, "remote_treatment_filing", facts)
    case.work("check_employer_opinion", "sufficient", agrees=True, sealed=True, opinion_on="2023-07-30")
    case.reviews()
    case.archive()
    assert case.instance.ended_at is None

    clock.set("2024-03-01T00:00")
    instances.advance(session, case.instance, None, lambda run: run.fire_due())

    filing = case.benefits.filing()
    assert filing is not None
    assert filing.state == "expired"
    assert case.instance.ended_at is not None
