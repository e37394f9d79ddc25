"""A person settles where somebody was insured, when the system cannot know (ROU-06)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.casework import routing
from engine.errors import CannotProceed

if TYPE_CHECKING:
    from engine.casework.context import CaseContext


def choose(context: CaseContext, *, relation_id: int | None, agency_code: str | None, reason: str) -> None:
    """Take the chosen relation (or agency) for the application and show its checklist."""
    if context.actor is None:
        raise CannotProceed("参保关系只能由工作人员认定。", code="relation_needs_officer")
    routing.choose_relation(
        context.session,
        context.application,
        relation_id=relation_id,
        agency_code=agency_code,
        reason=reason,
        actor=context.actor,
    )
