"""The states that officers see along the way (part D, K)."""

from __future__ import annotations

import pytest

from tests.stories.telling import Tell

AGENCY = "441303"
PARTIES = {"amount": "0.00", "evidence": "none", "basis": "诉讼尚未判决。"}


@pytest.mark.rule("DAT-04")
def test_a_case_shows_the_state_of_each_step_in_the_words_of_the_provincial_system(tell: Tell) -> None:
    story = tell("suspended", at="2023-11-06T09:00")
    story.through_intake(f"acceptor-{AGENCY}")
    seen = [story.case()["state_name"]]

    def then(kind: str, **what: object) -> None:
        story.act(kind, **what)
        seen.append(story.case()["state_name"])

    story.act("task", by=f"first-{AGENCY}", task="confirm_third_party_share", fields=PARTIES)
    story.assess(f"first-{AGENCY}", "31200.00")
    seen.append(story.case()["state_name"])
    then("task", by=f"first-{AGENCY}", task="first_review", outcome="suspend", opinion="诉讼未结。")
    then("task", by=f"first-{AGENCY}", task="resume_or_terminate", outcome="resume")
    missing = [{"material": "fee_list", "name": "费用清单", "what": "缺页"}]
    review = {"by": f"first-{AGENCY}", "task": "first_review"}
    then("task", **review, outcome="supplement", opinion="缺页。", fields={"materials": missing})
    story.act("scan", by=f"scanner-{AGENCY}", material="fee_list")
    then("task", by=f"scanner-{AGENCY}", task="collect_supplement")
    then("task", **review, outcome="pass", opinion="同意。")
    then("task", by=f"second-{AGENCY}", task="second_review", outcome="pass", opinion="同意。")
    delivery = {"method": "counter", "delivered_on": "2023-11-06"}
    then("task", by=f"acceptor-{AGENCY}", task="deliver_result", fields=delivery)
    then("task", by=f"archivist-{AGENCY}", task="archive_case")

    assert seen == ["已扫描", "待初审", "中止", "待初审", "补正中", "待初审", "待复审", "待送达", "待归档", "已归档"]


@pytest.mark.rule("DAT-04", "JUR-06")
def test_a_case_under_transfer_says_so(tell: Tell) -> None:
    story = tell("suspended", at="2023-11-06T09:00")
    story.through_intake(f"acceptor-{AGENCY}")

    basis = {"reason": "不属于本机构。", "legal_ground": "附件2三（五）"}
    story.act("transfer", by=f"transfer-{AGENCY}", to="440705", **basis)

    assert story.case()["state_name"] == "移送中"


@pytest.mark.rule("DAT-05")
def test_a_voided_case_keeps_its_number_and_is_not_valid(tell: Tell) -> None:
    story = tell("suspended", at="2023-11-06T09:00")
    story.through_intake(f"acceptor-{AGENCY}")
    number = story.case()["receipt_number"]

    story.client(f"supervisor-{AGENCY}").post(f"/cases/{story.case_id}/voiding", {"reason": "重复受理。"})

    case = story.case()
    assert (case["receipt_number"], case["result"], case["valid"]) == (number, "voided", False)
    listed = story.client(f"supervisor-{AGENCY}").get("/cases")["items"][0]
    assert (listed["receipt_number"], listed["valid"], listed["cross_place"]) == (number, False, False)
