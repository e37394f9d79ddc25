"""Who is asking, for which agency, and what a role may ask for at all.

A route declares its permission with `@requires("task.claim")`, or says `@public`; `PERMISSIONS` is the one table of who
holds which, and `SCOPES` says which of them a channel system may be given. What an officer may do with this very case
(agency, separation of duties) is decided by the engine.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from flask import current_app, g, request
from sqlalchemy import Row, Select, and_, bindparam, delete, select, update
from sqlalchemy.orm import Session, aliased

from api import applicant_access, channel_access
from config.settings import Settings
from engine import clock
from engine.accounts import duty
from engine.actor import Actor, ApplicantActor, ChannelActor, Party
from engine.db import glance, transaction
from engine.errors import NotAllowed, NotAuthenticated
from engine.models import Absence, Agency, Officer, OfficerSession
from engine.models.agency import roles_in_force
from engine.process.diagram import ROLES

View = TypeVar("View", bound=Callable[..., Any])

BEARER, COOKIE_KIND = "bearer", "cookie"
#: A browser's log-in that an identity provider vouched for.
SIGN_ON = "sign_on"
COOKIE = "tongban_session"
CSRF_HEADER = "X-CSRF-Token"
_NOTED_EVERY = timedelta(minutes=1)
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
    "application.unmask": _WORKERS,
    "representation.record": frozenset({"acceptor"}),
    "representation.read": frozenset({"acceptor", "supervisor", "auditor"}),
    "case.read": _READERS,
    "case.unmask": _WORKERS,
    "case.scan": frozenset({"acceptor", "advanced_scanner"}),
    "case.withdraw": frozenset({"acceptor", "supervisor"}) | _REVIEWERS,
    "case.urge": frozenset({"supervisor"}),
    "case.void": frozenset({"supervisor"}),
    "case.transfer": frozenset({"transfer_operator", "supervisor"}),
    "case.escalate": frozenset({"transfer_operator", "supervisor"}) | _REVIEWERS,
    "task.read": _READERS,
    "task.acquire": _WORKERS,
    "task.claim": _WORKERS,
    "task.release": _WORKERS,
    "task.assign": frozenset({"supervisor"}),
    "task.hand_over": _WORKERS,
    "task.complete": _WORKERS,
    "transfer.read": _READERS,
    "transfer.withdraw": frozenset({"transfer_operator", "supervisor"}) | _REVIEWERS,
    "escalation.read": _READERS,
    "escalation.reopen": frozenset({"superior_adjudicator"}),
    "definition.read": EVERYONE,
    "definition.publish": frozenset({"business_analyst"}),
    "incident.read": frozenset({"supervisor", "business_analyst", "province_administrator", "auditor"}),
    "incident.resolve": frozenset({"supervisor", "business_analyst", "province_administrator"}),
    "absence.manage": _ADMINISTRATORS | {"supervisor"},
    "absence.end": EVERYONE,
    "account.read": _ADMINISTRATORS | {"auditor"},
    "account.manage": _ADMINISTRATORS,
    "readiness.read": _ADMINISTRATORS | {"supervisor", "auditor"},
    "audit.read": frozenset({"auditor"}),
    "notice.read": EVERYONE,
    "calendar.read": EVERYONE,
    "calendar.enter": frozenset({"province_administrator"}),
    "calendar.order": _ADMINISTRATORS,
    "message.read": _ADMINISTRATORS | {"supervisor", "auditor"},
    "message.retry": _ADMINISTRATORS | {"supervisor"},
    "sms_template.read": _ADMINISTRATORS | {"supervisor", "business_analyst", "auditor"},
    "sms_template.edit": _ADMINISTRATORS,
    "training.clock": EVERYONE,
}

#: Permission -> scope by which a channel system holds it.
SCOPES: Mapping[str, str] = {
    "catalogue.read": "catalogue:read",
    "channel.progress": "progress:read",
    "channel.apply": "applications:create",
    "channel.read": "applications:read",
}

#: What an applicant who has logged in may ask for: about himself, and those for whom he acts.
APPLICANTS = frozenset({"catalogue.read", "my.session", "my.read", "my.apply", "my.revoke"})


def requires(permission: str) -> Callable[[View], View]:
    """The view needs somebody who holds `permission`, by role or by scope; 401 or 403 before anything else is read."""
    roles, scope = PERMISSIONS.get(permission, frozenset()), SCOPES.get(permission)

    def decorator(view: View) -> View:
        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            _forget()
            g.party = _authenticate(permission)
            if isinstance(g.party, ChannelActor):
                if scope not in g.party.scopes:
                    raise NotAllowed("该渠道系统没有这项操作的授权。", code="scope_missing", details={"scope": scope})
            elif isinstance(g.party, ApplicantActor):
                if permission not in APPLICANTS:
                    raise NotAllowed("这项操作由经办机构的工作人员办理。", code="officers_only")
            else:
                g.actor = g.party
                if not g.actor.has(*roles):
                    allowed = {"roles": sorted(roles)}
                    raise NotAllowed("您的岗位没有这项操作的权限。", code="role_missing", details=allowed)
            return view(*args, **kwargs)

        wrapper.permission = permission  # type: ignore[attr-defined]
        return cast(View, wrapper)

    return decorator


def public(view: View) -> View:
    """The view answers anybody, logged in or not."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _forget()
        return view(*args, **kwargs)

    wrapper.permission = None  # type: ignore[attr-defined]
    return cast(View, wrapper)


def _forget() -> None:
    """Nobody is left over from a request before this one, nor what it said of itself."""
    for name in ("actor", "party", "audit_notes", "signed_on"):
        g.pop(name, None)


def current_party() -> Party:
    """Whoever is asking, officer or channel system. Raises NotAuthenticated in a public view."""
    party = g.get("party")
    if party is None:
        raise NotAuthenticated("请先登录。")
    return cast(Party, party)


def current_channel() -> ChannelActor:
    """The channel system that is asking. Raises NotAuthenticated where it is somebody else."""
    party = current_party()
    if not isinstance(party, ChannelActor):
        raise NotAuthenticated("请以渠道系统的凭据访问。")
    return party


def current_applicant() -> ApplicantActor:
    """The applicant who is asking. Raises NotAuthenticated where it is somebody else."""
    party = current_party()
    if not isinstance(party, ApplicantActor):
        raise NotAuthenticated("请先登录。")
    return party


def current_actor() -> Actor:
    """The officer who is asking. Raises NotAuthenticated in a public view."""
    actor = g.get("actor")
    if actor is None:
        raise NotAuthenticated("请先登录。")
    return cast(Actor, actor)


def open_session(session: Session, officer_id: int, kind: str = BEARER) -> str:
    """A new token for the officer; only its SHA-256 is kept."""
    now = clock.now()
    token = secrets.token_urlsafe(32)
    lasts = TRAINING_SESSION if _settings().mode == "training" else _settings().access.lasts
    session.add(
        OfficerSession(
            token_hash=_hash(token), officer_id=officer_id, kind=kind, created_at=now, expires_at=now + lasts
        )
    )
    return token


def forget_ended_sessions(session: Session) -> None:
    """Delete the log-ins that ended by themselves."""
    session.execute(delete(OfficerSession).where(OfficerSession.expires_at <= clock.now()))


def close_session(session: Session) -> None:
    """Forget the token of this request."""
    _kind, token = _credential()
    session.execute(delete(OfficerSession).where(OfficerSession.token_hash == _hash(token)))


def close_other_sessions(session: Session, officer_id: int) -> None:
    """End every log-in of the officer but the one of this request."""
    _kind, token = _credential()
    session.execute(
        delete(OfficerSession).where(OfficerSession.officer_id == officer_id, OfficerSession.token_hash != _hash(token))
    )


def forget_cookie(session: Session) -> None:
    """Whatever log-in the browser brought along ends: a new one never continues it."""
    token = request.cookies.get(cookie_name())
    if token:
        session.execute(delete(OfficerSession).where(OfficerSession.token_hash == _hash(token)))
        applicant_access.close_session(session, token)


def current_token() -> str:
    """The credential of this request."""
    return _credential()[1]


def cookie_name() -> str:
    """Of the browser's session; the prefix keeps it to this host and to TLS, where there is TLS."""
    return f"__Host-{COOKIE}" if uses_tls() else COOKIE


def uses_tls() -> bool:
    """Production stands behind TLS."""
    return _settings().mode == "production"


def csrf_token(token: str) -> str:
    """What a page of ours sends beside the cookie; no page of somebody else can read it."""
    return hmac.new(_settings().secret.encode(), f"csrf:{token}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def current_csrf_token() -> str | None:
    """The token for this browser's session; None for a program's."""
    kind, token = _credential()
    return csrf_token(token) if kind == COOKIE_KIND else None


class Account(Protocol):
    """What decides whether an officer has to do something first."""

    @property
    def roles(self) -> list[str]: ...
    @property
    def must_change_password(self) -> bool: ...
    @property
    def second_factor_confirmed(self) -> bool: ...


def obligation(officer: Account | Row[*tuple[Any, ...]]) -> str | None:
    """What this officer has to do before anything else: `password_change_due`, `second_factor_due`."""
    if officer.must_change_password:
        return "password_change_due"
    asked = needs_second_factor(officer.roles)
    return "second_factor_due" if asked and not officer.second_factor_confirmed else None


def needs_second_factor(roles: Iterable[str]) -> bool:
    """Whoever holds these roles must not depend on a password alone."""
    administers = not _ADMINISTRATORS.isdisjoint(roles)
    return {"off": False, "everyone": True}.get(_settings().access.second_factor, administers)


def current_obligation(officer: Account | Row[*tuple[Any, ...]]) -> str | None:
    """The same for this log-in; whoever an identity provider vouched for used no password, and its factors."""
    return None if g.get("signed_on") else obligation(officer)


#: What somebody on leave may still do: log out, and come back.
_ON_LEAVE = frozenset({"session.own", "absence.end"})

_OBLIGATIONS = {
    "password_change_due": "请先修改初始密码。",
    "second_factor_due": "您的岗位须启用动态验证码，请先完成设置。",
}


_leave, _covered, _absent = aliased(Absence), aliased(Absence), aliased(Officer)
#: One statement without a transaction around it, of nothing but what is looked at: it stands before every request.
_WHO: Select[*tuple[Any, ...]] = (
    select(
        OfficerSession.token_hash,
        OfficerSession.kind,
        OfficerSession.created_at,
        OfficerSession.used_at,
        OfficerSession.expires_at,
        Officer.active,
        Officer.must_change_password,
        Officer.second_factor_confirmed,
        Officer.id.label("officer_id"),
        Officer.name,
        Officer.agency_code,
        Officer.roles,
        Officer.role_terms,
        Agency.path.label("agency_path"),
        _leave.id.label("leave_id"),
        _absent.id.label("absent_id"),
        _absent.roles.label("absent_roles"),
        _absent.role_terms.label("absent_terms"),
    )
    .join(Officer, Officer.id == OfficerSession.officer_id)
    .join(Agency, Agency.code == Officer.agency_code)
    .outerjoin(_leave, and_(_leave.officer_id == Officer.id, duty.in_force(_leave)))
    .outerjoin(_covered, and_(_covered.substitute_id == Officer.id, duty.in_force(_covered)))
    .outerjoin(_absent, duty.has_substitute(_absent, _covered))
    .where(OfficerSession.token_hash == bindparam("token_hash"))
)


def _authenticate(permission: str) -> Party:
    kind, token = _credential()
    if kind == BEARER and channel_access.kind_of(token) is not None:
        return channel_access.authenticate(token)
    if applicant_access.is_ours(token):
        applicant = applicant_access.authenticate(kind, token)
        if kind == COOKIE_KIND and request.method not in ("GET", "HEAD", "OPTIONS"):
            _require_csrf_token(token)
        return applicant
    with glance() as connection:
        row = connection.execute(_WHO, {"token_hash": _hash(token), duty.TODAY: clock.today()}).first()
    if row is None or kind != (COOKIE_KIND if row.kind == SIGN_ON else row.kind) or _has_ended(row) or not row.active:
        raise NotAuthenticated("登录已失效，请重新登录。", code="session_ended")
    if kind == COOKIE_KIND and request.method not in ("GET", "HEAD", "OPTIONS"):
        _require_csrf_token(token)
    g.signed_on = row.kind == SIGN_ON
    due = current_obligation(row)
    if due is not None and permission != "session.own":
        raise NotAllowed(_OBLIGATIONS[due], code=due)
    _note_use(row)
    if row.leave_id is not None and permission not in _ON_LEAVE:
        raise NotAllowed("您在请假期间，请先销假再办理。", code="on_leave")
    own = frozenset(roles_in_force(row.roles, row.role_terms or {}, clock.today()))
    stands_in = _taken_over(own, row)
    return Actor(
        officer_id=row.officer_id,
        name=row.name,
        agency_code=row.agency_code,
        agency_path=row.agency_path,
        roles=own | stands_in.keys(),
        stands_in=stands_in,
        on_leave=row.leave_id is not None,
    )


def _taken_over(own: frozenset[str], row: Row[*tuple[Any, ...]]) -> Mapping[str, int]:
    if row.absent_id is None:
        return {}
    return duty.taken_over(own, roles_in_force(row.absent_roles, row.absent_terms or {}, clock.today()), row.absent_id)


def _has_ended(row: Row[*tuple[Any, ...]]) -> bool:
    now = clock.now()
    if row.expires_at <= now:
        return True
    idle = TRAINING_SESSION if _settings().mode == "training" else _settings().access.idle
    return bool((row.used_at or row.created_at) + idle <= now)


def _note_use(row: Row[*tuple[Any, ...]]) -> None:
    """Keep the session alive; written once a minute, not at each request."""
    now = clock.now()
    if (row.used_at or row.created_at) + _NOTED_EVERY > now:
        return
    with transaction() as writing:
        writing.execute(update(OfficerSession).where(OfficerSession.token_hash == row.token_hash).values(used_at=now))


#: What a browser says of a request that one of our own pages, or its user, sends.
_OWN_SITE = frozenset({"same-origin", "none"})


def _require_csrf_token(token: str) -> None:
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITE:
        raise NotAllowed("请求不是从本系统的页面发出的，已拒绝。", code="csrf_token_wrong")
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode("utf-8", "surrogatepass"), csrf_token(token).encode()):
        raise NotAllowed("请求不是从本系统的页面发出的，已拒绝。", code="csrf_token_wrong")


def session_kind() -> str:
    """How whoever is asking has shown who it is: cookie, bearer, key, token."""
    kind, token = _credential()
    return kind if kind == COOKIE_KIND else channel_access.kind_of(token) or kind


def _credential() -> tuple[str, str]:
    """Kind and token of the one log-in this request names. Raises NotAuthenticated for none, and for two."""
    cookie = request.cookies.get(cookie_name())
    header = request.headers.get("Authorization")
    if cookie and header is not None:
        # Whose rights would count, and does the CSRF token?
        raise NotAuthenticated("请求带有两种登录凭据，只能用一种。", code="two_credentials")
    if cookie:
        return COOKIE_KIND, cookie
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("请先登录。")
    return BEARER, token.strip()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _settings() -> Settings:
    return cast(Settings, current_app.config["TONGBAN"])


def permission_of(view: Callable[..., Any]) -> str | None:
    """The permission the view declares; None: it is public, or not ours."""
    return cast("str | None", getattr(view, "permission", None))
