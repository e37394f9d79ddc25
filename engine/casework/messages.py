"""Text messages (短信): one row per occasion, made in the transaction of the change and sent after it.

`emit` makes all that are about a case or an application. What cannot be sent holds up nobody: a message without a
mobile number, or without a value that its text needs, is on record as failed and says why; an empty slot makes a row
that says so (SMS-02).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework.events import record_event
from engine.casework.message_texts import LONGEST_MESSAGE, keys_in, missing_values, render, shortened
from engine.models import Agency, Message
from engine.ports import ports

#: Beside the slots of a service: what an applicant logs in with.
SIGN_ON_CODE = "sign_on_code"
#: 受理短信 and 收件短信 are the accepting agency's, every other message the handling agency's (SMS-01, ACC-04).
ACCEPTING_SLOTS = frozenset({"acceptance", "receipt", "not_injury_or_refusal"})

NO_MOBILE = "no_mobile"
MISSING_VALUE = "missing_value"
_SENTENCES = {
    NO_MOBILE: "没有可以接收短信的中国内地手机号码。",
    MISSING_VALUE: "短信文本用到的关键词在本办件中没有值。",
}


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
    standard: str | None = None,
    case_id: int | None = None,
    application_id: int | None = None,
) -> Message:
    """Put the message of `slot` into the outbox. `occasion` makes it one of its kind; a second one is an error.

    Where `template` needs a value that there is none for, the province's `standard` text takes its place (SMS-09).
    """
    message = Message(
        case_id=case_id,
        application_id=application_id,
        slot=slot,
        occasion=occasion,
        sender_agency_code=sender_agency_code,
        state="made" if template else "not_configured",
        made_at=at,
    )
    session.add(message)
    address(message, phone)
    if template:
        _word(message, [text for text in (template, standard) if text], values)
        _check(session, message, at)
    return message


def emit_code(session: Session, *, phone: str, code: str, minutes: int, at: datetime) -> Message:
    """Put a code for a log-in into the outbox; the province sends it. Nothing of it is about a case."""
    message = Message(
        slot=SIGN_ON_CODE,
        occasion=secrets.token_hex(16),
        sender_agency_code=session.scalars(select(Agency.code).where(Agency.superior_code.is_(None))).one(),
        state="made",
        made_at=at,
        template=f"您的登录验证码是{{1}}，{minutes}分钟内有效。请勿告诉他人。",
        parameters=[code],
    )
    message.text = str(message.template).replace("{1}", code)
    session.add(message)
    address(message, phone)
    _check(session, message, at)
    return message


def address(message: Message, phone: str | None) -> None:
    """Whom the message goes to: a mobile number of the mainland, in one form; anything else stays as it was given."""
    mobile = _mobile(phone)
    message.phone = mobile or (phone[:32] if phone else None)
    message.phone_key = ports().identity_key(mobile) if mobile else None


def sendable(message: Message) -> str | None:
    """Why the message cannot be sent, as a code; None: it can."""
    if message.text is None:
        return MISSING_VALUE
    return NO_MOBILE if message.phone_key is None else None


def fail(session: Session, message: Message, failure: str, reason: str, at: datetime) -> None:
    """The message will not be sent by itself: it says why, and so does the case's course."""
    message.state = "failed"
    message.failure, message.failure_reason = failure[:64], reason[:200]
    message.next_attempt_at = None
    record_event(
        session,
        "message_failed",
        at=at,
        actor=None,
        case_id=message.case_id,
        application_id=message.application_id,
        slot=message.slot,
        reason=message.failure,
    )


def _mobile(phone: str | None) -> str | None:
    if not phone:
        return None
    try:
        return ports().identity.mobile(phone)
    except ValueError:
        return None


def _word(message: Message, texts: list[str], values: Mapping[str, str]) -> None:
    cut = {key: shortened(key, value) for key, value in values.items()}
    usable = [text for text in texts if not missing_values(text, cut)]
    message.template = (usable or texts)[0]
    if usable:
        # Published texts stay below the limit; a row that was configured otherwise must not stop the case.
        message.text = render(usable[0], cut)[:LONGEST_MESSAGE]
        message.parameters = [cut[key] for key in keys_in(usable[0])]


def _check(session: Session, message: Message, at: datetime) -> None:
    failure = sendable(message)
    if failure is not None:
        fail(session, message, failure, _SENTENCES[failure], at)
