"""Who acts: handed in by the API or the scheduler, never looked up deep inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An officer at work: one agency, some roles."""

    officer_id: int
    name: str
    agency_code: str
    #: "/440099/440199/440106/"
    agency_path: str
    roles: frozenset[str]
    #: Role that is held only for somebody absent -> the officer this one stands in for (代理).
    stands_in: Mapping[str, int] = field(default_factory=dict)
    #: Today is a day of this officer's leave: nothing is done or given out.
    on_leave: bool = False

    def has(self, *roles: str) -> bool:
        """This officer holds at least one of `roles`."""
        return not self.roles.isdisjoint(roles)

    def acts_for(self, role: str) -> int | None:
        """Whose work this is when it is done in that role: the absent officer's (X 代 Y); None: the officer's own."""
        return self.stands_in.get(role)

    def oversees(self, path: str) -> bool:
        """`path` is this officer's agency or one below it."""
        return path.startswith(self.agency_path)


@dataclass(frozen=True, kw_only=True)
class ChannelActor:
    """A system that people use instead of a counter: the web hall, a terminal, 粤省事, the province's app."""

    client_id: int
    #: What the system is registered as; `client_id` of its access tokens.
    code: str
    #: web_hall, terminal, yueshengshi, app
    channel: str
    scopes: frozenset[str]

    @property
    def party(self) -> str:
        """As the audit log names it."""
        return f"channel:{self.code}"


@dataclass(frozen=True, kw_only=True)
class ApplicantActor:
    """Somebody who applies and has logged in: he sees what is his own, and of those for whom he acts."""

    applicant_id: int
    #: Keyed hash of the identity number; None: it is not known here, and nothing is his own.
    identity_key: str | None

    @property
    def party(self) -> str:
        """As the audit log names it."""
        return f"applicant:{self.applicant_id}"


#: Whoever hands something in without a counter.
OnlineParty = ChannelActor | ApplicantActor
#: Whoever may ask for something.
Party = Actor | OnlineParty
