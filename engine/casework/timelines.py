"""What happened to an application and to a case, in order: who, where, what, when, by which rule (办理过程)."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from engine.models import Agency, Application, Case, CaseEvent, Message, Officer

Entry = dict[str, Any]


def of_case(session: Session, case: Case) -> list[Entry]:
    """The case's events and the messages made for it."""
    return _told(session, CaseEvent.case_id == case.id, Message.case_id == case.id)


def of_application(session: Session, application: Application) -> list[Entry]:
    """What happened before there was a case: handed in, checked, collected, asked for more, refused."""
    return _told(session, CaseEvent.application_id == application.id, Message.application_id == application.id)


def _told(session: Session, of_events: Any, of_messages: Any) -> list[Entry]:
    events = session.scalars(
        select(CaseEvent).where(of_events).order_by(CaseEvent.id).options(joinedload(CaseEvent.officer))
    ).all()
    messages = session.scalars(select(Message).where(of_messages).order_by(Message.id)).all()
    codes = {event.agency_code for event in events} | {message.sender_agency_code for message in messages}
    rows = session.execute(select(Agency.code, Agency.name).where(Agency.code.in_(codes)))
    names = {row.code: row.name for row in rows}
    absent = _names(session, {(event.details or {}).get("on_behalf_of") for event in events} - {None})
    entries = [
        {
            "at": event.at,
            "kind": event.kind,
            "officer": event.officer.name if event.officer else None,
            "agency": names.get(event.agency_code or ""),
            "opinion": event.opinion,
            # In whose place it was done: X 代 Y.
            "on_behalf_of": absent.get((event.details or {}).get("on_behalf_of")),
            "details": event.details,
            "because": event.because,
        }
        for event in events
    ]
    entries += [
        {
            "at": message.made_at,
            "kind": "message_made" if message.state != "not_configured" else "message_not_configured",
            "officer": None,
            "on_behalf_of": None,
            "agency": names.get(message.sender_agency_code),
            "opinion": message.text,
            "details": {"slot": message.slot, "state": message.state, "failure": message.failure},
            "because": [],
        }
        for message in messages
    ]
    # Stable: what happened at one instant keeps the order in which it was written.
    return sorted(entries, key=lambda entry: entry["at"])


def _names(session: Session, officer_ids: Set[Any]) -> dict[int | None, str]:
    if not officer_ids:
        return {}
    return {
        row.id: row.name for row in session.execute(select(Officer.id, Officer.name).where(Officer.id.in_(officer_ids)))
    }
