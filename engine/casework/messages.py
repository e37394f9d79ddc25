"""Text messages (短信): one row per occasion, made in the transaction of the change and sent after it.

`emit` is the only way to make one. The template belongs to the handling city's configuration of the service; an
empty slot makes a row that says so (SMS-02). The 13 keys stand bare in the text: they are replaced in one pass,
longest first, and what was put in is never looked at again (SMS-06).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from engine.models import Message

#: Exactly the keys of annex 3 (SMS-06).
KEYS = (
    "XM", "SFZH", "YWMC", "SLSJ", "CZYJ", "DAY", "CZYJP", "JBJG", "SLHZH", "SHBTGYJ", "DYXSKSNY", "ZCDADDRESS", "CBR",
)  # fmt: skip
_KEY = re.compile("|".join(sorted(KEYS, key=len, reverse=True)))

#: 受理短信 and 收件短信 are the accepting agency's, every other message the handling agency's (ACC-04, RES-01).
ACCEPTING_SLOTS = frozenset({"acceptance", "receipt", "not_injury_or_refusal"})

SLOTS = (
    "acceptance", "receipt", "completion", "termination", "urging", "not_injury_or_refusal", "suspension",
    "not_passed", "first_reviewed",
)  # fmt: skip


def render(template: str, values: Mapping[str, str]) -> str:
    """The message; a key without a value stays out of it, because a broken sentence is better than an internal key."""
    return _KEY.sub(lambda match: values.get(match.group(), ""), template)


def emit(
    session: Session,
    *,
    slot: str,
    occasion: str,
    sender_agency_code: str,
    template: str | None,
    values: Mapping[str, str],
    phone: str | None,
    at: datetime,
    case_id: int | None = None,
    application_id: int | None = None,
) -> Message:
    """Put the message of `slot` into the outbox. `occasion` makes it one of its kind; a second one is an error."""
    message = Message(
        case_id=case_id,
        application_id=application_id,
        slot=slot,
        occasion=occasion,
        sender_agency_code=sender_agency_code,
        phone=phone,
        text=render(template, values) if template else None,
        state="made" if template else "not_configured",
        made_at=at,
    )
    session.add(message)
    return message
