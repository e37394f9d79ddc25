"""Routes of the audit log: for auditors, who look and change nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Response, stream_with_context
from sqlalchemy.orm import Session

from api import auditing
from api.audit.schemas import (
    ACTORS,
    KINDS,
    AuditEntryPage,
    AuditFilters,
    AuditQuery,
    filters_of,
    title_of,
)
from api.auditing import EXPORT, READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from engine import clock
from engine.actor import Actor
from engine.audit import searching
from engine.casework.paging import Page
from engine.db import db, transaction
from engine.models import AuditEntry

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1/audit", description="审计日志")

_COLUMNS = (
    "编号", "时间", "类别", "操作", "结果", "身份", "渠道或申请人", "用户名", "姓名", "机构", "登录方式", "来源地址",
    "办件", "申请", "人员", "对象", "条数", "理由",
)  # fmt: skip
#: With these a spreadsheet takes a text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Tells a spreadsheet that the file is UTF-8.
_MARK = "\ufeff"


@blueprint.route("", methods=["GET"])
@requires("audit.read")
@blueprint.arguments(AuditQuery, location="query")
@blueprint.reads(AuditEntryPage, "审计日志", audit=READ)
def list_entries(session: Session, query: dict[str, Any]) -> Page[AuditEntry]:
    """What the officers of the auditor's agency and those below it did, and everybody on the cases they see."""
    actor, filters = current_actor(), filters_of(query)
    return searching.search(session, actor, filters=filters, after=query.get("after"), limit=query["limit"])


@blueprint.route("/export", methods=["GET"])
@requires("audit.read")
@blueprint.arguments(AuditFilters, location="query")
@blueprint.answers(None, "导出审计日志", audit=EXPORT)
@blueprint.downloads("text/csv")
def export_entries(query: dict[str, Any]) -> Response:
    """The same as CSV, oldest first, all of them; sent while it is read."""
    actor = current_actor()
    with transaction() as session:
        auditing.note(subject=" ".join(sorted(query)) or None)
        auditing.record(session, EXPORT)
    name = f"audit-{clock.today():%Y%m%d}.csv"
    return Response(
        stream_with_context(_lines(actor, query)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _lines(actor: Actor, filters: dict[str, Any]) -> Iterator[str]:
    yield _MARK + _written([_COLUMNS])
    for entries in searching.pieces(db.session(), actor, filters):
        yield _written(_cells(entry) for entry in entries)


def _written(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cells(entry: AuditEntry) -> list[str]:
    officer = entry.officer
    values = (
        entry.id,
        entry.at.isoformat(timespec="seconds"),
        KINDS[entry.kind],
        title_of(entry.action),
        entry.outcome,
        ACTORS[entry.actor],
        entry.party,
        officer.username if officer else None,
        officer.name if officer else None,
        entry.agency_code,
        entry.session_kind,
        entry.address,
        entry.case_id,
        entry.application_id,
        entry.person_id,
        entry.subject,
        entry.rows,
        entry.reason,
    )
    return [_cell(value) for value in values]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
