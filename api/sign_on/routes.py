"""Routes of sign-on: out to an identity provider, and back with who it is."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, redirect
from sqlalchemy.orm import Session

from api import applicant_access, auditing
from api.auditing import CHANGE, NOTHING
from api.auth import (
    COOKIE_KIND,
    SIGN_ON,
    cookie_name,
    forget_cookie,
    needs_second_factor,
    open_session,
    public,
    uses_tls,
)
from api.blueprint import Blueprint
from api.sign_on.provider import claims_of, require, settings, way_out
from engine.accounts import applicants, identities
from engine.actor import ApplicantActor
from engine.db import transaction
from engine.errors import InvalidInput, NotAllowed, NotAuthenticated

blueprint = Blueprint("sign_on", __name__, url_prefix="/api/v1/sign-on", description="统一身份认证")

_HERE = "/api/v1/sign-on"
#: Where the browser goes once it is logged in.
_HOME = "/"
#: More than one factor was used (RFC 8176).
_SECOND_FACTOR = "mfa"


@blueprint.route("/officers", methods=["GET"])
@public
@blueprint.answers(None, "工作人员统一身份登录", status=HTTPStatus.FOUND, audit=NOTHING)
@blueprint.refuses(HTTPStatus.NOT_FOUND)
def go_as_officer() -> Response:
    """Send the browser to the officers' identity provider."""
    return way_out(require(settings().officers), f"{_HERE}/officers/return")


@blueprint.route("/officers/return", methods=["GET"])
@public
@blueprint.answers(None, "工作人员统一身份登录返回", status=HTTPStatus.FOUND, audit=CHANGE)
@blueprint.refuses(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
def come_back_as_officer() -> Response:
    """Open a session for the account that is bound to whom the provider names; one before it in the browser ends."""
    provider = require(settings().officers)
    claims = claims_of(provider)
    methods = claims.get("amr") or []
    with transaction() as session:
        officer = identities.officer_of(session, provider.issuer, claims["sub"])
        if officer is None:
            raise NotAuthenticated("您的统一身份没有关联本系统的账户，请联系管理员。", code="sign_on_unknown")
        if needs_second_factor(officer.roles) and _SECOND_FACTOR not in methods:
            raise NotAllowed("您的岗位须以双因素方式进行统一身份认证。", code="second_factor_missing")
        forget_cookie(session)
        token = open_session(session, officer.id, SIGN_ON)
        auditing.record(session, CHANGE, officer=officer)
    return _home_with(token)


@blueprint.route("/applicants", methods=["GET"])
@public
@blueprint.answers(None, "申请人统一身份登录", status=HTTPStatus.FOUND, audit=NOTHING)
@blueprint.refuses(HTTPStatus.NOT_FOUND)
def go_as_applicant() -> Response:
    """Send the browser to the applicants' identity provider (粤省事 and the like)."""
    return way_out(require(settings().applicants), f"{_HERE}/applicants/return")


@blueprint.route("/applicants/return", methods=["GET"])
@public
@blueprint.answers(None, "申请人统一身份登录返回", status=HTTPStatus.FOUND, audit=CHANGE)
@blueprint.refuses(HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED)
def come_back_as_applicant() -> Response:
    """Open a session for whom the provider has made sure of: by identity number, or by its own id and a phone."""
    provider = require(settings().applicants)
    claims = claims_of(provider)
    stated = {
        "name": claims.get("name"),
        "identity_number": claims.get(provider.number_claim),
        # A phone that the provider has not tried is nobody's.
        "phone": claims.get("phone_number") if claims.get("phone_number_verified", True) is True else None,
    }
    try:
        read = applicants.read_person({key: value for key, value in stated.items() if isinstance(value, str)})
    except InvalidInput:
        raise NotAuthenticated("统一身份认证给出的身份信息无法读取。", code="sign_on_failed") from None
    with transaction() as session:
        token = _open(session, provider.issuer, str(claims["sub"]), read)
    return _home_with(token)


def _open(session: Session, issuer: str, subject: str, read: dict[str, str]) -> str:
    number, name = read.get("identity_number"), read.get("name")
    found = None
    if name is not None or number is None:
        found = applicants.of_provider(
            session, issuer, subject, name=name, identity_number=number, phone=read.get("phone")
        )
    if found is None:
        raise NotAuthenticated("您的姓名与登记的不一致，请到网点核对登记的信息。", code="sign_on_unknown")
    forget_cookie(session)
    acting = ApplicantActor(applicant_id=found.id, identity_key=found.identity_key)
    auditing.record(session, CHANGE, applicant=acting)
    return applicant_access.open_session(session, found.id, COOKIE_KIND)


def _home_with(token: str) -> Response:
    answer = redirect(_HOME)
    answer.set_cookie(cookie_name(), token, httponly=True, samesite="Strict", secure=uses_tls(), path="/")
    return answer  # type: ignore[return-value]
