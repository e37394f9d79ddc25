"""Change of the bank account: evidence, third persons, the next payment."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput, RuleRefused
from tests.conftest import FixedClock
from tests.factories import make_person
from tests.handlers.cases import Desk, make_desk

WORKER = make_person(1).name
ACCOUNT = "6200000000000000045"


def desk_with(
    session: Session, kind: str, reason: str | None = None, holder: str = WORKER, images: tuple[str, ...] = ()
) -> Desk:
    facts: dict[str, Any] = {"bank": "样例银行", "holder": holder, "account": ACCOUNT, "account_kind": kind}
    desk = make_desk(session, "bank_account_change", facts | ({"reason_code": reason} if reason else {}))
    for material in ("account_copy", *images):
        desk.image(material)
    return desk


def verify(desk: Desk, holder: str | None = None, ending: str = "0045") -> None:
    stated = desk.case.application.content["facts"]["bank_account_change"]["holder"]
    desk.complete("account_evidence", "sufficient", holder=holder or stated, account_ending=ending)


LAWFUL = [
    ("social_security_card", None, WORKER, ()),
    ("personal_account", "passbook", WORKER, ()),
    ("personal_account", "guardian", "样例监护人", ("guardian_evidence",)),
    ("employer_account", "advanced_by_employer", "样例公司", ("advance_evidence",)),
    ("joint_account", "joint_designation", "样例亲属", ("joint_designation",)),
]
UNLAWFUL = [
    ("social_security_card", None, "他人", ()),  # a card is the person's own
    ("personal_account", None, WORKER, ()),  # no coded reason (K-32)
    ("personal_account", "passbook", "他人", ()),  # a third person's account (S24)
    ("personal_account", "guardian", "样例监护人", ()),  # no evidence
    ("personal_account", "advanced_by_employer", "样例公司", ("advance_evidence",)),  # not for this kind
    ("employer_account", "advanced_by_employer", "样例公司", ()),  # no signed evidence (G228-09)
    ("employer_account", "joint_designation", "样例公司", ("advance_evidence",)),  # the other evidence
    ("employer_account", "passbook", WORKER, ()),
]


@pytest.mark.rule("K-32", "G228-03", "FRM-1-2-09")
@pytest.mark.parametrize(("kind", "reason", "holder", "images"), LAWFUL)
def test_an_account_with_its_reason_and_evidence_takes_effect_today(
    session: Session, kind: str, reason: str | None, holder: str, images: tuple[str, ...]
) -> None:
    desk = desk_with(session, kind, reason, holder, images)

    verify(desk)
    desk.complete("review", "pass")
    desk.run("bank_account.apply")

    account = desk.benefits.bank_account(date(2023, 8, 1))
    assert account is not None
    assert (account.kind, account.account, account.effective_from) == (kind, ACCOUNT, date(2023, 8, 1))


@pytest.mark.rule("K-32", "G228-03", "G228-09", "G228-16")
@pytest.mark.parametrize(("kind", "reason", "holder", "images"), UNLAWFUL)
def test_an_account_without_its_reason_or_evidence_is_refused_at_every_step(
    session: Session, kind: str, reason: str | None, holder: str, images: tuple[str, ...]
) -> None:
    desk = desk_with(session, kind, reason, holder, images)

    with pytest.raises(RuleRefused) as refused:
        verify(desk)
    assert refused.value.because
    desk.complete("account_evidence", "insufficient", "凭证不符合要求")
    with pytest.raises(RuleRefused):
        desk.complete("review", "pass", remedy="已说明")
    with pytest.raises(CannotProceed):
        desk.run("bank_account.apply")
    assert desk.benefits.bank_account(date(2030, 1, 1)) is None


@pytest.mark.rule("FRM-1-2-09")
def test_without_a_copy_of_the_new_card_nothing_is_changed(session: Session) -> None:
    facts = {"bank": "样例银行", "holder": WORKER, "account": ACCOUNT, "account_kind": "social_security_card"}
    desk = make_desk(session, "bank_account_change", facts)

    with pytest.raises(RuleRefused, match="影像"):
        verify(desk)


@pytest.mark.parametrize(("holder", "ending", "field"), [("他人", "0045", "holder"), (None, "0046", "account_ending")])
def test_the_copy_shows_the_account_that_was_applied_for(
    session: Session, holder: str | None, ending: str, field: str
) -> None:
    desk = desk_with(session, "social_security_card")

    with pytest.raises(InvalidInput) as refused:
        verify(desk, holder, ending)

    assert list(refused.value.fields) == [f"fields.{field}"]


def test_applying_again_keeps_the_day_of_the_change(session: Session, clock: FixedClock) -> None:
    desk = desk_with(session, "social_security_card")
    desk.run("bank_account.apply")

    clock.set("2023-08-09T09:00")
    desk.run("bank_account.apply")

    account = desk.benefits.bank_account(date(2023, 8, 9))
    assert account is not None
    assert account.effective_from == date(2023, 8, 1)


def meals(session: Session) -> Desk:
    desk = make_desk(
        session,
        "inpatient_meals",
        {"stays": [{"hospital": "样例医院", "admitted_on": "2023-03-01", "discharged_on": "2023-03-02"}]},
        forms={"1-1": {"account_kind": "social_security_card", "guangdong_card": True}},
    )
    desk.run("stays.record")
    desk.complete("stays", stays=[{"line": 1, "days": 2, "rate": "70"}])
    desk.run("stays.determine")
    return desk


def test_the_next_payment_goes_to_the_new_account_and_an_earlier_one_is_not_touched(session: Session) -> None:
    earlier = meals(session)
    earlier.run("payee.to_worker")

    desk_with(session, "personal_account", "passbook").run("bank_account.apply")
    later = meals(session)
    later.run("payee.to_worker")

    assert earlier.payments()[0][1:3] == ("social_security_card", None)
    assert later.payments()[0][1:3] == ("personal_account", ACCOUNT)


@pytest.mark.rule("G228-09")
def test_an_employers_account_filed_before_gets_a_benefit_only_with_evidence_for_it(session: Session) -> None:
    desk_with(session, "employer_account", "advanced_by_employer", "样例公司", ("advance_evidence",)).run(
        "bank_account.apply"
    )
    later = meals(session)

    later.run("payee.to_worker")

    assert later.payments()[0][0:2] == ("worker", "social_security_card")
