"""The running tree of one process instance: SpiffWorkflow's tasks and workflows, made lean and deterministic.

The library writes a log record, draws a UUID and reads the system's clock at every step, looks through the whole tree
after each, and numbers nothing. Here a task's id is a number that counts up within its instance, so the same history
gives the same tree, live or after any number of saves; what becomes ready stands in a queue. An instance belongs to
one thread; specs are shared by all and never written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

#: What keeps a process from ending: work to come, and failed work that can still be retried.
OPEN_MASK = TaskState.NOT_FINISHED_MASK | TaskState.ERROR


class Task(SpiffTask):  # type: ignore[misc]
    """One visit of one element, numbered within its instance."""

    def __init__(
        self, workflow: Process | SubProcess, task_spec: Any, parent: Task | None, state: int = TaskState.MAYBE
    ) -> None:
        # Not the library's: it draws a random id and reads the clock.
        top = workflow.top_workflow
        top.last_id += 1
        self._attach(workflow, task_spec, top.last_id, None if parent is None else parent.id, state)
        if parent is not None:
            parent._children.append(self.id)

    def _attach(
        self, workflow: Process | SubProcess, task_spec: Any, number: int, parent: int | None, state: int
    ) -> None:
        self.id = number
        self.workflow = workflow
        self.task_spec = task_spec
        self._parent = parent
        self._state = state
        self._children: list[int] = []
        self.triggered = False
        self.thread_id = 0
        self.last_state_change = 0
        self.data: dict[str, Any] = {}
        self.internal_data: dict[str, Any] = {}
        workflow.tasks[number] = self

    @classmethod
    def restored(
        cls, workflow: Process | SubProcess, task_spec: Any, number: int, parent: Task | None, state: int
    ) -> Task:
        """The task with a known number, hung below `parent`; nothing becomes ready by it."""
        task = cls.__new__(cls)
        task._attach(workflow, task_spec, number, None if parent is None else parent.id, state)
        if parent is not None:
            parent._children.append(number)
        return task

    def ancestors(self) -> Iterator[Task]:
        """The tasks above this one in the same workflow, nearest first."""
        task = self.parent
        while task is not None:
            yield task
            task = task.parent

    def is_descendant_of(self, task: SpiffTask) -> bool:
        return any(above is task for above in self.ancestors())

    def find_ancestor(self, spec_name: str) -> Task | None:
        return next((above for above in self.ancestors() if above.task_spec.name == spec_name), None)

    def fail(self, error: Exception) -> None:
        """Leave this branch in error; `error` waits in the process to be reported."""
        self._state = TaskState.ERROR
        self.workflow.top_workflow.faults.append((self, error))

    def cancel(self) -> None:
        if self._state in (TaskState.COMPLETED, TaskState.CANCELLED):
            for child in self.children:
                child.cancel()
            return
        # Other than in the library a failed task counts as unfinished: whoever leaves a place leaves its failures.
        self._state = TaskState.CANCELLED
        self._drop_children()
        self.task_spec._on_cancel(self)

    def _set_state(self, value: int) -> None:
        self._state = value
        if value == TaskState.READY:
            self.workflow.top_workflow.became_ready(self)

    def _add_child(self, task_spec: Any, state: int = TaskState.MAYBE) -> Task:
        if self.has_state(TaskState.PREDICTED_MASK) and state & TaskState.PREDICTED_MASK == 0:
            raise WorkflowException("a predicted task cannot have a definite child", task_spec=self.task_spec)
        return Task(self.workflow, task_spec, self, state)

    def _inherit_data(self) -> None:
        # Scalars only: a shallow update is a full copy.
        self.data.update(self.parent.data)


class _Scope:
    """What a process and an embedded or called process have in common."""

    spec: Any
    tasks: dict[int, Task]
    task_tree: Task
    data: dict[str, Any]
    completed: bool
    success: bool
    last_task: Task | None

    def begin(self, data: dict[str, Any]) -> None:
        """Put the first task there, with `data`, ready to run."""
        root = self.task_tree = Task(self, self.spec.start, None, TaskState.FUTURE)  # type: ignore[arg-type]
        root.task_spec._predict(root, mask=TaskState.NOT_FINISHED_MASK)
        root.data = data
        root._ready()

    def update_waiting_tasks(self) -> None:
        """Ask those again who wait for what others do: events and parallel joins are told when their moment comes."""
        for task in list(self.tasks.values()):
            if task._state == TaskState.WAITING and getattr(task.task_spec, "waits_for_others", False):
                task.task_spec._update(task)

    def cancel(self, success: bool = False) -> list[Task]:
        self.success = success
        self.completed = True
        cancelled = [task for task in self.tasks.values() if task._state & OPEN_MASK]
        for task in cancelled:
            task.cancel()
        return cancelled

    def _task_completed_notify(self, task: Task) -> None:
        self.last_task = task
        if task.task_spec.name == "End":
            self._mark_complete(task)
        if self.completed:
            self._ended()
        else:
            self.update_waiting_tasks()

    def _mark_complete(self, task: Task) -> None:
        self.data.update(task.data)
        self.completed = True

    def _ended(self) -> None:
        """Called once when nothing is left to do."""

    def _remove_task(self, task_id: int) -> None:
        task = self.tasks[task_id]
        for child in list(task._children):
            self._remove_task(child)
        task.parent._children.remove(task_id)
        del self.tasks[task_id]


class Process(_Scope, BpmnWorkflow):  # type: ignore[misc]
    """The top of a running instance."""

    def __init__(self, spec: Any, subprocess_specs: Mapping[str, Any], script_engine: Any) -> None:
        self.last_id = 0
        #: Tasks that can run without a person, in the order in which they became ready; interruptions first.
        self.ready: deque[Task] = deque()
        #: Human tasks that became ready since the last look.
        self.arrived: list[Task] = []
        #: What went wrong since the last look.
        self.faults: list[tuple[Task, Exception]] = []
        super().__init__(spec, subprocess_specs, script_engine=script_engine, deserializing=True)

    def became_ready(self, task: Task) -> None:
        """Remember that `task` can run (or, for a human task, that it began to wait)."""
        if task.task_spec.manual:
            self.arrived.append(task)
        elif isinstance(task.task_spec, BoundaryEvent):
            # What is interrupted must not go on for another step.
            self.ready.appendleft(task)
        else:
            self.ready.append(task)

    def scopes(self) -> list[Process | SubProcess]:
        """This process and every running one inside, outermost first."""
        return [self, *self.subprocesses.values()]

    def find(self, task_id: int) -> Task | None:
        """The task with that number anywhere in the instance."""
        return next((scope.tasks[task_id] for scope in self.scopes() if task_id in scope.tasks), None)

    def create_subprocess(self, my_task: Task, spec_name: str) -> SubProcess:
        inside = self.subprocesses[my_task.id] = SubProcess(self.subprocess_specs[spec_name], my_task)
        return inside

    def cancel(self, workflow: Any = None) -> list[Task]:
        return _Scope.cancel(self if workflow is None else workflow)


class SubProcess(_Scope, BpmnSubWorkflow):  # type: ignore[misc]
    """What runs inside a call activity or an embedded sub-process."""

    def __init__(self, spec: Any, caller: Task) -> None:
        self.caller = caller
        super().__init__(spec, caller.id, caller.workflow.top_workflow, deserializing=True)

    @property
    def parent_workflow(self) -> Process | SubProcess:
        scope: Process | SubProcess = self.caller.workflow
        return scope

    def _calculate_depth(self) -> int:
        depth: int = self.caller.workflow.depth
        return depth + 1

    def _ended(self) -> None:
        self.caller.task_spec._on_subworkflow_completed(self, self.caller)

    def cancel(self, success: bool = False) -> list[Task]:
        cancelled = _Scope.cancel(self, success)
        self.top_workflow.subprocesses.pop(self.caller.id, None)
        return cancelled
