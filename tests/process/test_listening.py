"""A published service can always be withdrawn, voided and dispatched again; so can a transfer and an escalation end."""

from __future__ import annotations

import pytest

from config.settings import PROJECT
from engine.process.check import check

FILES = {path.name: path.read_bytes() for path in sorted((PROJECT / "bpmn").rglob("*.*mn"))}


@pytest.mark.rule("JUR-09", "DAT-05")
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("medical_expense.bpmn", "case_withdrawn"),
        ("death_benefit.bpmn", "case_voided"),
        ("referral_filing.bpmn", "case_redispatched"),
        ("case_transfer.bpmn", "transfer_withdrawn"),
        ("escalation.bpmn", "escalation_withdrawn"),
    ],
)
def test_a_process_that_no_longer_hears_a_message_is_refused(file: str, message: str) -> None:
    deaf = FILES[file].replace(f'name="{message}"'.encode(), b'name="filing_used"')

    faults = check({file: deaf}, FILES).faults

    assert [fault.element for fault in faults if message in fault.message] == [file.removesuffix(".bpmn")]
