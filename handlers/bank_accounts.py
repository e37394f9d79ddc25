"""Change of the bank account (银行信息变更): no determination; it counts for the next payment."""

from __future__ import annotations

from engine.casework.accounts import account_fault, is_own_account
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.process.operators import operator


@operator("bank_account.apply", "变更发放账户")
def apply(case: CaseContext) -> None:
    """The new account takes the place of the old one for every payment made from now on.

    Raises CannotProceed for an account that is not the worker's without a coded reason and its evidence (S24, K-32).
    """
    facts = case.facts
    fault = account_fault(
        kind=facts["account_kind"],
        own_name=is_own_account(facts["holder"], case.case.person.name),
        reason_code=facts.get("reason_code"),
        has_image=case.has_image,
    )
    on = case.case.accepted_at.date()
    because = [case.rule("payment.default_account", on)[1]]
    if facts["account_kind"] == "employer_account":
        because.append(case.rule("payment.employer_account_reasons", on)[1])
    if fault is not None:
        raise CannotProceed(fault, code="account_not_lawful", because=because)
    today = case.at.date()
    case.benefits.change_bank_account(
        bank=facts["bank"],
        holder=facts["holder"],
        account=facts["account"],
        kind=facts["account_kind"],
        effective_from=today,
    )
    case.record(
        "bank_account_changed",
        because=because,
        account_kind=facts["account_kind"],
        reason_code=facts.get("reason_code"),
        effective_from=today.isoformat(),
    )
