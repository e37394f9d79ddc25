"""An officer's entry compared with the case it is for, before anything is done with it.

`task_forms` has checked that the form is filled in properly; here it is asked whether it fits: every line of the claim
answered once, a reason where the allowed amount is not the claimed one, evidence where the law asks for it, nothing
passed that was not determined. What fails here the officer corrects at once; in an operator it would be an incident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy.orm import Session

from config.benefits import HELD_EVIDENCE_MISSING, benefit_table
from config.task_forms import TaskForm, task_forms
from engine import clock
from engine.casework import materials
from engine.casework.accounts import account_fault, is_own_account
from engine.casework.benefits import Benefits, Line
from engine.casework.dossier import Dossier
from engine.errors import InvalidInput, RuleRefused
from engine.models import Case
from engine.ports import ports

PASS = "pass"  # noqa: S105  a review outcome
PENSION = "dependants_pension"

Fields = Mapping[str, Any]
Faults = dict[str, list[str]]


@dataclass(frozen=True)
class _Case:
    """A case as `Benefits` wants it, outside a process."""

    session: Session
    case: Case
    at: datetime
    dossier: Dossier

    @property
    def benefits(self) -> Benefits:
        return Benefits(self)

    @property
    def facts(self) -> Fields:
        facts: Fields = (self.case.application.content.get("facts") or {}).get(self.case.service) or {}
        return facts

    def has_image(self, material: str) -> bool:
        return bool(materials.has_image(self.session, self.case, material))


def check(
    session: Session, case: Case, form: str, outcome: str, fields: Fields, dossier: Dossier | None = None
) -> None:
    """Raises InvalidInput with a sentence per field, or RuleRefused with its legal basis; nothing where it fits."""
    checker = _CHECKS.get(form)
    if checker is None:
        return
    faults: Faults = {}
    checker(_Case(session, case, clock.now(), dossier or Dossier(session, case_id=case.id)), outcome, fields, faults)
    if faults:
        raise InvalidInput(fields=faults)


# Review


def _review(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    if outcome != PASS:
        return
    benefits = case.benefits
    reason = benefits.refusal_recommended()
    if reason is not None:
        sentence = benefit_table().refusal_reasons.get(reason, reason)
        raise RuleRefused(f"系统核查不符合办理条件：{sentence}，不能通过。", code="refusal_recommended")
    if benefit_table().of_service(case.case.service) and not benefits.determinations():
        raise RuleRefused("还没有核定结果，不能通过。", code="not_determined")
    if any(one.reason_code == HELD_EVIDENCE_MISSING for one in benefits.payees()):
        _require_advance_evidence(case)
    if case.case.service == "bank_account_change":
        _require_lawful_account(case)
    insufficient = [form.title for form in _blocking_forms(benefits)]
    if insufficient and not fields.get("remedy"):
        faults["fields.remedy"] = [f"“{'、'.join(insufficient)}”的结论是不符合要求，通过时须说明已如何补正。"]


def _blocking_forms(benefits: Benefits) -> Iterable[TaskForm]:
    for form in task_forms().values():
        if any(outcome.blocks_pass for outcome in form.outcomes):
            entry = benefits.entered(form.key)
            outcome = form.outcome(entry.outcome) if entry else None
            if outcome is not None and outcome.blocks_pass:
                yield form


def _require_advance_evidence(case: _Case) -> None:
    reason = benefit_table().account_reasons["advanced_by_employer"]
    if reason.evidence is not None and not case.has_image(reason.evidence):
        _refuse(
            case,
            "缺少工伤职工或供养亲属签名的垫付材料影像，用人单位垫付部分不能发放，请补充材料后再通过。",
            code="advance_evidence_missing",
            rule="payment.employer_account_reasons",
        )


def _refuse(case: _Case, sentence: str, *, code: str, rule: str) -> NoReturn:
    _, reason = ports().rules.value(rule, case.case.accepted_at.date())
    raise RuleRefused(sentence, code=code, because=[reason])


# Lines


def _expense_lines(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    lines = case.benefits.lines("expense")
    _every_line(fields["lines"], lines, "fields.lines", "line", faults)
    for place, row, line in _pairs(fields["lines"], lines, "fields.lines", "line"):
        _amount(place, row, line, faults)
        if row["allowed"] and line.facts.get("outside_period") and not row["reason"]:
            faults[f"{place}.reason"] = ["该行在康复期外，核定支付须说明理由。"]
        if row["allowed"] and row["catalogue"] == "outside" and not row["reason"]:
            faults[f"{place}.reason"] = ["该行不在目录内，核定支付须说明理由。"]


def _amount(place: str, row: Fields, line: Line, faults: Faults) -> None:
    """A reason where the allowed amount is not the claimed one; nothing for what came after the relation had ended."""
    if row["allowed"] and line.facts.get("after_relation_ended"):
        faults[f"{place}.allowed"] = ["该行发生在该次工伤保险关系终结之后，核定金额须为0。"]
    if row["allowed"] != line.claimed and not row["reason"]:
        more = row["allowed"] > line.claimed
        faults[f"{place}.reason"] = [f"核定金额{'高于' if more else '低于'}申报金额，请说明理由。"]


def _third_party(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    kind = "device" if case.case.service == "assistive_device" else "expense"
    if fields["amount"] > sum(line.claimed for line in case.benefits.lines(kind)):
        faults["fields.amount"] = ["第三人承担的金额不能超过申报总额。"]


def _devices(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    _every_line(fields["devices"], case.benefits.lines("device"), "fields.devices", "line", faults)


def _stays(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    lines = case.benefits.lines("stay")
    _every_line(fields["stays"], lines, "fields.stays", "line", faults)
    for place, row, line in _pairs(fields["stays"], lines, "fields.stays", "line"):
        if row["days"] and line.facts.get("after_relation_ended"):
            faults[f"{place}.days"] = ["该次住院在该次工伤保险关系终结之后，核定天数须为0。"]
        if row["days"] != line.facts["days"] and not row["reason"]:
            faults[f"{place}.reason"] = [f"核定天数与按申报计算的{line.facts['days']}天不一致，请说明理由。"]


def _travel_lines(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    fares = case.benefits.lines("fare")
    _every_line(fields["lines"], fares, "fields.lines", "line", faults)
    for place, row, line in _pairs(fields["lines"], fares, "fields.lines", "line"):
        _amount(place, row, line, faults)
    for board in case.benefits.lines("board"):
        if fields["days"] and board.facts.get("after_relation_ended"):
            faults["fields.days"] = ["就医在该次工伤保险关系终结之后，核定天数须为0。"]
        if fields["days"] != board.facts["days"] and not fields["days_reason"]:
            faults["fields.days_reason"] = [f"核定天数与申报的{board.facts['days']}天不一致，请说明理由。"]


def _every_line(rows: Sequence[Fields], lines: Sequence[Line], place: str, key: str, faults: Faults) -> None:
    """Each line of the claim is answered, and nothing else is."""
    claimed = {line.number for line in lines}
    answered = {row[key] for row in rows}
    if claimed - answered:
        numbers = "、".join(str(number) for number in sorted(claimed - answered))
        faults[place] = [f"序号{numbers}还没有填写，须逐项填写。"]
    for index, row in enumerate(rows):
        if row[key] not in claimed:
            faults[f"{place}.{index}.{key}"] = [f"申报中没有序号{row[key]}。"]


def _pairs(rows: Sequence[Fields], lines: Sequence[Line], place: str, key: str) -> Iterable[tuple[str, Fields, Line]]:
    by_number = {line.number: line for line in lines}
    for index, row in enumerate(rows):
        if row[key] in by_number:
            yield f"{place}.{index}", row, by_number[row[key]]


# Determination


def _determination(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    table = benefit_table().of_service(case.case.service)
    amounts = {row["benefit"]: row["amount"] for row in fields["benefits"]}
    for index, row in enumerate(fields["benefits"]):
        if row["benefit"] not in table:
            faults[f"fields.benefits.{index}.benefit"] = ["这项待遇不属于本事项。"]
        if row["from_month"] and not row["from_month"].endswith("-01"):
            faults[f"fields.benefits.{index}.from_month"] = ["请填写该月第一日。"]
    if all(table[code].payer != "fund" for code in amounts if code in table):
        faults["fields.benefits"] = ["至少录入一项由工伤保险基金支付的待遇。"]
    shares = fields["shares"] or []
    if case.case.service != "death_benefit":
        if shares:
            faults["fields.shares"] = ["只有工亡待遇需要分配。"]
        return
    _pension_shares(case, amounts.get(PENSION), shares, faults)
    lump_sums = {code: amount for code, amount in amounts.items() if code in table and not table[code].monthly}
    _lump_sum_shares(case, lump_sums, shares, faults)


def _pension_shares(case: _Case, pension: int | None, shares: Sequence[Fields], faults: Faults) -> None:
    """The pension is divided among the dependants found eligible, to the cent."""
    rows = [(index, row) for index, row in enumerate(shares) if row["benefit"] == PENSION]
    entry = case.benefits.entered("dependants")
    eligible = {row["dependant"] for row in entry.fields["dependants"] if row["eligible"]} if entry else set()
    for index, row in rows:
        if row["receiver"] not in eligible:
            faults[f"fields.shares.{index}.receiver"] = ["该供养亲属未经核实符合供养条件，不能分配。"]
    _no_receiver_twice(rows, faults)
    _sums(pension or 0, rows, "供养亲属抚恤金", faults)


def _lump_sum_shares(case: _Case, amounts: Mapping[str, int], shares: Sequence[Fields], faults: Faults) -> None:
    """Each lump sum is divided among the relatives; not needed for one alone, not possible in a dispute (K-31)."""
    relatives = {line.number for line in case.benefits.lines("relative")}
    rows = [(index, row) for index, row in enumerate(shares) if row["benefit"] != PENSION]
    if case.facts["account_disputed"]:
        for index, _ in rows:
            faults[f"fields.shares.{index}"] = ["账户有争议的，丧葬补助金和一次性工亡补助金不在此分配。"]
        return
    for index, row in rows:
        if row["receiver"] not in relatives:
            faults[f"fields.shares.{index}.receiver"] = [f"申报中没有序号{row['receiver']}的近亲属。"]
    if rows or len(relatives) > 1:
        for code in sorted({*amounts, *(row["benefit"] for _, row in rows)}):
            own = [(index, row) for index, row in rows if row["benefit"] == code]
            _no_receiver_twice(own, faults)
            _sums(amounts.get(code, 0), own, benefit_table().benefits[code].title, faults)


def _no_receiver_twice(rows: Sequence[tuple[int, Fields]], faults: Faults) -> None:
    seen: set[int] = set()
    for index, row in rows:
        if row["receiver"] in seen:
            faults[f"fields.shares.{index}.receiver"] = ["同一项待遇对同一人只分配一次。"]
        seen.add(row["receiver"])


def _sums(amount: int, rows: Sequence[tuple[int, Fields]], title: str, faults: Faults) -> None:
    shared = sum(row["amount"] for _, row in rows)
    if shared != amount:
        faults.setdefault("fields.shares", []).append(
            f"“{title}”分配合计{_yuan(shared)}元，与核定的{_yuan(amount)}元不一致。"
        )


def _yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


# Choices and evidence


def _allowance_way(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    """The way entered is the one that the worker ticked and declared on form 1-4."""
    signed = case.case.application.content["forms"].get("1-4")
    if signed is None:
        return
    if signed.get("way") != fields["way"]:
        faults["fields.way"] = ["与《伤残退休待遇申请表》上本人选择的方式不一致。"]
    elif signed.get("medical_insurance") != fields.get("medical_insurance"):
        faults["fields.medical_insurance"] = ["与《伤残退休待遇申请表》上本人选择的扣缴方式不一致。"]


def _dependants(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    lines = case.benefits.lines("dependant")
    _every_line(fields["dependants"], lines, "fields.dependants", "dependant", faults)
    stated = case.facts.get("dependants") or []
    for place, row, line in _pairs(fields["dependants"], lines, "fields.dependants", "dependant"):
        if row["eligible"]:
            _dependant_account(case, place, row["account_evidence"], stated[line.number - 1], faults)


def _dependant_account(case: _Case, place: str, evidence: str, dependant: Fields, faults: Faults) -> None:
    """The account is in the dependant's own name, or there is an authority or guardianship with its image (A1-5)."""
    holder = dependant.get("account_holder") or dependant["name"]
    own = is_own_account(holder, dependant["name"])
    if evidence == "own_name":
        if not own:
            faults[f"{place}.account_evidence"] = ["账户户名不是供养亲属本人，须有公证委托书或监护证明。"]
        return
    material = benefit_table().account_reasons[evidence].evidence
    if material is not None and not case.has_image(material):
        faults[f"{place}.account_evidence"] = ["没有相应证明材料的影像，请先补充材料。"]


def _joint_account(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    material = benefit_table().account_reasons["joint_designation"].evidence
    if outcome == "settled" and material is not None and not case.has_image(material):
        _refuse(
            case,
            "没有近亲属共同指定账户的签名材料影像，不能支付到共同指定账户。",
            code="joint_designation_missing",
            rule="payment.joint_account_benefits",
        )


def _account_evidence(case: _Case, outcome: str, fields: Fields, faults: Faults) -> None:
    """The copy shows the account of the application, and the account may be used (K-32, S24)."""
    if outcome != "sufficient":
        return
    facts = case.facts
    if not is_own_account(fields["holder"], facts["holder"]):
        faults["fields.holder"] = ["凭证上的户名与申请的户名不一致。"]
    if not facts["account"].endswith(fields["account_ending"]) or len(fields["account_ending"]) < 4:
        faults["fields.account_ending"] = ["凭证上的账号与申请的账号不一致，请填写后四位。"]
    if not faults:
        _require_lawful_account(case)


def _require_lawful_account(case: _Case) -> None:
    facts = case.facts
    fault = account_fault(
        kind=facts["account_kind"],
        own_name=is_own_account(facts["holder"], case.case.person.name),
        reason_code=facts.get("reason_code"),
        has_image=case.has_image,
    )
    if fault is not None:
        employer = facts["account_kind"] == "employer_account"
        rule = "payment.employer_account_reasons" if employer else "payment.default_account"
        _refuse(case, fault, code="account_not_lawful", rule=rule)


_CHECKS: dict[str, Callable[[_Case, str, Fields, Faults], None]] = {
    "review": _review,
    "expense_lines": _expense_lines,
    "third_party": _third_party,
    "device": _devices,
    "stays": _stays,
    "travel_lines": _travel_lines,
    "determination": _determination,
    "allowance_way": _allowance_way,
    "dependants": _dependants,
    "joint_account": _joint_account,
    "account_evidence": _account_evidence,
}
