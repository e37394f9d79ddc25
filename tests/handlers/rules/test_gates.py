"""May this application be taken here? The gates on their boundary days (SCO-01, -03, -04, -05, -10, ROU-05)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from config.catalogue import services
from handlers.rules import gates


def answer(rule: str, **facts: Any) -> gates.GateAnswer:
    """The gate `rule`, asked at a counter far from the place of insurance unless `facts` say otherwise."""
    asked = {
        "services": ["medical_expense"],
        "applicant_kind": "worker",
        "channel": "counter",
        "injured_on": date(2022, 3, 1),
        "received_on": date(2023, 8, 1),
        "advance_payment": False,
        "cross_place": True,
        "distribution_modes": {"medical_expense": "province"},
        "place_of_insurance": "中山市社会保险基金管理局（中山市社保经办服务大厅）",
        **facts,
    }
    return next(gate for gate in gates.check(asked) if gate.rule == rule)


@pytest.mark.rule("SCO-03")
def test_s19_the_last_day_before_the_limit_is_refused_and_sent_to_the_place_of_insurance() -> None:
    refused = answer("SCO-03", injured_on=date(2019, 6, 30))

    assert not refused.passed
    assert refused.code == "injured_before_scheme"
    assert "中山市社保经办服务大厅" in refused.message
    assert refused.because[0]["article"] == "附件2 二"
    assert "2019 年 7 月 1 日（含当日）" in refused.because[0]["quote"]


@pytest.mark.rule("SCO-03")
def test_s19_the_first_day_of_the_limit_is_taken() -> None:
    assert answer("SCO-03", injured_on=date(2019, 7, 1)).passed


@pytest.mark.rule("SCO-03", "SCO-04", "SCO-10")
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"cross_place": False},
        # Online is 一网通办 and has no such limits (K-03).
        {"channel": "web_hall"},
        {"channel": "yueshengshi"},
    ],
)
@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("SCO-03", {"injured_on": date(2010, 1, 1)}),
        ("SCO-04", {"advance_payment": True}),
        ("SCO-10", {"received_on": date(2023, 7, 14)}),
        ("ROU-05", {"distribution_modes": {"medical_expense": "local"}}),
    ],
)
def test_only_a_counter_elsewhere_asks(rule: str, facts: dict[str, Any], elsewhere: dict[str, Any]) -> None:
    assert not answer(rule, **facts).passed
    assert answer(rule, **facts, **elsewhere).passed


@pytest.mark.rule("SCO-10")
def test_s01_the_day_before_the_plan_is_refused_and_the_first_day_is_taken() -> None:
    refused = answer("SCO-10", received_on=date(2023, 7, 14))

    assert not refused.passed
    assert "2023年7月15日" in refused.message
    assert answer("SCO-10", received_on=date(2023, 7, 15)).passed


@pytest.mark.rule("SCO-04")
def test_advance_payment_elsewhere_is_refused_with_the_local_way() -> None:
    refused = answer("SCO-04", advance_payment=True)

    assert (refused.passed, refused.code) == (False, "advance_payment")
    assert "先行支付" in refused.because[0]["quote"]
    assert "请到参保地中山市社会保险基金管理局" in refused.message


@pytest.mark.rule("SCO-05")
@pytest.mark.parametrize("kind", ["worker", "relative", "employer", "agent"])
def test_every_entitled_applicant_may_apply_at_any_counter(kind: str) -> None:
    assert answer("SCO-05", applicant_kind=kind).passed


@pytest.mark.rule("SCO-05")
def test_a_stranger_may_not_apply() -> None:
    assert not answer("SCO-05", applicant_kind="creditor").passed


@pytest.mark.rule("ROU-05")
def test_a_service_whose_province_mode_is_off_stays_in_its_city() -> None:
    refused = answer(
        "ROU-05",
        services=["medical_expense", "inpatient_meals"],
        distribution_modes={"medical_expense": "province", "inpatient_meals": "local"},
    )

    assert (refused.passed, refused.code) == (False, "local_only")
    # Of several services the counter must know which one to leave out.
    assert "“住院伙食补助费”" in refused.message
    assert "工伤医疗费" not in refused.message


@pytest.mark.rule("SCO-01")
def test_exactly_the_eleven_services_are_province_wide() -> None:
    on = date(2023, 8, 1)

    assert [code for code in services() if gates.is_province_wide(code, on)] == list(services())
    assert len(services()) == 11
    assert not gates.is_province_wide("injury_recognition", on)


@pytest.mark.rule("SCO-01")
def test_another_service_is_refused_with_the_article() -> None:
    refused = gates.refusal_of_service("工伤认定", date(2023, 8, 1))

    assert (refused.passed, refused.code) == (False, "service_not_province_wide")
    assert "工伤认定" in refused.message
    assert "11 项" in refused.because[0]["quote"]


def test_gates_that_depend_on_the_place_of_insurance_wait_until_it_is_known() -> None:
    asked = {
        "services": ["medical_expense"],
        "applicant_kind": "worker",
        "channel": "counter",
        "injured_on": date(2010, 1, 1),
        "received_on": date(2023, 8, 1),
        "advance_payment": True,
    }

    assert [gate.rule for gate in gates.check(asked)] == ["SCO-01", "SCO-05"]


def test_a_gate_that_lets_through_says_nothing_and_still_names_its_article() -> None:
    passed = answer("SCO-03")

    assert passed.message == ""
    assert passed.because
