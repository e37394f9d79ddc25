"""Which cases and agencies an officer sees: one place, indexed columns, the same answer everywhere (promise 11).

A case is visible to the officers of its accepting agency, of its handling agency, of an agency that handled it
before a transfer, and of every agency above one of these. Anybody else is told that it does not exist.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import NotAllowed, NotFound
from engine.models import Agency, Application, Case, Transfer

NO_SUCH_CASE = "没有找到这个办件。"
NO_SUCH_APPLICATION = "没有找到这个申请。"


def subtree(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Agency`: the officer's own agency and those below it."""
    return Agency.path.startswith(actor.agency_path, autoescape=True)


def sees_everything(actor: Actor) -> bool:
    """The officer's agency is the root of the tree."""
    return actor.agency_path.count("/") == 2


def visible_cases(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Case`: what this officer may see."""
    if sees_everything(actor):
        return true()
    codes = select(Agency.code).where(subtree(actor))
    handed_on = select(Transfer.case_id).where(Transfer.from_agency_code.in_(codes), Transfer.state == "completed")
    return or_(Case.accepting_agency_code.in_(codes), Case.handling_agency_code.in_(codes), Case.id.in_(handed_on))


def visible_applications(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Application`: what this officer may see."""
    if sees_everything(actor):
        return true()
    codes = select(Agency.code).where(subtree(actor))
    # Its case may have been transferred to an agency that the application itself does not name.
    of_case = select(Case.application_id).where(visible_cases(actor))
    return or_(
        Application.accepting_agency_code.in_(codes),
        Application.handling_agency_code.in_(codes),
        Application.id.in_(of_case),
    )


def find_visible_case(session: Session, case_id: int, actor: Actor, *, lock: bool = False) -> Case:
    """The case, locked for change when asked. Raises NotFound for a case that is not this officer's to see."""
    query = select(Case).where(Case.id == case_id, visible_cases(actor))
    if lock:
        # A use case that changes a case locks it first and everything else after it: no two can wait for each other.
        query = query.with_for_update(of=Case).execution_options(populate_existing=True)
    case = session.scalar(query)
    if case is None:
        raise NotFound(NO_SUCH_CASE)
    return case


def find_visible_application(session: Session, application_id: int, actor: Actor, *, lock: bool = False) -> Application:
    """The application, for officers of its accepting or handling agency and those above, and who sees a case of it."""
    query = select(Application).where(Application.id == application_id, visible_applications(actor))
    if lock:
        query = query.with_for_update(of=Application).execution_options(populate_existing=True)
    application = session.scalar(query)
    if application is None:
        raise NotFound(NO_SUCH_APPLICATION)
    return application


def require_role(actor: Actor, *roles: str) -> None:
    """Raises NotAllowed unless the officer holds one of `roles`."""
    if not actor.has(*roles):
        raise NotAllowed("您的岗位没有这项操作的权限。", code="role_missing", details={"roles": sorted(roles)})


def require_agency(actor: Actor, *codes: str) -> None:
    """Raises NotAllowed unless the officer belongs to one of the agencies."""
    if actor.agency_code not in codes:
        raise NotAllowed("这项操作只能由经办该业务的机构办理。", code="other_agency")
