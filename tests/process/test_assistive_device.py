"""工伤辅助器具配置费: within the catalogue's limit; a replacement after the minimum life, or with a reason."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import RESULTS, Path, done, flows_left_out, plain_and_restored, walk

NEW = Course(
    steps=(done("confirm_device"),), before="device.record device.determine payee.split", after="determination.finish"
)
REPLACEMENT = Course(
    steps=NEW.steps, before="device.record device.check_replacement device.determine payee.split", after=NEW.after
)
TOO_EARLY = Course(
    steps=(done("confirm_device"), done("justify_replacement", justified=True)),
    before=REPLACEMENT.before,
    after=NEW.after,
)
WITH_THIRD_PARTY = Course(steps=(done("confirm_third_party_share"), *NEW.steps), before=NEW.before, after=NEW.after)
RECORD = RESULTS["device.record"]
PATHS = [
    NEW.approved("a first device"),
    REPLACEMENT.approved("a replacement in time", results={"device.record": {**RECORD, "replacement": True}}),
    TOO_EARLY.approved(
        "a replacement before the minimum life",
        results={"device.record": {**RECORD, "replacement": True}, "device.check_replacement": {"too_early": True}},
    ),
    WITH_THIRD_PARTY.approved("with a third party", results={"device.record": {**RECORD, "third_party": True}}),
    *NEW.common(),
]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("assistive_device", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("assistive_device", PATHS)
