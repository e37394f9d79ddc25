"""Walks the stock diagrams: steps of people, messages and moments, with operators that only answer.

A `Path` says what happens, and what the diagram must do about it: which operators run, which messages of the nine slots
are made, at which end events it arrives. `walk` follows it, plain or saved and restored before every step, and tells
which sequence flows were taken, so that a test can say that no way through a diagram is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest

from config.settings import PROJECT
from engine import clock
from engine.process import parser, tree
from engine.process.diagram import Definition, Element
from engine.process.library import Library, read_library
from engine.process.operators import Scalar
from engine.process.runtime import Run

STOCK = PROJECT / "bpmn"

WARNING_AT = "2023-08-02T12:00:00+08:00"
DUE_AT = "2023-08-02T23:59:59+08:00"

#: What the operators answer where a path says nothing else: the plain course of each service.
RESULTS: Mapping[str, Mapping[str, Scalar]] = {
    "scan.check": {"images_complete": True},
    "dispatch.assign": {"review_levels": 2, "transferred": False},
    "review.skip": {"outcome": "pass"},
    "supplement.request": {"supplement_due_at": DUE_AT},
    "supplement.receive": {"supplement_handed_in": True},
    "supplement.expire": {"supplement_handed_in": False},
    "delivery.record": {"delivered": True},
    "archive.file": {"archived": True},
    "transfer.register": {"transfer_warning_at": WARNING_AT, "transfer_due_at": DUE_AT},
    "escalation.register": {"superior_due_at": DUE_AT},
    "escalation.designate": {"stays": False},
    "expense.record_lines": {
        "third_party": False,
        "advanced_by_employer": 0,
        "advanced_by_medical_insurance": 0,
        "employer_evidence": False,
    },
    "rehabilitation.record_lines": {
        "third_party": False,
        "advanced_by_employer": 0,
        "advanced_by_medical_insurance": 0,
        "employer_evidence": False,
    },
    "rehabilitation.sort_lines": {"lines_outside": 0},
    "device.record": {
        "replacement": False,
        "third_party": False,
        "advanced_by_employer": 0,
        "advanced_by_medical_insurance": 0,
        "employer_evidence": False,
    },
    "device.check_replacement": {"too_early": False},
    "stays.record": {"days": 12},
    "lump_sum.check": {"already_claimed": False, "draws_pension": False, "notice_signed": True, "grade": 7},
    "determination.record": {"periodic": False},
    "disability.fetch_appraisal": {"grade": 7, "care_level": 0},
    "death.record_dependants": {"dependant_count": 2, "account_disputed": False},
    "referral.find": {"referral_found": True, "referral_state": "valid"},
    "filing.register": {"filing_valid_until_at": DUE_AT},
    "remote.check": {"half_year": True, "employed": True, "is_change": False, "relation_ended": False},
}

plain_and_restored = pytest.mark.parametrize("restored", [False, True], ids=["plain", "restored"])


@dataclass(frozen=True)
class Step:
    """Something that happens to an instance from outside."""

    #: The human task, message or moment.
    what: str
    act: Callable[[Instance], None]
    #: The open human task that it finishes, if it is one.
    task: str | None = None

    def __repr__(self) -> str:
        return self.what


def done(element: str, outcome: str = "done", **data: Scalar) -> Step:
    """Somebody finishes the open task `element` with this outcome."""

    def act(instance: Instance) -> None:
        instance.complete(element, {"outcome": outcome, **data})

    return Step(f"{element}={outcome}", act, element)


def message(name: str) -> Step:
    """A message from outside, for which the instance must be waiting."""

    def act(instance: Instance) -> None:
        assert instance.send(name), f"nothing waits for {name}; open: {instance.open()}"

    return Step(name, act)


def moment(at: str) -> Step:
    """The clock reaches `at`, and something must be due."""

    def act(instance: Instance) -> None:
        assert instance.fire(at), f"nothing is due at {at}"

    return Step(at, act)


@dataclass(frozen=True)
class Path:
    """One way through a diagram and what it does on the way."""

    title: str
    steps: tuple[Step, ...]
    #: The operators in order, separated by blanks.
    does: str
    #: The end events of the outermost level, in the order in which they are reached.
    ends: str
    sms: str = ""
    results: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Scalar] = field(default_factory=dict)
    throws: str = ""

    def __str__(self) -> str:
        return self.title


class Owner:
    """Answers for the operators and remembers what was done, sent and shown."""

    def __init__(self, results: Mapping[str, Any]) -> None:
        self.results = {**RESULTS, **results}
        self.called: list[str] = []
        self.slots: list[str] = []
        self.states: list[str] = []

    def call(self, element: Element, task_id: str, data: Mapping[str, Any]) -> Mapping[str, Scalar] | None:
        assert element.operator is not None
        self.called.append(element.operator)
        answer = self.results.get(element.operator)
        if not isinstance(answer, list):
            return answer
        # Answered one after the other, and the last one from then on.
        return answer.pop(0) if len(answer) > 1 else answer[0]

    def entered(self, element: Element, task_id: str) -> None:
        if element.state:
            self.states.append(element.state)

    def finished(self, element: Element, task_id: str, data: Mapping[str, Any]) -> None:
        if element.sms_slot:
            self.slots.append(element.sms_slot)
        if element.state and element.kind == "serviceTask":
            self.states.append(element.state)


class Instance:
    """A stock diagram at work. With `restored`, it is saved and restored before every step."""

    def __init__(
        self,
        process_id: str,
        *,
        restored: bool = False,
        results: Mapping[str, Any] | None = None,
        data: Mapping[str, Scalar] | None = None,
    ) -> None:
        self.definition = definition(process_id)
        self.restored = restored
        self.owner = Owner({name: _own(answer) for name, answer in (results or {}).items()})
        self.thrown: list[str] = []
        self.run = Run.start(self.definition, {"case_id": 7, **(data or {})}, self.owner)
        self._look()

    def complete(self, element: str, data: Mapping[str, Scalar]) -> None:
        assert element in self.open(), f"{element} is not open, but {self.open()}"
        self._prepare()
        task_id = next(waiting.task_id for waiting in self.run.waiting() if waiting.element.id == element)
        self.run.complete(task_id, data)
        self._look()

    def send(self, name: str) -> bool:
        self._prepare()
        taken = self.run.send(name)
        self._look()
        return taken

    def fire(self, at: str) -> bool:
        self._prepare()
        with clock.fixed(at):
            fired = self.run.fire_due()
        self._look()
        return fired

    def open(self) -> list[str]:
        return [waiting.element.id for waiting in self.run.waiting()]

    def _prepare(self) -> None:
        if self.restored:
            self.run = Run.restore(self.definition, self.run.dump(), self.owner)

    def _look(self) -> None:
        assert not self.run.failures, [(failure.element.id, failure.error) for failure in self.run.failures]
        self.thrown += [name for name, _ in self.run.thrown]
        self.run.thrown = []


def _own(answer: Any) -> Any:
    return list(answer) if isinstance(answer, list) else answer


@dataclass
class Trace:
    """What an instance went through."""

    instance: Instance
    #: (process or embedded sub-process, source, target)
    flows: set[tuple[str, str, str]]
    ends: list[str]


def walk(process_id: str, path: Path, *, restored: bool = False) -> Trace:
    """Follow the path to its end and check everything it says."""
    with recorded(process_id) as seen:
        instance = Instance(process_id, restored=restored, results=path.results, data=path.data)
        for step in path.steps:
            step.act(instance)
    trace = Trace(instance, seen.flows, seen.ends)
    assert instance.run.ended, f"still open: {instance.open()}, due {instance.run.due_at()}"
    assert " ".join(instance.owner.called) == " ".join(path.does.split())
    assert " ".join(trace.ends) == path.ends
    assert " ".join(instance.owner.slots) == path.sms
    assert " ".join(instance.thrown) == path.throws
    return trace


def flows_left_out(process_id: str, paths: Iterable[Path]) -> set[str]:
    """The sequence flows of the diagram (not of those it calls) that none of the paths takes."""
    taken: set[tuple[str, str, str]] = set()
    for path in paths:
        taken |= walk(process_id, path).flows
    drawn = library().diagrams[process_id]
    return {
        flow.id
        for level in drawn.process.levels()
        for flow in level.flows
        if (level.id, flow.source, flow.target) not in taken
    }


@cache
def library() -> Library:
    """All stock diagrams and tables."""
    files = [path for path in sorted(STOCK.rglob("*")) if path.suffix in (".bpmn", ".dmn")]
    found, faults = read_library({path.name: path.read_bytes() for path in files})
    assert not faults, faults
    return found


@cache
def definition(process_id: str) -> Definition:
    """A stock diagram with all it calls, as a published version would be."""
    part = library().part(library().closure(process_id))
    return parser.build(f"stock-{process_id}", process_id, part.diagrams, part.tables)


@dataclass
class _Seen:
    process_id: str
    flows: set[tuple[str, str, str]] = field(default_factory=set)
    ends: list[str] = field(default_factory=list)

    def note(self, task: tree.Task) -> None:
        level, here = task.workflow.spec.name, task.task_spec.bpmn_id
        if here is None:
            return
        outgoing = _outgoing(self.process_id).get((level, here), ())
        if len(outgoing) == 1:
            self.flows.add((level, here, outgoing[0]))
        above = next((one for one in task.ancestors() if one.task_spec.bpmn_id is not None), None)
        if above is not None:
            self.flows.add((level, above.task_spec.bpmn_id, here))
        if level == self.process_id and not outgoing:
            self.ends.append(here)


@contextmanager
def recorded(process_id: str) -> Iterator[_Seen]:
    """Listen to every task that is completed: the inside of a finished call is forgotten by the runtime."""
    seen = _Seen(process_id)
    heard = tree._Scope._task_completed_notify

    def listen(scope: Any, task: tree.Task) -> None:
        seen.note(task)
        heard(scope, task)

    with patch.object(tree._Scope, "_task_completed_notify", listen):
        yield seen


@cache
def _outgoing(process_id: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name in library().closure(process_id):
        if name not in library().diagrams:
            continue
        for level in library().diagrams[name].process.levels():
            for flow in level.flows:
                found[level.id, flow.source] = (*found.get((level.id, flow.source), ()), flow.target)
    return found
