"""Payees (待遇领取人): who gets what of a determination, and into which account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.benefits import HELD_DISPUTED, HELD_EVIDENCE_MISSING, benefit_table
from engine.casework.accounts import is_own_account
from engine.casework.benefits import NewPayee
from engine.casework.context import CaseContext
from engine.errors import CannotProceed
from engine.ports import Reason
from engine.process.operators import operator
from handlers.rules.amounts import cents
from handlers.rules.payees import (
    CARD,
    RECEIVERS,
    Account,
    split_reimbursement,
    worker_account,
)

#: What the operators that record a claim for reimbursement return for the decision table `payee`.
ADVANCES = ("third_party", "advanced_by_employer", "advanced_by_medical_insurance", "employer_evidence")


def advances(case: CaseContext) -> dict[str, int | bool]:
    """Who advanced how much (cents), and whether the employer's signed evidence has its image (G228-09)."""
    return {
        "third_party": bool(case.facts["third_party"]),
        "advanced_by_employer": cents(case.facts.get("advanced_by_employer")),
        "advanced_by_medical_insurance": cents(case.facts.get("advanced_by_medical_insurance")),
        "employer_evidence": has_evidence(case, "advanced_by_employer"),
    }


def has_evidence(case: CaseContext, reason_code: str | None) -> bool:
    """The case has an image of the signed material that this reason for another account needs."""
    reason = benefit_table().account_reasons.get(reason_code or "")
    return reason is not None and (reason.evidence is None or case.has_image(reason.evidence))


@operator("payee.split", "确定报销费用的领取人")
def split(case: CaseContext) -> None:
    """Give back what medical insurance and employer advanced, the rest to the worker (G228-02, -09, BEN-13)."""
    receivers = str(case.data.get("payee_rule"))
    if receivers not in RECEIVERS:
        raise CannotProceed(
            f"领取人判定表给出了系统不认识的结果“{receivers}”，请业务分析员检查。", code="unknown_payee_rule"
        )
    order, order_reason = _law(case, "payment.advance_order")
    parts = split_reimbursement(
        case.benefits.total(monthly=False),
        advanced={
            "employer": cents(case.facts.get("advanced_by_employer")),
            "medical_insurance": cents(case.facts.get("advanced_by_medical_insurance")),
        },
        order=order,
        receivers=receivers,
    )
    because = [_law(case, "payment.default_account")[1]]
    payees = []
    if parts.worker:
        payees.append(_worker(case, parts.worker, _own_account(case)))
    if parts.employer:
        payees.append(_advancing_employer(case, parts.employer, held=receivers == "hold_employer_part"))
        because.append(_law(case, "payment.employer_account_reasons")[1])
    if parts.medical_insurance:
        payees.append(_medical_insurance(case, parts.medical_insurance))
    if parts.employer or parts.medical_insurance:
        because.append(order_reason)
    _save(case, payees, because)


@operator("payee.to_worker", "确定工伤职工为领取人")
def to_worker(case: CaseContext) -> None:
    """What the fund owes goes to the worker: own card, or another account with its reason (G228-01, -03, K-32)."""
    allowed, employer_reason = _law(case, "payment.employer_account_reasons")
    because = [_law(case, "payment.default_account")[1]]
    requested = _requested_account(case)
    payees = []
    for monthly in (False, True):
        amount = case.benefits.total(monthly=monthly)
        if not amount:
            continue
        evidence = has_evidence(case, requested.reason_code)
        account = worker_account(requested, has_evidence=evidence, monthly=monthly, allowed=allowed)
        if account.kind == "employer_account":
            payees.append(_employer(case, amount, account))
            because.append(employer_reason)
        else:
            payees.append(_worker(case, amount, account, monthly=monthly))
    _save(case, payees, because)


@operator("payee.to_relatives", "确定近亲属和供养亲属为领取人")
def to_relatives(case: CaseContext) -> None:
    """The lump sums to the close relatives, the pension to each dependant (K-30, G228-10, K-31)."""
    because = [_law(case, "payment.default_account")[1]]
    payees = _lump_sum_payees(case, because) + _pension_payees(case, because)
    _save(case, payees, because)


def release_held(case: CaseContext) -> None:
    """Give the employer's part its account once the signed evidence has come (G228-16).

    Raises CannotProceed while it has not.
    """
    payees = case.benefits.payees()
    if all(one.reason_code != HELD_EVIDENCE_MISSING for one in payees):
        return
    if not has_evidence(case, "advanced_by_employer"):
        raise CannotProceed("缺少工伤职工或供养亲属签名的垫付材料影像，用人单位垫付部分不能发放。", code="held_payment")
    settled = [
        _advancing_employer(case, one.amount, held=False)
        if one.reason_code == HELD_EVIDENCE_MISSING
        else NewPayee(
            kind=one.kind,
            name=one.name,
            account_kind=one.account_kind,
            account=one.account,
            amount=one.amount,
            monthly=one.monthly,
            reason_code=one.reason_code,
        )
        for one in payees
    ]
    _save(case, settled, [_law(case, "payment.employer_account_reasons")[1]])


def _save(case: CaseContext, payees: list[NewPayee], because: list[Reason]) -> None:
    case.benefits.replace_payees(payees)
    case.record(
        "payees_recorded",
        because=because,
        payees=len(payees),
        employer_account=any(one.account_kind == "employer_account" for one in payees),
        held=sum(1 for one in payees if (one.reason_code or "").startswith("held_")),
    )


def _law(case: CaseContext, key: str) -> tuple[Any, Reason]:
    """A value of the law on the day of acceptance: the notice speaks of claims newly made (新申报)."""
    return case.rule(key, case.case.accepted_at.date())


# Receivers of a worker's benefit


def _worker(case: CaseContext, amount: int, account: Account, *, monthly: bool = False) -> NewPayee:
    return NewPayee(
        kind="worker",
        name=case.case.person.name,
        account_kind=account.kind,
        account=account.number,
        amount=amount,
        monthly=monthly,
        reason_code=account.reason_code,
    )


def _employer(case: CaseContext, amount: int, account: Account) -> NewPayee:
    return NewPayee(
        kind="employer",
        name=account.holder or case.application.content["employer"]["name"],
        account_kind="employer_account",
        account=account.number,
        amount=amount,
        reason_code=account.reason_code,
    )


def _advancing_employer(case: CaseContext, amount: int, *, held: bool) -> NewPayee:
    if held:
        return _employer(case, amount, Account(kind="employer_account", reason_code=HELD_EVIDENCE_MISSING))
    if not has_evidence(case, "advanced_by_employer"):
        raise CannotProceed("没有工伤职工签名的垫付材料影像，不能发放到用人单位账户。", code="evidence_missing")
    form = _form(case, "1-1")
    account = Account(
        kind="employer_account",
        number=form.get("employer_account"),
        holder=form.get("employer_holder"),
        reason_code="advanced_by_employer",
    )
    return _employer(case, amount, account)


def _medical_insurance(case: CaseContext, amount: int) -> NewPayee:
    return NewPayee(
        kind="medical_insurance",
        name=f"医疗保险基金（{case.facts.get('medical_insurance_city') or '参保地'}）",
        account_kind="medical_insurance_fund",
        amount=amount,
        reason_code="advanced_by_medical_insurance",
    )


def _form(case: CaseContext, number: str) -> Mapping[str, Any]:
    form: Mapping[str, Any] = case.application.content["forms"].get(number) or {}
    return form


def _own_account(case: CaseContext) -> Account:
    """The worker's own account, for what must not go to an employer."""
    return worker_account(_requested_account(case), has_evidence=False, monthly=False, allowed=())


def _requested_account(case: CaseContext) -> Account:
    """What this application asked for; where it names no account, the change of account made last.

    An account changed after this application was handed in goes before what the application says.
    """
    stated = _stated_account(case)
    changed = case.benefits.bank_account(case.at.date())
    if changed is None or changed.kind == "joint_account":
        return stated
    if stated != CARD and changed.effective_from <= case.application.created_at.date():
        return stated
    if changed.kind == "social_security_card":
        return Account(kind="social_security_card", number=changed.account)
    reason = "advanced_by_employer" if changed.kind == "employer_account" else "account_changed"
    return Account(kind=changed.kind, number=changed.account, holder=changed.holder, reason_code=reason)


def _stated_account(case: CaseContext) -> Account:
    retirement, application = _form(case, "1-4"), _form(case, "1-1")
    name = case.case.person.name
    if retirement.get("account_kind") == "other_account" and is_own_account(retirement["account_holder"], name):
        return Account(
            kind="personal_account",
            number=retirement["account"],
            holder=retirement["account_holder"],
            reason_code=retirement["account_reason"],
        )
    if application.get("account_kind") == "employer_account":
        return Account(
            kind="employer_account",
            number=application["employer_account"],
            holder=application["employer_holder"],
            reason_code=application["employer_account_reason"],
        )
    if application.get("card_account") and is_own_account(application["card_holder"], name):
        return Account(kind="social_security_card", number=application["card_account"])
    return CARD


# Receivers of a death benefit


def _lump_sum_payees(case: CaseContext, because: list[Reason]) -> list[NewPayee]:
    amount = case.benefits.total(monthly=False)
    if not amount:
        return []
    if case.facts["account_disputed"]:
        return [_disputed(case, amount, because)]
    requested = _stated_account(case)
    allowed, reason = _law(case, "payment.employer_account_reasons")
    if (
        worker_account(
            requested, has_evidence=has_evidence(case, requested.reason_code), monthly=False, allowed=allowed
        )
        == requested
        and requested.kind == "employer_account"
    ):
        because.append(reason)
        return [_employer(case, amount, requested)]
    return [
        _relative(case.facts["relatives"][line.number - 1], line.allowed)
        for line in case.benefits.lines("relative")
        if line.allowed
    ]


def _relative(relative: Mapping[str, Any], amount: int) -> NewPayee:
    own = relative.get("account")
    return NewPayee(
        kind="relative",
        name=relative["name"],
        account_kind="personal_account" if own else "social_security_card",
        account=own,
        amount=amount,
        reason_code="own_name" if own else None,
    )


def _disputed(case: CaseContext, amount: int, because: list[Reason]) -> NewPayee:
    """The one account that all relatives designated; without it the payment waits and nobody chooses (K-31)."""
    benefits, reason = _law(case, "payment.joint_account_benefits")
    because.append(reason)
    if any(one.benefit not in benefits for one in case.benefits.determinations() if not one.monthly):
        raise CannotProceed("只有丧葬补助金和一次性工亡补助金可以支付到共同指定账户。", code="not_for_joint_account")
    entry = case.benefits.entered("joint_account")
    if entry is None or entry.outcome != "settled":
        return NewPayee(
            kind="relative",
            name="近亲属（账户争议未解决）",
            account_kind="joint_account",
            amount=amount,
            reason_code=HELD_DISPUTED,
        )
    if not has_evidence(case, "joint_designation"):
        raise CannotProceed("没有近亲属共同指定账户的签名材料影像，不能支付到共同指定账户。", code="evidence_missing")
    return NewPayee(
        kind="relative",
        name=entry.fields["holder"],
        account_kind="joint_account",
        account=entry.fields["account"],
        amount=amount,
        reason_code="joint_designation",
    )


def _pension_payees(case: CaseContext, because: list[Reason]) -> list[NewPayee]:
    lines = [line for line in case.benefits.lines("dependant") if line.allowed]
    if lines:
        because.append(_law(case, "dependants.account_reasons")[1])
    return [
        _dependant(case, case.facts["dependants"][line.number - 1], line.facts.get("account_evidence"), line.allowed)
        for line in lines
        if line.allowed
    ]


def _dependant(case: CaseContext, dependant: Mapping[str, Any], evidence: str | None, amount: int) -> NewPayee:
    """The dependant's own account or card; another's only by a notarised authority or as guardian (A1-5)."""
    account, reason = dependant.get("account"), "own_name"
    if account and not is_own_account(dependant.get("account_holder") or dependant["name"], dependant["name"]):
        reason = evidence or "own_name"
        if reason == "own_name" or not has_evidence(case, reason):
            raise CannotProceed(
                "供养亲属的账户不是本人实名账户，且没有公证委托书或监护证明的影像，不能发放。", code="evidence_missing"
            )
    return NewPayee(
        kind="dependant",
        name=dependant["name"],
        account_kind="personal_account" if account else "social_security_card",
        account=account,
        amount=amount,
        monthly=True,
        reason_code=reason if account else None,
    )
