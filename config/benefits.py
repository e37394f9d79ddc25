"""Benefits, coded reasons for accounts, and reasons to refuse, from `benefits.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from config.files import FOLDER, ConfigError, only_keys, read_yaml, text

#: Reason codes of a payment that waits: nobody may choose whom to pay before it is settled (G228-16, K-31).
HELD_EVIDENCE_MISSING = "held_evidence_missing"
HELD_DISPUTED = "held_disputed"

_RECEIVERS = ("worker", "relatives", "dependants")


@dataclass(frozen=True, kw_only=True)
class Benefit:
    """A benefit (待遇)."""

    code: str
    title: str
    services: tuple[str, ...]
    #: To whom it belongs: the worker, the close relatives (近亲属) or the dependants (供养亲属).
    receiver: Literal["worker", "relatives", "dependants"]
    monthly: bool
    #: `employer`: shown, never paid by the fund.
    payer: Literal["fund", "employer"]


@dataclass(frozen=True, kw_only=True)
class AccountReason:
    """A coded reason for an account that is not the worker's social security card (K-32)."""

    code: str
    title: str
    #: The account is in the person's own name.
    own_name: bool
    #: The kinds of account it is good for.
    kinds: tuple[str, ...]
    #: The material whose image must be there; None: none beyond the copy of the account.
    evidence: str | None


@dataclass(frozen=True, kw_only=True)
class BenefitTable:
    benefits: Mapping[str, Benefit]
    account_reasons: Mapping[str, AccountReason]
    #: The material that shows a new account or card.
    account_copy: str
    #: Code -> Chinese sentence without a full stop.
    refusal_reasons: Mapping[str, str]

    def of_service(self, service: str) -> Mapping[str, Benefit]:
        """The benefits that `service` determines; empty for a filing or a change of account."""
        return {code: one for code, one in self.benefits.items() if service in one.services}


@cache
def benefit_table() -> BenefitTable:
    """The table. Raises `ConfigError` where the file cannot be meant."""
    return load_benefit_table(FOLDER / "benefits.yaml")


def load_benefit_table(path: Path) -> BenefitTable:
    """The table of a file. Raises `ConfigError`."""
    raw = read_yaml(path)
    only_keys(path, "", raw, required={"benefits", "account_reasons", "account_copy", "refusal_reasons"})
    return BenefitTable(
        benefits=MappingProxyType({code: _benefit(path, code, row) for code, row in raw["benefits"].items()}),
        account_reasons=MappingProxyType(
            {code: _account_reason(path, code, row) for code, row in raw["account_reasons"].items()}
        ),
        account_copy=text(path, "account_copy", raw["account_copy"]),
        refusal_reasons=MappingProxyType(
            {code: text(path, code, sentence) for code, sentence in raw["refusal_reasons"].items()}
        ),
    )


def _benefit(path: Path, code: str, row: Any) -> Benefit:
    only_keys(path, code, row, required={"title", "services", "receiver"}, optional={"monthly", "payer"})
    if row["receiver"] not in _RECEIVERS:
        raise ConfigError(path, code, f"receiver must be one of {', '.join(_RECEIVERS)}")
    return Benefit(
        code=code,
        title=text(path, code, row["title"]),
        services=tuple(row["services"]),
        receiver=row["receiver"],
        monthly=row.get("monthly", False),
        payer=row.get("payer", "fund"),
    )


def _account_reason(path: Path, code: str, row: Any) -> AccountReason:
    only_keys(path, code, row, required={"title", "holder", "kinds"}, optional={"evidence"})
    return AccountReason(
        code=code,
        title=text(path, code, row["title"]),
        own_name=row["holder"] == "own",
        kinds=tuple(row["kinds"]),
        evidence=row.get("evidence"),
    )
