"""Determinations (核定) as officers enter them, their end, recommendations to refuse, and certification cycles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from config.benefits import benefit_table
from engine.casework.benefits import Entered, NewDetermination
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import Scalar, operator
from handlers.payees import release_held
from handlers.rules.validity import certification_due_on

PENSION = "dependants_pension"
#: Facts that are kept beside an entered amount, so that a second program can compute it again.
FACTS = ("grade", "care_level", "appraised_on", "appraisal_number", "recognition_number", "ended_by", "died_on")


@operator("determination.record", "登记待遇核定", returns=("periodic",))
def record(case: CaseContext) -> dict[str, Scalar]:
    """Keep what the officer determined, with who, when and by which basis; is something paid month by month?"""
    entry = case.benefits.entered("determination")
    if entry is None:
        raise CannotProceed("还没有录入待遇核定，请先录入。", code="not_determined")
    table = benefit_table().of_service(case.case.service)
    unknown = [row["benefit"] for row in entry.fields["benefits"] if row["benefit"] not in table]
    if unknown:
        raise CannotProceed("录入的待遇不属于本事项，请退回重新录入。", code="benefit_of_another_service")
    case.benefits.replace_determinations(
        NewDetermination(
            benefit=row["benefit"],
            amount=row["amount"],
            monthly=table[row["benefit"]].monthly,
            payer=table[row["benefit"]].payer,
            inputs=_inputs(case, entry, row),
        )
        for row in entry.fields["benefits"]
    )
    if case.case.service == "death_benefit":
        _record_shares(case, entry)
    for one in case.benefits.determinations():
        case.record("benefit_determined", benefit=one.benefit, amount=one.amount, monthly=one.monthly, payer=one.payer)
    return {"periodic": case.benefits.total(monthly=True) > 0}


@operator("determination.finish", "核定生效")
def finish(case: CaseContext) -> None:
    """The last review has passed: amounts and payees do not change any more."""
    if case.benefits.is_final():
        return
    release_held(case)
    rows = case.benefits.finish()
    case.record("determination_finished", determinations=len(rows), payees=len(case.benefits.payees()))


@operator("recommendation.refuse", "建议不予办理")
def recommend_refusal(case: CaseContext) -> None:
    """Tell the reviewers that a check says no, and why; the decision stays theirs."""
    case.record("refusal_recommended", reason=str(case.data.get("recommendation_reason") or "not_appraised"))


@operator("certification.start", "开始待遇领取资格认证周期")
def start_certification(case: CaseContext) -> None:
    """Everybody who draws a monthly benefit is to certify within the cycle, counted from today (CRT-01, A1-4)."""
    today = case.at.date()
    months, reason = case.rule("certification.cycle_months", today)
    due_on = certification_due_on(today, months)
    started = case.benefits.start_certifications(certified_on=today, due_on=due_on)
    case.record("certification_started", because=[reason], payees=started, due_on=due_on.isoformat())


def _inputs(case: CaseContext, entry: Entered, row: Mapping[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "basis": row["basis"],
        "from_month": row["from_month"],
        "facts": {name: case.facts[name] for name in FACTS if name in case.facts},
        **entry.source(),
    }
    way = case.benefits.entered("allowance_way")
    if row["benefit"] == "disability_allowance" and way is not None:
        inputs["allowance_way"] = dict(way.fields)
    end = case.benefits.entered("employment_end")
    if case.case.service == "medical_lump_sum" and end is not None:
        inputs["employment_end"] = dict(end.fields)
    return inputs


def _record_shares(case: CaseContext, entry: Entered) -> None:
    """Each dependant's part of the pension and each relative's part of the lump sums, on their lines."""
    findings = case.benefits.entered("dependants")
    found = {row["dependant"]: row for row in (findings.fields["dependants"] if findings else ())}
    shares = _shares(case, entry.fields["shares"] or ())
    for line in case.benefits.lines("dependant"):
        row = found.get(line.number, {})
        case.benefits.allow(
            "dependant",
            line.number,
            sum(shares["dependant"][line.number].values()),
            reason=row.get("reason"),
            eligible=row.get("eligible"),
            account_evidence=row.get("account_evidence"),
        )
    for line in case.benefits.lines("relative"):
        parts = shares["relative"][line.number]
        case.benefits.allow("relative", line.number, sum(parts.values()), shares=dict(parts))


Shares = defaultdict[str, defaultdict[int, dict[str, int]]]


def _shares(case: CaseContext, rows: Sequence[Mapping[str, Any]]) -> Shares:
    """Receiver -> number -> benefit -> amount. A relative who receives the lump sums alone needs no sharing."""
    shares: Shares = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        receiver = "dependant" if row["benefit"] == PENSION else "relative"
        shares[receiver][row["receiver"]][row["benefit"]] = row["amount"]
    if not shares["relative"] and len(case.benefits.lines("relative")) == 1:
        shares["relative"][1] = {one.benefit: one.amount for one in case.benefits.determinations() if not one.monthly}
    return shares
