"""Routes of diagrams and decision tables."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint, body_limit
from api.definitions.schemas import CheckView, DiagramFiles, LibraryView, PublicationView, SourceView
from engine import clock
from engine.models import DiagramSource, Officer
from engine.process import definitions

blueprint = Blueprint("definitions", __name__, url_prefix="/api/v1/definitions", description="流程图和决策表")

#: Twenty-odd diagrams, written as JSON text.
LARGEST_BODY = 16 * 1024 * 1024


@blueprint.route("", methods=["GET"])
@requires("definition.read")
@blueprint.reads(LibraryView, "流程库", audit=NOTHING)
def list_definitions(session: Session) -> dict[str, Any]:
    """Every diagram and table, with the newest version of each process."""
    return {"items": definitions.listing(session)}


@blueprint.route("/<code:name>", methods=["GET"])
@requires("definition.read")
@blueprint.reads(SourceView, "流程图源文件", audit=NOTHING)
def show_source(session: Session, name: str) -> DiagramSource:
    """The XML that counts today."""
    return definitions.source(session, name)


@blueprint.route("/check", methods=["POST"])
@requires("definition.publish")
@blueprint.arguments(DiagramFiles)
@blueprint.reads(CheckView, "检查流程图", audit=NOTHING)
@body_limit(LARGEST_BODY)
def check_definitions(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """What stands against publishing these files, element by element; nothing is stored."""
    faults = definitions.check_files(session, _contents(body))
    return {"publishable": not faults, "faults": faults}


@blueprint.route("", methods=["POST"])
@requires("definition.publish")
@blueprint.arguments(DiagramFiles)
@blueprint.changes(PublicationView, "发布流程图", status=HTTPStatus.CREATED)
@body_limit(LARGEST_BODY)
def publish_definitions(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """New versions for cases accepted from now on; running cases stay on theirs. 422 diagram_refused with faults."""
    officer = session.get_one(Officer, current_actor().officer_id)
    return {"items": definitions.publish(session, _contents(body), by=officer.username, at=clock.now())}


def _contents(body: dict[str, Any]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in body["files"].items()}
