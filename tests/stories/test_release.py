"""What a case is pinned to: the handling city's configuration of the day it was accepted (part L 17)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from api.demo.story import application
from engine import clock
from engine.casework.province import configuration_for
from engine.db import transaction
from engine.models import ServiceConfiguration
from tests.stories.telling import Tell, Telling

ZHUHAI = "440402"
STAYS = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
_KEPT = (
    *("city_code", "service", "limit_workdays", "review_levels"),
    *("distribution_mode", "materials", "sms", "switches"),
)


def _new_version(**changes: Any) -> None:
    """Zhuhai configures the meal subsidy anew, from today on."""
    with transaction() as session:
        today = clock.today()
        old = configuration_for(session, ZHUHAI, "inpatient_meals", today)
        kept = {name: getattr(old, name) for name in _KEPT}
        session.add(ServiceConfiguration(**{**kept, **changes}, version=old.version + 1, valid_from=today))


def _accepted(tell: Tell, at: str, **changes: Any) -> Telling:
    story = tell("inpatient_meals", at=at, **changes)
    story.through_intake(f"acceptor-{ZHUHAI}")
    story.act("task", by=f"first-{ZHUHAI}", task="confirm_stays", fields={"stays": STAYS})
    return story


def _another_injury() -> dict[str, Any]:
    handed_in = copy.deepcopy(application("inpatient_meals"))
    handed_in["injured_on"] = handed_in["forms"]["1-1"]["injured_on"] = "2023-05-01"
    return handed_in


@pytest.mark.rule("REV-04", "DDL-01")
def test_a_new_configuration_counts_for_new_cases_alone(tell: Tell) -> None:
    before = _accepted(tell, "2023-08-21T14:00")
    _new_version(review_levels=1, limit_workdays=3)
    after = _accepted(tell, "2023-08-22T09:00", **_another_injury())

    for story in (before, after):
        story.act("task", by=f"first-{ZHUHAI}", task="first_review", outcome="pass", opinion="同意。")

    assert (before.case()["state"], before.case()["limit_workdays"]) == ("awaiting_second_review", 15)
    assert (after.case()["result"], after.case()["limit_workdays"]) == ("approved", 3)


@pytest.mark.rule("REV-04")
def test_a_service_without_review_is_done_once_it_is_determined(tell: Tell) -> None:
    tell("inpatient_meals", at="2023-08-21T14:00")
    _new_version(review_levels=0)

    story = _accepted(tell, "2023-08-21T14:00")

    case = story.case()
    assert (case["state"], case["result"]) == ("awaiting_delivery", "approved")
    assert story.entries("review_skipped")
    assert all(row["final"] for row in case["determinations"])
