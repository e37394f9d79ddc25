"""Log-ins of applicants (申请人): apart from those of officers, and known by how their tokens begin."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import cast

from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from config.settings import Settings
from engine import clock
from engine.actor import ApplicantActor
from engine.db import glance, transaction
from engine.errors import NotAuthenticated
from engine.models import Applicant, ApplicantSession

#: No token of an officer has this sign in it.
MARK = "tba~"
_NOTED_EVERY = timedelta(minutes=1)
#: The training clock jumps over weeks; who learns there is not thrown out by it.
_TRAINING = timedelta(days=3650)


def is_ours(token: str) -> bool:
    """The token is that of an applicant's log-in, good or not."""
    return token.startswith(MARK)


def open_session(session: Session, applicant_id: int, kind: str) -> str:
    """A new token for the applicant; only its SHA-256 is kept."""
    now = clock.now()
    token = f"{MARK}{secrets.token_urlsafe(32)}"
    session.add(
        ApplicantSession(
            token_hash=_hash(token),
            applicant_id=applicant_id,
            kind=kind,
            created_at=now,
            used_at=now,
            expires_at=now + _lasts(),
        )
    )
    return token


def close_session(session: Session, token: str) -> None:
    """Forget the token."""
    session.execute(delete(ApplicantSession).where(ApplicantSession.token_hash == _hash(token)))


def authenticate(kind: str, token: str) -> ApplicantActor:
    """The applicant whose log-in this is. Raises NotAuthenticated."""
    query = (
        select(
            ApplicantSession.kind,
            ApplicantSession.used_at,
            ApplicantSession.expires_at,
            Applicant.id,
            Applicant.identity_key,
        )
        .join(Applicant, Applicant.id == ApplicantSession.applicant_id)
        .where(ApplicantSession.token_hash == _hash(token))
    )
    with glance() as connection:
        row = connection.execute(query).one_or_none()
    now = clock.now()
    if row is None or row.kind != kind or row.expires_at <= now or row.used_at + _idle() <= now:
        raise NotAuthenticated("登录已失效，请重新登录。", code="session_ended")
    if row.used_at + _NOTED_EVERY <= now:
        with transaction() as session:
            of_token = ApplicantSession.token_hash == _hash(token)
            session.execute(update(ApplicantSession).where(of_token).values(used_at=now))
    return ApplicantActor(applicant_id=row.id, identity_key=row.identity_key)


def _lasts() -> timedelta:
    return _TRAINING if _settings().mode == "training" else _settings().access.lasts


def _idle() -> timedelta:
    return _TRAINING if _settings().mode == "training" else _settings().access.idle


def _settings() -> Settings:
    return cast(Settings, current_app.config["TONGBAN"])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
