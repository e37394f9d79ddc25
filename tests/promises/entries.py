"""A valid entry for any task: the form's own fields, filled from what the case claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.task_forms import Field, task_forms
from engine import clock
from engine.casework.benefits import Benefits
from engine.casework.dossier import Dossier
from engine.models import Case, Task

#: Which lines of the claim a list with one row per line answers.
KINDS = {
    "expense_lines": "expense",
    "device": "device",
    "stays": "stay",
    "travel_lines": "fare",
    "dependants": "dependant",
}


@dataclass(frozen=True)
class _Owner:
    session: Session
    case: Case
    at: datetime
    dossier: Dossier


def entry(session: Session, task: Task, outcome: str) -> dict[str, Any]:
    """Fields that the form accepts for `outcome`, as the API would be sent them."""
    if task.case is None:
        return {"agency": "442099", "reason": "按社保登记信息认定"}
    benefits = Benefits(_Owner(session, task.case, clock.now(), Dossier(session, case_id=task.case_id)))
    if task.form == "determination":
        return _determination(task.case, benefits)
    if task.form == "allowance_way":
        signed = task.case.application.content["forms"].get("1-4") or {"way": "two"}
        return {name: signed[name] for name in ("way", "medical_insurance") if signed.get(name)}
    filled: dict[str, Any] = {}
    for field in task_forms()[task.form].fields:
        if field.outcomes and outcome not in field.outcomes:
            continue
        if field.when is not None and filled.get(field.when[0]) != field.when[1]:
            continue
        if field.required or field.name == "remedy":
            filled[field.name] = _value(task, field, benefits)
    return filled


def _value(task: Task, field: Field, benefits: Benefits) -> Any:
    case = task.case
    assert case is not None
    special = {
        "to_agency": "440099" if case.handling_agency_code != "440099" else "442099",
        "agency": case.handling_agency_code,
        "holder": (case.application.content["facts"].get("bank_account_change") or {}).get("holder", "何秀兰"),
        "account_ending": str(
            (case.application.content["facts"].get("bank_account_change") or {}).get("account", "0000")
        )[-4:],
        "level": 3,
    }
    if field.name in special:
        return special[field.name]
    if field.type == "list":
        return _rows(task, field, benefits)
    if field.accepts:
        return field.accepts[0]
    usual: dict[str, Any] = {
        "text": "按材料核实",
        "date": clock.today().isoformat(),
        "money": "100.00",
        "integer": max(field.min or 0, 1),
        "boolean": True,
    }
    return field.choices[0].code if field.type == "choice" else usual[field.type]


def _rows(task: Task, field: Field, benefits: Benefits) -> list[dict[str, Any]]:
    kind = KINDS.get(task.form)
    if kind is None:
        return [{inner.name: _value(task, inner, benefits) for inner in field.fields if inner.required}]
    rows = []
    for line in benefits.lines(kind):
        row = {inner.name: _value(task, inner, benefits) for inner in field.fields if inner.required and not inner.when}
        row[field.key or "line"] = line.number
        if "allowed" in row:
            row["allowed"] = f"{line.claimed // 100}.{line.claimed % 100:02d}"
        if "days" in row:
            row["days"] = line.facts["days"]
        row |= {inner.name: "已核实" for inner in field.fields if inner.name == "reason" and not inner.when}
        if task.form == "dependants":
            row |= {"eligible": True, "account_evidence": "own_name"}
        rows.append(row)
    return rows


def _determination(case: Case, benefits: Benefits) -> dict[str, Any]:
    amounts = {
        "medical_lump_sum": {"medical_lump_sum": 3000000},
        "disability_benefit": {"disability_lump_sum": 11500000, "disability_allowance": 400000},
        "death_benefit": {"funeral_grant": 5500200, "death_lump_sum": 98566000},
    }[case.service]
    fields: dict[str, Any] = {
        "benefits": [
            {"benefit": code, "amount": f"{cents // 100}.{cents % 100:02d}", "basis": "按本人工资和规定标准计算"}
            for code, cents in amounts.items()
        ]
    }
    relatives = benefits.lines("relative")
    if (
        case.service == "death_benefit"
        and len(relatives) > 1
        and not case.application.content["facts"]["death_benefit"].get("account_disputed")
    ):
        fields["shares"] = [
            {"benefit": code, "receiver": relative.number, "amount": _share(cents, len(relatives), place)}
            for code, cents in amounts.items()
            for place, relative in enumerate(relatives)
        ]
    return fields


def _share(cents: int, among: int, place: int) -> str:
    part = cents // among + (cents % among if place == 0 else 0)
    return f"{part // 100}.{part % 100:02d}"
