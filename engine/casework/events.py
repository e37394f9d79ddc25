"""Facts about cases, written once and never changed (event)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.casework import notices
from engine.models import CaseEvent


def record_event(
    session: Session,
    kind: str,
    *,
    at: datetime,
    actor: Actor | None,
    case_id: int | None = None,
    application_id: int | None = None,
    opinion: str | None = None,
    because: Sequence[Mapping[str, str]] = (),
    **details: Any,
) -> CaseEvent:
    """Write the fact `kind` (past tense) with who, when, why; `details` are scalars and nothing personal.

    The officers who must know of it get their notices with it.
    """
    event = CaseEvent(
        kind=kind,
        at=at,
        case_id=case_id,
        application_id=application_id,
        officer_id=actor.officer_id if actor else None,
        agency_code=actor.agency_code if actor else None,
        details=details,
        opinion=opinion,
        because=[dict(reason) for reason in because],
    )
    session.add(event)
    notices.tell(session, event)
    return event
