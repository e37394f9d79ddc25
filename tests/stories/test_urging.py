"""Urging (催办): by itself at the warning levels, by hand by a supervisor, and the list of what is overdue (REV-09)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from engine.casework.province import configuration_for
from engine.db import transaction
from engine.models import Case, CaseEvent, OfficerNotice
from tests.stories.telling import Tell, Telling

SHENZHEN, ZHONGSHAN, PROVINCE = "440305", "442099", "440099"


def _accepted(tell: Tell, *, claimed_by: str | None = None) -> Telling:
    """Accepted on 1 August in 深圳, due on the 22nd in 中山; its first task claimed or not."""
    story = tell("medical_expense")
    story.through_intake(f"acceptor-{SHENZHEN}")
    if claimed_by is not None:
        story.client(claimed_by).post(f"/tasks/{story.open_task('assess_expense_lines')['id']}/claim")
    return story


def _urged(story: Telling, username: str) -> list[dict[str, Any]]:
    items = story.client(username).get("/notices", limit=100)["items"]
    return [item for item in reversed(items) if item["kind"] == "urged"]


@pytest.mark.rule("REV-09", "K-48")
def test_a_case_urges_by_itself_at_each_level_once_and_wider_each_time(any_tell: Tell) -> None:
    first, supervisor, above = f"first-{ZHONGSHAN}", f"supervisor-{ZHONGSHAN}", f"supervisor-{PROVINCE}"
    story = _accepted(any_tell, claimed_by=first)
    receipt = story.case()["receipt_number"]
    told = []
    for day in ("15", "16", "17", "21", "22", "23", "24", "30"):
        story.clock(f"2023-08-{day}T09:00")
        told.append((day, *(len(_urged(story, one)) for one in (first, supervisor, above))))

    assert told == [
        ("15", 0, 0, 0),
        ("16", 1, 0, 0),  # four of fifteen working days are left
        ("17", 1, 0, 0),
        ("21", 2, 1, 0),  # the day before the last
        ("22", 2, 1, 0),
        ("23", 3, 2, 1),  # too late
        ("24", 3, 2, 1),
        ("30", 3, 2, 1),
    ]
    assert [notice["words"] for notice in _urged(story, first)] == [
        f"工伤医疗费（受理回执号{receipt}）剩余办理时间4个工作日，请及时办理。",
        f"工伤医疗费（受理回执号{receipt}）剩余办理时间1个工作日，请及时办理。",
        f"工伤医疗费（受理回执号{receipt}）应于2023-08-22前办结，已超期1个工作日，请立即办理。",
    ]
    # The worker's own message is another matter: nobody is urged by a text message to the applicant.
    assert "urging" not in {message["slot"] for message in story.case()["messages"]}


@pytest.mark.rule("REV-09")
def test_after_a_night_of_three_levels_only_the_last_one_is_told(tell: Tell) -> None:
    story = _accepted(tell, claimed_by=f"first-{ZHONGSHAN}")

    story.clock("2023-08-28T09:00")

    assert len(_urged(story, f"first-{ZHONGSHAN}")) == 1
    assert story.timeline().count("deadline_warned") == 2


@pytest.mark.rule("REV-09")
def test_a_task_that_nobody_has_urges_all_who_may_acquire_it(tell: Tell) -> None:
    story = _accepted(tell)

    story.clock("2023-08-16T09:00")

    for colleague in ("first", "first2"):
        assert [notice["role"] for notice in _urged(story, f"{colleague}-{ZHONGSHAN}")] == ["first_reviewer"]
    assert _urged(story, f"second-{ZHONGSHAN}") == []


@pytest.mark.rule("REV-09")
def test_while_a_transfer_runs_those_are_urged_who_can_end_it(tell: Tell) -> None:
    holder = f"first-{ZHONGSHAN}"
    story = _accepted(tell, claimed_by=holder)
    moved = {"to": "441999", "reason": "受伤时在其他机构参保。", "legal_ground": "粤社保〔2023〕4号附件2三（五）"}
    story.act("transfer", by=f"transfer-{ZHONGSHAN}", **moved)
    story.client(f"first2-{ZHONGSHAN}").post(f"/tasks/{story.open_task('transfer_first_review')['id']}/claim")

    story.act("urge", by=f"supervisor-{ZHONGSHAN}")

    assert len(_urged(story, f"first2-{ZHONGSHAN}")) == 1
    assert _urged(story, holder) == []


@pytest.mark.rule("REV-09")
def test_a_supervisor_urges_once_a_day_and_is_told_who_has_just_done_so(tell: Tell) -> None:
    story = _accepted(tell, claimed_by=f"first-{ZHONGSHAN}")
    story.act("urge", by=f"supervisor-{ZHONGSHAN}", remark="申请人已两次来访。")
    story.clock("2023-08-01T17:00")

    refused = story.refusal("urge", by=f"supervisor-{PROVINCE}")

    assert (refused.status, refused.code) == (409, "urged_already")
    name = story.client(f"supervisor-{ZHONGSHAN}").get("/sessions/current")["name"]
    assert (refused.details["by"], refused.details["at"]) == (name, "2023-08-01T09:00:00+08:00")
    assert refused.detail == f"{name}已于2023-08-01 09:00:00催办，2023-08-02起可以再次催办。"
    story.clock("2023-08-02T08:00")
    story.act("urge", by=f"supervisor-{PROVINCE}")
    first, second = _urged(story, f"first-{ZHONGSHAN}")
    read = story.client(f"first-{ZHONGSHAN}").post(f"/notices/{first['id']}/reading")
    assert (read["remark"], read["by"]["name"]) == ("申请人已两次来访。", name)
    # The list itself shows no free text.
    assert "remark" not in second and "来访" not in str(second)
    assert story.timeline().count("case_urged") == 2


@pytest.mark.rule("REV-09")
@pytest.mark.parametrize(
    ("username", "status", "code"),
    [
        (f"supervisor-{SHENZHEN}", 403, "other_agency"),  # the accepting agency sees the case and does not handle it
        ("supervisor-440399", 403, "other_agency"),
        ("supervisor-441999", 404, "not_found"),
        (f"first-{ZHONGSHAN}", 403, "role_missing"),
    ],
)
def test_nobody_else_urges(tell: Tell, username: str, status: int, code: str) -> None:
    story = _accepted(tell, claimed_by=f"first2-{ZHONGSHAN}")

    refused = story.refusal("urge", by=username)

    assert (refused.status, refused.code) == (status, code)
    assert "case_urged" not in story.timeline()


def test_a_remark_that_is_too_long_is_refused_and_nothing_is_stored(tell: Tell) -> None:
    story = _accepted(tell)

    refused = story.refusal("urge", by=f"supervisor-{ZHONGSHAN}", remark="急" * 501)

    assert refused.fields == {"remark": ["应当有 1 到 500 个字。"]}
    assert "case_urged" not in story.timeline()
    story.act("urge", by=f"supervisor-{ZHONGSHAN}")


@pytest.mark.rule("REV-09")
@pytest.mark.parametrize(
    ("city", "words"),
    [
        ("YWMC还剩DAY个工作日（JBJG）。", "工伤医疗费还剩15个工作日（中山市社会保险基金管理局）。"),
        # A name is nothing for a notice: the province's text takes its place.
        ("XM的YWMC还剩DAY个工作日。", "剩余办理时间15个工作日，请及时办理。"),
        (None, "剩余办理时间15个工作日，请及时办理。"),
    ],
)
def test_it_urges_in_the_citys_own_words_as_far_as_they_name_nobody(tell: Tell, city: str | None, words: str) -> None:
    story = _accepted(tell)
    with transaction() as session:
        case = session.get_one(Case, story.case_id)
        configuration = configuration_for(session, ZHONGSHAN, case.service, case.accepted_at.date())
        configuration.sms = {**configuration.sms, "urging": city}

    story.act("urge", by=f"supervisor-{ZHONGSHAN}")

    assert _urged(story, f"first-{ZHONGSHAN}")[0]["words"].endswith(words)


@pytest.mark.rule("REV-09")
def test_what_is_overdue_is_listed_for_its_agency_and_for_the_one_above(tell: Tell) -> None:
    story = _accepted(tell)

    def listed(username: str) -> bool:
        items = story.client(username).get("/cases", overdue="true", limit=100)["items"]
        return story.case_id in [item["id"] for item in items]

    watchers = (f"supervisor-{ZHONGSHAN}", f"supervisor-{PROVINCE}")
    story.clock("2023-08-22T23:00")
    assert not any(listed(username) for username in watchers)

    story.clock("2023-08-23T00:10")

    assert all(listed(username) for username in watchers)
    assert not listed("supervisor-441999")


@pytest.mark.rule("REV-09")
def test_every_level_of_every_case_urges_exactly_once_whatever_the_clock_jumps_over(
    any_tell: Tell, any_app: Any
) -> None:
    """Ticks at odd times, some of them twice: each event of a level has its notices, and no two of one level."""
    story = _accepted(any_tell, claimed_by=f"first-{ZHONGSHAN}")
    tick: Callable[[str], None] = story.clock
    for moment in ("2023-08-16T00:00", "2023-08-16T00:00", "2023-08-18T12:00", "2023-08-22T23:59", "2023-08-23T00:00"):
        tick(moment)

    with transaction() as session:
        levels = [
            event.details["level"]
            for event in session.scalars(
                select(CaseEvent).where(CaseEvent.kind.in_(("deadline_warned", "deadline_overdue")))
            )
        ]
        of_holder = select(OfficerNotice.event_id).where(
            OfficerNotice.kind == "urged", OfficerNotice.officer_id.is_not(None)
        )
        events = session.scalars(of_holder).all()

    assert levels == ["near", "urgent", "overdue"]
    assert len(events) == len(set(events)) == 3
