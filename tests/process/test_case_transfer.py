"""全省通办业务移交: accepted, reviewed twice within one working day, executed, refused or withdrawn."""

from __future__ import annotations

import pytest

from tests.process.walk import (
    DUE_AT,
    WARNING_AT,
    Instance,
    Path,
    done,
    flows_left_out,
    message,
    moment,
    plain_and_restored,
    walk,
)

FIRST, SECOND = "transfer_first_review", "transfer_second_review"
PATHS = [
    Path(
        "both reviews agree",
        (done(FIRST, "pass"), done(SECOND, "pass")),
        does="transfer.register transfer.execute",
        ends="redispatch_case",
        throws="case_redispatched",
    ),
    Path(
        "the second review refuses",
        (done(FIRST, "pass"), done(SECOND, "refuse")),
        does="transfer.register transfer.give_back",
        ends="end_refused",
    ),
    Path(
        "the first review proposes to refuse, the second decides",
        (done(FIRST, "refuse"), done(SECOND, "pass")),
        does="transfer.register transfer.execute",
        ends="redispatch_case",
        throws="case_redispatched",
    ),
    Path(
        "the first review sends it back to who started it",
        (done(FIRST, "send_back"),),
        does="transfer.register transfer.give_back",
        ends="end_refused",
    ),
    Path(
        "the second review sends it back to the first",
        (done(FIRST, "pass"), done(SECOND, "send_back"), done(FIRST, "refuse"), done(SECOND, "refuse")),
        does="transfer.register transfer.give_back",
        ends="end_refused",
    ),
    Path(
        "withdrawn before the first review",
        (message("transfer_withdrawn"),),
        does="transfer.register transfer.give_back",
        ends="end_withdrawn",
    ),
    Path(
        "withdrawn before the second review, after the warning",
        (done(FIRST, "pass"), moment(WARNING_AT), message("transfer_withdrawn")),
        does="transfer.register transfer.warn transfer.give_back",
        ends="end_warned end_withdrawn",
    ),
    Path(
        "late, with warning and alert, and executed all the same",
        (moment(WARNING_AT), done(FIRST, "pass"), moment(DUE_AT), done(SECOND, "pass")),
        does="transfer.register transfer.warn transfer.alert transfer.execute",
        ends="end_warned end_alerted redispatch_case",
        throws="case_redispatched",
    ),
    Path(
        "found only after the due time",
        (moment("2023-08-09T09:00:00+08:00"), done(FIRST, "pass"), done(SECOND, "pass")),
        does="transfer.register transfer.warn transfer.alert transfer.execute",
        ends="end_warned end_alerted redispatch_case",
        throws="case_redispatched",
    ),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("case_transfer", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("case_transfer", PATHS)


@pytest.mark.rule("JUR-01", "DDL-03")
@plain_and_restored
def test_warning_and_alert_come_once(restored: bool) -> None:
    instance = Instance("case_transfer", restored=restored)
    instance.fire("2023-08-09T09:00:00+08:00")

    assert not instance.fire("2023-08-10T09:00:00+08:00")
    assert instance.owner.called == ["transfer.register", "transfer.warn", "transfer.alert"]
    assert instance.open() == [FIRST]


@pytest.mark.rule("JUR-06")
def test_acceptor_and_reviewers_of_a_transfer_are_different_people() -> None:
    elements = {element.id: element for element in Instance("case_transfer").definition.elements.values()}

    assert set(elements[FIRST].differs_from) == {"transfer_acceptance", SECOND}
    assert set(elements[SECOND].differs_from) == {"transfer_acceptance", FIRST}


@plain_and_restored
def test_after_the_decision_a_transfer_cannot_be_withdrawn(restored: bool) -> None:
    instance = Instance("case_transfer", restored=restored)
    done(FIRST, "pass").act(instance)
    done(SECOND, "pass").act(instance)

    assert not instance.send("transfer_withdrawn")
