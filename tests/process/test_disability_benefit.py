"""伤残待遇核定: by the appraised grade; grades one to four choose how to draw their allowance."""

from __future__ import annotations

import pytest

from tests.process.services import PASSED, Course
from tests.process.walk import Instance, Path, done, flows_left_out, plain_and_restored, walk

COURSE = Course(
    steps=(done("enter_determination"),),
    before="disability.fetch_appraisal determination.record payee.to_worker",
    after="determination.finish",
)
MONTHLY = Course(
    steps=(done("choose_allowance_way", way="one"), done("enter_determination")),
    before=COURSE.before,
    after="determination.finish certification.start",
)
UNGRADED = Course(steps=(), before="disability.fetch_appraisal recommendation.refuse", after="")
NO_GRADE = {"disability.fetch_appraisal": {"grade": 0, "care_level": 0}}
PATHS = [
    COURSE.approved("grade seven, one sum"),
    MONTHLY.approved(
        "grade four, every month",
        results={
            "disability.fetch_appraisal": {"grade": 4, "care_level": 3},
            "determination.record": {"periodic": True},
        },
    ),
    *COURSE.common(),
    UNGRADED.refused("no grade", results=NO_GRADE),
    UNGRADED.refused("no grade, and passed all the same", PASSED, results=NO_GRADE),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("disability_benefit", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("disability_benefit", PATHS)


@pytest.mark.rule("BEN-06")
@pytest.mark.parametrize(
    ("grade", "opened"),
    [(1, "choose_allowance_way"), (4, "choose_allowance_way"), (5, "enter_determination"), (10, "enter_determination")],
)
def test_grades_one_to_four_choose_their_way_at_the_accepting_place(grade: int, opened: str) -> None:
    instance = Instance("disability_benefit", results={"disability.fetch_appraisal": {"grade": grade, "care_level": 0}})

    (task,) = instance.run.waiting()

    assert task.element.id == opened
    assert task.element.agency == ("accepting" if grade <= 4 else "handling")
