"""A referral is valid sixty days and once (part L 16, S25)."""

from __future__ import annotations

import copy
from datetime import date, timedelta

import pytest

from api.demo.story import application
from tests.stories.telling import Tell, Telling

AGENCY = "440203"
OPINION = {
    "hospital": "韶关市示例人民医院",
    "level": 3,
    "agreement": True,
    "sealed": True,
    "opinion_on": "2024-03-01",
}


def _filed(tell: Tell) -> Telling:
    """A referral filed on 2024-03-04, valid until 2024-05-03."""
    story = tell("referral_filing", at="2024-03-04T09:00")
    story.through_intake(f"acceptor-{AGENCY}")
    story.act("task", by=f"first-{AGENCY}", task="check_hospital_opinion", outcome="sufficient", fields=OPINION)
    story.act("pass_reviews", by=[f"first-{AGENCY}"])
    return story


def _travels(story: Telling, admitted_on: date) -> None:
    """The worker comes back and claims fares and lodging for a treatment that began on `admitted_on`."""
    claim = copy.deepcopy(application("travel_expense"))
    signed = (admitted_on + timedelta(days=10)).isoformat()
    facts = claim["facts"]["travel_expense"]
    facts |= {"admitted_on": admitted_on.isoformat(), "discharged_on": (admitted_on + timedelta(days=8)).isoformat()}
    for fare, days in zip(facts["fares"], (-1, 8), strict=True):
        fare["travelled_on"] = (admitted_on + timedelta(days=days)).isoformat()
    claim["forms"]["1-1"] |= {"signed_on": signed, "expenses_signed_on": signed}
    story.story.further["travel"] = claim  # type: ignore[index]
    story.clock(f"{signed}T09:00")
    story.through_intake(f"acceptor-{AGENCY}", application="travel")


@pytest.mark.rule("FRM-1-8-17")
def test_a_filed_referral_is_valid_for_sixty_days_the_filing_day_not_counted(tell: Tell) -> None:
    story = _filed(tell)

    filing = story.case()["filing"]

    assert (filing["state"], filing["filed_on"], filing["valid_until"]) == ("valid", "2024-03-04", "2024-05-03")


@pytest.mark.rule("FRM-1-8-17")
def test_a_treatment_that_begins_on_day_60_is_covered(tell: Tell) -> None:
    story = _filed(tell)

    _travels(story, date(2024, 5, 3))

    assert story.open_tasks() == {"assess_travel_lines"}


@pytest.mark.rule("FRM-1-8-17")
def test_a_treatment_that_begins_on_day_61_is_not(tell: Tell) -> None:
    story = _filed(tell)

    _travels(story, date(2024, 5, 4))

    assert story.open_tasks() == {"first_review"}


@pytest.mark.rule("FRM-1-8-17")
def test_a_referral_is_used_once(tell: Tell) -> None:
    story = _filed(tell)
    referral = story.case_id
    _travels(story, date(2024, 3, 7))
    lines = [{"line": 1, "allowed": "104.50"}, {"line": 2, "allowed": "104.50"}]
    fields = {"lines": lines, "days": 2, "rate": "350.00"}
    story.act("task", by=f"first-{AGENCY}", task="assess_travel_lines", fields=fields)
    story.act("pass_reviews", by=[f"first-{AGENCY}", f"second-{AGENCY}"])

    _travels(story, date(2024, 3, 20))

    assert story.open_tasks() == {"first_review"}
    story.case_id = referral
    assert story.case()["filing"]["state"] == "used"


@pytest.mark.rule("FRM-1-8-17")
def test_an_unused_referral_expires_by_itself(tell: Tell) -> None:
    story = _filed(tell)

    story.clock("2024-05-04T00:05")

    assert story.case()["filing"]["state"] == "expired"
