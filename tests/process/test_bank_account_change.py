"""银行信息变更: evidence of the new account, no benefit."""

from __future__ import annotations

import pytest

from tests.process.services import Course
from tests.process.walk import Path, done, flows_left_out, plain_and_restored, walk

COURSE = Course(steps=(done("verify_account_evidence", "sufficient"),), before="", after="bank_account.apply")
UNPROVEN = Course(steps=(done("verify_account_evidence", "insufficient"),), before="", after="")
PATHS = [COURSE.approved(), *COURSE.common(), UNPROVEN.refused("evidence insufficient")]


@plain_and_restored
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_way_ends_as_drawn(path: Path, restored: bool) -> None:
    walk("bank_account_change", path, restored=restored)


def test_no_way_is_left_out() -> None:
    assert not flows_left_out("bank_account_change", PATHS)


@plain_and_restored
def test_the_new_account_is_used_only_after_the_review_has_passed(restored: bool) -> None:
    applied = [
        "bank_account.apply" in walk("bank_account_change", path, restored=restored).instance.owner.called
        for path in PATHS
    ]

    assert applied == [True] + [False] * (len(PATHS) - 1)
