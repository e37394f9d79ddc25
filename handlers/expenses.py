"""Medical and rehabilitation expenses (工伤医疗费、工伤康复费): lines claimed and allowed, a third party's part."""

from __future__ import annotations

from datetime import date
from typing import Any

from engine.casework.benefits import Line, NewDetermination, NewLine
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import Scalar, operator
from handlers.payees import ADVANCES, advances
from handlers.rules.amounts import cents

KIND = "expense"


@operator("expense.record_lines", "登记医疗费明细", returns=ADVANCES)
def record_medical_lines(case: CaseContext) -> dict[str, Scalar]:
    """The claimed lines and who advanced what."""
    return _record(case, "incurred_on")


@operator("rehabilitation.record_lines", "登记康复费明细", returns=ADVANCES)
def record_rehabilitation_lines(case: CaseContext) -> dict[str, Scalar]:
    """The claimed lines and who advanced what."""
    return _record(case, "treated_on")


@operator("rehabilitation.sort_lines", "区分康复期内外的费用", returns=("lines_outside",))
def sort_lines(case: CaseContext) -> dict[str, Scalar]:
    """Mark the lines outside the confirmed rehabilitation period; how many there are."""
    entry = case.benefits.entered("rehabilitation_period")
    if entry is None:
        raise CannotProceed("还没有确认康复期，请先确认。", code="period_missing")
    outside = 0
    for line in case.benefits.lines(KIND):
        is_outside = not entry.fields["from_on"] <= line.facts["on"] <= entry.fields["until_on"]
        case.benefits.note(KIND, line.number, outside_period=is_outside)
        outside += is_outside
    case.record(
        "rehabilitation_period_confirmed",
        from_on=entry.fields["from_on"],
        until_on=entry.fields["until_on"],
        confirmation_number=entry.fields["confirmation_number"],
        lines_outside=outside,
    )
    return {"lines_outside": outside}


@operator("expense.determine", "核定费用")
def determine(case: CaseContext) -> None:
    """The sum of the allowed lines without the third party's part, never below nothing (BEN-13)."""
    entry = case.benefits.entered("expense_lines")
    if entry is None:
        raise CannotProceed("还没有核定费用明细，请先核定。", code="lines_not_assessed")
    for row in entry.fields["lines"]:
        case.benefits.allow(KIND, row["line"], row["allowed"], reason=row["reason"], catalogue=row["catalogue"])
    reimburse(case, KIND, {"lines": entry.source()})


def reimburse(case: CaseContext, kind: str, inputs: dict[str, Any]) -> None:
    """Determine the reimbursement of the allowed lines of `kind` under the service's own name.

    Raises CannotProceed where a line has no allowed amount, or is allowed though the relation had ended before it.
    """
    lines = case.benefits.lines(kind)
    allowed = sum(allowed_amount(line) for line in lines)
    third_party = _third_party_share(case, inputs)
    amount = max(0, allowed - third_party)
    inputs |= {
        "claimed": sum(line.claimed for line in lines),
        "allowed": allowed,
        "third_party": third_party,
        "line_count": len(lines),
    }
    service = case.case.service
    case.benefits.replace_determinations([NewDetermination(benefit=service, amount=amount, inputs=inputs)])
    case.record("benefit_determined", benefit=service, amount=amount, third_party=third_party)


def allowed_amount(line: Line) -> int:
    """What is allowed of a line. Raises CannotProceed where it was not reviewed or must not be paid."""
    if line.allowed is None:
        raise CannotProceed(f"第{line.number}行明细还没有核定，请补齐后重新提交。", code="line_not_assessed")
    if line.allowed and line.facts.get("after_relation_ended"):
        raise CannotProceed(
            f"第{line.number}行发生在该次工伤保险关系终结之后，不能核定支付。", code="after_relation_ended"
        )
    return line.allowed


def after_relation_ended(case: CaseContext, day: str | None) -> bool:
    """Something of that day (ISO text) came after the lump sum had ended the relation for this injury (A1-3)."""
    ended_on = case.benefits.relation_ended_on()
    return ended_on is not None and day is not None and date.fromisoformat(day) > ended_on


def _record(case: CaseContext, day: str) -> dict[str, Scalar]:
    case.benefits.replace_lines(
        KIND,
        [
            NewLine(
                label=line["label"],
                claimed=cents(line["amount"]),
                facts={
                    "on": line.get(day),
                    "invoice_number": line["invoice_number"],
                    "kind": line.get("kind"),
                    "after_relation_ended": after_relation_ended(case, line.get(day)),
                },
            )
            for line in case.facts["lines"]
        ],
    )
    case.record("claim_recorded", lines=len(case.facts["lines"]))
    return dict(advances(case))


def _third_party_share(case: CaseContext, inputs: dict[str, Any]) -> int:
    """What a third party bears; asked for only where the claim says that one is involved."""
    entry = case.benefits.entered("third_party") if case.facts["third_party"] else None
    if entry is None:
        return 0
    inputs["third_party_basis"] = {
        **entry.source(),
        "evidence": entry.fields["evidence"],
        "basis": entry.fields["basis"],
    }
    return int(entry.fields["amount"])
