"""归档: the electronic file is gathered by the handling place."""

from __future__ import annotations

import pytest

from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

PATHS = [Path("archived", (done("archive_case"),), does="archive.file", ends="end")]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    trace = walk("archiving", path, restored=restored)

    assert trace.instance.owner.states == ["awaiting_archiving", "archived"]


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("archiving", PATHS)
