"""What the services are about, for one case: lines, determinations, payees, filings, cycles, accounts, closures.

Everything recorded before the last review has passed is replaced when its step runs again (after a transfer, or a
retry), so nothing is ever there twice. What is final does not change any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Delete, delete, select
from sqlalchemy.orm import Session

from engine.casework.dossier import Dossier
from engine.errors import CannotProceed
from engine.models import (
    BankAccount,
    Case,
    CaseEvent,
    Certification,
    Determination,
    DeterminationLine,
    Filing,
    Payee,
    RelationClosure,
)
from engine.ports import Reason

#: Results of a case that leave a referral free for another claim.
_WITHOUT_EFFECT = ("not_approved", "terminated", "withdrawn", "voided")


class Owner(Protocol):
    """What is needed to work on a case: `engine.casework.context.CaseContext`, or less."""

    @property
    def session(self) -> Session: ...
    @property
    def case(self) -> Case: ...
    @property
    def at(self) -> datetime: ...
    @property
    def dossier(self) -> Dossier: ...


@dataclass(frozen=True, kw_only=True)
class NewLine:
    """A line of a claim (核定明细) as claimed; `allowed` where it is known at once. Amounts are cents."""

    label: str
    claimed: int
    allowed: int | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Keyed hash of the identity number of whom the line is about.
    person_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line(NewLine):
    """A line as recorded; `number` counts from 1 in the order of the claim."""

    number: int


@dataclass(frozen=True, kw_only=True)
class NewDetermination:
    """A benefit as determined (核定); `amount` in cents, per month where `monthly`."""

    benefit: str
    amount: int
    monthly: bool = False
    #: fund or employer
    payer: str = "fund"
    #: Everything the amount was made from: JSON scalars, lists and mappings, nothing personal.
    inputs: Mapping[str, Any] = field(default_factory=dict)
    because: Sequence[Reason] = ()


@dataclass(frozen=True, kw_only=True)
class NewPayee:
    """Who is to be paid what (待遇领取人), and where to."""

    #: worker, relative, dependant, employer, medical_insurance
    kind: str
    name: str
    #: social_security_card, personal_account, employer_account, joint_account, medical_insurance_fund
    account_kind: str
    amount: int
    account: str | None = None
    monthly: bool = False
    #: Why not the person's own card; held_...: not to be paid before somebody settles it.
    reason_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entered:
    """What an officer entered at a task: the last completed one with that form."""

    task_id: int
    outcome: str
    opinion: str | None
    fields: Mapping[str, Any]
    officer_id: int
    at: datetime

    def source(self) -> dict[str, Any]:
        """Who entered it and when, to be kept beside an amount."""
        return {"entered_by": self.officer_id, "entered_at": self.at.isoformat(), "task_id": self.task_id}


class Benefits:
    """The benefit side of one case."""

    def __init__(self, owner: Owner) -> None:
        self._session = owner.session
        self._case = owner.case
        self._at = owner.at
        self._dossier = owner.dossier

    # What officers entered

    def entered(self, form: str) -> Entered | None:
        """The entry of the last completed task with that form; None if there was none."""
        task = self._dossier.last(form=form)
        if task is None or task.outcome is None or task.completed_by_id is None or task.completed_at is None:
            return None
        return Entered(
            task_id=task.id,
            outcome=task.outcome,
            opinion=task.opinion,
            fields=task.fields or {},
            officer_id=task.completed_by_id,
            at=task.completed_at,
        )

    def refusal_recommended(self) -> str | None:
        """The reason code where the last check of the case recommended to refuse; None where it did not."""
        event = self._session.scalar(
            select(CaseEvent)
            .where(
                CaseEvent.case_id == self._case.id, CaseEvent.kind.in_(("refusal_recommended", "eligibility_checked"))
            )
            .order_by(CaseEvent.id.desc())
            .limit(1)
        )
        if event is None or event.kind != "refusal_recommended":
            return None
        return str(event.details["reason"])

    # Lines

    def lines(self, kind: str) -> list[Line]:
        """The lines of a kind (expense, device, stay, fare ...) in the order of the claim."""
        return [
            Line(
                number=row.line,
                label=row.label,
                claimed=row.claimed,
                allowed=row.allowed,
                reason=row.reason,
                facts=row.facts,
                person_key=row.person_key,
            )
            for row in self._line_rows(kind)
        ]

    def replace_lines(self, kind: str, lines: Iterable[NewLine]) -> None:
        """These lines and no others of that kind, numbered from 1. Raises CannotProceed once the case is final."""
        self._require_open()
        new = [
            DeterminationLine(
                case_id=self._case.id,
                kind=kind,
                line=number,
                label=line.label,
                claimed=line.claimed,
                allowed=line.allowed,
                reason=line.reason,
                facts=dict(line.facts),
                person_key=line.person_key,
            )
            for number, line in enumerate(lines, start=1)
        ]
        of_kind = (DeterminationLine.case_id == self._case.id, DeterminationLine.kind == kind)
        self._replace(self._line_rows(kind), new, delete(DeterminationLine).where(*of_kind))

    def allow(self, kind: str, number: int, allowed: int, *, reason: str | None = None, **facts: Any) -> None:
        """What is allowed of a line, and what the officer found about it."""
        self._require_open()
        row = self._line_row(kind, number)
        row.allowed = allowed
        row.reason = reason
        # A new mapping: a change inside the old one would not be seen and not be saved.
        row.facts = {**row.facts, **facts}

    def note(self, kind: str, number: int, **facts: Any) -> None:
        """Add facts to a line."""
        self._require_open()
        row = self._line_row(kind, number)
        row.facts = {**row.facts, **facts}

    def _line_row(self, kind: str, number: int) -> DeterminationLine:
        row = next((row for row in self._line_rows(kind) if row.line == number), None)
        if row is None:
            raise CannotProceed(f"办件没有第{number}行明细，请核对后重新提交。", code="unknown_line")
        return row

    def _line_rows(self, kind: str) -> list[DeterminationLine]:
        query = (
            select(DeterminationLine)
            .where(DeterminationLine.case_id == self._case.id, DeterminationLine.kind == kind)
            .order_by(DeterminationLine.line)
        )
        return self._dossier.rows(f"lines {kind}", query)

    def _replace(self, rows: list[Any], new: list[Any], delete_rows: Delete) -> None:
        """`new` in place of `rows`, which are deleted first: both may have the same keys."""
        if rows:
            self._session.execute(delete_rows)
        rows[:] = new
        self._session.add_all(new)

    def elsewhere_about(self, kind: str, person_key: str) -> list[int]:
        """Ids of other valid cases that have a line of that kind about that person (the same dependant, say)."""
        ids = self._session.scalars(
            select(DeterminationLine.case_id)
            .join(Case, Case.id == DeterminationLine.case_id)
            .where(DeterminationLine.kind == kind, DeterminationLine.person_key == person_key)
            .where(Case.id != self._case.id, Case.valid)
        )
        return sorted(set(ids))

    # Determinations

    def determinations(self) -> list[Determination]:
        """What has been determined, fund and employer; to be read."""
        return list(self._determination_rows())

    def _determination_rows(self) -> list[Determination]:
        query = select(Determination).where(Determination.case_id == self._case.id).order_by(Determination.id)
        return self._dossier.rows("determinations", query)

    def replace_determinations(self, determinations: Iterable[NewDetermination]) -> None:
        """These and no others. Raises CannotProceed once the case's determination is final."""
        self._require_open()
        new = [
            Determination(
                case_id=self._case.id,
                benefit=one.benefit,
                amount=one.amount,
                monthly=one.monthly,
                payer=one.payer,
                inputs=dict(one.inputs),
                because=[dict(reason) for reason in one.because],
                determined_at=self._at,
                final=False,
            )
            for one in determinations
        ]
        delete_rows = delete(Determination).where(Determination.case_id == self._case.id)
        self._replace(self._determination_rows(), new, delete_rows)

    def total(self, *, monthly: bool) -> int:
        """What the fund owes in cents: once, or per month."""
        return sum(one.amount for one in self.determinations() if one.payer == "fund" and one.monthly is monthly)

    def finish(self) -> list[Determination]:
        """Make the determination final. A second time it changes nothing.

        Raises CannotProceed where nothing was determined or the payees do not get exactly what was determined.
        """
        rows = self.determinations()
        if not rows:
            raise CannotProceed("办件没有核定结果，不能办结，请退回核定。", code="not_determined")
        for monthly in (False, True):
            owed = self.total(monthly=monthly)
            paid = sum(payee.amount for payee in self.payees() if payee.monthly is monthly)
            if owed != paid:
                raise CannotProceed(
                    "待遇领取人的金额合计与核定金额不一致，不能办结，请核对分配。",
                    code="payees_do_not_match",
                    details={"owed": owed, "paid": paid, "monthly": monthly},
                )
        for row in rows:
            row.final = True
        return rows

    def is_final(self) -> bool:
        """The last review has passed the determination."""
        return any(row.final for row in self.determinations())

    def _require_open(self) -> None:
        if self.is_final():
            raise CannotProceed("核定已经生效，不能再更改。", code="determination_final")

    # Payees

    def payees(self) -> list[Payee]:
        """Who is to be paid, in order; to be read."""
        return list(self._payee_rows())

    def _payee_rows(self) -> list[Payee]:
        query = select(Payee).where(Payee.case_id == self._case.id).order_by(Payee.number)
        return self._dossier.rows("payees", query)

    def replace_payees(self, payees: Iterable[NewPayee]) -> None:
        """These payees and no others, numbered from 1. Raises CannotProceed once the determination is final."""
        self._require_open()
        new = [
            Payee(
                case_id=self._case.id,
                number=number,
                kind=one.kind,
                name=one.name,
                account_kind=one.account_kind,
                account=one.account,
                amount=one.amount,
                monthly=one.monthly,
                reason_code=one.reason_code,
            )
            for number, one in enumerate(payees, start=1)
        ]
        self._replace(self._payee_rows(), new, delete(Payee).where(Payee.case_id == self._case.id))

    # Filings

    def filing(self) -> Filing | None:
        """The filing this case registered."""
        return self._session.scalar(select(Filing).where(Filing.case_id == self._case.id))

    def register_filing(
        self, kind: str, *, destination: str, filed_on: date, valid_from: date, valid_until: date
    ) -> Filing:
        """The case's filing (备案) with its validity, both days included. A used or ended one is not touched."""
        filing = self.filing()
        if filing is None:
            filing = Filing(case_id=self._case.id, person_id=self._case.person_id, kind=kind, state="valid")
            self._session.add(filing)
        elif filing.state != "valid":
            return filing
        filing.destination = destination
        filing.filed_on = filed_on
        filing.valid_from = valid_from
        filing.valid_until = valid_until
        self._session.flush()
        return filing

    def reserve_referral(self, on: date) -> str:
        """Keep the referral that covers the day `on` for this case, and say how the search ended.

        valid: kept; used: another claim has it; expired: none covers the day any more; missing: there is none. A claim
        that ended without effect gives its referral back. What counts is the day, not the timer that ended the
        filing since: the treatment began in time, the claim comes later.
        """
        referrals = self._filings("referral")
        covering = [one for one in referrals if one.valid_from <= on <= one.valid_until]
        free = [one for one in covering if self._is_free(one)]
        for one in referrals:
            if one.used_by_case_id == self._case.id and one.state != "used" and one not in free[:1]:
                one.used_by_case_id = None
        if free:
            free[0].used_by_case_id = self._case.id
            self._session.flush()
            return "valid"
        if covering:
            return "used"
        return "expired" if any(one.valid_until < on for one in referrals) else "missing"

    def use_referral(self) -> Filing:
        """The referral kept for this case is used up now (当次有效). A second time it changes nothing.

        Raises CannotProceed where no referral is kept for this case.
        """
        filing = self._session.scalar(
            select(Filing).where(Filing.used_by_case_id == self._case.id, Filing.kind == "referral").with_for_update()
        )
        if filing is None:
            raise CannotProceed("没有可供本办件使用的转诊备案，不能办结。", code="referral_missing")
        filing.state = "used"
        self._session.flush()
        return filing

    def expire_filing(self) -> bool:
        """The case's filing has run out; False where it had been used or replaced before."""
        filing = self.filing()
        if filing is None or filing.state != "valid":
            return False
        filing.state = "expired"
        self._session.flush()
        return True

    def replace_earlier_filings(self, kind: str) -> list[int]:
        """The person's earlier valid filings of that kind for this injury give way; ids of their cases."""
        earlier = [one for one in self._filings(kind) if one.case_id != self._case.id and one.state == "valid"]
        for one in earlier:
            one.state = "replaced"
        self._session.flush()
        return [one.case_id for one in earlier]

    def _filings(self, kind: str) -> list[Filing]:
        """The person's filings of a kind for this injury, those that end first first; locked."""
        return list(
            self._session.scalars(
                select(Filing)
                .join(Case, Case.id == Filing.case_id)
                .where(
                    Filing.person_id == self._case.person_id,
                    Filing.kind == kind,
                    Filing.state != "replaced",
                    Case.injured_on == self._case.injured_on,
                )
                .order_by(Filing.valid_until, Filing.id)
                .with_for_update(of=Filing)
            )
        )

    def _is_free(self, filing: Filing) -> bool:
        if filing.used_by_case_id is None:
            return True
        if filing.used_by_case_id == self._case.id:
            return True
        holder = self._session.get_one(Case, filing.used_by_case_id)
        return filing.state != "used" and holder.result in _WITHOUT_EFFECT

    # Certification cycles

    def start_certifications(self, *, certified_on: date, due_on: date) -> int:
        """A certification cycle (待遇领取资格认证) for each payee of a monthly benefit; how many run."""
        payees = [one for one in self.payees() if one.monthly]
        # The payees may be new and have no ids yet.
        self._session.flush()
        running = set(
            self._session.scalars(select(Certification.payee_id).where(Certification.case_id == self._case.id))
        )
        for payee in payees:
            if payee.id not in running:
                self._session.add(
                    Certification(
                        case_id=self._case.id,
                        payee_id=payee.id,
                        state="running",
                        certified_on=certified_on,
                        due_on=due_on,
                    )
                )
        self._session.flush()
        return len(payees)

    # Bank accounts

    def change_bank_account(
        self, *, bank: str, holder: str, account: str, kind: str, effective_from: date
    ) -> BankAccount:
        """The person's account for payments from `effective_from` on."""
        row = self._session.scalar(select(BankAccount).where(BankAccount.case_id == self._case.id))
        if row is None:
            row = BankAccount(case_id=self._case.id, person_id=self._case.person_id)
            self._session.add(row)
            row.effective_from = effective_from
        row.bank, row.holder, row.account, row.kind = bank, holder, account, kind
        self._session.flush()
        return row

    def bank_account(self, on: date) -> BankAccount | None:
        """The person's account changed last and effective on that day; None: never changed."""
        query = (
            select(BankAccount)
            .where(BankAccount.person_id == self._case.person_id, BankAccount.effective_from <= on)
            .order_by(BankAccount.effective_from.desc(), BankAccount.id.desc())
            .limit(1)
        )
        return next(iter(self._dossier.rows(f"bank account on {on}", query)), None)

    # The end of the relation for one injury

    def relation_ended_on(self) -> date | None:
        """The day another case ended the relation for this injury (该次工伤保险关系终结); None: it goes on."""
        closure = self._closure()
        return closure.closed_at.date() if closure is not None and closure.case_id != self._case.id else None

    def end_relation(self) -> None:
        """End the relation for this injury. A second time it changes nothing; CannotProceed if another case did."""
        closure = self._closure()
        if closure is None:
            self._session.add(
                RelationClosure(
                    person_id=self._case.person_id,
                    injured_on=self._case.injured_on,
                    case_id=self._case.id,
                    closed_at=self._at,
                )
            )
            self._session.flush()
        elif closure.case_id != self._case.id:
            raise CannotProceed(
                "同一次工伤的工伤保险关系已由另一办件终结，不能再次领取一次性工伤医疗补助金。", code="relation_ended"
            )

    def _closure(self) -> RelationClosure | None:
        return self._session.scalar(
            select(RelationClosure).where(
                RelationClosure.person_id == self._case.person_id,
                RelationClosure.injured_on == self._case.injured_on,
            )
        )
