"""Death benefits (工亡待遇核定): dependants and close relatives."""

from __future__ import annotations

from engine.casework.benefits import NewLine
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.ports import ports
from engine.process.operators import Scalar, operator


@operator("death.record_dependants", "登记供养亲属", returns=("dependant_count", "account_disputed"))
def record_dependants(case: CaseContext) -> dict[str, Scalar]:
    """The dependants and the relatives as stated, numbered in their order.

    Nobody is a dependant twice here (CannotProceed); who is one of another deceased worker as well is told to the
    reviewers, who decide (SD-58).
    """
    dependants = case.facts.get("dependants") or []
    keys = [ports().identity_key(one["identity_number"]) for one in dependants]
    if len(set(keys)) < len(keys):
        raise CannotProceed("同一供养亲属填报了两次，请退回更正。", code="dependant_twice")
    case.benefits.replace_lines(
        "dependant",
        [
            NewLine(
                label=f"供养亲属{number}",
                claimed=0,
                facts={
                    "relation": one["relation"],
                    "also_in_cases": case.benefits.elsewhere_about("dependant", key),
                },
                person_key=key,
            )
            for number, (one, key) in enumerate(zip(dependants, keys, strict=True), start=1)
        ],
    )
    relatives = case.facts["relatives"]
    case.benefits.replace_lines(
        "relative", [NewLine(label=f"近亲属{number}", claimed=0) for number in range(1, len(relatives) + 1)]
    )
    repeated = [line.number for line in case.benefits.lines("dependant") if line.facts["also_in_cases"]]
    case.record("dependants_recorded", dependants=len(dependants), relatives=len(relatives))
    if repeated:
        case.record("dependant_found_elsewhere", dependants=repeated)
    return {"dependant_count": len(dependants), "account_disputed": bool(case.facts["account_disputed"])}
