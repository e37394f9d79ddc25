"""Filings with a validity (备案): referral out of the city, treatment elsewhere, and the travel claim that uses one."""

from __future__ import annotations

from datetime import date

from engine import clock
from engine.casework.benefits import NewDetermination, NewLine
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import Scalar, operator
from handlers.expenses import after_relation_ended, allowed_amount
from handlers.rules.amounts import cents
from handlers.rules.validity import lasts_months, referral_valid_until

FARE = "fare"
BOARD = "board"


@operator("remote.check", "检查异地居住条件", returns=("half_year", "employed", "is_change", "relation_ended"))
def check_remote(case: CaseContext) -> dict[str, Scalar]:
    """What the decision about the filing asks (A1-7): half a year, employed, first or change, relation not ended."""
    months, reason = case.rule("remote_treatment.minimum_months", case.case.accepted_at.date())
    answers: dict[str, Scalar] = {
        "half_year": lasts_months(
            date.fromisoformat(case.facts["from_on"]), date.fromisoformat(case.facts["until_on"]), months
        ),
        "employed": bool(case.facts["employed"]),
        "is_change": case.facts["registration"] == "change",
        "relation_ended": case.benefits.relation_ended_on() is not None,
    }
    case.record(
        "eligibility_checked",
        because=[reason],
        half_year=answers["half_year"],
        relation_ended=answers["relation_ended"],
    )
    return answers


@operator("filing.register", "登记备案", returns=("filing_valid_until_at",))
def register(case: CaseContext) -> dict[str, Scalar]:
    """The filing is made, today; until when it holds (end of the last day)."""
    if case.benefits.refusal_recommended() is not None:
        raise CannotProceed("系统核查不符合备案条件，不能登记备案，请退回审核。", code="refusal_recommended")
    today = case.at.date()
    destination = f"{case.facts['destination_province']}{case.facts['destination_city']}"
    if case.case.service == "referral_filing":
        days, reason = case.rule("referral.validity_days", today)
        kind, valid_from, valid_until = "referral", today, referral_valid_until(today, days)
    else:
        _, reason = case.rule("remote_treatment.minimum_months", case.case.accepted_at.date())
        kind = "remote_treatment"
        valid_from, valid_until = (date.fromisoformat(case.facts[name]) for name in ("from_on", "until_on"))
    filing = case.benefits.register_filing(
        kind, destination=destination, filed_on=today, valid_from=valid_from, valid_until=valid_until
    )
    case.record(
        "filing_registered",
        because=[reason],
        filing=kind,
        valid_from=filing.valid_from.isoformat(),
        valid_until=filing.valid_until.isoformat(),
    )
    return {"filing_valid_until_at": clock.end_of_day(filing.valid_until).isoformat()}


@operator("filing.replace", "变更备案")
def replace(case: CaseContext) -> None:
    """The person's earlier filing for treatment elsewhere gives way to this one."""
    replaced = case.benefits.replace_earlier_filings("remote_treatment")
    case.record("filing_replaced", replaced=len(replaced))


@operator("filing.mark_used", "备案已使用")
def mark_used(case: CaseContext) -> None:
    """A claim has used the referral that this case registered (当次有效)."""
    filing = case.benefits.filing()
    case.record("filing_used", used_by_case_id=filing.used_by_case_id if filing else None)


@operator("filing.expire", "备案期满")
def expire(case: CaseContext) -> None:
    """The last day has passed. A filing that was used or replaced before stays what it is."""
    if case.benefits.expire_filing():
        case.record("filing_expired")


@operator("referral.find", "查找转诊备案", returns=("referral_found", "referral_state"))
def find_referral(case: CaseContext) -> dict[str, Scalar]:
    """The referral that covers the day of admission, kept for this claim; and the claim in lines (A1-8, S25)."""
    _record_fares(case)
    admitted_on = date.fromisoformat(case.facts["admitted_on"])
    _, reason = case.rule("referral.validity_days", case.case.accepted_at.date())
    state = case.benefits.reserve_referral(admitted_on)
    case.record("eligibility_checked", because=[reason], referral_state=state)
    return {"referral_found": state == "valid", "referral_state": state}


@operator("travel.determine", "核定交通食宿费")
def determine_travel(case: CaseContext) -> None:
    """The allowed fares, and the days of board and lodging times their rate."""
    entry = case.benefits.entered("travel_lines")
    if entry is None:
        raise CannotProceed("还没有核定交通食宿费，请先核定。", code="lines_not_assessed")
    for row in entry.fields["lines"]:
        case.benefits.allow(FARE, row["line"], row["allowed"], reason=row["reason"])
    days, rate = entry.fields["days"], entry.fields["rate"]
    case.benefits.allow(BOARD, 1, days * rate, reason=entry.fields["days_reason"], confirmed_days=days, rate=rate)
    fares, board = (sum(allowed_amount(line) for line in case.benefits.lines(kind)) for kind in (FARE, BOARD))
    inputs = {"fares": fares, "days": days, "rate": rate, "board": board, **entry.source()}
    case.benefits.replace_determinations(
        [NewDetermination(benefit="travel_expense", amount=fares + board, inputs=inputs)]
    )
    case.record("benefit_determined", benefit="travel_expense", amount=fares + board)


@operator("referral.use", "使用转诊备案")
def use_referral(case: CaseContext) -> None:
    """The referral kept for this claim is used up now; a second claim cannot use it."""
    filing = case.benefits.use_referral()
    case.record("referral_used", referral_case_id=filing.case_id)


def _record_fares(case: CaseContext) -> None:
    late = after_relation_ended(case, case.facts["admitted_on"])
    case.benefits.replace_lines(
        FARE,
        [
            NewLine(
                label=one["label"],
                claimed=cents(one["amount"]),
                facts={"on": one["travelled_on"], "means": one["means"], "after_relation_ended": late},
            )
            for one in case.facts.get("fares") or ()
        ],
    )
    case.benefits.replace_lines(
        BOARD,
        [NewLine(label="食宿", claimed=0, facts={"days": case.facts["days"], "after_relation_ended": late})],
    )
