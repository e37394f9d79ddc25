"""An application that was handed in online, as channel systems and applicants see it: no officer, no inner step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from marshmallow import fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.schemas import Named
from config.catalogue import services
from engine.casework import materials
from engine.casework.applications import STATES
from engine.casework.states import CASE_STATES, plain_words
from engine.models import Agency, Application, Case, MaterialItem


class AnsweredGate(ma.Schema):
    """Whether one condition of acceptance is met, and what else to do."""

    rule = fields.String(required=True)
    passed = fields.Boolean(required=True)
    message = fields.String(required=True)


class OnlineMaterial(ma.Schema):
    """One line of the checklist."""

    material = fields.String(required=True)
    name = fields.String(required=True)
    mandatory = fields.Boolean(required=True)
    waived = fields.Function(lambda item: bool(item.waived_because), metadata={"type": "boolean"})
    pages = fields.Function(lambda item: len(item.images), metadata={"type": "integer"})
    brought = fields.Integer(required=True, metadata={"description": "已提交的份数"})


class OnlineCase(ma.Schema):
    """A case that the application became."""

    id = fields.Integer(required=True)
    receipt_number = fields.String(required=True)
    service = fields.String(required=True)
    title = fields.Function(lambda case: services()[case.service].title, metadata={"type": "string"})
    state = fields.Function(lambda case: CASE_STATES[case.state], metadata={"type": "string"})
    words = fields.Function(lambda case: plain_words(case.state, case.result), metadata={"type": "string"})


class OnlineApplicationView(ma.Schema):
    """One application (申请), without what was filled in."""

    id = fields.Integer(required=True)
    state = fields.String(required=True)
    state_name = fields.Function(lambda file: STATES[file.state], metadata={"type": "string"})
    services = fields.List(fields.String(), required=True)
    channel = fields.String(required=True)
    accepting_agency = fields.Nested(Named, required=True)
    handling_agency = fields.Nested(Named, allow_none=True, required=True)
    injured_on = fields.Date(required=True)
    gates = fields.List(fields.Nested(AnsweredGate), required=True)
    materials = fields.List(fields.Nested(OnlineMaterial), required=True)
    missing = fields.List(fields.String(), required=True, metadata={"description": "还缺的必要材料"})
    cases = fields.List(fields.Nested(OnlineCase), required=True)
    created_at = fields.AwareDateTime(required=True)


@dataclass(frozen=True, kw_only=True)
class OnlineFile:
    """What is shown of an application; attributes that are not here are the application's own."""

    application: Application
    handling_agency: Agency | None
    materials: Sequence[MaterialItem]
    missing: Sequence[str]
    cases: Sequence[Case]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.application, name)


def online_file_of(session: Session, application: Application) -> OnlineFile:
    """The application with its checklist and the cases that it became."""
    code, is_open = application.handling_agency_code, application.state not in ("accepted", "refused")
    return OnlineFile(
        application=application,
        handling_agency=session.get(Agency, code) if code else None,
        materials=materials.of_application(session, application.id),
        missing=[item.material for item in materials.missing_materials(session, application)] if is_open else [],
        cases=session.scalars(select(Case).where(Case.application_id == application.id).order_by(Case.id)).all(),
    )
