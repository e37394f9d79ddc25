"""Issued documents (文书): the frozen content and a verification code; the PDF is made from this record later."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.models import IssuedDocument

#: Without the letters and digits that people confuse on paper.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12


def issue_document(
    session: Session,
    kind: str,
    *,
    issuing_agency_code: str,
    issued_by_id: int | None,
    at: datetime,
    content: Mapping[str, Any],
    case_id: int | None = None,
    application_id: int | None = None,
) -> IssuedDocument:
    """Record a document of `kind` with its content as of now and a code (验伪码) by which it can be checked."""
    document = IssuedDocument(
        kind=kind,
        issuing_agency_code=issuing_agency_code,
        issued_by_id=issued_by_id,
        issued_at=at,
        verification_code="".join(secrets.choice(_ALPHABET) for _ in range(CODE_LENGTH)),
        content=dict(content),
        case_id=case_id,
        application_id=application_id,
    )
    session.add(document)
    return document
