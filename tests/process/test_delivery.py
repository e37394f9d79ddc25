"""结果送达: by the place that handled the case."""

from __future__ import annotations

import pytest

from tests.process.walk import Instance, Path, done, flows_left_out, plain_and_restored, walk

PATHS = [Path("delivered", (done("deliver_result"),), does="delivery.record", ends="end")]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    trace = walk("delivery", path, restored=restored)

    assert trace.instance.owner.states == ["awaiting_delivery", "delivered"]


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("delivery", PATHS)


@pytest.mark.rule("RES-02")
def test_who_handles_delivers() -> None:
    (task,) = Instance("delivery").run.waiting()

    assert task.element.agency == "handling"
