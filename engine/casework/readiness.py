"""Whether an agency can begin (上线检查): which steps of the diagrams in force nobody could do today (PER-01).

Of each user task it asks for somebody at work who holds its role at its place, substitutes counted. Then it looks for
people who are different where separation of duties asks for it: a case that is accepted and decided at one agency, and
a transfer, must have enough of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock
from engine.accounts import duty
from engine.actor import Actor
from engine.casework.access import subtree
from engine.casework.separation import ACCEPTANCE, OTHER_LEVELS, TRANSFER_ACCEPTANCE
from engine.errors import NotFound
from engine.models import Agency, Outlet, ServiceConfiguration
from engine.process import definitions
from engine.process.diagram import ROLES, Element

NO_SUCH_AGENCY = "没有找到这个经办机构。"
#: Needed where a city has a third level of review.
_THIRD, _THREE = "third_review", 3


@dataclass(frozen=True, kw_only=True)
class Step:
    """What somebody has to do: an element of a diagram, or an act before its first."""

    process: str
    element: str
    name: str
    roles: tuple[str, ...]
    #: accepting, handling, superior, either
    place: str
    differs_from: tuple[str, ...] = ()

    def differs(self, other: Step) -> bool:
        """The two must be done by different people."""
        return (
            other.element in self.differs_from
            or self.element in other.differs_from
            or any(role in OTHER_LEVELS.get(mine, ()) for mine in self.roles for role in other.roles)
        )


@dataclass(frozen=True, kw_only=True)
class Gap:
    """What cannot be done. `code`: nobody, or separation_of_duties."""

    code: str
    process: str
    element: str
    name: str
    roles: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class AgencyReadiness:
    """One agency, how many are at work there, and what they cannot do."""

    code: str
    name: str
    at_work: int
    gaps: list[Gap] = field(default_factory=list)


_ACCEPTANCE = Step(process="acceptance", element=ACCEPTANCE, name="受理", roles=("acceptor",), place="accepting")
_TRANSFER = "case_transfer"
_TRANSFER_ACCEPTANCE = Step(
    process=_TRANSFER,
    element=TRANSFER_ACCEPTANCE,
    name="移交受理",
    roles=("transfer_operator", "first_reviewer", "second_reviewer", "supervisor"),
    place="handling",
)


def readiness(session: Session, code: str, actor: Actor | None) -> list[AgencyReadiness]:
    """The agency and those below it, each with its gaps. Raises NotFound for one that is not this officer's to see.

    Without an actor it is the operator at the machine who asks.
    """
    query = select(Agency).where(Agency.code == code)
    agency = session.scalar(query if actor is None else query.where(subtree(actor)))
    if agency is None:
        raise NotFound(NO_SUCH_AGENCY)
    below = Agency.path.startswith(agency.path, autoescape=True)
    agencies = session.scalars(select(Agency).where(below).order_by(Agency.path)).all()
    steps = list(_steps(session))
    counters = set(session.scalars(select(Outlet.agency_code).distinct()))
    levels = _review_levels(session)
    # A city decides what districts of it disagree about; a district is nobody's superior.
    superiors = {one.superior_code for one in session.scalars(select(Agency).where(Agency.decides))}
    found = []
    for one in agencies:
        places = _places(one, one.code in counters, one.code in superiors)
        depth = next((levels[part] for part in one.path.strip("/").split("/")[::-1] if part in levels), 2)
        of_place = [step for step in steps if step.place in places and (step.element != _THIRD or depth >= _THREE)]
        found.append(_look(session, one, of_place))
    return found


def _places(agency: Agency, has_counter: bool, is_superior: bool) -> set[str]:
    places = set()
    if has_counter:
        places.add("accepting")
    if agency.decides:
        # A supplement may be taken in at either place: the one that asks for it is always there.
        places |= {"handling", "either"}
    if is_superior:
        places.add("superior")
    return places


def _steps(session: Session) -> Iterator[Step]:
    """Every user task of the diagrams that new cases begin with, once, and the acts before their first."""
    yield _ACCEPTANCE
    yield _TRANSFER_ACCEPTANCE
    seen = set()
    for listed in definitions.listing(session):
        if listed.version is None or listed.hash is None:
            continue
        for (process_id, element_id), element in definitions.load(session, listed.hash).elements.items():
            if element.role is not None and (process_id, element_id) not in seen:
                seen.add((process_id, element_id))
                yield _step(process_id, element)


def _step(process_id: str, element: Element) -> Step:
    return Step(
        process=process_id,
        element=element.id,
        name=element.name,
        roles=(str(element.role),),
        place=str(element.agency),
        differs_from=element.differs_from,
    )


def _review_levels(session: Session) -> Mapping[str, int]:
    """City -> the most levels of review that one of its services has today."""
    rows = session.execute(
        select(ServiceConfiguration.city_code, func.max(ServiceConfiguration.review_levels).label("most"))
        .where(ServiceConfiguration.valid_from <= clock.today())
        .group_by(ServiceConfiguration.city_code)
    )
    return {row.city_code: row.most for row in rows}


def _look(session: Session, agency: Agency, steps: Sequence[Step]) -> AgencyReadiness:
    people = duty.on_duty(session, agency.code)
    found = AgencyReadiness(agency.code, agency.name, len(people))
    able = {step: [actor for actor in people if actor.has(*step.roles)] for step in steps}
    for step, actors in able.items():
        if not actors:
            found.gaps.append(_nobody(step))
    for group in _groups([step for step in steps if able[step]]):
        if not _can_be_different({step: able[step] for step in group}):
            found.gaps.append(_too_few(group, able))
    return found


def _groups(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Steps of one diagram among which people must differ, with the act before it that they name."""
    for process in dict.fromkeys(step.process for step in steps):
        own = [step for step in steps if step.process == process and step.differs_from]
        named = {name for step in own for name in step.differs_from}
        before = [step for step in (_ACCEPTANCE, _TRANSFER_ACCEPTANCE) if step in steps and step.element in named]
        if len(own) + len(before) > 1:
            yield [*before, *own]


def _nobody(step: Step) -> Gap:
    roles = "或".join(f"“{ROLES[role]}”" for role in step.roles)
    return Gap(
        code="nobody",
        process=step.process,
        element=step.element,
        name=step.name,
        roles=step.roles,
        message=f"“{step.name}”今天无人可以办理：没有在岗的{roles}。",
    )


def _too_few(steps: Sequence[Step], able: Mapping[Step, Sequence[Actor]]) -> Gap:
    title = "、".join(step.name for step in steps)
    people = {actor.officer_id for step in steps for actor in able[step]}
    roles = sorted({role for step in steps for role in step.roles})
    return Gap(
        code="separation_of_duties",
        process=steps[-1].process,
        element="",
        name=title,
        roles=tuple(roles),
        message=f"{title}须由不同的人员办理（岗位不相容），今天在岗的{len(people)}人不够。",
    )


def _can_be_different(able: Mapping[Step, Sequence[Actor]]) -> bool:
    """Each step can be given to somebody so that those that must differ do. Whoever stands in counts for both."""
    people = {step: [{one.officer_id, one.acts_for(step.roles[0])} - {None} for one in able[step]] for step in able}
    others = {step: [other for other in able if other is not step and step.differs(other)] for step in able}
    open_steps = set(able)
    while True:
        # Whoever has more people than his neighbours can take away (each of them at most four) is served in any case.
        easy = {step for step in open_steps if len(people[step]) > 4 * len(open_steps.intersection(others[step]))}
        if not easy:
            break
        open_steps -= easy
    return _give(sorted(open_steps, key=lambda step: (len(people[step]), step.element)), others, people, {})


def _give(
    left: Sequence[Step],
    others: Mapping[Step, Sequence[Step]],
    people: Mapping[Step, Sequence[set[int | None]]],
    given: dict[Step, set[int | None]],
) -> bool:
    if not left:
        return True
    step, *rest = left
    taken = set().union(*(given.get(other, set()) for other in others[step]))
    for person in people[step]:
        if taken.isdisjoint(person) and _give(rest, others, people, {**given, step: person}):
            return True
    return False
