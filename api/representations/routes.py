"""Routes of representations (代办关系): a counter records on papers who may act for a worker."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api.auditing import READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint, body_limit
from api.cases.routes import LARGEST_UPLOAD
from api.paging import PageQuery
from api.parsing import uploaded
from api.representations.schemas import RepresentationForm, RepresentationPage, RepresentationView
from engine.accounts import applicants
from engine.casework import representing
from engine.casework.paging import Page
from engine.models import Representation

blueprint = Blueprint("representations", __name__, url_prefix="/api/v1/representations", description="代办关系")


@blueprint.route("", methods=["GET"])
@requires("representation.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.reads(RepresentationPage, "代办关系列表", audit=READ)
def list_representations(session: Session, query: dict[str, Any]) -> Page[Representation]:
    """What the officer's agency and those below it recorded, newest first."""
    return representing.search(session, current_actor(), after=query.get("after"), limit=query["limit"])


@blueprint.route("", methods=["POST"])
@requires("representation.record")
@blueprint.arguments(RepresentationForm)
@blueprint.changes(RepresentationView, "登记代办关系", status=HTTPStatus.CREATED)
def record_representation(session: Session, body: dict[str, Any]) -> Representation:
    """Record who acts for whom; it counts once the papers are added."""
    people = {name: applicants.read_person(body[name], f"{name}.") for name in ("worker", "representative")}
    return representing.record(session, current_actor(), **{**body, **people})


@blueprint.route("/<id:representation_id>", methods=["GET"])
@requires("representation.read")
@blueprint.reads(RepresentationView, "代办关系详情", audit=READ)
def show_representation(session: Session, representation_id: int) -> Representation:
    """One representation with its papers."""
    return representing.find(session, representation_id, current_actor())


@blueprint.route("/<id:representation_id>/papers", methods=["POST"])
@requires("representation.record")
@blueprint.uploads("file")
@blueprint.changes(RepresentationView, "上传代办证明", status=HTTPStatus.CREATED)
@body_limit(LARGEST_UPLOAD)
def add_paper(session: Session, representation_id: int) -> Representation:
    """An image of the papers, as the file `file`."""
    return representing.add_paper(session, representation_id, uploaded("file"), current_actor())


@blueprint.route("/<id:representation_id>/revocation", methods=["POST"])
@requires("representation.record")
@blueprint.changes(RepresentationView, "解除代办关系")
def revoke_representation(session: Session, representation_id: int) -> Representation:
    """End it now."""
    return representing.revoke(session, representation_id, current_actor())
