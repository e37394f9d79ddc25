"""Medical and rehabilitation expenses, from the claimed lines to who is paid."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, InvalidInput, RuleRefused
from tests.handlers.cases import Desk, make_desk

FACTS: dict[str, Any] = {
    "lines": [
        {"label": "门诊", "invoice_number": "1", "amount": "386.50", "kind": "outpatient", "incurred_on": "2022-03-02"},
        {
            "label": "住院",
            "invoice_number": "2",
            "amount": "12840.00",
            "kind": "inpatient",
            "incurred_on": "2022-03-09",
        },
    ],
    "third_party": False,
    "advanced_by_employer": "0.00",
    "advanced_by_medical_insurance": "0.00",
}
ALL = [
    {"line": 1, "allowed": "386.50", "catalogue": "inside"},
    {"line": 2, "allowed": "12840.00", "catalogue": "inside"},
]


def medical(session: Session, lines: list[dict[str, Any]] = ALL, rule: str = "worker", **facts: Any) -> Desk:
    desk = make_desk(session, "medical_expense", FACTS | facts)
    desk.run("expense.record_lines")
    if facts.get("third_party"):
        desk.complete("third_party", amount="1000", evidence="settlement", basis="赔偿协议")
    desk.complete("expense_lines", lines=lines)
    desk.run("expense.determine")
    desk.run("payee.split", payee_rule=rule)
    return desk


def test_recording_returns_who_advanced_what_in_cents(session: Session) -> None:
    desk = make_desk(session, "medical_expense", FACTS | {"advanced_by_employer": "300.05", "third_party": True})

    returned = desk.run("expense.record_lines")

    assert returned == {
        "third_party": True,
        "advanced_by_employer": 30005,
        "advanced_by_medical_insurance": 0,
        "employer_evidence": False,
    }


@pytest.mark.rule("G228-01", "G228-02", "G228-03")
def test_what_nobody_advanced_goes_to_the_workers_card(session: Session) -> None:
    desk = medical(session)

    assert desk.payments() == [("worker", "social_security_card", None, 1322650, False, None)]
    assert desk.benefits.determinations()[0].amount == 1322650


def test_running_every_step_again_replaces_what_was_recorded(session: Session) -> None:
    desk = medical(session)

    desk.run("expense.record_lines")
    desk.complete("expense_lines", lines=[ALL[0], {**ALL[1], "allowed": "0", "reason": "目录外"}])
    desk.run("expense.determine")
    desk.run("payee.split", payee_rule="worker")

    assert [line.allowed for line in desk.benefits.lines("expense")] == [38650, 0]
    assert [one.amount for one in desk.benefits.determinations()] == [38650]
    assert [one.amount for one in desk.benefits.payees()] == [38650]


def test_a_determination_keeps_who_entered_it_and_what_it_was_made_from(session: Session) -> None:
    desk = medical(session)

    inputs = desk.benefits.determinations()[0].inputs

    assert inputs["claimed"] == inputs["allowed"] == 1322650
    assert inputs["lines"]["entered_by"] == desk.officer_id


@pytest.mark.parametrize(("allowed", "word"), [("386.49", "低于"), ("386.51", "高于")])
def test_an_allowed_amount_that_is_not_the_claimed_one_needs_a_reason(
    session: Session, allowed: str, word: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        medical(session, [{**ALL[0], "allowed": allowed}, ALL[1]])

    assert word in refused.value.fields["fields.lines.0.reason"][0]


def test_every_claimed_line_is_answered_once_and_nothing_else(session: Session) -> None:
    with pytest.raises(InvalidInput) as refused:
        medical(session, [ALL[0], {**ALL[1], "line": 3}])

    assert set(refused.value.fields) == {"fields.lines", "fields.lines.1.line"}


def test_what_a_third_party_bears_is_subtracted(session: Session) -> None:
    desk = medical(session, third_party=True)

    assert desk.benefits.determinations()[0].amount == 1322650 - 100000
    assert desk.payments()[0][3] == 1222650


def test_a_third_party_that_bears_more_than_is_allowed_leaves_nothing_to_pay(session: Session) -> None:
    lines = [{**line, "allowed": "0", "reason": "目录外"} for line in ALL]

    desk = medical(session, lines, third_party=True)

    assert desk.benefits.determinations()[0].amount == 0
    assert desk.payments() == []
    desk.run("determination.finish")


@pytest.mark.rule("BEN-13", "G228-02", "G228-09")
def test_one_decision_pays_three_payees_and_the_sums_agree_to_the_cent(session: Session) -> None:
    desk = make_desk(
        session,
        "medical_expense",
        FACTS
        | {
            "advanced_by_employer": "5000.01",
            "advanced_by_medical_insurance": "2000.10",
            "medical_insurance_city": "中山市",
        },
        forms={
            "1-1": {
                "account_kind": "employer_account",
                "employer_bank": "样例银行",
                "employer_holder": "中山市样例制造有限公司",
                "employer_account": "4400000001",
                "employer_account_reason": "advanced_by_employer",
            }
        },
    )
    desk.image("advance_evidence")
    assert desk.run("expense.record_lines")["employer_evidence"] is True
    desk.complete("expense_lines", lines=ALL)
    desk.run("expense.determine")

    desk.run("payee.split", payee_rule="worker_employer_and_medical_insurance")

    assert desk.payments() == [
        ("worker", "social_security_card", None, 1322650 - 500001 - 200010, False, None),
        ("employer", "employer_account", "4400000001", 500001, False, "advanced_by_employer"),
        ("medical_insurance", "medical_insurance_fund", None, 200010, False, "advanced_by_medical_insurance"),
    ]
    desk.run("determination.finish")
    assert desk.benefits.is_final()


def test_what_is_allowed_below_the_advances_goes_to_medical_insurance_first(session: Session) -> None:
    lines = [{**ALL[0], "allowed": "100.00", "reason": "目录外"}, {**ALL[1], "allowed": "0", "reason": "目录外"}]
    desk = make_desk(
        session, "medical_expense", FACTS | {"advanced_by_employer": "80", "advanced_by_medical_insurance": "70"}
    )
    desk.image("advance_evidence")
    desk.run("expense.record_lines")
    desk.complete("expense_lines", lines=lines)
    desk.run("expense.determine")

    desk.run("payee.split", payee_rule="worker_employer_and_medical_insurance")

    assert [(one.kind, one.amount) for one in desk.benefits.payees()] == [
        ("employer", 3000),
        ("medical_insurance", 7000),
    ]


@pytest.mark.rule("G228-09", "G228-16")
def test_an_employers_part_without_the_signed_evidence_waits_and_cannot_pass(session: Session) -> None:
    desk = medical(session, rule="hold_employer_part", advanced_by_employer="5000")

    assert desk.payments()[1] == ("employer", "employer_account", None, 500000, False, "held_evidence_missing")
    with pytest.raises(RuleRefused) as refused:
        desk.complete("review", "pass")
    assert refused.value.code == "advance_evidence_missing"
    assert refused.value.because[0]["article"] == "四（二）"
    with pytest.raises(CannotProceed):
        desk.run("determination.finish")


@pytest.mark.rule("G228-16")
def test_evidence_that_comes_as_a_supplement_releases_the_employers_part(session: Session) -> None:
    desk = medical(session, rule="hold_employer_part", advanced_by_employer="5000")

    desk.image("advance_evidence")
    desk.complete("review", "pass")
    desk.run("determination.finish")

    assert desk.payments()[1][5] == "advanced_by_employer"
    assert desk.benefits.is_final()


def test_a_split_towards_the_employer_without_evidence_is_an_incident(session: Session) -> None:
    with pytest.raises(CannotProceed, match="垫付材料"):
        medical(session, rule="worker_and_employer", advanced_by_employer="5000")


def test_an_answer_of_the_decision_table_that_nobody_knows_is_an_incident(session: Session) -> None:
    with pytest.raises(CannotProceed, match="判定表"):
        medical(session, rule="everybody")


def test_nothing_changes_after_the_last_review_has_passed(session: Session) -> None:
    desk = medical(session)
    desk.run("determination.finish")

    desk.run("determination.finish")

    with pytest.raises(CannotProceed) as refused:
        desk.run("expense.record_lines")
    assert refused.value.code == "determination_final"


def test_a_case_without_determination_cannot_pass(session: Session) -> None:
    desk = make_desk(session, "medical_expense", FACTS)

    with pytest.raises(RuleRefused) as refused:
        desk.complete("review", "pass")

    assert refused.value.code == "not_determined"


# Rehabilitation

REHABILITATION: dict[str, Any] = {
    "lines": [
        {"label": "康复治疗", "invoice_number": "1", "amount": "400.00", "treated_on": "2023-03-01"},
        {"label": "康复治疗", "invoice_number": "2", "amount": "500.00", "treated_on": "2023-05-31"},
        {"label": "康复治疗", "invoice_number": "3", "amount": "600.00", "treated_on": "2023-06-01"},
    ],
    "third_party": False,
    "advanced_by_employer": "0.00",
    "advanced_by_medical_insurance": "0.00",
}


def rehabilitation(session: Session) -> tuple[Desk, dict[str, Any]]:
    desk = make_desk(session, "rehabilitation_expense", REHABILITATION)
    desk.run("rehabilitation.record_lines")
    desk.complete("rehabilitation_period", from_on="2023-03-01", until_on="2023-05-31", confirmation_number="样例1号")
    return desk, desk.run("rehabilitation.sort_lines")


def test_lines_on_both_edges_of_the_rehabilitation_period_are_inside(session: Session) -> None:
    desk, returned = rehabilitation(session)

    assert returned == {"lines_outside": 1}
    assert [line.facts["outside_period"] for line in desk.benefits.lines("expense")] == [False, False, True]


def test_a_line_outside_the_period_is_allowed_only_with_a_reason(session: Session) -> None:
    desk, _ = rehabilitation(session)
    amounts = ("400.00", "500.00", "600.00")
    lines = [{"line": n, "allowed": a, "catalogue": "inside"} for n, a in enumerate(amounts, start=1)]

    with pytest.raises(InvalidInput) as refused:
        desk.complete("expense_lines", lines=lines)

    assert list(refused.value.fields) == ["fields.lines.2.reason"]


def test_rehabilitation_is_determined_under_its_own_name(session: Session) -> None:
    desk, _ = rehabilitation(session)
    rows = [("400.00", None), ("500.00", None), ("0.00", "不在康复期内")]
    desk.complete(
        "expense_lines",
        lines=[{"line": n, "allowed": a, "catalogue": "inside", "reason": r} for n, (a, r) in enumerate(rows, start=1)],
    )

    desk.run("expense.determine")

    assert [(one.benefit, one.amount) for one in desk.benefits.determinations()] == [("rehabilitation_expense", 90000)]
