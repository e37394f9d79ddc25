"""Routes of incidents."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.auditing import READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.incidents.schemas import IncidentPage, IncidentView, Note, Retries, RetryOutcomes
from api.paging import PageQuery
from engine.casework import incidents
from engine.casework.paging import Page
from engine.models import Incident

blueprint = Blueprint("incidents", __name__, url_prefix="/api/v1/incidents", description="异常")


@blueprint.route("", methods=["GET"])
@requires("incident.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.reads(IncidentPage, "异常列表", audit=READ)
def list_incidents(session: Session, query: dict[str, Any]) -> Page[Incident]:
    """Open incidents of the officer's agency and those below it."""
    return incidents.listing(session, current_actor(), after=query.get("after"), limit=query["limit"])


@blueprint.route("/<id:incident_id>/retry", methods=["POST"])
@requires("incident.resolve")
@blueprint.changes(IncidentView, "重试")
def retry_incident(session: Session, incident_id: int) -> Incident:
    """Run again what failed; the incident is resolved where it succeeds."""
    return incidents.retry(session, incident_id, current_actor())


@blueprint.route("/retries", methods=["POST"])
@requires("incident.resolve")
@blueprint.arguments(Retries)
@blueprint.changes(RetryOutcomes, "批量重试")
def retry_incidents(session: Session, body: dict[str, list[int]]) -> dict[str, Any]:
    """Run again what failed, exactly these; the outcome of each says what came of it."""
    return {"outcomes": incidents.retry_many(session, body["ids"], current_actor())}


@blueprint.route("/<id:incident_id>/note", methods=["POST"])
@requires("incident.resolve")
@blueprint.arguments(Note)
@blueprint.changes(IncidentView, "情况说明")
def annotate_incident(session: Session, body: dict[str, str], incident_id: int) -> Incident:
    """Write down what was found out."""
    return incidents.annotate(session, incident_id, current_actor(), body["note"])
