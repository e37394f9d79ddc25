"""确定参保关系: a person decides where the system finds none or several, never a default."""

from __future__ import annotations

import pytest

from tests.process.walk import Instance, Path, done, flows_left_out, plain_and_restored, walk

PATHS = [Path("chosen", (done("choose_relation"),), does="relation.choose", ends="end")]


@pytest.mark.rule("ROU-06")
@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("resolve_relation", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("resolve_relation", PATHS)


@pytest.mark.rule("ROU-06")
def test_nothing_is_chosen_before_somebody_did() -> None:
    instance = Instance("resolve_relation")

    assert instance.open() == ["choose_relation"]
    assert instance.owner.called == []
