"""The lump-sum medical subsidy (工伤一次性医疗补助金): what speaks against it, and the relation it ends."""

from __future__ import annotations

from engine.casework.context import CaseContext
from engine.process.operators import Scalar, operator


@operator("lump_sum.check", "检查领取条件", returns=("already_claimed", "draws_pension", "notice_signed", "grade"))
def check(case: CaseContext) -> dict[str, Scalar]:
    """What the decision about eligibility asks (A1-3): claimed before, pension, signed notice, grade (0: none)."""
    notice = case.application.content["forms"].get("1-3") or {}
    answers: dict[str, Scalar] = {
        "already_claimed": case.benefits.relation_ended_on() is not None,
        "draws_pension": bool(case.facts["draws_pension"]),
        "notice_signed": notice.get("signed") is True,
        "grade": case.facts.get("grade") or 0,
    }
    case.record(
        "eligibility_checked", already_claimed=answers["already_claimed"], notice_signed=answers["notice_signed"]
    )
    return answers


@operator("relation.close", "终结该次工伤保险关系")
def close_relation(case: CaseContext) -> None:
    """Whoever takes the subsidy ends the relation for this injury; other injuries are not touched."""
    benefits, reason = case.rule("relation.ended_by", case.case.accepted_at.date())
    if not any(one.benefit in benefits for one in case.benefits.determinations()):
        return
    case.benefits.end_relation()
    case.record("relation_ended", because=[reason], injured_on=case.case.injured_on.isoformat())
