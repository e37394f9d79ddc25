"""Materials of an application (材料): paper handed in, its images, and what is still missing (ACC-06…08, S21)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor
from engine.casework.access import NO_SUCH_APPLICATION, find_visible_application, require_agency, require_role
from engine.casework.events import record_event
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, RuleRefused
from engine.models import Application, Case, MaterialItem
from engine.ports import ports

LARGEST_IMAGE = 10 * 1024 * 1024
_MOST_COPIES = 1000
_MOST_IMAGES = 500
#: What a scan may be, told by its first bytes and by nothing else.
_FORMATS = {b"%PDF-": "PDF", b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}


def of_application(session: Session, application_id: int) -> list[MaterialItem]:
    """The lines of the checklist, in its order."""
    return list(
        session.scalars(
            select(MaterialItem).where(MaterialItem.application_id == application_id).order_by(MaterialItem.id)
        )
    )


def is_required(item: MaterialItem) -> bool:
    """It must be handed in: mandatory, and not obtained by data sharing (ACC-06)."""
    return item.mandatory and not item.waived_because


def missing_materials(session: Session, application: Application) -> list[MaterialItem]:
    """What still has to be handed in before acceptance.

    Before a notice: every required material that was not brought, on paper or online. After one: what the notices
    asked for and nobody has brought since, because on return only that is asked (S21).
    """
    items = of_application(session, application.id)
    if not application.notices:
        return [item for item in items if is_required(item) and not item.brought]
    asked = {gap["material"]: gap["copies"] for notice in application.notices for gap in notice["missing"]}
    return [item for item in items if item.material in asked and item.brought <= asked[item.material]]


def missing_images(session: Session, case: Case) -> list[MaterialItem]:
    """Required materials of the case's service without an image: nobody may decide before (ACC-08, promise 4)."""
    return [item for item in of_case(session, case) if is_required(item) and not item.images]


def unscanned(session: Session, case: Case) -> list[MaterialItem]:
    """Required paper that lies at the counter without an image: what can be scanned now (ACC-09, K-12).

    What a new agency asks for after a transfer has not been handed in yet; that is asked for as a supplement.
    """
    return [item for item in missing_images(session, case) if item.paper_copies]


def has_image(session: Session, case: Case, material: str) -> bool:
    """The case has an image of `material`."""
    return any(item.images for item in of_case(session, case) if item.material == material)


def of_case(session: Session, case: Case) -> list[MaterialItem]:
    """The lines of the case's own service."""
    return [item for item in of_application(session, case.application_id) if case.service in item.services]


def collect(
    session: Session, application_id: int, actor: Actor, items: Sequence[Mapping[str, Any]]
) -> list[MaterialItem]:
    """Record paper handed in at the counter: [{"material", "copies"}]; copies are added to what is there.

    The paper lies at the accepting agency from now on. Raises InvalidInput for a material that is not on the list.
    """
    application = find_visible_application(session, application_id, actor, lock=True)
    require_agency(actor, application.accepting_agency_code)
    require_role(actor, "acceptor")
    if application.state not in ("draft", "notified"):
        raise Conflict("该申请不在收取材料的阶段。", code="application_closed", details={"what": application.state})
    rows = {item.material: item for item in of_application(session, application.id)}
    counted = _counted(items, rows)
    at = clock.now()
    for material, copies in counted.items():
        item = rows[material]
        item.paper_copies += copies
        item.collected_by_id, item.collected_agency_code, item.collected_at = actor.officer_id, actor.agency_code, at
    application.version += 1
    record_event(
        session,
        "materials_collected",
        at=at,
        actor=actor,
        application_id=application.id,
        materials=counted,
        agency=actor.agency_code,
    )
    return [rows[material] for material in counted]


def _counted(items: Sequence[Mapping[str, Any]], rows: Mapping[str, MaterialItem]) -> dict[str, int]:
    faults: dict[str, list[str]] = {}
    counted: dict[str, int] = {}
    for number, row in enumerate(items):
        material, copies = str(row.get("material")), row.get("copies", 1)
        if material not in rows:
            faults[f"items.{number}.material"] = ["清单上没有这项材料。"]
        elif type(copies) is not int or not 1 <= copies <= _MOST_COPIES:
            faults[f"items.{number}.copies"] = [f"份数应在1到{_MOST_COPIES}之间。"]
        else:
            counted[material] = counted.get(material, 0) + copies
    if not items:
        faults["items"] = ["请至少填写一项材料。"]
    if faults:
        raise InvalidInput(fields=faults)
    return counted


def add_image(session: Session, application_id: int, material: str, content: bytes, actor: Actor) -> MaterialItem:
    """Store a scan of `material`; the same scan twice is stored and listed once.

    The accepting agency's counter and advanced scanners may, and the advanced scanners of the agency that handles a
    case of the application (SUP-05). Raises InvalidInput for what is no PDF, JPEG or PNG of at most 10 MB.
    """
    application = _for_scanning(session, application_id, actor)
    item = line_of(session, application, material)
    sha256 = stored(content, item)
    if sha256 is None:
        return item
    item.imaged_by_id = actor.officer_id
    record_event(
        session,
        "material_imaged",
        at=clock.now(),
        actor=actor,
        application_id=application.id,
        material=material,
        sha256=sha256,
        agency=actor.agency_code,
    )
    return item


def line_of(session: Session, application: Application, material: str) -> MaterialItem:
    """The checklist's line of the material. Raises InvalidInput where there is none."""
    item = next((one for one in of_application(session, application.id) if one.material == material), None)
    if item is None:
        raise InvalidInput(fields={"material": ["清单上没有这项材料。"]})
    return item


def stored(content: bytes, item: MaterialItem) -> str | None:
    """The SHA-256 of a new image of the line; None: it is there already. Raises InvalidInput for what is no image."""
    check_image(content)
    if len(item.images) >= _MOST_IMAGES:
        raise InvalidInput(fields={"content": [f"一项材料的影像不能超过{_MOST_IMAGES}页。"]})
    # Written before the commit: a file without a row is harmless, a row without its file is not.
    sha256 = ports().files.put(content)
    if sha256 in item.images:
        return None
    item.images = [*item.images, sha256]
    item.imaged_at = clock.now()
    return sha256


def check_image(content: bytes) -> None:
    """Raises InvalidInput for what is no PDF, JPEG or PNG of at most 10 MB."""
    if not content:
        raise InvalidInput(fields={"content": ["影像文件是空的。"]})
    if len(content) > LARGEST_IMAGE:
        raise InvalidInput(fields={"content": ["影像文件不能超过10MB。"]})
    if not any(content.startswith(magic) for magic in _FORMATS):
        raise InvalidInput(fields={"content": [f"影像文件应为{'、'.join(_FORMATS.values())}。"]})


def _for_scanning(session: Session, application_id: int, actor: Actor) -> Application:
    """The application, locked, for an officer who may scan for it."""
    application = session.scalar(
        select(Application)
        .where(Application.id == application_id)
        .with_for_update(of=Application)
        .execution_options(populate_existing=True)
    )
    cases = list(session.scalars(select(Case).where(Case.application_id == application_id)))
    handling = {case.handling_agency_code for case in cases}
    if application is None or actor.agency_code not in {
        application.accepting_agency_code,
        application.handling_agency_code,
        *handling,
    }:
        raise NotFound(NO_SUCH_APPLICATION)
    if actor.agency_code == application.accepting_agency_code:
        require_role(actor, "acceptor", "advanced_scanner")
    elif actor.agency_code not in handling:
        # An agency that gave its cases away, or before there are any: it reads and does not write.
        raise NotAllowed("这项操作只能由经办该业务的机构办理。", code="other_agency")
    else:
        require_role(actor, "advanced_scanner")
    if application.state == "refused" or (cases and all(case.state == "archived" for case in cases)):
        raise RuleRefused("该业务已经结束，不能再补充影像。", code="application_closed")
    return application


def gaps(items: Iterable[MaterialItem], what: Mapping[str, str]) -> list[dict[str, Any]]:
    """The lines of a notice: what is missing, and how much of it was there when it was written."""
    return [
        {
            "material": item.material,
            "name": item.name,
            "what": what.get(item.material) or "未提交",
            "copies": item.brought,
        }
        for item in items
    ]
