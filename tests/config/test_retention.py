"""How long things are kept: dated values with their sources."""

from __future__ import annotations

from datetime import date

import pytest

from config.legal import RuleNotInForce, rule_value


def test_the_audit_log_is_kept_at_least_as_long_as_the_law_says() -> None:
    kept = rule_value("retention.audit_log", date(2023, 8, 1))

    assert (kept.value, kept.unit, kept.ref.document) == (6, "months", "cybersecurity-law")
    with pytest.raises(RuleNotInForce):
        rule_value("retention.audit_log", date(2017, 5, 31))


@pytest.mark.parametrize("key", ["retention.case_file", "retention.unaccepted_application"])
def test_what_no_text_that_we_hold_says_is_marked_as_assumed(key: str) -> None:
    assert rule_value(key, date(2023, 8, 1)).ref.is_assumption
