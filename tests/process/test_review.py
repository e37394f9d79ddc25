"""审核: as many levels as the city configured; a conclusion, a supplement, a suspension or the way back from each."""

from __future__ import annotations

import pytest

from tests.process.walk import DUE_AT, Instance, Path, Step, done, flows_left_out, moment, plain_and_restored, walk

FIRST, SECOND, THIRD = "first_review", "second_review", "third_review"
NONE, ONE, TWO, THREE = ({"review_levels": levels} for levels in (0, 1, 2, 3))
SUPPLEMENT = "supplement.request supplement.receive"
SUSPENSION = "suspension.issue suspension.lift"


def reviewed(*outcomes: str) -> tuple[Step, ...]:
    """One outcome for each level, from the first on."""
    return tuple(done(level, outcome) for level, outcome in zip((FIRST, SECOND, THIRD), outcomes, strict=False))


PATHS = [
    Path("no level asked for", (), data=NONE, does="review.skip", ends="end_skipped"),
    Path("one level passes", reviewed("pass"), data=ONE, does="", ends="end_after_first"),
    Path("one level refuses", reviewed("not_passed"), data=ONE, does="", ends="end_after_first"),
    Path(
        "two levels pass",
        reviewed("pass", "pass"),
        data=TWO,
        does="review.record_first",
        ends="end_after_second",
        sms="first_reviewed",
    ),
    Path(
        "the second level decides against the first",
        reviewed("not_passed", "pass"),
        data=TWO,
        does="review.record_first",
        ends="end_after_second",
        sms="first_reviewed",
    ),
    Path(
        "termination is a proposal too",
        reviewed("terminate", "terminate"),
        data=TWO,
        does="review.record_first",
        ends="end_after_second",
        sms="first_reviewed",
    ),
    Path(
        "three levels pass",
        reviewed("pass", "pass", "pass"),
        data=THREE,
        does="review.record_first",
        ends="end_after_third",
        sms="first_reviewed",
    ),
    Path(
        "the first level sends back to the counter",
        (done(FIRST, "send_back"), done("correct_materials"), *reviewed("pass", "pass")),
        data=TWO,
        does="review.record_first",
        ends="end_after_second",
        sms="first_reviewed",
    ),
    Path(
        "the second level sends back to the first",
        (*reviewed("pass", "send_back"), *reviewed("not_passed", "not_passed")),
        data=TWO,
        does="review.record_first review.record_first",
        ends="end_after_second",
        sms="first_reviewed first_reviewed",
    ),
    Path(
        "the third level sends back to the second",
        (*reviewed("pass", "pass", "send_back"), done(SECOND, "pass"), done(THIRD, "pass")),
        data=THREE,
        does="review.record_first",
        ends="end_after_third",
        sms="first_reviewed",
    ),
    Path(
        "the first level asks for a supplement",
        (done(FIRST, "supplement"), done("collect_supplement"), *reviewed("pass")),
        data=ONE,
        does=SUPPLEMENT,
        ends="end_after_first",
    ),
    Path(
        "the second level asks for a supplement that never comes",
        (*reviewed("pass", "supplement"), moment(DUE_AT), *reviewed("not_passed", "not_passed")),
        data=TWO,
        does="review.record_first supplement.request supplement.expire review.record_first",
        ends="end_after_second",
        sms="first_reviewed first_reviewed",
    ),
    Path(
        "the third level asks for a supplement",
        (
            *reviewed("pass", "pass", "supplement"),
            done("collect_supplement"),
            *reviewed("pass", "pass", "pass"),
        ),
        data=THREE,
        does=f"review.record_first {SUPPLEMENT} review.record_first",
        ends="end_after_third",
        sms="first_reviewed first_reviewed",
    ),
    Path(
        "suspended by the first level and resumed",
        (done(FIRST, "suspend"), done("resume_or_terminate", "resume"), *reviewed("pass", "pass")),
        data=TWO,
        does=f"{SUSPENSION} review.record_first",
        ends="end_after_second",
        sms="suspension first_reviewed",
    ),
    Path(
        "suspended by the second level, and termination decided there",
        (*reviewed("pass", "suspend"), done("resume_or_terminate", "terminate"), done(SECOND, "terminate")),
        data=TWO,
        does=f"review.record_first {SUSPENSION} review.record_first",
        ends="end_after_second",
        sms="first_reviewed suspension first_reviewed",
    ),
    Path(
        "the second level does not terminate what the first would",
        (
            done(FIRST, "suspend"),
            done("resume_or_terminate", "terminate"),
            *(done(SECOND, "send_back"), done(FIRST, "pass"), done(SECOND, "pass")),
        ),
        data=TWO,
        does=f"{SUSPENSION} review.record_first review.record_first",
        ends="end_after_second",
        sms="suspension first_reviewed first_reviewed",
    ),
    Path(
        "suspended twice",
        (
            done(FIRST, "suspend"),
            done("resume_or_terminate", "resume"),
            done(FIRST, "suspend"),
            done("resume_or_terminate", "terminate"),
        ),
        data=ONE,
        does=f"{SUSPENSION} {SUSPENSION}",
        ends="end_after_first",
        sms="suspension suspension",
    ),
]
CONCLUSIONS = {
    "no level asked for": "pass",
    "one level refuses": "not_passed",
    "the second level decides against the first": "pass",
    "termination is a proposal too": "terminate",
    "three levels pass": "pass",
    "the second level sends back to the first": "not_passed",
    "suspended by the second level, and termination decided there": "terminate",
    "the second level does not terminate what the first would": "pass",
}


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("review", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("review", PATHS)


@pytest.mark.rule("REV-03", "REV-04", "REV-07")
@plain_and_restored
@pytest.mark.parametrize("path", [path for path in PATHS if path.title in CONCLUSIONS], ids=str)
def test_the_last_level_decides(path: Path, restored: bool) -> None:
    trace = walk("review", path, restored=restored)

    assert trace.instance.run.data["outcome"] == CONCLUSIONS[path.title]


@pytest.mark.rule("REV-03")
def test_the_case_shows_how_far_the_review_is() -> None:
    path = next(path for path in PATHS if path.title == "two levels pass")

    states = walk("review", path).instance.owner.states

    assert states == ["awaiting_first_review", "first_reviewed", "awaiting_second_review"]


@pytest.mark.rule("REV-06")
def test_acceptor_and_reviewers_are_different_people() -> None:
    elements = {element.id: element for element in Instance("review", data=TWO).definition.elements.values()}
    levels = {FIRST, SECOND, THIRD}

    for level in levels:
        assert set(elements[level].differs_from) - {"resume_or_terminate"} == {"acceptance", *(levels - {level})}
    # To terminate after a suspension is an opinion of the first level too.
    assert all("resume_or_terminate" in elements[level].differs_from for level in (SECOND, THIRD))


@pytest.mark.rule("SUP-02")
def test_a_supplement_may_be_handed_in_at_either_place() -> None:
    instance = Instance("review", data=TWO)
    done(FIRST, "supplement").act(instance)

    (open_task,) = instance.run.waiting()

    assert (open_task.element.id, open_task.element.agency) == ("collect_supplement", "either")
    assert open_task.element.state == "supplementing"


@plain_and_restored
def test_of_a_supplement_only_whether_it_came_is_known_afterwards(restored: bool) -> None:
    instance = Instance("review", data=TWO, restored=restored)
    done(FIRST, "supplement").act(instance)
    done("collect_supplement", note="two pages").act(instance)

    (open_task,) = instance.run.waiting()

    assert dict(open_task.data) == {
        "case_id": 7, "review_levels": 2, "outcome": "supplement", "supplement_handed_in": True,
    }  # fmt: skip
