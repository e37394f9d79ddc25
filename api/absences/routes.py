"""Routes of leaves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api import auditing
from api.absences.schemas import AbsencePage, AbsenceQuery, AbsenceView, NewAbsence
from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from engine.accounts import absences
from engine.casework.paging import Page
from engine.models import Absence

blueprint = Blueprint("absences", __name__, url_prefix="/api/v1/absences", description="请假和代理")


@blueprint.route("", methods=["GET"])
@requires("absence.manage")
@blueprint.arguments(AbsenceQuery, location="query")
@blueprint.reads(AbsencePage, "请假列表", audit=NOTHING)
def list_absences(session: Session, query: dict[str, Any]) -> Page[Absence]:
    """The leaves in the agencies at and below the officer's, newest first."""
    return absences.listing(session, current_actor(), **query)


@blueprint.route("", methods=["POST"])
@requires("absence.manage")
@blueprint.arguments(NewAbsence)
@blueprint.changes(AbsenceView, "登记请假", status=HTTPStatus.CREATED)
def record_absence(session: Session, body: dict[str, Any]) -> Absence:
    """A leave and its substitute; 409 with the tasks that are still to be handed over where it begins today."""
    absence = absences.record(session, current_actor(), **body)
    auditing.note(subject=f"absence:{absence.id} officer:{absence.officer_id} substitute:{absence.substitute_id}")
    return absence


@blueprint.route("/<id:absence_id>/ending", methods=["POST"])
@requires("absence.end")
@blueprint.changes(AbsenceView, "销假")
def end_absence(session: Session, absence_id: int) -> Absence:
    """The officer is back; his substitute has his own roles again."""
    return absences.end(session, absence_id, current_actor())
