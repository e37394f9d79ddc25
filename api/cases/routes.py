"""Routes of cases."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING, READ, UNMASK, note
from api.auth import current_actor, requires
from api.blueprint import Blueprint, body_limit
from api.cases.file import CaseFile, file_of
from api.cases.schemas import CasePage, CaseQuery, CaseSearch, CaseView, MaterialView, Timeline, Urging, filters_of
from api.escalations.schemas import EscalationView
from api.masking import value_at
from api.parsing import uploaded, written
from api.schemas import Reason, Unmasked, Unmasking
from api.transfers.schemas import TransferStart, TransferView
from engine.casework import cases, escalations, materials, people, timelines, transfers, urging
from engine.casework.paging import Page
from engine.models import Case, Escalation, MaterialItem, Transfer

blueprint = Blueprint("cases", __name__, url_prefix="/api/v1/cases", description="办件")

#: A scan, and the multipart frame around it.
LARGEST_UPLOAD = materials.LARGEST_IMAGE + 64 * 1024


@blueprint.route("", methods=["GET"])
@requires("case.read")
@blueprint.arguments(CaseQuery, location="query")
@blueprint.reads(CasePage, "办件列表", audit=NOTHING)
def list_cases(session: Session, query: dict[str, Any]) -> Page[Case]:
    """Cases that the officer's agency or one below it accepted or handles, newest first."""
    filters = filters_of(query)
    return cases.search(session, current_actor(), filters=filters, after=query.get("after"), limit=query["limit"])


@blueprint.route("/search", methods=["POST"])
@requires("case.read")
@blueprint.arguments(CaseSearch)
@blueprint.reads(CasePage, "按证件号码查询办件", audit=READ)
def search_cases(session: Session, body: dict[str, Any]) -> Page[Case]:
    """The same list for one person."""
    filters = {"identity_number": body["identity_number"]}
    person = people.find_person(session, body["identity_number"])
    note(person_id=person.id if person else None)
    return cases.search(session, current_actor(), filters=filters, after=body.get("after"), limit=body["limit"])


@blueprint.route("/<id:case_id>", methods=["GET"])
@requires("case.read")
@blueprint.reads(CaseView, "办件详情", audit=READ)
def show_case(session: Session, case_id: int) -> CaseFile:
    """The case with its file; 404 for a case of somebody else."""
    return file_of(session, cases.find_case(session, case_id, current_actor()))


@blueprint.route("/<id:case_id>/timeline", methods=["GET"])
@requires("case.read")
@blueprint.reads(Timeline, "办理过程", audit=READ)
def show_timeline(session: Session, case_id: int) -> dict[str, Any]:
    """What happened: who, where, what, when, by which rule."""
    return {"items": timelines.of_case(session, cases.find_case(session, case_id, current_actor()))}


@blueprint.route("/<id:case_id>/unmasking", methods=["POST"])
@requires("case.unmask")
@blueprint.arguments(Unmasking)
@blueprint.reads(Unmasked, "查看隐去的内容", audit=UNMASK)
def unmask(session: Session, body: dict[str, str], case_id: int) -> dict[str, str]:
    """One masked value of the file in full, for a reason that goes on record."""
    note(subject=body["field"], reason=body["reason"])
    document = CaseView().dump(file_of(session, cases.find_case(session, case_id, current_actor())))
    return {"field": body["field"], "value": value_at(document, body["field"])}


@blueprint.route("/<id:case_id>/withdrawal", methods=["POST"])
@requires("case.withdraw")
@blueprint.arguments(Reason)
@blueprint.changes(CaseView, "申请人撤回")
def withdraw_case(session: Session, body: dict[str, str], case_id: int) -> CaseFile:
    """The applicant takes the application back, before the determination."""
    return file_of(session, cases.withdraw(session, case_id, current_actor(), body["reason"]))


@blueprint.route("/<id:case_id>/voiding", methods=["POST"])
@requires("case.void")
@blueprint.arguments(Reason)
@blueprint.changes(CaseView, "作废")
def void_case(session: Session, body: dict[str, str], case_id: int) -> CaseFile:
    """A supervisor declares the case void; its number stays."""
    return file_of(session, cases.void(session, case_id, current_actor(), body["reason"]))


@blueprint.route("/<id:case_id>/urging", methods=["POST"])
@requires("case.urge")
@blueprint.arguments(Urging)
@blueprint.changes(CaseView, "催办")
def urge_case(session: Session, body: dict[str, str | None], case_id: int) -> CaseFile:
    """Remind the officers who have the case; 409 says who has just done so."""
    return file_of(session, urging.urge(session, case_id, current_actor(), remark=body["remark"]))


@blueprint.route("/<id:case_id>/transfers", methods=["POST"])
@requires("case.transfer")
@blueprint.arguments(TransferStart)
@blueprint.changes(TransferView, "发起移交", status=HTTPStatus.CREATED)
def start_transfer(session: Session, body: dict[str, str], case_id: int) -> Transfer:
    """The case belongs to another agency: the one transfer it may have begins."""
    return transfers.start_transfer(session, case_id, current_actor(), **body)


@blueprint.route("/<id:case_id>/escalations", methods=["POST"])
@requires("case.escalate")
@blueprint.arguments(Reason)
@blueprint.changes(EscalationView, "报请共同上级", status=HTTPStatus.CREATED)
def start_escalation(session: Session, body: dict[str, str], case_id: int) -> Escalation:
    """The receiver of a transfer disagrees and asks the common superior."""
    return escalations.start_escalation(session, case_id, current_actor(), reason=body["reason"])


@blueprint.route("/<id:case_id>/images", methods=["POST"])
@requires("case.scan")
@blueprint.uploads("file", material="材料")
@blueprint.changes(MaterialView, "上传影像", status=HTTPStatus.CREATED)
@body_limit(LARGEST_UPLOAD)
def add_image(session: Session, case_id: int) -> MaterialItem:
    """A scan of one material of the case: the file `file`, and which `material` it is of."""
    actor = current_actor()
    case = cases.find_case(session, case_id, actor)
    return materials.add_image(session, case.application_id, written("material"), uploaded("file"), actor)
