"""上报共同上级指导: the superior names the agency; its time may run out, the applicant may withdraw meanwhile."""

from __future__ import annotations

import pytest

from tests.process.walk import DUE_AT, Instance, Path, done, flows_left_out, message, moment, plain_and_restored, walk

PATHS = [
    Path(
        "another agency is designated",
        (done("designate_agency"),),
        does="escalation.register escalation.designate",
        ends="redispatch_case",
        throws="case_redispatched",
    ),
    Path(
        "the case stays where it is",
        (done("designate_agency"),),
        results={"escalation.designate": {"stays": True}},
        does="escalation.register escalation.designate",
        ends="end_stayed",
    ),
    Path(
        "the superior is reminded once and then decides",
        (moment(DUE_AT), done("designate_agency")),
        does="escalation.register escalation.remind escalation.designate",
        ends="end_reminded redispatch_case",
        throws="case_redispatched",
    ),
    Path(
        "the applicant withdraws meanwhile",
        (message("escalation_withdrawn"),),
        does="escalation.register escalation.give_back",
        ends="end_withdrawn",
    ),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("escalation", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("escalation", PATHS)


@pytest.mark.rule("JUR-05")
def test_the_superior_gives_guidance_and_nobody_else() -> None:
    (task,) = Instance("escalation").run.waiting()

    assert (task.element.role, task.element.agency) == ("superior_adjudicator", "superior")
