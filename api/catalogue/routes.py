"""Routes of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auditing import NOTHING
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.catalogue.schemas import (
    AgencyView,
    ColleagueView,
    FormsView,
    FormView,
    OfficerQuery,
    OperatorView,
    OutletQuery,
    OutletView,
    RoleView,
    ServiceItemView,
    ServiceView,
    list_of,
    plain,
)
from api.tasks.schemas import form_spec
from config.catalogue import services
from config.form_schemas import FormSchema, fact_schemas, form_schemas
from config.province import LEVELS
from config.roles import BINDING_ROLES, role_rules
from config.task_forms import task_forms
from engine.accounts import duty
from engine.casework import online
from engine.casework.access import subtree
from engine.errors import NotFound
from engine.models import Agency, Outlet
from engine.process.diagram import ROLES
from engine.process.operators import operators

blueprint = Blueprint("catalogue", __name__, url_prefix="/api/v1", description="目录")


@blueprint.route("/services", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(list_of(ServiceView), "事项", audit=NOTHING)
def list_services(session: Session) -> dict[str, Any]:
    """The services as the province configures them."""
    return {"items": sorted(services().values(), key=lambda service: service.number)}


@blueprint.route("/service-items", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(list_of(ServiceItemView), "全部经办服务事项", audit=NOTHING)
def list_service_items(session: Session) -> dict[str, Any]:
    """Every service of work-injury insurance: which any counter takes, and which can be applied for online."""
    return {"items": online.service_items(session)}


@blueprint.route("/agencies", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(list_of(AgencyView), "经办机构", audit=NOTHING)
def list_agencies(session: Session) -> dict[str, Any]:
    """All agencies, superiors before those below them."""
    return {"items": session.scalars(select(Agency).order_by(Agency.path))}


@blueprint.route("/outlets", methods=["GET"])
@requires("catalogue.read")
@blueprint.arguments(OutletQuery, location="query")
@blueprint.reads(list_of(OutletView), "受理网点", audit=NOTHING)
def list_outlets(session: Session, query: dict[str, str]) -> dict[str, Any]:
    """All outlets, or those of one agency."""
    found = select(Outlet).order_by(Outlet.code)
    if "agency_code" in query:
        found = found.where(Outlet.agency_code == query["agency_code"])
    return {"items": session.scalars(found)}


@blueprint.route("/officers", methods=["GET"])
@requires("task.assign")
@blueprint.arguments(OfficerQuery, location="query")
@blueprint.reads(list_of(ColleagueView), "工作人员", audit=NOTHING)
def list_officers(session: Session, query: dict[str, str]) -> dict[str, Any]:
    """The officers at work in an agency that the supervisor oversees: to whom a task may be assigned."""
    actor = current_actor()
    code = query.get("agency_code", actor.agency_code)
    if session.scalar(select(Agency.code).where(Agency.code == code, subtree(actor))) is None:
        return {"items": []}
    return {"items": duty.on_duty(session, code)}


@blueprint.route("/roles", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(list_of(RoleView), "岗位", audit=NOTHING)
def list_roles(session: Session) -> dict[str, Any]:
    """All roles, as the province defines them: who gives each, where it can be held, whether beside another."""
    rules = role_rules()
    return {
        "items": [
            {
                "code": code,
                "title": title,
                "bound_by": BINDING_ROLES[rules[code].bound_by],
                "levels": [level for level in LEVELS if level in rules[code].levels],
                "alone": rules[code].alone,
            }
            for code, title in ROLES.items()
        ]
    }


@blueprint.route("/operators", methods=["GET"])
@requires("definition.read")
@blueprint.reads(list_of(OperatorView), "系统操作", audit=NOTHING)
def list_operators(session: Session) -> dict[str, Any]:
    """What a service task of a diagram may name."""
    return {"items": sorted(operators().values(), key=lambda one: one.name)}


@blueprint.route("/task-forms", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(FormsView, "任务表单", audit=NOTHING)
def list_task_forms(session: Session) -> dict[str, Any]:
    """The forms of human tasks."""
    return {"items": {key: form_spec(form) for key, form in task_forms().items()}}


@blueprint.route("/forms/<code:code>", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(FormView, "申请表", audit=NOTHING)
def show_form(session: Session, code: str) -> dict[str, Any]:
    """One printed form, 1-1 to 1-8, as data."""
    return {"form": plain(_find(form_schemas(), code))}


@blueprint.route("/facts/<code:service>", methods=["GET"])
@requires("catalogue.read")
@blueprint.reads(FormView, "事项信息项", audit=NOTHING)
def show_facts(session: Session, service: str) -> dict[str, Any]:
    """What an application for the service must state beside the printed forms."""
    return {"form": plain(_find(fact_schemas(), service))}


def _find(forms: Mapping[str, FormSchema], code: str) -> FormSchema:
    if code not in forms:
        raise NotFound("没有这张表单。")
    return forms[code]
