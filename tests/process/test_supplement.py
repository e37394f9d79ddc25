"""补充材料: asked for by the handling place, handed in at either place, or not in time."""

from __future__ import annotations

import pytest

from tests.process.walk import DUE_AT, Instance, Path, done, flows_left_out, moment, plain_and_restored, walk

PATHS = [
    Path(
        "handed in",
        (done("collect_supplement"),),
        does="supplement.request supplement.receive",
        ends="end",
    ),
    Path("not in time", (moment(DUE_AT),), does="supplement.request supplement.expire", ends="end_expired"),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("supplement", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("supplement", PATHS)


@pytest.mark.rule("SUP-01")
@plain_and_restored
def test_the_time_to_hand_in_ends_when_the_notice_said(restored: bool) -> None:
    instance = Instance("supplement", restored=restored)

    assert not instance.fire("2023-08-02T23:59:58+08:00")
    assert instance.fire(DUE_AT)
    assert instance.open() == []
    assert instance.run.data["supplement_handed_in"] is False
