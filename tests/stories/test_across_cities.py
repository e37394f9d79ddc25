"""Handed in anywhere, handled at the place of insurance: scope, routing, acceptance (part L 1-3; S01, S19, S21)."""

from __future__ import annotations

import pytest

from tests.stories.telling import Tell, Telling, dated

SHENZHEN, ZHONGSHAN = "440305", "442099"


def _to_the_end(story: Telling) -> None:
    """Zhongshan reviews, delivers and archives."""
    story.assess(f"first-{ZHONGSHAN}", "386.50", "12840.00", "215.30")
    story.act("pass_reviews", by=[f"first-{ZHONGSHAN}", f"second-{ZHONGSHAN}"])
    story.act("to_the_archive", by=ZHONGSHAN)


@pytest.mark.rule("ROU-01", "ROU-02", "ROU-03", "ACC-02", "ACC-03", "DAT-03")
def test_a_claim_handed_in_at_a_shenzhen_bank_is_received_there_and_decided_where_the_worker_was_insured(
    tell: Tell,
) -> None:
    story = tell("medical_expense")

    story.through_intake(f"acceptor-{SHENZHEN}")

    case = story.case()
    receipt = case["documents"][0]
    assert (receipt["kind"], receipt["issuing_agency_code"]) == ("acceptance_receipt", SHENZHEN)
    assert case["accepting_agency"]["code"] == SHENZHEN
    assert case["handling_agency"]["code"] == ZHONGSHAN
    assert case["cross_place"] is True
    assert {task["agency_code"] for task in case["tasks"]} == {ZHONGSHAN}


@pytest.mark.rule("ACC-05", "SCO-07", "DDL-01", "DDL-02")
def test_checklist_and_time_limit_are_those_of_the_handling_city_not_of_the_counter(tell: Tell) -> None:
    story = tell("medical_expense")

    story.through_intake(f"acceptor-{SHENZHEN}")

    case = story.case()
    # Shenzhen asks for a statement about the accident and allows itself ten workdays; Zhongshan fifteen.
    assert "accident_statement" not in {item["material"] for item in case["materials"]}
    assert case["limit_workdays"] == 15
    assert case["due_on"] == "2023-08-22"


@pytest.mark.rule("ACC-04", "RES-02", "SMS-01")
def test_the_counter_sends_the_first_message_and_the_handling_agency_the_result(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(f"acceptor-{SHENZHEN}")

    _to_the_end(story)

    senders = {entry["details"]["slot"]: entry["agency"] for entry in story.entries("message_made")}
    assert senders == {
        "acceptance": "深圳市社会保险基金管理局南山区分局",
        "completion": "中山市社会保险基金管理局",
    }


@pytest.mark.rule("RES-02", "ARC-01", "ARC-03")
def test_paper_stays_at_the_counter_while_the_handling_agency_delivers_and_archives(tell: Tell) -> None:
    story = tell("medical_expense")
    story.through_intake(f"acceptor-{SHENZHEN}")

    _to_the_end(story)

    case = story.case()
    assert {item["collected_agency_code"] for item in case["materials"] if item["paper_copies"]} == {SHENZHEN}
    assert {entry["agency"] for kind in ("result_delivered", "case_archived") for entry in story.entries(kind)} == {
        "中山市社会保险基金管理局"
    }
    assert (case["state"], case["result"]) == ("archived", "approved")
    assert story.entries("result_delivered")[0]["details"] == {"method": "counter", "delivered_on": "2023-08-01"}


@pytest.mark.rule("ACC-12", "DAT-01")
def test_receipt_and_serial_number_are_sixteen_digits_of_one_sequence(tell: Tell) -> None:
    story = tell("medical_expense")

    story.through_intake(f"acceptor-{SHENZHEN}")

    case = story.case()
    assert len(case["receipt_number"]) == 16
    assert int(case["receipt_number"]) == int(case["serial_number"]) + 1


@pytest.mark.rule("SCO-03")
@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2019-06-30", "blocked"),
        ("2019-07-01", "draft"),  # that day included
    ],
)
def test_across_cities_only_injuries_from_the_first_of_july_2019_on_are_taken(tell: Tell, day: str, state: str) -> None:
    story = tell("medical_expense", **dated("medical_expense", injured=day, signed="2023-07-20"))

    story.act("hand_in", by=f"acceptor-{SHENZHEN}", expect={"state": state})

    application = story.client(f"acceptor-{SHENZHEN}").get(f"/applications/{story.application_id}")
    failed = [gate for gate in application["gates"] if not gate["passed"]]
    assert [gate["rule"] for gate in failed] == (["SCO-03"] if state == "blocked" else [])
    assert all("中山" in gate["message"] for gate in failed)


@pytest.mark.rule("SCO-03")
def test_an_application_that_a_gate_blocks_cannot_be_accepted_and_says_by_which_law(tell: Tell) -> None:
    story = tell("medical_expense", **dated("medical_expense", injured="2019-06-30", signed="2023-07-20"))
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")

    refusal = story.refusal("accept", by=f"acceptor-{SHENZHEN}")

    assert (refusal.status, refusal.code) == (422, "injured_before_scheme")
    assert any("2019 年 7 月 1 日" in reason["quote"] for reason in refusal.because)


@pytest.mark.rule("K-03", "SCO-03")
def test_the_place_of_insurance_itself_takes_the_older_injury(tell: Tell) -> None:
    story = tell("medical_expense", **dated("medical_expense", injured="2019-06-30", signed="2023-07-20"))

    story.through_intake(f"acceptor-{ZHONGSHAN}", outlet="442099-H1")

    assert story.case()["cross_place"] is False


@pytest.mark.rule("SCO-04")
def test_a_claim_with_advance_payment_is_refused_across_cities_and_told_where_to_go(tell: Tell) -> None:
    story = tell("medical_expense", advance_payment=True)
    story.act("hand_in", by=f"acceptor-{SHENZHEN}", expect={"state": "blocked"})

    refusal = story.refusal("accept", by=f"acceptor-{SHENZHEN}")

    assert refusal.code == "advance_payment"
    assert "中山" in refusal.detail


@pytest.mark.rule("SCO-01")
def test_a_service_outside_the_eleven_is_refused_with_the_reason(tell: Tell) -> None:
    story = tell("medical_expense", services=["injury_recognition"], facts={})

    refusal = story.refusal("hand_in", by=f"acceptor-{SHENZHEN}")

    assert (refusal.status, refusal.code) == (422, "service_not_province_wide")
    assert refusal.because


@pytest.mark.rule("SCO-10", "K-01")
@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2023-07-14", "blocked"),
        ("2023-07-17", "draft"),  # the plan is in force from the 15th, a Saturday
    ],
)
def test_no_case_is_taken_across_cities_before_the_plan_is_in_force(tell: Tell, day: str, state: str) -> None:
    handed_in = dated("medical_expense", injured="2022-03-01", signed="2023-07-14")
    story = tell("medical_expense", at=f"{day}T10:00", **handed_in)

    story.act("hand_in", by=f"acceptor-{SHENZHEN}", expect={"state": state})


# --- S21: what is missing is said once


@pytest.mark.rule("ACC-01", "ACC-02")
def test_without_all_materials_there_is_no_receipt(tell: Tell) -> None:
    story = tell("medical_expense")
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    story.act("collect", by=f"acceptor-{SHENZHEN}", but=["diagnosis", "fee_list"])

    refusal = story.refusal("check", by=f"acceptor-{SHENZHEN}")

    assert refusal.code == "materials_missing"
    assert set(refusal.details["materials"]) == {"diagnosis", "fee_list"}
    assert story.refusal("accept", by=f"acceptor-{SHENZHEN}").code == "checks_missing"


@pytest.mark.rule("ACC-11")
def test_the_one_time_notice_lists_every_gap_whether_named_or_not(tell: Tell) -> None:
    story = tell("medical_expense")
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    story.act("collect", by=f"acceptor-{SHENZHEN}", but=["diagnosis", "fee_list"])

    noticed = _notice(story, f"acceptor-{SHENZHEN}", [{"material": "diagnosis", "what": "缺少诊断证明"}])

    assert {gap["material"] for gap in noticed["notices"][0]["missing"]} == {"diagnosis", "fee_list"}


@pytest.mark.rule("ACC-11")
def test_on_return_only_what_the_notice_asked_for_is_needed(tell: Tell) -> None:
    story = tell("medical_expense")
    acceptor = f"acceptor-{SHENZHEN}"
    story.act("hand_in", by=acceptor)
    story.act("collect", by=acceptor, but=["diagnosis", "fee_list"])
    _notice(story, acceptor, [])

    story.act("collect", by=acceptor, only=["diagnosis", "fee_list"])
    story.act("check", by=acceptor)
    story.act("accept", by=acceptor)

    assert story.case()["receipt_number"]


@pytest.mark.rule("ACC-11")
def test_who_comes_back_after_the_notice_is_found_at_the_counter_again(tell: Tell) -> None:
    story = tell("medical_expense")
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    story.act("collect", by=f"acceptor-{SHENZHEN}", but=["diagnosis"])
    _notice(story, f"acceptor-{SHENZHEN}", [])
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")

    counter = story.client(f"acceptor2-{SHENZHEN}")
    noticed = counter.get("/applications?state=notified")["items"]
    newest = counter.get("/applications?limit=1")

    assert [(one["id"], one["state_name"], one["person_name"]) for one in noticed] == [
        (story.application_ids[0], "已一次性告知", "陈**")
    ]
    assert [one["id"] for one in newest["items"]] == [story.application_ids[1]]
    older = counter.get(f"/applications?after={newest['next_after']}")
    assert ([one["id"] for one in older["items"]], older["next_after"]) == ([story.application_ids[0]], None)
    assert story.client("acceptor-442099").get("/applications")["items"] == []


@pytest.mark.rule("ACC-11")
def test_a_later_notice_with_a_new_gap_needs_a_supervisor_and_a_reason(tell: Tell) -> None:
    story = tell("medical_expense")
    acceptor = f"acceptor-{SHENZHEN}"
    new_gap = [{"material": "medical_records", "what": "病历缺页"}]
    story.act("hand_in", by=acceptor)
    story.act("collect", by=acceptor, but=["diagnosis"])
    _notice(story, acceptor, [])

    with pytest.raises(Exception, match="new_gap_in_later_notice"):
        _notice(story, acceptor, new_gap)
    noticed = _notice(story, f"supervisor-{SHENZHEN}", new_gap, reason="复核发现病历缺页，影响审核。")

    assert {gap["material"] for gap in noticed["notices"][-1]["missing"]} == {"diagnosis", "medical_records"}


def _notice(story: Telling, by: str, missing: list[dict[str, str]], reason: str | None = None) -> dict:
    body = {"missing": missing} if reason is None else {"missing": missing, "reason": reason}
    return story.client(by).post(f"/applications/{story.application_id}/notice", body)
