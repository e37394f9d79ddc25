"""Whom an identity provider means: officers by what an administrator has bound, applicants by their identity number."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import clock
from engine.errors import Conflict, InvalidInput, NotFound
from engine.models import Officer, OfficerIdentity

LONGEST_SUBJECT = 255


def officer_of(session: Session, issuer: str, subject: str) -> Officer | None:
    """The active officer who is bound to that subject."""
    query = select(Officer).join(OfficerIdentity, OfficerIdentity.officer_id == Officer.id)
    return session.scalar(
        query.where(OfficerIdentity.issuer == issuer, OfficerIdentity.subject == subject, Officer.active)
    )


def bind(session: Session, issuer: str, subject: str, username: str) -> None:
    """Let who signs on as `subject` be this officer. Raises NotFound, InvalidInput, Conflict where one is taken."""
    if not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isascii():
        raise InvalidInput(fields={"subject": [f"应当有 1 到 {LONGEST_SUBJECT} 个字母、数字或符号。"]})
    officer = _officer(session, username)
    row = OfficerIdentity(issuer=issuer, subject=subject, officer_id=officer.id, bound_at=clock.now())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("这个统一身份或这个用户名已经关联。", code="identity_bound") from None


def unbind(session: Session, issuer: str, username: str) -> None:
    """The officer has a password alone from now on. Raises NotFound."""
    officer = _officer(session, username)
    of_officer = (OfficerIdentity.issuer == issuer, OfficerIdentity.officer_id == officer.id)
    if session.scalar(select(OfficerIdentity.subject).where(*of_officer)) is None:
        raise NotFound(f"用户名“{username}”没有关联统一身份。")
    session.execute(delete(OfficerIdentity).where(*of_officer))


def _officer(session: Session, username: str) -> Officer:
    officer = session.scalar(select(Officer).where(Officer.username == username))
    if officer is None:
        raise NotFound(f"没有用户名“{username}”。")
    return officer
