"""Dispatched again, withdrawn, void: at every human task between acceptance and decision, in each of the eleven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.process.operators import Scalar
from tests.process.services import DELIVERED, SERVICES
from tests.process.walk import RESULTS, Instance, Step, done, plain_and_restored

#: Per service: what its operators answer, and the human tasks of its own, so that none of its tasks is passed over.
OWN: Mapping[str, tuple[Mapping[str, Mapping[str, Scalar]], tuple[Step, ...]]] = {
    "medical_expense": (
        {"expense.record_lines": {**RESULTS["expense.record_lines"], "third_party": True}},
        (done("confirm_third_party_share"), done("assess_expense_lines")),
    ),
    "rehabilitation_expense": (
        {"rehabilitation.record_lines": {**RESULTS["rehabilitation.record_lines"], "third_party": True}},
        (done("confirm_third_party_share"), done("confirm_rehabilitation_period"), done("assess_expense_lines")),
    ),
    "assistive_device": (
        {
            "device.record": {**RESULTS["device.record"], "third_party": True, "replacement": True},
            "device.check_replacement": {"too_early": True},
        },
        (
            done("confirm_third_party_share"),
            done("confirm_device"),
            done("justify_replacement", justified=True),
        ),
    ),
    "inpatient_meals": ({}, (done("confirm_stays"),)),
    "medical_lump_sum": ({}, (done("confirm_employment_end", ended_by="own_request"), done("enter_determination"))),
    "disability_benefit": (
        {"disability.fetch_appraisal": {"grade": 2, "care_level": 1}},
        (done("choose_allowance_way", way="two"), done("enter_determination")),
    ),
    "death_benefit": (
        {"death.record_dependants": {"dependant_count": 3, "account_disputed": True}},
        (done("verify_dependants"), done("settle_account_dispute", "settled"), done("enter_determination")),
    ),
    "bank_account_change": ({}, (done("verify_account_evidence", "sufficient"),)),
    "referral_filing": ({}, (done("check_hospital_opinion", "sufficient"),)),
    "travel_expense": ({}, (done("assess_travel_lines"),)),
    "remote_treatment_filing": ({}, (done("check_employer_opinion", "sufficient"),)),
}
#: A review that leaves out nothing: back to the counter, a supplement, a suspension, three levels.
REVIEW = (
    done("first_review", "send_back"),
    done("correct_materials"),
    done("first_review", "supplement"),
    done("collect_supplement"),
    done("first_review", "suspend"),
    done("resume_or_terminate", "resume"),
    done("first_review", "not_passed"),
    done("second_review", "not_passed"),
    done("third_review", "not_passed"),
)
THREE_LEVELS = {"review_levels": 3, "transferred": False}

each_service = pytest.mark.parametrize("service", SERVICES)


def tour(service: str, *, restored: bool) -> tuple[Instance, tuple[Step, ...]]:
    """A case of the service and the steps that lead through all its human tasks before the decision."""
    results, steps = OWN[service]
    scanned_late: dict[str, Any] = {"scan.check": [{"images_complete": False}, {"images_complete": True}]}
    instance = Instance(
        service, restored=restored, results={**results, **scanned_late, "dispatch.assign": THREE_LEVELS}
    )
    return instance, (done("scan_materials"), *steps, *REVIEW)


def follow(instance: Instance, steps: tuple[Step, ...]) -> None:
    for step in steps:
        assert instance.open() == [step.task]
        step.act(instance)


@each_service
def test_the_tour_passes_every_human_task_before_the_decision(service: str) -> None:
    instance, steps = tour(service, restored=False)

    drawn = {
        element.id
        for element in instance.definition.elements.values()
        if element.kind == "userTask" and element.process_id not in ("delivery", "archiving")
    }

    assert {step.task for step in steps} == drawn


@pytest.mark.rule("JUR-09")
@plain_and_restored
@each_service
def test_a_case_dispatched_again_begins_anew_at_its_new_agency(service: str, restored: bool) -> None:
    _, steps = tour(service, restored=restored)
    for position in range(len(steps)):
        instance, _ = tour(service, restored=restored)
        follow(instance, steps[:position])
        before = len(instance.owner.called)

        assert instance.send("case_redispatched")

        # Its images are there by now (after the first step), so it is scanned at once and stands at its first own task.
        assert instance.owner.called[before : before + 2] == ["scan.check", "dispatch.assign"]
        assert instance.open() == [steps[1].task]
        assert instance.run.due_at() is None
        follow(instance, (*steps[1:], *DELIVERED))
        assert instance.run.ended


@pytest.mark.rule("JUR-09")
@plain_and_restored
@each_service
def test_a_case_can_be_dispatched_again_more_than_once(service: str, restored: bool) -> None:
    instance, steps = tour(service, restored=restored)
    follow(instance, steps[:1])
    for _ in range(3):
        follow(instance, steps[1:-1])
        assert instance.send("case_redispatched")

    follow(instance, (*steps[1:], *DELIVERED))

    assert instance.run.ended
    assert instance.owner.called.count("dispatch.assign") == 4
    assert instance.owner.called.count("acceptance.register") == 1
    assert instance.owner.slots.count("acceptance") == 1


@plain_and_restored
@each_service
@pytest.mark.parametrize(
    ("message", "operator", "slots"),
    [("case_withdrawn", "case.withdraw", ["termination"]), ("case_voided", "case.void", [])],
)
def test_a_case_taken_back_is_delivered_and_archived_at_once(
    message: str, operator: str, slots: list[str], service: str, restored: bool
) -> None:
    _, steps = tour(service, restored=restored)
    for position in range(len(steps)):
        instance, _ = tour(service, restored=restored)
        follow(instance, steps[:position])
        sent = len(instance.owner.slots)

        assert instance.send(message)

        assert instance.owner.called[-1] == operator
        assert instance.owner.states[-2:] == ["terminated", "awaiting_delivery"]
        assert instance.owner.slots[sent:] == slots
        assert instance.run.due_at() is None
        follow(instance, DELIVERED)
        assert instance.run.ended


@plain_and_restored
@each_service
@pytest.mark.parametrize("message", ["case_redispatched", "case_withdrawn", "case_voided"])
def test_after_the_decision_nothing_takes_a_case_back(message: str, service: str, restored: bool) -> None:
    instance, steps = tour(service, restored=restored)
    follow(instance, steps)

    assert not instance.send(message)
    follow(instance, DELIVERED)
    assert instance.run.ended


@pytest.mark.rule("JUR-09")
@plain_and_restored
@each_service
def test_what_the_first_agency_found_is_gone_after_a_dispatch(service: str, restored: bool) -> None:
    instance, steps = tour(service, restored=restored)
    follow(instance, steps[:-1])

    instance.send("case_redispatched")

    (task,) = instance.run.waiting()
    assert "outcome" not in task.data
