"""The law's own examples: one YAML per act, each case in the words of an officer, with the article it stands on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from config.catalogue import services
from config.files import read_yaml
from config.legal import RuleNotInForce, rule_value
from config.province import province
from config.settings import PROJECT
from handlers.rules import gates
from handlers.rules.jurisdiction import NoCommonSuperior, common_superior_in_province
from handlers.rules.workdays import DueDay, official_calendar

Case = dict[str, Any]

#: An application from elsewhere at a counter with which nothing is wrong; a case says what is special.
ELSEWHERE = {
    "services": ["medical_expense"],
    "applicant_kind": "worker",
    "channel": "counter",
    "injured_on": date(2022, 3, 1),
    "received_on": date(2023, 8, 1),
    "advance_payment": False,
    "cross_place": True,
    "distribution_modes": {"medical_expense": "province"},
    "place_of_insurance": "中山市社会保险基金管理局",
}


def cases(name: str) -> pytest.MarkDecorator:
    """The cases of one file as the parameters of a test."""
    listed = read_yaml(PROJECT / "tests" / "law" / f"{name}.yaml")["cases"]
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["case"]) for case in listed])


def assert_due(due: DueDay, expected: Case) -> None:
    assert due.on == expected["due_on"]
    if "provisional" in expected:
        assert expected["provisional"] in (due.provisional or "")
    else:
        assert due.provisional is None


@pytest.mark.rule("JUR-01", "DDL-03", "DDL-04")
@cases("transfer_limit")
def test_a_transfer_is_due_one_working_day_after_it_was_found(case: Case) -> None:
    found_on, expected = case["facts"]["found_on"], case["expected"]
    if expected.get("not_in_force"):
        with pytest.raises(RuleNotInForce):
            rule_value("transfer.limit_workdays", on=found_on)
        return

    limit = rule_value("transfer.limit_workdays", on=found_on)

    assert_due(official_calendar().due(found_on, limit.value), expected)
    assert limit.ref.article == "附件2 三（五）"


@pytest.mark.rule("DDL-01", "DDL-02", "DDL-04")
@cases("case_limit")
def test_a_case_is_due_after_the_limit_of_its_handling_place(case: Case) -> None:
    facts, expected = case["facts"], case["expected"]
    city = province().city_of(facts["handling_agency"]).code

    limit = services()[facts["service"]].for_city(city).limit_workdays

    assert limit == expected["limit_workdays"]
    assert_due(official_calendar().due(facts["accepted_on"], limit), expected)


@pytest.mark.rule("JUR-03", "JUR-04")
@cases("common_superior")
def test_a_disputed_case_goes_to_the_common_superior(case: Case) -> None:
    facts, expected = case["facts"], case["expected"]
    if "none" in expected:
        with pytest.raises(NoCommonSuperior, match=expected["none"]):
            common_superior_in_province(facts["first"], facts["second"])
        return

    assert common_superior_in_province(facts["first"], facts["second"]) == expected["superior"]


@pytest.mark.rule("SCO-03", "SCO-04", "SCO-10", "ROU-05")
@cases("scope")
def test_a_counter_elsewhere_takes_what_the_plan_covers_and_says_why_not(case: Case) -> None:
    facts = ELSEWHERE | case["facts"]

    refused = [answer for answer in gates.check(facts) if not answer.passed]

    assert [answer.rule for answer in refused] == case["expected"]["refused_by"]
    for answer in refused:
        assert case["article"] in answer.because[0]["article"]
        assert "中山市社会保险基金管理局" in answer.message
