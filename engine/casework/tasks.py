"""Human work: the pool, random and named acquisition (随机获取, 指定获取), release, assignment, completion.

Two people, or one double click, on one task: the lock of its case decides, exactly one wins, the other is told who
was first and when.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    inspect,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, lazyload, load_only

from config.register import reason
from engine import clock
from engine.accounts import duty
from engine.actor import Actor
from engine.casework import (
    form_checks,
    handling,
    instances,
    jurisdiction,
    materials,
    routing,
    supplements,
    task_forms,
    transfers,
)
from engine.casework.access import require_role, subtree, visible_cases
from engine.casework.dossier import Dossier
from engine.casework.events import record_event
from engine.casework.paging import Page, page_size
from engine.casework.separation import is_barred, require_separation
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, RuleRefused, TaskHeld
from engine.models import (
    Agency,
    Application,
    Case,
    CaseEvent,
    Escalation,
    Instance,
    MaterialItem,
    Officer,
    Person,
    Task,
)
from engine.process.runtime import Run

NO_SUCH_TASK = "没有找到这个任务。"
NOTHING_LEFT = "目前没有可以获取的任务。"
#: The review outcome that is not a step of the case's diagram but starts a transfer.
NOT_OURS = "not_ours"
#: Decisions that need the images of all mandatory materials (promise 4).
DECISIONS = frozenset({"pass", "not_passed"})

#: How many candidates of a random acquisition are read at first, and how many at a time after that.
_FIRST = 3
_CANDIDATES = 50
#: Up to so many agencies are looked through one by one; more are so large a part of all that the order finds them.
_FEW_AGENCIES = 4

#: A task of a case with all that work on it reads, the case locked first: every change of a case begins with that.
_OF_CASE = (
    select(Task)
    .join(Task.case)
    .join(Task.instance)
    .options(
        contains_eager(Task.instance),
        contains_eager(Task.case).options(
            joinedload(Case.person).load_only(Person.name, Person.identity_number, Person.phone),
            joinedload(Case.accepting_agency),
            joinedload(Case.handling_agency),
            joinedload(Case.configuration),
        ),
        joinedload(Task.claimed_by).options(load_only(Officer.name), lazyload(Officer.agency)),
    )
    .where(Task.id == bindparam("task_id"))
    .execution_options(populate_existing=True)
)
# PostgreSQL locks in the order that is named here. What is not locked is read as it was before a wait for the lock.
_LOCKED = _OF_CASE.with_for_update(of=(Case, Task, Instance))
_LOCKED_OR_SKIPPED = _OF_CASE.with_for_update(of=(Case, Task, Instance), skip_locked=True)


# Lists

#: What a list shows of each task, read with it.
_SHOWN = (
    joinedload(Task.case).options(
        joinedload(Case.person).load_only(Person.name),
        joinedload(Case.accepting_agency),
        joinedload(Case.handling_agency),
    ),
    joinedload(Task.claimed_by).options(load_only(Officer.name), lazyload(Officer.agency)),
    joinedload(Task.completed_by).options(load_only(Officer.name), lazyload(Officer.agency)),
    joinedload(Task.completed_for).options(load_only(Officer.name), lazyload(Officer.agency)),
)
# Constants in the statement and not beside it: so the database knows that its indexes of open tasks are enough.
_IN_POOL = and_(Task.state == literal_column("'pool'"), Task.held_because.is_(None))
_CLAIMED = Task.state == literal_column("'claimed'")
_COMPLETED = Task.state == literal_column("'completed'")
_OPEN = Task.state.in_((literal_column("'pool'"), literal_column("'claimed'")))


def pool(
    session: Session,
    actor: Actor,
    *,
    role: str | None = None,
    service: str | None = None,
    after: str | None = None,
    limit: int = 20,
) -> Page[Task]:
    """Tasks this officer may acquire, urgent first, then by due day."""
    size = page_size(limit)
    parts = []
    many, few = _acquirable(actor, role)
    for condition in (*many, *few):
        part = select(Task.id).where(condition, _after(after))
        if service is not None:
            part = part.join(Case, Case.id == Task.case_id).where(Case.service == service)
        parts.append(part.order_by(Task.priority, Task.id).limit(size + 1))
    # Each part is the beginning of an index; what is sorted is as long as a page.
    return _page(session, select(Task).where(Task.id.in_(_together(parts))), None, limit) if parts else Page([], None)


def mine(session: Session, actor: Actor, *, after: str | None = None, limit: int = 20) -> Page[Task]:
    """Tasks this officer has claimed, held ones among them."""
    return _page(session, select(Task).where(Task.claimed_by_id == actor.officer_id, _CLAIMED), after, limit)


def done(session: Session, actor: Actor, *, after: str | None = None, limit: int = 20) -> Page[Task]:
    """Tasks this officer completed (已办), newest first."""
    size = page_size(limit)
    query = select(Task).where(Task.completed_by_id == actor.officer_id, _COMPLETED).options(*_SHOWN)
    if after is not None:
        query = query.where(Task.id < _number(after))
    rows = list(session.scalars(query.order_by(Task.id.desc()).limit(size + 1)))
    return Page(rows[:size], str(rows[size - 1].id) if len(rows) > size else None)


def of_agency(session: Session, actor: Actor, *, after: str | None = None, limit: int = 20) -> Page[Task]:
    """Every open task of the officer's agency and those below it (for supervisors)."""
    require_role(actor, "supervisor", "superior_adjudicator", "auditor")
    size = page_size(limit)
    codes = session.scalars(select(Agency.code).where(subtree(actor))).all()
    if len(codes) > _FEW_AGENCIES:
        return _page(session, select(Task).where(Task.agency_code.in_(codes), _OPEN), after, limit)
    parts = [
        select(Task.id)
        .where(Task.agency_code == code, _OPEN, _after(after))
        .order_by(Task.priority, Task.id)
        .limit(size + 1)
        for code in codes
    ]
    return _page(session, select(Task).where(Task.id.in_(_together(parts))), None, limit)


def _page(session: Session, query: Select[Task], after: str | None, limit: int) -> Page[Task]:
    """Keyset over (priority, id): an older task is due no later than a newer one of its service."""
    size = page_size(limit)
    shown = query.where(_after(after)).order_by(Task.priority, Task.id).limit(size + 1).options(*_SHOWN)
    rows = list(session.scalars(shown))
    last = rows[size - 1] if len(rows) > size else None
    return Page(rows[:size], f"{last.priority}:{last.id}" if last else None)


def _after(after: str | None) -> ColumnElement[bool]:
    if after is None:
        return true()
    priority, _, number = after.partition(":")
    return tuple_(Task.priority, Task.id) > tuple_(literal(_number(priority)), literal(_number(number)))


def _together(parts: Sequence[Select[int]]) -> Select[int]:
    """The ids that the parts find, each with an order and a limit of its own."""
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return select(found.c.id)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInput(fields={"after": ["翻页标记无效，请从第一页重新查询。"]})
    return int(text)


def find_task(session: Session, task_id: int, actor: Actor) -> Task:
    """The task, for officers of its agency and those who may see its case. Raises NotFound otherwise."""
    task = session.get(Task, task_id)
    if task is None or not _may_see(session, task, actor):
        raise NotFound(NO_SUCH_TASK)
    return task


def _may_see(session: Session, task: Task, actor: Actor) -> bool:
    if actor.agency_code in (task.agency_code, task.also_agency_code):
        return True
    if task.case_id is not None:
        return session.scalar(select(Case.id).where(Case.id == task.case_id, visible_cases(actor))) is not None
    return session.scalar(select(Agency.code).where(Agency.code == task.agency_code, subtree(actor))) is not None


# Acquisition


def acquire_random(session: Session, actor: Actor, role: str | None = None) -> Task:
    """A random task of the pool, claimed for this officer (REV-01); urgent ones first.

    Raises NotFound (nothing_left) when nobody has left anything this officer may do.
    """
    _require_at_work(actor)
    busy: list[int] = []
    for candidate in _candidates(session, actor, role):
        if candidate.differs_from and is_barred(session, candidate, actor):
            continue
        task = _try(session, candidate.id, actor, skip_locked=True)
        if task is not None:
            return _claimed(session, task, actor)
        busy.append(candidate.id)
    # What somebody else was just working on may have come free again: wait for each before saying there is nothing.
    for task_id in busy:
        task = _try(session, task_id, actor, skip_locked=False)
        if task is not None:
            return _claimed(session, task, actor)
    raise NotFound(NOTHING_LEFT, code="nothing_left")


def _try(session: Session, task_id: int, actor: Actor, *, skip_locked: bool) -> Task | None:
    """Take the candidate if it can be had. A lost one leaves no lock behind, so nobody can wait in a circle."""
    attempt = session.begin_nested()
    task = locked(session, task_id, skip_locked=skip_locked)
    if task is None or task.state != "pool" or task.held_because is not None:
        attempt.rollback()
        return None
    give(session, task, actor.officer_id, "random")
    attempt.commit()
    return task


def claim(session: Session, task_id: int, actor: Actor) -> Task:
    """This very task for this officer (REV-02). The second claimant gets a Conflict with who and when."""
    task = found_and_locked(session, task_id, actor)
    _require_place_and_role(session, task, actor)
    require_separation(session, task, actor)
    if task.claimed_by_id == actor.officer_id and task.state == "claimed":
        return task
    if task.held_because is not None:
        raise TaskHeld(task.held_because)
    if task.state != "pool":
        raise _lost(task)
    give(session, task, actor.officer_id, "self")
    return _claimed(session, task, actor)


def give(session: Session, task: Task, officer_id: int | None, how: str | None) -> None:
    """The locked task is that officer's from now on; nobody's: it lies in the pool."""
    task.state = "pool" if officer_id is None else "claimed"
    task.claimed_by_id = officer_id
    task.claimed_how = how
    task.claimed_at = None if officer_id is None else clock.now()
    task.version += 1
    session.expire(task, ["claimed_by"])


def _claimed(session: Session, task: Task, actor: Actor) -> Task:
    if task.case is not None:
        handling.acquired(task.case, task)
    record_event(
        session,
        "task_claimed",
        at=clock.now(),
        actor=actor,
        case_id=task.case_id,
        application_id=task.application_id,
        element=task.element_id,
        name=task.name,
        how=task.claimed_how,
        **in_place_of(task, actor),
    )
    return task


def _candidates(session: Session, actor: Actor, role: str | None) -> Iterator[Task]:
    """Acquirable tasks: urgent first, within that a walk from a random point of the shuffled order."""
    start = random.random()  # noqa: S311  a fair order, not a secret
    usual, wrapped = Task.priority >= instances.USUAL_PRIORITY, Task.shuffle < start
    order = (usual, wrapped, Task.shuffle)
    many, few = _acquirable(actor, role)
    # The first of each in one statement. Of the usual tasks in an officer's own pool there may be thousands: each part
    # of that walk is the beginning of an index. The others are few enough to be sorted.
    parts = [select(Task.id).where(condition).order_by(*order).limit(_FIRST) for condition in few]
    for condition in many:
        parts.append(select(Task.id).where(condition, not_(usual)).order_by(*order).limit(_FIRST))
        ordinary = select(Task.id).where(condition, Task.priority == instances.USUAL_PRIORITY)
        parts += [ordinary.where(ahead).order_by(Task.shuffle).limit(_FIRST) for ahead in (not_(wrapped), wrapped)]
    if not parts:
        return
    query = select(Task).where(Task.id.in_(_together(parts))).order_by(*order).limit(_FIRST)
    first = session.scalars(query).all()
    yield from first
    if len(first) == _FIRST:
        yield from _further(session, or_(*many, *few), (usual, wrapped), {task.id for task in first})


def _further(
    session: Session, acquirable: ColumnElement[bool], order: Sequence[ColumnElement[bool]], seen: set[int]
) -> Iterator[Task]:
    """The rest of the walk, where everything at its beginning was barred or taken."""
    usual, wrapped = order
    for urgency in (not_(usual), usual):
        for ahead in (not_(wrapped), wrapped):
            position = -1.0
            while True:
                query = select(Task).where(acquirable, urgency, ahead, Task.shuffle > position)
                rows = session.scalars(query.order_by(Task.shuffle).limit(_CANDIDATES)).all()
                yield from (row for row in rows if row.id not in seen)
                if len(rows) < _CANDIDATES:
                    break
                position = rows[-1].shuffle


def _acquirable(actor: Actor, role: str | None) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
    """Conditions on `Task`, no two true of one: in the pool of a role and place of this officer.

    The first ones may find many tasks; the others only what two places may do, and what an account takes back itself.
    """
    roles = [name for name in sorted(actor.roles) if role is None or name == role]
    here, here_too = Task.agency_code == actor.agency_code, Task.also_agency_code == actor.agency_code
    many = [and_(_IN_POOL, here, Task.role == name) for name in roles]
    few = [and_(_IN_POOL, here_too, Task.role.in_(roles))] if roles else []
    if role is None or role == "acceptor":
        # The original accepting account takes back the supplement of its own case (SUP-03).
        own = aliased(Case)
        accepted_by_me = exists().where(own.id == Task.case_id, own.accepted_by_id == actor.officer_id).correlate(Task)
        supplement = and_(_IN_POOL, Task.form == literal_column("'supplement'"), Task.role.not_in(roles))
        few += [and_(supplement, place, accepted_by_me) for place in (here, here_too)]
    return many, few


def _require_at_work(actor: Actor) -> None:
    if actor.on_leave:
        raise NotAllowed("您在请假期间，请先销假再办理。", code="on_leave")


def _require_place_and_role(session: Session, task: Task, actor: Actor) -> None:
    """Raises NotAllowed for an officer of another place, without the role of the task, or on leave."""
    _require_at_work(actor)
    if task.form == "supplement" and task.case_id is not None:
        case = session.get_one(Case, task.case_id)
        if case.accepted_by_id == actor.officer_id and case.accepting_agency_code == actor.agency_code:
            return
    if actor.agency_code not in (task.agency_code, task.also_agency_code):
        raise NotAllowed("这个任务属于其他机构，不能由您办理。", code="other_agency")
    require_role(actor, task.role)


def _lost(task: Task) -> Conflict:
    """Why the task could not be had: who did what, when."""
    officer, at, what = task.claimed_by, task.claimed_at, "获取"
    if task.state == "completed":
        officer, at, what = task.completed_by, task.completed_at, "办理完毕"
    elif task.state == "cancelled":
        return Conflict("这个任务已随办件的变化关闭，不能再办理。", code="task_cancelled")
    return _conflict(officer, at, what)


def _conflict(officer: Officer | None, at: datetime | None, what: str) -> Conflict:
    name = officer.name if officer else "其他人员"
    when = at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
    return Conflict(
        f"这个任务已由{name}于{when}{what}。",
        code="task_taken",
        details={"by": name, "at": at.isoformat() if at else None, "what": what},
    )


def release(session: Session, task_id: int, actor: Actor) -> Task:
    """Back to the pool, by the officer who holds it or a supervisor of its agency."""
    task = found_and_locked(session, task_id, actor)
    count_change(task)
    if task.state != "claimed":
        raise _lost(task) if task.state != "pool" else Conflict("这个任务在任务池中，无需退回。", code="task_in_pool")
    if task.claimed_by_id != actor.officer_id:
        require_supervisor(session, task, actor)
    if task.held_because is not None:
        raise TaskHeld(task.held_because)
    give(session, task, None, None)
    _record(session, task, actor, "task_released")
    return task


def assign(session: Session, task_id: int, officer_id: int, actor: Actor, why: str) -> Task:
    """A supervisor gives the task to an officer; separation of duties counts for the assigned too."""
    task = found_and_locked(session, task_id, actor)
    count_change(task)
    require_supervisor(session, task, actor)
    if task.state not in ("pool", "claimed"):
        raise _lost(task)
    if task.held_because is not None:
        raise TaskHeld(task.held_because)
    assignee = require_assignable(session, task, session.get(Officer, officer_id))
    give(session, task, officer_id, "assigned")
    if task.case is not None:
        handling.acquired(task.case, task)
    _record(session, task, actor, "task_assigned", opinion=why, to=officer_id, **in_place_of(task, assignee))
    return task


def require_assignable(session: Session, task: Task, officer: Officer | None) -> Actor:
    """Whoever shall do the task, as he may act today.

    Raises InvalidInput for somebody of another place, NotAllowed for somebody on leave, without the role of the task,
    or whom separation of duties bars: nobody is given what he must not do (REV-06).
    """
    if officer is None or not officer.active or officer.agency_code not in (task.agency_code, task.also_agency_code):
        raise InvalidInput(fields={"officer_id": ["该人员不在办理机构或已停用，请重新选择。"]})
    assignee = duty.actor_of(session, officer)
    if assignee.on_leave:
        raise NotAllowed(f"{officer.name}在请假期间，不能接受任务。", code="on_leave")
    try:
        _require_place_and_role(session, task, assignee)
    except NotAllowed as refusal:
        raise NotAllowed(
            f"{officer.name}没有办理这个任务的岗位。", code=refusal.code, details=refusal.details
        ) from None
    if is_barred(session, task, assignee):
        raise NotAllowed(
            f"岗位不相容：{officer.name}办理过同一业务的受理、初审、复审中的其他环节，不能接受这个任务。",
            code="separation_of_duties",
            because=[reason("REV-06")],
        )
    return assignee


def require_supervisor(session: Session, task: Task, actor: Actor) -> None:
    require_role(actor, "supervisor")
    agency = session.get_one(Agency, task.agency_code)
    if not actor.oversees(agency.path):
        raise NotAllowed("只有办理机构或其上级机构的主管可以这样做。", code="other_agency")


# Completion


def complete(
    session: Session,
    task_id: int,
    actor: Actor,
    *,
    outcome: str,
    opinion: str | None = None,
    fields: Mapping[str, Any] | None = None,
    version: int | None = None,
) -> Task:
    """Do the work: check, record who decided what, and let the process run to its next waits.

    Raises Conflict when somebody else holds or has done it (or `version` is not the present one), TaskHeld while a
    transfer runs, NotAllowed against separation of duties, InvalidInput field by field, RuleRefused by a rule.
    """
    task = found_and_locked(session, task_id, actor)
    dossier = Dossier.around(session, task)
    _require_workable(session, task, actor, version, dossier)
    form = task_forms.validate(task.form, outcome, opinion, fields or {})
    if outcome == NOT_OURS:
        count_change(task)
        transfers.start_from_review(session, task, actor, opinion=opinion, fields=form.fields)
        return task
    _check_before(session, task, outcome)
    if task.case is not None:
        form_checks.check(session, task.case, task.form, outcome, form.fields, dossier)
    if task.form == "relation":
        routing.check_choice(session, session.get_one(Application, task.application_id), form.fields)
    if task.form == "designation":
        escalation = session.get_one(Escalation, task.escalation_id)
        jurisdiction.check_designation(session, escalation, form.fields.get("agency"))
    data = {"outcome": outcome, **form.process_fields}

    def step(run: Run) -> None:
        task.state = "completed"
        task.outcome = outcome
        task.opinion = opinion
        task.fields = form.fields
        task.completed_by_id = actor.officer_id
        task.completed_for_id = actor.acts_for(task.role)
        task.completed_at = clock.now()
        task.version += 1
        count_change(task)
        _record(session, task, actor, "task_completed", opinion=opinion, outcome=outcome, **in_place_of(task, actor))
        dossier.add(task, actor)
        run.complete(task.process_task_id, data)

    take = instances.advance if task.case is None else instances.go_on
    take(session, task.instance, actor, step, dossier)
    return task


def found_and_locked(session: Session, task_id: int, actor: Actor) -> Task:
    """The task as it is now, its subject locked before it. Raises NotFound where `find_task` would."""
    task = locked(session, task_id)
    if task is None:
        task = find_task(session, task_id, actor)
        session.refresh(task, with_for_update=True)
    elif not _may_see(session, task, actor):
        raise NotFound(NO_SUCH_TASK)
    return task


def locked(session: Session, task_id: int, *, skip_locked: bool = False) -> Task | None:
    """The task of a case, locked with case and instance; None where it has no case, or is skipped."""
    task = session.scalar(_LOCKED_OR_SKIPPED if skip_locked else _LOCKED, {"task_id": task_id})
    if task is not None and task.case is not None:
        _forget_overtaken(session, task, "claimed_by", task.claimed_by_id)
        _forget_overtaken(session, task.case, "handling_agency", task.case.handling_agency_code)
        _forget_overtaken(session, task.case, "configuration", task.case.configuration_id)
    return task


def _forget_overtaken(session: Session, owner: Task | Case, name: str, key: object) -> None:
    """Whoever had the lock before may have changed what `owner` points to: then the row read beside it is not that."""
    found = getattr(owner, name)
    if key != (None if found is None else inspect(found).identity[0]):
        session.expire(owner, [name])


def in_place_of(task: Task, actor: Actor) -> dict[str, Any]:
    """What an event of the task says beside who acted: in whose place (X 代 Y)."""
    absent = actor.acts_for(task.role)
    return {} if absent is None else {"on_behalf_of": absent}


def count_change(task: Task) -> None:
    if task.case is not None:
        task.case.version += 1


def _require_workable(session: Session, task: Task, actor: Actor, version: int | None, dossier: Dossier) -> None:
    if task.state in ("completed", "cancelled"):
        raise _lost(task)
    if task.held_because is not None:
        raise TaskHeld(task.held_because)
    if task.state == "pool":
        raise Conflict("请先获取这个任务，再办理。", code="task_not_claimed")
    if task.claimed_by_id != actor.officer_id:
        raise _lost(task)
    if version is not None and version != task.version:
        raise _stale(session, task)
    _require_place_and_role(session, task, actor)
    require_separation(session, task, actor, dossier)


def _stale(session: Session, task: Task) -> Conflict:
    """The task is not what the officer opened: who changed something, when."""
    of_business = CaseEvent.case_id == task.case_id if task.case_id else CaseEvent.application_id == task.application_id
    event = session.scalar(
        select(CaseEvent).where(of_business, CaseEvent.officer_id.is_not(None)).order_by(CaseEvent.id.desc()).limit(1)
    )
    who = event.officer.name if event is not None and event.officer is not None else "系统"
    at = event.at if event is not None else task.created_at
    return Conflict(
        f"这个任务在您打开之后有了变化（{who}，{at:%Y-%m-%d %H:%M:%S}），请刷新后再办理。",
        code="stale_version",
        details={
            "version": task.version,
            "by": who,
            "at": at.isoformat(),
            "what": event.kind if event is not None else "task_changed",
        },
    )


def _check_before(session: Session, task: Task, outcome: str) -> None:
    check = _CHECKS.get(task.form)
    if check is not None:
        check(session, task, outcome)


def _check_scanned(session: Session, task: Task, outcome: str) -> None:
    """Scanning is done only when every mandatory material has its images."""
    _require_images(session, task, "还有必要材料没有影像，请先扫描上传：{names}。")


def _check_decision(session: Session, task: Task, outcome: str) -> None:
    """No decision without the images of all mandatory materials (ACC-08, promise 4)."""
    if outcome in DECISIONS:
        _require_images(session, task, "必要材料缺少影像，不能作出审核结论：{names}。")


def _check_supplemented(session: Session, task: Task, outcome: str) -> None:
    """A supplement has come when all that was asked for is scanned (SUP-03); else the request stays open."""
    if task.case_id is not None:
        missing = supplements.without_images(session, session.get_one(Case, task.case_id))
        _refuse_without(missing, "要求补充的材料还没有影像，请先扫描上传：{names}。", "SUP-03")


def _require_images(session: Session, task: Task, sentence: str) -> None:
    if task.case_id is not None:
        _refuse_without(materials.missing_images(session, session.get_one(Case, task.case_id)), sentence, "ACC-08")


def _refuse_without(missing: Sequence[MaterialItem], sentence: str, rule: str) -> None:
    if missing:
        raise RuleRefused(
            sentence.format(names="、".join(item.name for item in missing)),
            code="images_missing",
            because=[reason(rule)],
            details={"materials": [item.material for item in missing]},
        )


_CHECKS: dict[str, Callable[[Session, Task, str], None]] = {
    "scanning": _check_scanned,
    "review": _check_decision,
    "supplement": _check_supplemented,
}


def _record(
    session: Session, task: Task, actor: Actor, kind: str, *, opinion: str | None = None, **details: Any
) -> None:
    record_event(
        session,
        kind,
        at=clock.now(),
        actor=actor,
        case_id=task.case_id,
        application_id=task.application_id,
        opinion=opinion,
        element=task.element_id,
        name=task.name,
        **details,
    )
