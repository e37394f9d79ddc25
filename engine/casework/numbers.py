"""Serial and receipt numbers (业务流水号, 受理回执号): sixteen digits from one running sequence (DAT-01).

The first twelve digits are the moment of generation, yyMMddHHmmss, and mean nothing else: the acceptance time is
never read from a number. The serial number is the one before the receipt number, as in the notice's own sample.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from engine.models import ReceiptNumber

#: Four digits remain, two numbers a case.
PAIRS_PER_SECOND = 5000


def next_numbers(session: Session, at: datetime) -> tuple[str, str]:
    """A new serial number and its receipt number; never given twice."""
    row = ReceiptNumber(generated_at=at)
    session.add(row)
    session.flush()
    stamp = at.strftime("%y%m%d%H%M%S")
    running = 2 * (row.id % PAIRS_PER_SECOND)
    return f"{stamp}{running:04d}", f"{stamp}{running + 1:04d}"
