"""Who is to be paid, and where to (社会化发放): the worker's card unless the law names another way.

A benefit of the fund goes directly to the worker or the close relatives (G228-01, -02, -03). An employer's account is
used only for what it advanced or what the relatives designated together, each with its signed material (G228-09, -16),
and never for a benefit paid month by month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where a payment goes."""

    #: social_security_card, personal_account, employer_account, joint_account
    kind: str
    #: None: the person's own card, which the bank finds by the person.
    number: str | None = None
    #: In whose name it is; None: the person's own.
    holder: str | None = None
    #: Why not the person's own card; None for the card.
    reason_code: str | None = None


CARD = Account(kind="social_security_card")


@dataclass(frozen=True, kw_only=True)
class Split:
    """A reimbursement by receiver, in cents; the three add up to what was allowed."""

    worker: int
    employer: int
    medical_insurance: int


#: What the decision table `payee` may answer: who besides the worker gets back what they advanced.
RECEIVERS: Mapping[str, frozenset[str]] = {
    "worker": frozenset(),
    "worker_and_medical_insurance": frozenset({"medical_insurance"}),
    "worker_and_employer": frozenset({"employer"}),
    "worker_employer_and_medical_insurance": frozenset({"employer", "medical_insurance"}),
    # The employer advanced, its signed evidence is missing: the part waits, it goes to nobody else.
    "hold_employer_part": frozenset({"employer", "medical_insurance"}),
}


def split_reimbursement(total: int, *, advanced: Mapping[str, int], order: Sequence[str], receivers: str) -> Split:
    """What each receiver gets of the allowed `total` (BEN-13).

    `advanced` has what medical_insurance and employer advanced; they get it back in that `order` as far as the total
    reaches, the worker gets the rest. Raises KeyError for an answer that is not in `RECEIVERS`.
    """
    parts = {"medical_insurance": 0, "employer": 0}
    rest = total
    for party in order:
        if party in RECEIVERS[receivers]:
            parts[party] = min(advanced[party], rest)
            rest -= parts[party]
    return Split(worker=rest, employer=parts["employer"], medical_insurance=parts["medical_insurance"])


def worker_account(requested: Account, *, has_evidence: bool, monthly: bool, allowed: Sequence[str]) -> Account:
    """The account for a worker's benefit: what was asked for where the law allows it, the own card otherwise.

    `requested` is the card, an own account with its reason, or the employer's account with one of the `allowed`
    reasons, for which `has_evidence` says that the signed material has its image.
    """
    if requested.kind == "personal_account":
        return requested if requested.reason_code is not None else CARD
    if requested.kind == "employer_account":
        lawful = requested.reason_code in allowed and has_evidence and not monthly
        return requested if lawful else CARD
    return requested if requested.kind == "social_security_card" else CARD
