"""Everything that can be refused or go wrong, in one tree. Each class has a stable code.

    TongbanError
    ├── InvalidInput          what was sent cannot be read or breaks a form's own rules (field by field)
    │   └── DiagramRefused    a diagram or decision table that must not be published (element by element)
    ├── RuleRefused           a rule of law or of the house says no; carries the legal basis
    ├── NotAuthenticated      nobody, or somebody whose session has ended
    ├── NotAllowed            this officer's role, agency or separation of duties does not allow it
    ├── NotFound              it does not exist, or not for this officer (the answer is the same)
    ├── Conflict              somebody else was first; says who and when
    │   ├── TaskHeld          the task is held while a transfer or an escalation runs
    │   └── KeyReused         an Idempotency-Key that was used for another request
    ├── TooOften              too many wrong guesses; `details.seconds` says how long to wait
    ├── RetryLater            an operator met a passing fault; it is tried again by itself
    └── CannotProceed         an operator met something an officer must look at

The message is Chinese and for people; the code is for programs; `because` names the legal basis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class TongbanError(Exception):
    """Base of all errors of the house.

    `code`: stable, lower_snake_case. `message`: one Chinese sentence: what was found, what to do next.
    `because`: legal basis, a list of {"document", "article", "quote"}. `details`: more, for programs; nothing personal.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        because: Sequence[Mapping[str, str]] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.because = [dict(ref) for ref in because]
        self.details = dict(details or {})


class InvalidInput(TongbanError):
    """Input that cannot be accepted. `fields`: {"path.to.field": ["sentence", ...]}."""

    code = "invalid_input"

    def __init__(
        self,
        message: str = "提交的内容有误，请按提示修改后重新提交。",
        *,
        fields: Mapping[str, Sequence[str]],
        code: str | None = None,
    ) -> None:
        super().__init__(message, code=code, details={})
        self.fields = {name: list(sentences) for name, sentences in fields.items()}


class DiagramRefused(InvalidInput):
    """A diagram or table with faults. `fields` maps "file#element" to its sentences."""

    code = "diagram_refused"


class RuleRefused(TongbanError):
    code = "rule_refused"


class NotAuthenticated(TongbanError):
    code = "not_authenticated"


class NotAllowed(TongbanError):
    code = "not_allowed"


class NotFound(TongbanError):
    code = "not_found"


class Conflict(TongbanError):
    """`details` says who (`by`, an officer's name), when (`at`, ISO) and what (`what`)."""

    code = "conflict"


class TaskHeld(Conflict):
    code = "task_held"


class KeyReused(Conflict):
    code = "idempotency_key_reused"


class TooOften(TongbanError):
    code = "too_many_requests"


class RetryLater(TongbanError):
    code = "retry_later"


class CannotProceed(TongbanError):
    code = "cannot_proceed"
