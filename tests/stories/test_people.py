"""Three people for acceptance, first and second review (part L 10)."""

from __future__ import annotations

import pytest

from tests.stories.telling import Tell

ZHUHAI = "440402"
ALL_POSTS = ("acceptor", "first_reviewer", "second_reviewer")


@pytest.mark.rule("REV-06", "K-47")
def test_the_acceptor_cannot_review_the_own_case_not_even_when_a_supervisor_assigns_it(
    tell: Tell, officer_with, officer_id
) -> None:
    everything = officer_with(ZHUHAI, *ALL_POSTS)
    story = tell("inpatient_meals", at="2023-08-21T14:00")
    story.through_intake(everything)
    stays = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
    story.act("task", by=f"first-{ZHUHAI}", task="confirm_stays", fields={"stays": stays})
    review = story.open_task("first_review")["id"]
    supervisor = story.client(f"supervisor-{ZHUHAI}")

    claimed = story.refusal("task", by=everything, task="first_review", outcome="pass")
    with pytest.raises(Exception, match="separation_of_duties"):
        supervisor.post(f"/tasks/{review}/assignment", {"officer_id": officer_id(everything), "reason": "人手不足"})

    assert (claimed.status, claimed.code) == (403, "separation_of_duties")
    assert story.open_task("first_review")["claimed_by"] is None


@pytest.mark.rule("REV-06")
def test_the_first_reviewer_cannot_do_the_second_review_not_even_when_assigned(
    tell: Tell, officer_with, officer_id
) -> None:
    everything = officer_with(ZHUHAI, *ALL_POSTS)
    story = tell("inpatient_meals", at="2023-08-21T14:00")
    story.through_intake(f"acceptor-{ZHUHAI}")
    stays = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
    story.act("task", by=f"first-{ZHUHAI}", task="confirm_stays", fields={"stays": stays})
    story.act("task", by=everything, task="first_review", outcome="pass", opinion="同意。")
    review = story.open_task("second_review")["id"]
    supervisor = story.client(f"supervisor-{ZHUHAI}")

    claimed = story.refusal("task", by=everything, task="second_review", outcome="pass")
    with pytest.raises(Exception, match="separation_of_duties"):
        supervisor.post(f"/tasks/{review}/assignment", {"officer_id": officer_id(everything), "reason": "人手不足"})

    assert (claimed.status, claimed.code) == (403, "separation_of_duties")


@pytest.mark.rule("REV-06")
def test_random_acquisition_never_hands_out_what_separation_forbids(tell: Tell, officer_with) -> None:
    everything = officer_with(ZHUHAI, *ALL_POSTS)
    story = tell("inpatient_meals", at="2023-08-21T14:00")
    story.through_intake(everything)
    stays = [{"line": 1, "days": 15, "rate": "70.00"}, {"line": 2, "days": 4, "rate": "70.00"}]
    story.act("task", by=f"first-{ZHUHAI}", task="confirm_stays", fields={"stays": stays})

    with pytest.raises(Exception, match="nothing_left"):
        story.client(everything).post("/tasks/acquisitions", {"role": "first_reviewer"})


@pytest.mark.rule("REV-02", "REV-03")
def test_two_people_on_one_task_the_second_is_told_who_was_first(tell: Tell) -> None:
    story = tell("inpatient_meals", at="2023-08-21T14:00")
    story.through_intake(f"acceptor-{ZHUHAI}")
    task = story.open_task("confirm_stays")["id"]
    winner = story.client(f"first-{ZHUHAI}").post(f"/tasks/{task}/claim")

    with pytest.raises(Exception) as conflict:
        story.client(f"first2-{ZHUHAI}").post(f"/tasks/{task}/claim")

    assert (conflict.value.status, conflict.value.code) == (409, "task_taken")
    assert conflict.value.details["by"] == winner["claimed_by"]["name"]
