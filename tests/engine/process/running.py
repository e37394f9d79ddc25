"""What the tests of the runtime share: sample diagrams, an owner that remembers, and pictures of a running instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from engine.process import parser
from engine.process.diagram import Definition, Element
from engine.process.library import Library, read_library
from engine.process.operators import Scalar
from engine.process.runtime import Run
from engine.process.tree import Process, Task

SAMPLES = Path(__file__).parent / "runtime_samples"
DUE = "2023-08-02T17:00:00+08:00"
WARNING = "2023-08-02T12:00:00+08:00"

#: What the operators of the samples return.
RESULTS: Mapping[str, Mapping[str, Scalar]] = {
    "supplement.request": {"supplement_due_at": DUE},
    "supplement.receive": {"received": True},
    "supplement.expire": {"received": False},
    "transfer.register": {"warning_at": WARNING, "due_at": DUE},
    "filing.register": {"valid_until_at": DUE},
}


@cache
def library(folder: Path = SAMPLES) -> Library:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".bpmn", ".dmn")]
    found, faults = read_library({path.name: path.read_bytes() for path in paths})
    assert not faults, faults
    return found


def build(process_id: str, folder: Path = SAMPLES) -> Definition:
    """The definition of a sample, parsed anew."""
    part = library(folder).part(library(folder).closure(process_id))
    return parser.build(f"{process_id}-of-the-samples", process_id, part.diagrams, part.tables)


definition = cache(build)


def changed(process_id: str, *changes: tuple[str, str]) -> Definition:
    """The definition of a sample with some of its text replaced."""
    text = (SAMPLES / f"{process_id}.bpmn").read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    found, faults = read_library({f"{process_id}.bpmn": text.encode()})
    assert not faults, faults
    return parser.build(f"{process_id}-changed", process_id, found.diagrams, found.tables)


Answer = Callable[[Mapping[str, Any]], Mapping[str, Scalar]]


class Owner:
    """Remembers what it was asked, in order; operators return what `results` says, or raise it."""

    def __init__(self, results: Mapping[str, Any] | None = None, answer: Answer | None = None) -> None:
        self.results: dict[str, Any] = {**(RESULTS if answer is None else {}), **(results or {})}
        #: For all other operators.
        self.answer = answer
        self.log: list[tuple[str, str]] = []
        self.data: list[Mapping[str, Any]] = []

    def call(self, element: Element, task_id: str, data: Mapping[str, Any]) -> Mapping[str, Scalar] | None:
        operator = element.operator or ""
        self.log.append(("call", operator))
        result = self.results.get(operator) or self.answer
        if isinstance(result, Exception):
            raise result
        return result(data) if callable(result) else result

    def entered(self, element: Element, task_id: str) -> None:
        self.log.append(("entered", element.id))

    def finished(self, element: Element, task_id: str, data: Mapping[str, Any]) -> None:
        self.log.append(("finished", element.id))
        self.data.append(dict(data))

    def calls(self) -> list[str]:
        return [name for kind, name in self.log if kind == "call"]

    def entries(self) -> list[str]:
        return [name for kind, name in self.log if kind == "entered"]


class Instance:
    """A sample under test. With `saved`, it is dumped and restored before every step."""

    def __init__(
        self,
        process_id: str,
        data: Mapping[str, Scalar] | None = None,
        *,
        saved: bool = False,
        results: Mapping[str, Any] | None = None,
        answer: Answer | None = None,
        of: Definition | None = None,
    ) -> None:
        self.definition = of or definition(process_id)
        self.owner = Owner(results, answer)
        self.saved = saved
        self.failures: list[tuple[str, Exception]] = []
        self.thrown: list[tuple[str, dict[str, Scalar]]] = []
        self.run = Run.start(self.definition, {"case_id": 7, **(data or {})}, self.owner)
        self._gather()

    def step(self, act: Callable[[Run], Any]) -> Any:
        if self.saved:
            self.run = Run.restore(self.definition, self.run.dump(), self.owner)
        answer = act(self.run)
        self._gather()
        return answer

    def _gather(self) -> None:
        self.failures += [(failure.element.id, failure.error) for failure in self.run.failures]
        self.thrown += self.run.thrown
        self.run.failures, self.run.thrown = [], []

    def open(self) -> list[str]:
        return [waiting.element.id for waiting in self.run.waiting()]

    def task_id(self, element: str, position: int = 0) -> str:
        return [waiting.task_id for waiting in self.run.waiting() if waiting.element.id == element][position]

    def complete(self, element: str, position: int = 0, **data: Scalar) -> None:
        task_id = self.task_id(element, position)
        self.step(lambda run: run.complete(task_id, data))

    def send(self, message: str, payload: Mapping[str, Scalar] | None = None) -> bool:
        return bool(self.step(lambda run: run.send(message, payload)))

    def fire_due(self) -> bool:
        return bool(self.step(lambda run: run.fire_due()))

    def failed(self) -> list[str]:
        """Ids of the tasks in error."""
        return [run_id(self.run, task) for task in tasks(self.run) if task._state == 128]

    def retry(self, position: int = 0) -> None:
        task_id = self.failed()[position]
        self.step(lambda run: run.retry(task_id))

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.run.data)


def process(run: Run) -> Process:
    return run._process


def tasks(run: Run) -> list[Task]:
    return [task for scope in process(run).scopes() for task in scope.tasks.values()]


def run_id(run: Run, task: Task) -> str:
    return run._id(task)


#: Of no meaning once a task is left, or while it is not reached.
_PASSING = {"event_fired", "seen_events", "arrived", "event_value", "retried"}


def picture(run: Run) -> list[Any]:
    """Everything that makes up the instance, apart from its token."""
    scopes = []
    for scope in process(run).scopes():
        rows = []
        for task in scope.tasks.values():
            left = task._state >= 64 and task._state != 128
            internal = {
                name: value
                for name, value in task.internal_data.items()
                if value is not False and name != "seen_events" and not (left and name in _PASSING)
            }
            data = {name: (type(value), value) for name, value in task.data.items()}
            rows.append((task.id, task.task_spec.name, task._state, task._parent, list(task._children), data, internal))
        last = None if scope.last_task is None else scope.last_task.id
        scopes.append((scope.spec.name, scope.parent_task_id, scope.completed, scope.task_tree.id, last, rows))
    events = sorted(process(run).event_manager.tasks)
    return [process(run).last_id, scopes, events]
