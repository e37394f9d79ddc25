"""Assistive devices (工伤辅助器具配置费): confirmation, limit of the catalogue, minimum life, replacement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.casework.benefits import Line, NewLine
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import Scalar, operator
from handlers.expenses import after_relation_ended, reimburse
from handlers.payees import ADVANCES, advances
from handlers.rules.amounts import cents
from handlers.rules.replacement import is_too_early, payable_for_device

KIND = "device"
TOO_EARLY = "未满最低使用年限，不同意提前更换"
OVER_LIMIT = "超出目录限额部分不予支付"
RELATION_ENDED = "配置在该次工伤保险关系终结之后"


@operator("device.record", "登记辅助器具", returns=("replacement", *ADVANCES))
def record(case: CaseContext) -> dict[str, Scalar]:
    """The devices as claimed, whether one of them replaces another, and who advanced what."""
    lines = case.facts["lines"]
    case.benefits.replace_lines(
        KIND,
        [
            NewLine(
                label=line["label"],
                claimed=cents(line["amount"]),
                facts={
                    "on": line["configured_on"],
                    "previous_on": line.get("previous_configured_on"),
                    "invoice_number": line["invoice_number"],
                    "after_relation_ended": after_relation_ended(case, line["configured_on"]),
                },
            )
            for line in lines
        ],
    )
    case.record("claim_recorded", lines=len(lines))
    return {"replacement": any(line["replacement"] for line in lines), **advances(case)}


@operator("device.check_replacement", "检查最低使用年限", returns=("too_early",))
def check_replacement(case: CaseContext) -> dict[str, Scalar]:
    """Does a device replace one that has not reached its minimum life?"""
    confirmed = _confirmed(case)
    early = [line.number for line in case.benefits.lines(KIND) if _is_early(line, confirmed[line.number])]
    case.record("replacement_checked", too_early=len(early))
    return {"too_early": bool(early)}


@operator("device.determine", "核定辅助器具费")
def determine(case: CaseContext) -> None:
    """Each device at its price, at most the catalogue's limit; nothing for one replaced too early without grounds."""
    confirmed = _confirmed(case)
    entry = case.benefits.entered("device")
    justification = case.benefits.entered("replacement")
    for line in case.benefits.lines(KIND):
        row = confirmed[line.number]
        allowed = payable_for_device(line.claimed, row["catalogue_limit"])
        reason = OVER_LIMIT if allowed < line.claimed else None
        if _is_early(line, row):
            if justification is None:
                raise CannotProceed("提前更换的辅助器具还没有说明理由，请先填写。", code="replacement_not_justified")
            reason = justification.fields["reason"]
            if not justification.fields["justified"]:
                allowed, reason = 0, f"{TOO_EARLY}：{reason}"
        if line.facts["after_relation_ended"]:
            allowed, reason = 0, RELATION_ENDED
        case.benefits.allow(
            KIND,
            line.number,
            allowed,
            reason=reason,
            catalogue_limit=row["catalogue_limit"],
            minimum_life_months=row["minimum_life_months"],
            confirmation_number=row["confirmation_number"],
        )
    reimburse(case, KIND, {"confirmation": entry.source() if entry else None})


def _confirmed(case: CaseContext) -> dict[int, Mapping[str, Any]]:
    entry = case.benefits.entered("device")
    if entry is None:
        raise CannotProceed("还没有核对辅助器具配置确认，请先核对。", code="device_not_confirmed")
    rows = {row["line"]: row for row in entry.fields["devices"]}
    missing = [line.number for line in case.benefits.lines(KIND) if line.number not in rows]
    if missing:
        raise CannotProceed(f"第{missing[0]}件辅助器具还没有核对，请补齐。", code="device_not_confirmed")
    return rows


def _is_early(line: Line, row: Mapping[str, Any]) -> bool:
    previous = line.facts["previous_on"]
    return is_too_early(
        date.fromisoformat(line.facts["on"]),
        date.fromisoformat(previous) if previous else None,
        row["minimum_life_months"],
    )
