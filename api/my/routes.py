"""Routes of applicants who log in: their own cases, those of people for whom they act, and new applications."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, jsonify
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from api import applicant_access, auditing
from api.applications.schemas import HandedIn
from api.auditing import CHANGE, READ
from api.auth import (
    BEARER,
    COOKIE_KIND,
    cookie_name,
    csrf_token,
    current_applicant,
    current_csrf_token,
    current_token,
    forget_cookie,
    public,
    requires,
    uses_tls,
)
from api.blueprint import Blueprint, body_limit
from api.cases.routes import LARGEST_UPLOAD
from api.log_in import access, of_address
from api.my.schemas import (
    ApplicantSessionView,
    ApplicantView,
    Claim,
    CodeLogIn,
    CodeSent,
    OwnCaseFile,
    OwnCasePage,
    OwnIdentity,
    OwnRepresentations,
    OwnRepresentationView,
    PlainEvents,
)
from api.online_file import OnlineApplicationView, OnlineFile, online_file_of
from api.paging import PageQuery
from api.parsing import uploaded, written
from engine import clock
from engine.accounts import applicants, attempts
from engine.accounts.applicants import Claimed
from engine.accounts.attempts import Guess
from engine.actor import ApplicantActor
from engine.casework import cases, materials, online, plain_events, representing
from engine.casework.access import NO_SUCH_CASE
from engine.casework.messages import emit_code
from engine.casework.paging import Page, key_in, page_size
from engine.db import transaction
from engine.errors import NotAuthenticated, NotFound
from engine.models import Applicant, Case, Representation
from engine.privacy import masks

blueprint = Blueprint("my", __name__, url_prefix="/api/v1/my", description="申请人")

#: Codes that one number gets in a row, whoever asks for them, and tries at one code.
_MOST_CODES, _MOST_TRIES = 5, 5


# Log-in


@blueprint.route("/codes", methods=["POST"])
@public
@blueprint.arguments(Claim)
@blueprint.answers(CodeSent, "获取登录验证码", status=HTTPStatus.ACCEPTED, audit=CHANGE)
def send_code(body: dict[str, str]) -> Response:
    """A code goes to the phone, if it is on record for whoever has this name and number; the answer never says."""
    claimed = _claimed(body)
    _count(_of_phone(claimed), of_address("code_sent"))
    with transaction() as session:
        found, code = applicants.new_code(session, claimed)
        minutes = int(applicants.CODE_LASTS.total_seconds()) // 60
        if found is not None:
            emit_code(session, phone=claimed.phone, code=code, minutes=minutes, at=clock.now())
        auditing.note(subject=f"applicant:{found.id}" if found else None)
        auditing.record(session, CHANGE)
    words = "如果所填信息与登记的一致，验证码将发送到该手机号码。没有收到的，请到网点核对登记的信息。"
    answer = jsonify(CodeSent().dump({"words": words, "seconds": minutes * 60}))
    answer.status_code = HTTPStatus.ACCEPTED
    return answer


@blueprint.route("/sessions", methods=["POST"])
@public
@blueprint.arguments(CodeLogIn)
@blueprint.answers(ApplicantSessionView, "申请人登录", status=HTTPStatus.CREATED, audit=CHANGE)
def log_in(body: dict[str, Any]) -> Response:
    """Open a session for the code that was sent. Wrong ones are counted, for who is known and for who is not."""
    claimed = _claimed(body)
    tries = Guess("code", claimed.key, _MOST_TRIES, access().locked)
    _count(tries, of_address("code"))
    with transaction() as session:
        applicant_id = applicants.take_code(session, claimed, body["code"])
        if applicant_id is not None:
            for guess in (tries, _of_phone(claimed)):
                attempts.forgive(session, guess)
            for kind in ("code", "code_sent"):
                attempts.take_back(session, of_address(kind))
            return opened(session, applicant_id, browser=body["browser"])
    raise NotAuthenticated("验证码不正确或已失效，请重新获取。", code="wrong_code")


def opened(session: Session, applicant_id: int, *, browser: bool) -> Response:
    """The answer to a log-in: the token, or in a browser the cookie; whatever log-in it had before has ended."""
    forget_cookie(session)
    token = applicant_access.open_session(session, applicant_id, COOKIE_KIND if browser else BEARER)
    row = session.get_one(Applicant, applicant_id)
    shown = _shown(row, csrf_token(token) if browser else None)
    answer = jsonify(ApplicantSessionView().dump({"token": None if browser else token, "applicant": shown}))
    acting = ApplicantActor(applicant_id=row.id, identity_key=row.identity_key)
    auditing.record(session, CHANGE, applicant=acting)
    answer.status_code = HTTPStatus.CREATED
    if browser:
        answer.set_cookie(cookie_name(), token, httponly=True, samesite="Strict", secure=uses_tls(), path="/")
    return answer


@blueprint.route("/sessions/current", methods=["GET"])
@requires("my.session")
@blueprint.reads(ApplicantView, "当前登录的申请人", audit=READ)
def show_current(session: Session) -> dict[str, Any]:
    """Who is logged in."""
    return _shown(session.get_one(Applicant, current_applicant().applicant_id), current_csrf_token())


@blueprint.route("/identity", methods=["POST"])
@requires("my.session")
@blueprint.arguments(OwnIdentity)
@blueprint.answers(ApplicantView, "核实身份", audit=CHANGE)
def confirm_identity(body: dict[str, str]) -> Response:
    """Somebody whom only the identity provider knows is the person on record, if name, number and phone agree."""
    applicant = current_applicant()
    read = applicants.read_person(body)
    tries = Guess("identity", applicant.party, _MOST_TRIES, access().locked)
    _count(tries)
    with transaction() as session:
        if applicants.confirm(session, applicant.applicant_id, read["name"], read["identity_number"]):
            attempts.forgive(session, tries)
            auditing.record(session, CHANGE)
            found = applicants.of_person(session, read["identity_number"])
            assert found is not None  # it has just been confirmed
            return jsonify(ApplicantView().dump(_shown(found, current_csrf_token())))
    raise NotFound("所填信息与登记的不一致，请核对后重试，或到网点办理。", code="identity_not_confirmed")


@blueprint.route("/sessions/current", methods=["DELETE"])
@requires("my.session")
@blueprint.answers(None, "申请人退出", status=HTTPStatus.NO_CONTENT, audit=CHANGE)
def log_out() -> Response:
    """End this session; its token is worth nothing from now on."""
    with transaction() as session:
        applicant_access.close_session(session, current_token())
        auditing.record(session, CHANGE)
    answer = Response(status=HTTPStatus.NO_CONTENT)
    answer.delete_cookie(cookie_name(), httponly=True, samesite="Strict", secure=uses_tls(), path="/")
    return answer


def _of_phone(claimed: Claimed) -> Guess:
    """Codes asked for to this phone."""
    return Guess("code_sent", claimed.phone, _MOST_CODES, access().locked)


def _claimed(body: dict[str, str]) -> Claimed:
    read = applicants.read_person({name: body[name] for name in ("name", "identity_number", "phone")})
    return Claimed(name=read["name"], identity_number=read["identity_number"], phone=read["phone"])


def _count(*guesses: Guess) -> None:
    with transaction() as session:
        for guess in guesses:
            attempts.count(session, guess)


def _shown(row: Applicant, csrf: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "identity_number": masks.number(row.identity_number) if row.identity_number else None,
        "phone": masks.phone(row.phone) if row.phone else None,
        "csrf_token": csrf,
    }


# Cases


@blueprint.route("/cases", methods=["GET"])
@requires("my.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.reads(OwnCasePage, "我的办件", audit=READ)
def list_cases(session: Session, query: dict[str, Any]) -> Page[dict[str, Any]]:
    """Own cases and those of people for whom the applicant acts today, newest first."""
    size, applicant = page_size(query["limit"]), current_applicant()
    found = _own_cases(applicant)
    if query.get("after") is not None:
        found = found.where(Case.id < key_in(query["after"]))
    rows = list(session.scalars(found.order_by(Case.id.desc()).limit(size + 1)))
    items = [_told(case, applicant) for case in rows[:size]]
    return Page(items, str(rows[size - 1].id) if len(rows) > size else None)


@blueprint.route("/cases/<id:case_id>", methods=["GET"])
@requires("my.read")
@blueprint.reads(OwnCaseFile, "我的办件详情", audit=READ)
def show_case(session: Session, case_id: int) -> dict[str, Any]:
    """Where the case is, in plain words, and its materials; 404 for a case of somebody else."""
    case = _find_case(session, case_id)
    return {**_told(case, current_applicant()), "materials": materials.of_case(session, case)}


@blueprint.route("/cases/<id:case_id>/events", methods=["GET"])
@requires("my.read")
@blueprint.reads(PlainEvents, "我的办件过程", audit=READ)
def show_events(session: Session, case_id: int) -> dict[str, Any]:
    """What happened, in plain words."""
    case = _find_case(session, case_id)
    return {"items": plain_events.of_case(session, case.id, case.application_id)}


def _own_cases(applicant: ApplicantActor) -> Select[Case]:
    return (
        select(Case)
        .where(representing.about_own(Case.person_id, applicant))
        .options(joinedload(Case.person), joinedload(Case.accepting_agency), joinedload(Case.handling_agency))
    )


def _find_case(session: Session, case_id: int) -> Case:
    case = session.scalar(_own_cases(current_applicant()).where(Case.id == case_id))
    if case is None:
        raise NotFound(NO_SUCH_CASE)
    return case


def _told(case: Case, applicant: ApplicantActor) -> dict[str, Any]:
    own = case.person.identity_key == applicant.identity_key
    return {**cases.progress_of(case), "id": case.id, "worker": case.person.name, "own": own}


# Applications


@blueprint.route("/applications", methods=["POST"])
@requires("my.apply")
@blueprint.arguments(HandedIn)
@blueprint.changes(OnlineApplicationView, "网上提交申请", status=HTTPStatus.CREATED)
def submit_application(session: Session, body: dict[str, Any]) -> OnlineFile:
    """Hand an application in, for oneself or somebody for whom one acts; the answer has gates and checklist."""
    return online_file_of(session, online.submit_own(session, body, current_applicant()))


@blueprint.route("/applications/<id:application_id>", methods=["GET"])
@requires("my.read")
@blueprint.reads(OnlineApplicationView, "我的申请", audit=READ)
def show_application(session: Session, application_id: int) -> OnlineFile:
    """One application with its checklist; 404 for somebody else's."""
    return online_file_of(session, online.find_own(session, application_id, current_applicant()))


@blueprint.route("/applications/<id:application_id>/images", methods=["POST"])
@requires("my.apply")
@blueprint.uploads("file", material="材料")
@blueprint.changes(OnlineApplicationView, "网上上传材料", status=HTTPStatus.CREATED)
@body_limit(LARGEST_UPLOAD)
def add_image(session: Session, application_id: int) -> OnlineFile:
    """A page of one material: the file `file`, and which `material` it is of. It stands for paper."""
    application = online.find_own(session, application_id, current_applicant(), lock=True)
    online.add_page(session, application, written("material"), uploaded("file"))
    return online_file_of(session, application)


# Representations


@blueprint.route("/representations", methods=["GET"])
@requires("my.read")
@blueprint.reads(OwnRepresentations, "我的代办关系", audit=READ)
def list_representations(session: Session) -> dict[str, list[Representation]]:
    """For whom the applicant acts, and who acts for him."""
    return {"items": representing.of_applicant(session, current_applicant())}


@blueprint.route("/representations/<id:representation_id>/revocation", methods=["POST"])
@requires("my.revoke")
@blueprint.changes(OwnRepresentationView, "解除代办关系")
def revoke_representation(session: Session, representation_id: int) -> Representation:
    """End it now."""
    return representing.revoke_own(session, representation_id, current_applicant())
