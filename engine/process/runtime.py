"""The one place that runs tasks: until only people, messages or moments are waited for.

A `Run` is one instance in memory, for one operation of its owner, which locks, restores, acts and saves it in one
transaction. It asks its owner (`Host`) for everything outside: operators, and what to do when work begins or ends.

- An operator that raises leaves its branch in error; the other branches run on, nothing is raised to the caller. The
  process cannot end before `retry` succeeded, or the branch was left through a boundary event.
- `Host.entered` is called once for each human task, when nothing else can run any more.
- A message that the diagram throws goes to those who wait for it in the same instance; nobody waits: it stands in
  `thrown` for other instances. A message sent from outside goes to all who wait for it here.
- A timer fires in `fire_due` and nowhere else, so that nothing happens in an officer's name that the clock did.
- An element that is entered for the 51st time in one process fails: a loop without an end, or with too many rounds.
  A retry lets it through once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.util.task import TaskState

from engine import clock
from engine.errors import CannotProceed, Conflict
from engine.process import codec, specs
from engine.process.diagram import Definition, Element
from engine.process.expressions import ExpressionError, WhitelistEnvironment
from engine.process.operators import Scalar
from engine.process.tree import Process, Task

MAX_VISITS = 50
MAX_STEPS = 5000


class NotWaiting(Conflict):
    """The task is not open (any more), or is not in error where a retry was asked for."""

    code = "not_waiting"


class TooManyVisits(CannotProceed):
    """A loop of the diagram went round too often."""

    code = "too_many_visits"


class Host(Protocol):
    """What a run asks of its owner."""

    def call(self, element: Element, task_id: str, data: Mapping[str, Any]) -> Mapping[str, Scalar] | None:
        """Run the operator of a service task; what it returns goes into the process data. May raise anything."""

    def entered(self, element: Element, task_id: str) -> None:
        """A human task began to wait."""

    def finished(self, element: Element, task_id: str, data: Mapping[str, Any]) -> None:
        """A service or human task is done; `data` has its results already."""


@dataclass(frozen=True)
class Waiting:
    """Human work that is open now."""

    task_id: str
    element: Element
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """A task that went into error in this run, and why."""

    task_id: str
    element: Element
    error: Exception


class _Engine(PythonScriptEngine):  # type: ignore[misc]
    """Evaluates by the whitelist and lets its errors through as they are."""

    def evaluate(self, task: Task, expression: str, external_context: Any = None) -> Any:
        return self.environment.evaluate(expression, task.data, external_context)

    def execute(self, task: Task, script: str, external_context: Any = None) -> bool:
        raise ExpressionError("流程图中的脚本不会被执行。")


# Holds no state: one for all instances and threads.
_ENGINE = _Engine(environment=WhitelistEnvironment())


class Run:
    """One instance at work. `failures` and `thrown` are those since `start` or `restore`."""

    def __init__(self, definition: Definition, process: Process, token: str, host: Host) -> None:
        self.definition = definition
        self.failures: list[Failure] = []
        self.thrown: list[tuple[str, dict[str, Scalar]]] = []
        self._process = process
        self._token = token
        self._host = host
        #: Ids of the human tasks that waited, and of the tasks that were in error, when the instance was restored.
        self.waited_before: frozenset[str] = frozenset(item.task_id for item in self.waiting())
        self.failed_before: frozenset[str] = frozenset(self.failed())
        #: Ids of the human tasks completed since.
        self.done: set[str] = set()

    @classmethod
    def start(cls, definition: Definition, data: Mapping[str, Scalar], host: Host) -> Run:
        """A new instance, run to its first wait."""
        checked = specs.extended({}, data)
        process = Process(definition.spec, definition.subprocess_specs, _ENGINE)
        # Makes task ids unique among all instances.
        run = cls(definition, process, secrets.token_hex(8), host)
        process.begin(checked)
        run._drive()
        return run

    @classmethod
    def restore(cls, definition: Definition, state: bytes, host: Host) -> Run:
        """The instance as `dump` wrote it. Raises `codec.UnreadableState`."""
        process, token = codec.load(state, definition, _ENGINE)
        return cls(definition, process, token, host)

    def complete(self, task_id: str, data: Mapping[str, Scalar]) -> None:
        """Finish a human task with its result and run on.

        Raises `NotWaiting` if it is not open, `UnfitData` if the result may not stand in process data.
        """
        task = self._find(task_id)
        if task is None or task._state != TaskState.READY or not task.task_spec.manual:
            raise NotWaiting("该任务已经办理或已被收回，请刷新后查看。")
        task.data = specs.extended(task.data, data)
        self.done.add(task_id)
        self._finish(task)
        self._drive()

    def send(self, message: str, payload: Mapping[str, Scalar] | None = None) -> bool:
        """Deliver a message to all who wait for it here and run on; False when nobody does.

        Raises `UnfitData` if the payload may not stand in process data.
        """
        specs.check_scalars(payload or {})
        event = BpmnEvent(specs.Message(message), dict(payload or {}))
        if self._process.event_manager.catch(event, internal=False) == 0:
            return False
        self._drive()
        return True

    def fire_due(self) -> bool:
        """Let every timer fire whose moment has come, the earliest first; False when there is none."""
        now = clock.now()
        fired = False
        while (task := self._due_first(now)) is not None:
            task.internal_data["event_fired"] = True
            task.task_spec._update(task)
            self._drive()
            fired = True
        return fired

    def retry(self, task_id: str) -> None:
        """Run a failed task again. Raises `NotWaiting` if it is not in error."""
        task = self._find(task_id)
        if task is None or task._state != TaskState.ERROR:
            raise NotWaiting("该环节没有等待重试的异常，可能已经重试或流程已离开该环节。")
        task.internal_data["retried"] = True
        task._state = TaskState.FUTURE
        task.task_spec._update(task)
        self._drive()

    def waiting(self) -> list[Waiting]:
        """The human tasks open now, in the order in which they were opened within each process."""
        return [
            Waiting(self._id(task), self._element(task), MappingProxyType(task.data))
            for task in self._tasks(TaskState.READY)
            if task.task_spec.manual
        ]

    def failed(self) -> set[str]:
        """Ids of the tasks that wait in error for a retry."""
        return {self._id(task) for task in self._tasks(TaskState.ERROR)}

    def due_at(self) -> datetime | None:
        """When the earliest timer is due; None when none waits."""
        return min((moment for moment, _ in self._timers()), default=None)

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        completed: bool = self._process.completed
        return completed

    @property
    def data(self) -> Mapping[str, Any]:
        """The process data after the step of the outermost process that was completed last."""
        last = self._process.last_task or self._process.task_tree
        return MappingProxyType(last.data)

    def dump(self) -> bytes:
        """The whole state, for `restore`. Call it when nothing is running, which is: between two calls."""
        return codec.dump(self._process, self.definition.hash, self._token)

    # --- running

    def _drive(self) -> None:
        """Run whatever can run without people."""
        steps = 0
        process = self._process
        while process.ready or process.arrived:
            while process.ready:
                task = process.ready.popleft()
                if task._state == TaskState.READY and task.id in task.workflow.tasks:
                    steps += 1
                    self._run(task, steps)
            self._welcome()
        self._collect()

    def _run(self, task: Task, steps: int) -> None:
        try:
            self._refuse_endless(task, steps)
            if isinstance(task.task_spec, specs.ServiceTask):
                self._call(task)
            else:
                task.task_spec._run(task)
        except Exception as error:
            task.fail(error)
            return
        if isinstance(task.task_spec, specs.ServiceTask):
            self._finish(task)
        else:
            task.complete()

    def _call(self, task: Task) -> None:
        result = self._host.call(self._element(task), self._id(task), MappingProxyType(task.data))
        task.data = specs.extended(task.data, result or {})

    def _finish(self, task: Task) -> None:
        self._host.finished(self._element(task), self._id(task), MappingProxyType(task.data))
        task.complete()

    def _welcome(self) -> None:
        """Tell the owner of human tasks that came and are still there."""
        arrived, self._process.arrived = self._process.arrived, []
        for task in arrived:
            if task._state != TaskState.READY or task.id not in task.workflow.tasks:
                continue
            try:
                self._refuse_endless(task, 0)
            except TooManyVisits as error:
                task.fail(error)
                continue
            self._host.entered(self._element(task), self._id(task))

    def _refuse_endless(self, task: Task, steps: int) -> None:
        if task.internal_data.get("retried"):
            return
        spec = task.task_spec
        visits = sum(
            1 for other in task.workflow.tasks.values() if other.task_spec is spec and other._state >= TaskState.READY
        )
        if visits > MAX_VISITS:
            raise TooManyVisits(f"同一环节已经进入 {MAX_VISITS} 次，流程不再自动继续，请核实后重试。")
        if steps > MAX_STEPS:
            raise TooManyVisits(f"流程一次自动执行超过 {MAX_STEPS} 步，请业务分析员检查流程图。")

    def _collect(self) -> None:
        process = self._process
        self.failures += [Failure(self._id(task), self._element(task), error) for task, error in process.faults]
        process.faults = []
        for event in process.get_events():
            if isinstance(event.event_definition, specs.Message):
                self.thrown.append((event.event_definition.name, event.payload))

    # --- looking

    def _tasks(self, state: int) -> Iterator[Task]:
        return (task for scope in self._process.scopes() for task in scope.tasks.values() if task._state & state)

    def _timers(self) -> Iterator[tuple[datetime, Task]]:
        for task in self._process.event_manager.tasks.values():
            value = task.internal_data.get("event_value")
            if value is not None:
                yield clock.aware(datetime.fromisoformat(value)), task

    def _due_first(self, now: datetime) -> Task | None:
        due = [(moment, task.id, task) for moment, task in self._timers() if moment <= now]
        return min(due)[2] if due else None

    def _id(self, task: Task) -> str:
        return f"{self._token}-{task.id}"

    def _find(self, task_id: str) -> Task | None:
        token, _, number = task_id.rpartition("-")
        return self._process.find(int(number)) if token == self._token and number.isdecimal() else None

    def _element(self, task: Task) -> Element:
        """The element of the diagram; for what the library put in, the one before it."""
        shown = task
        while shown.task_spec.bpmn_id is None and shown.parent is not None:
            shown = shown.parent
        return self.definition.element(shown.workflow.spec.name, shown.task_spec.bpmn_id)
