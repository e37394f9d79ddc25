"""Meals in hospital (住院伙食补助费): stays, days, the rate of the day."""

from __future__ import annotations

from datetime import date

from engine.casework.benefits import NewDetermination, NewLine
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import Scalar, operator
from handlers.expenses import after_relation_ended, allowed_amount
from handlers.rules.stays import counted_days

KIND = "stay"


@operator("stays.record", "登记住院", returns=("days",))
def record(case: CaseContext) -> dict[str, Scalar]:
    """The stays as claimed; how many days they are by the law's way of counting (BEN-12)."""
    stays = case.facts["stays"]
    spans = [(date.fromisoformat(one["admitted_on"]), date.fromisoformat(one["discharged_on"])) for one in stays]
    counts, reason = case.rule("inpatient_meals.counted_days", min(first for first, _ in spans))
    days = counted_days(spans, counts=counts)
    case.benefits.replace_lines(
        KIND,
        [
            NewLine(
                label=stay["hospital"],
                claimed=0,
                facts={
                    "on": stay["admitted_on"],
                    "until_on": stay["discharged_on"],
                    "days": number,
                    "after_relation_ended": after_relation_ended(case, stay["admitted_on"]),
                },
            )
            for stay, number in zip(stays, days, strict=True)
        ],
    )
    case.record("claim_recorded", because=[reason], lines=len(stays), days=sum(days))
    return {"days": sum(days)}


@operator("stays.determine", "核定住院伙食补助费")
def determine(case: CaseContext) -> None:
    """Days times rate, stay by stay, as the officer confirmed them."""
    entry = case.benefits.entered("stays")
    if entry is None:
        raise CannotProceed("还没有核对住院情况，请先核对。", code="stays_not_confirmed")
    for row in entry.fields["stays"]:
        case.benefits.allow(
            KIND,
            row["line"],
            row["days"] * row["rate"],
            reason=row["reason"],
            confirmed_days=row["days"],
            rate=row["rate"],
        )
    lines = case.benefits.lines(KIND)
    amount = sum(allowed_amount(line) for line in lines)
    inputs = {
        "stays": [
            {"days": line.facts["confirmed_days"], "rate": line.facts["rate"], "claimed_days": line.facts["days"]}
            for line in lines
        ],
        **entry.source(),
    }
    case.benefits.replace_determinations([NewDetermination(benefit="inpatient_meals", amount=amount, inputs=inputs)])
    case.record("benefit_determined", benefit="inpatient_meals", amount=amount)
