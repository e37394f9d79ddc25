"""Who is asking, for which agency, and what a role may ask for at all.

A route declares its permission with `@requires("task.claim")`, or says `@public`; `PERMISSIONS` is the one table of who
holds which. What an officer may do with this very case (agency, separation of duties) is decided by the engine.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from threading import BoundedSemaphore
from typing import Any, TypeVar, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app, g, request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config.settings import Settings
from engine import clock
from engine.actor import Actor
from engine.db import db
from engine.errors import NotAllowed, NotAuthenticated, RetryLater
from engine.models import Officer, OfficerSession
from engine.process.diagram import ROLES

View = TypeVar("View", bound=Callable[..., Any])

SESSION_HOURS = 12
#: The training clock jumps over weeks; who learns there is not thrown out by it.
TRAINING_SESSION = timedelta(days=3650)

EVERYONE = frozenset(ROLES)
_REVIEWERS = frozenset({"first_reviewer", "second_reviewer"})
_ADMINISTRATORS = frozenset({"city_administrator", "province_administrator"})
_WORKERS = EVERYONE - _ADMINISTRATORS - {"business_analyst", "auditor"}
#: Who administers accounts or draws diagrams needs no claim of anybody for it.
_READERS = EVERYONE - _ADMINISTRATORS - {"business_analyst"}

#: Permission -> roles that hold it.
PERMISSIONS: Mapping[str, frozenset[str]] = {
    "session.own": EVERYONE,
    "catalogue.read": EVERYONE,
    "application.submit": frozenset({"acceptor"}),
    "application.read": _READERS,
    "application.collect": frozenset({"acceptor", "advanced_scanner"}),
    "application.notify": frozenset({"acceptor", "supervisor"}),
    "application.refuse": frozenset({"acceptor"}),
    "application.accept": frozenset({"acceptor"}),
    "case.read": _READERS,
    "case.scan": frozenset({"acceptor", "advanced_scanner"}),
    "case.withdraw": frozenset({"acceptor", "supervisor"}) | _REVIEWERS,
    "case.void": frozenset({"supervisor"}),
    "case.transfer": frozenset({"transfer_operator", "supervisor"}),
    "case.escalate": frozenset({"transfer_operator", "supervisor"}) | _REVIEWERS,
    "task.read": _READERS,
    "task.acquire": _WORKERS,
    "task.claim": _WORKERS,
    "task.release": _WORKERS,
    "task.assign": frozenset({"supervisor"}),
    "task.complete": _WORKERS,
    "transfer.read": _READERS,
    "transfer.withdraw": frozenset({"transfer_operator", "supervisor"}) | _REVIEWERS,
    "escalation.read": _READERS,
    "escalation.reopen": frozenset({"superior_adjudicator"}),
    "definition.read": EVERYONE,
    "definition.publish": frozenset({"business_analyst"}),
    "incident.read": frozenset({"supervisor", "business_analyst", "province_administrator", "auditor"}),
    "incident.resolve": frozenset({"supervisor", "business_analyst", "province_administrator"}),
    "training.clock": EVERYONE,
}

#: An argon2 hash costs 64 MiB and a tenth of a second: no more than two at a time, others wait their turn.
_verifying = BoundedSemaphore(2)
_PATIENCE_SECONDS = 20
_hasher = PasswordHasher()
#: Verified against when there is no such officer, so that the answer takes as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$PAN3mfPqK7+8PwgzrTda8g$8PWTj+siu4ocCl8kn7memXc3FHmykkA0tKpm7Qjr1Uo"


def requires(permission: str) -> Callable[[View], View]:
    """The view needs somebody logged in whose roles hold `permission`; 401 or 403 before anything else is read."""
    roles = PERMISSIONS[permission]

    def decorator(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            g.pop("actor", None)
            g.actor = _authenticate(db.session())
            if not g.actor.has(*roles):
                raise NotAllowed("您的岗位没有这项操作的权限。", code="role_missing", details={"roles": sorted(roles)})
            return view(*args, **kwargs)

        wrapper.permission = permission  # type: ignore[attr-defined]
        return cast(View, wrapper)

    return decorator


def public(view: View) -> View:
    """The view answers anybody, logged in or not."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        g.pop("actor", None)
        return view(*args, **kwargs)

    wrapper.permission = None  # type: ignore[attr-defined]
    return cast(View, wrapper)


def current_actor() -> Actor:
    """The officer who is asking. Raises NotAuthenticated in a public view."""
    actor = g.get("actor")
    if actor is None:
        raise NotAuthenticated("请先登录。")
    return cast(Actor, actor)


def actor_of(officer: Officer) -> Actor:
    """The officer as the engine knows who acts."""
    return Actor(
        officer_id=officer.id,
        name=officer.name,
        agency_code=officer.agency_code,
        agency_path=officer.agency.path,
        roles=frozenset(officer.roles),
    )


def check_password(session: Session, username: str, password: str) -> int:
    """Id of the active officer with this name and password. Raises NotAuthenticated, the same for every reason."""
    query = select(Officer.id, Officer.password_hash, Officer.active).where(Officer.username == username)
    officer = session.execute(query).one_or_none()
    # The check is slow: nobody else shall wait for the connection meanwhile.
    session.rollback()
    stored = officer.password_hash if officer is not None else _NOBODY
    if not _verifying.acquire(timeout=_PATIENCE_SECONDS):
        raise RetryLater("登录的人较多，请稍后再试。", code="log_in_busy")
    right = False
    try:
        # A wrong password is refused below, like a name that nobody has.
        with suppress(VerificationError, InvalidHashError):
            right = _hasher.verify(stored, password)
    finally:
        _verifying.release()
    if officer is None or not right or not officer.active:
        raise NotAuthenticated("用户名或密码不正确。", code="wrong_credentials")
    return int(officer.id)


def open_session(session: Session, officer_id: int) -> str:
    """A new token for the officer; only its SHA-256 is kept."""
    now = clock.now()
    token = secrets.token_urlsafe(32)
    settings = cast(Settings, current_app.config["TONGBAN"])
    lasts = TRAINING_SESSION if settings.mode == "training" else timedelta(hours=SESSION_HOURS)
    session.add(OfficerSession(token_hash=_hash(token), officer_id=officer_id, created_at=now, expires_at=now + lasts))
    return token


def forget_ended_sessions(session: Session) -> None:
    """Delete the log-ins that ended by themselves."""
    session.execute(delete(OfficerSession).where(OfficerSession.expires_at <= clock.now()))


def close_session(session: Session) -> None:
    """Forget the token of this request."""
    session.execute(delete(OfficerSession).where(OfficerSession.token_hash == _hash(_token())))


def _authenticate(session: Session) -> Actor:
    # A connection may still hold the snapshot of an earlier request.
    session.rollback()
    row = session.get(OfficerSession, _hash(_token()))
    if row is None or row.expires_at <= clock.now() or not row.officer.active:
        raise NotAuthenticated("登录已失效，请重新登录。", code="session_ended")
    return actor_of(row.officer)


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("请先登录。")
    return token.strip()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def permission_of(view: Callable[..., Any]) -> str | None:
    """The permission the view declares; None: it is public, or not ours."""
    return cast("str | None", getattr(view, "permission", None))
