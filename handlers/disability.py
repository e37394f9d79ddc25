"""Disability benefits (伤残待遇核定): the appraisal they follow from."""

from __future__ import annotations

from engine.casework.context import CaseContext
from engine.process.operators import Scalar, operator


@operator("disability.fetch_appraisal", "取得劳动能力鉴定结论", returns=("grade", "care_level"))
def fetch_appraisal(case: CaseContext) -> dict[str, Scalar]:
    """Disability grade and care level of the appraisal on file; 0 where there is none."""
    answers: dict[str, Scalar] = {
        "grade": case.facts.get("grade") or 0,
        "care_level": case.facts.get("care_level") or 0,
    }
    case.record("eligibility_checked", appraised=answers["grade"] != 0)
    return answers
