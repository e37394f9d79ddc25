"""Routes of applications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.applications.schemas import (
    Acceptance,
    AcceptedView,
    ApplicationForm,
    ApplicationPage,
    ApplicationQuery,
    ApplicationView,
    Checks,
    Collection,
    FurtherForms,
    Notice,
    Refusal,
)
from api.auditing import NOTHING, READ, UNMASK, note
from api.auth import current_actor, requires
from api.blueprint import Blueprint, body_limit
from api.cases.schemas import MaterialView, Timeline
from api.masking import value_at
from api.parsing import uploaded, written
from api.schemas import Unmasked, Unmasking
from engine.casework import acceptance, applications, materials, timelines
from engine.casework.paging import Page
from engine.models import Agency, Application, Case, MaterialItem

blueprint = Blueprint("applications", __name__, url_prefix="/api/v1/applications", description="申请")

#: A scan, and the multipart frame around it.
LARGEST_UPLOAD = materials.LARGEST_IMAGE + 64 * 1024


@blueprint.route("", methods=["GET"])
@requires("application.read")
@blueprint.arguments(ApplicationQuery, location="query")
@blueprint.reads(ApplicationPage, "申请列表", audit=NOTHING)
def list_applications(session: Session, query: dict[str, Any]) -> Page[Application]:
    """What was handed in at the counters of the officer's agency or one below it, or to it online, newest first."""
    return applications.handed_in(session, current_actor(), **query)


@blueprint.route("", methods=["POST"])
@requires("application.submit")
@blueprint.arguments(ApplicationForm)
@blueprint.changes(ApplicationView, "登记申请", status=HTTPStatus.CREATED)
def submit_application(session: Session, body: dict[str, Any]) -> ApplicationFile:
    """Register what was handed in; the answer has the place of insurance, the gates and the checklist."""
    return _file_of(session, applications.submit_application(session, body, current_actor()))


@blueprint.route("/<id:application_id>", methods=["GET"])
@requires("application.read")
@blueprint.reads(ApplicationView, "申请详情", audit=READ)
def show_application(session: Session, application_id: int) -> ApplicationFile:
    """One application with its materials."""
    return _file_of(session, applications.find_application(session, application_id, current_actor()))


@blueprint.route("/<id:application_id>/timeline", methods=["GET"])
@requires("application.read")
@blueprint.reads(Timeline, "申请过程", audit=READ)
def show_timeline(session: Session, application_id: int) -> dict[str, Any]:
    """What happened before there was a case: who, where, what, when, by which rule."""
    found = applications.find_application(session, application_id, current_actor())
    return {"items": timelines.of_application(session, found)}


@blueprint.route("/<id:application_id>/unmasking", methods=["POST"])
@requires("application.unmask")
@blueprint.arguments(Unmasking)
@blueprint.reads(Unmasked, "查看隐去的内容", audit=UNMASK)
def unmask(session: Session, body: dict[str, str], application_id: int) -> dict[str, str]:
    """One masked value of the application in full, for a reason that goes on record."""
    note(subject=body["field"], reason=body["reason"])
    found = applications.find_application(session, application_id, current_actor())
    return {"field": body["field"], "value": value_at(ApplicationView().dump(_file_of(session, found)), body["field"])}


@blueprint.route("/<id:application_id>/forms", methods=["POST"])
@requires("application.collect")
@blueprint.arguments(FurtherForms)
@blueprint.changes(ApplicationView, "补充表单")
def hand_in_forms(session: Session, body: dict[str, Any], application_id: int) -> ApplicationFile:
    """Forms that came after the application."""
    return _file_of(session, applications.hand_in_forms(session, application_id, current_actor(), body["forms"]))


@blueprint.route("/<id:application_id>/materials", methods=["POST"])
@requires("application.collect")
@blueprint.arguments(Collection)
@blueprint.changes(ApplicationView, "收取材料")
def collect_materials(session: Session, body: dict[str, Any], application_id: int) -> ApplicationFile:
    """Paper taken in at the counter; it lies there from now on."""
    actor = current_actor()
    materials.collect(session, application_id, actor, body["items"])
    return _file_of(session, applications.find_application(session, application_id, actor))


@blueprint.route("/<id:application_id>/images", methods=["POST"])
@requires("application.collect")
@blueprint.uploads("file", material="材料")
@blueprint.changes(MaterialView, "上传影像", status=HTTPStatus.CREATED)
@body_limit(LARGEST_UPLOAD)
def add_image(session: Session, application_id: int) -> MaterialItem:
    """A scan of one material: the file `file`, and which `material` it is of."""
    return materials.add_image(session, application_id, written("material"), uploaded("file"), current_actor())


@blueprint.route("/<id:application_id>/checks", methods=["POST"])
@requires("application.accept")
@blueprint.arguments(Checks)
@blueprint.changes(ApplicationView, "当场核对")
def record_checks(session: Session, body: dict[str, bool], application_id: int) -> ApplicationFile:
    """Eligibility and completeness, checked on the spot."""
    return _file_of(session, applications.record_checks(session, application_id, current_actor(), **body))


@blueprint.route("/<id:application_id>/notice", methods=["POST"])
@requires("application.notify")
@blueprint.arguments(Notice)
@blueprint.changes(ApplicationView, "一次性告知", status=HTTPStatus.CREATED)
def give_notice(session: Session, body: dict[str, Any], application_id: int) -> ApplicationFile:
    """Everything that is missing, at once."""
    return _file_of(session, applications.give_notice(session, application_id, current_actor(), **body))


@blueprint.route("/<id:application_id>/refusal", methods=["POST"])
@requires("application.refuse")
@blueprint.arguments(Refusal)
@blueprint.changes(ApplicationView, "不予受理", status=HTTPStatus.CREATED)
def refuse_application(session: Session, body: dict[str, str], application_id: int) -> ApplicationFile:
    """Refused, with document, message and legal basis."""
    return _file_of(session, applications.refuse_application(session, application_id, current_actor(), **body))


@blueprint.route("/<id:application_id>/acceptance", methods=["POST"])
@requires("application.accept")
@blueprint.arguments(Acceptance)
@blueprint.changes(AcceptedView, "受理", status=HTTPStatus.CREATED)
def accept_application(session: Session, body: dict[str, Any], application_id: int) -> dict[str, list[Case]]:
    """One transaction: cases, receipts, messages, processes at their first wait."""
    return {"cases": acceptance.accept_application(session, application_id, current_actor(), **body)}


@dataclass(frozen=True, kw_only=True)
class ApplicationFile:
    """What an officer sees of an application; attributes that are not here are the application's own."""

    application: Application
    handling_agency: Agency | None
    materials: Sequence[MaterialItem]
    missing: Sequence[str]
    duplicates: Sequence[Case]
    cases: Sequence[Case]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.application, name)


def _file_of(session: Session, application: Application) -> ApplicationFile:
    code, is_open = application.handling_agency_code, application.state not in ("accepted", "refused")
    return ApplicationFile(
        application=application,
        handling_agency=session.get(Agency, code) if code else None,
        materials=materials.of_application(session, application.id),
        missing=[item.material for item in materials.missing_materials(session, application)] if is_open else [],
        duplicates=applications.open_duplicates(session, application) if is_open else [],
        cases=session.scalars(select(Case).where(Case.application_id == application.id).order_by(Case.id)).all(),
    )
