"""材料影像化: no review before there are images of all mandatory materials."""

from __future__ import annotations

import pytest

from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

PATHS = [
    Path("images are complete", (), does="scan.check", ends="end"),
    Path(
        "images come later, in two goes",
        (done("scan_materials"), done("scan_materials")),
        results={"scan.check": [{"images_complete": False}, {"images_complete": False}, {"images_complete": True}]},
        does="scan.check scan.check scan.check",
        ends="end",
    ),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("scanning", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("scanning", PATHS)


@plain_and_restored
def test_the_case_goes_on_only_with_all_images(restored: bool) -> None:
    trace = walk("scanning", PATHS[1], restored=restored)

    assert trace.instance.run.data["images_complete"] is True
    assert trace.instance.owner.states == ["awaiting_scan", "awaiting_scan"]
