"""The state of a running instance as bytes: small, without specs, and the same whoever writes it.

    byte 0        version of this format
    then          JSON, compressed:
                  [definition, token, last id, [spec names], [scope, ...]]
    a scope       [caller's task id, completed, last task id, [row, ...]], outermost first
    a row         [id step, spec * 16 + state, step up to the parent] and for what was reached
                  [..., changed data, removed names, internal data], each left out when empty at the end

Parents stand before their children and data is the difference against the parent, so the order is part of the state:
it is bytes and must never pass through anything that sorts keys. Predicted tasks are kept, because predicting them
again gives another tree where there are loops. What is needed of a finished call is in its task: its inner tasks are
dropped when it ends (`specs`), not here.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.util.task import TaskState

from engine.errors import CannotProceed
from engine.process import specs
from engine.process.diagram import Definition
from engine.process.tree import Process, SubProcess, Task

#: Enough of the definition to notice a state of another one.
HASH_CHARACTERS = 12

FORMAT = 1

_DAMAGED = "办件的流程状态已损坏，请联系系统管理员。"

_DONE = TaskState.COMPLETED | TaskState.CANCELLED
#: Read from a task that is done: nothing but what a join found out.
_KEPT_WHEN_DONE = ("conflicts",)
#: Filled while an event is handled, never of use at a wait.
_PASSING = ("seen_events", "payload")


class UnreadableState(CannotProceed):
    """Bytes that are no state of this definition."""

    code = "unreadable_state"


def dump(process: Process, definition_hash: str, token: str) -> bytes:
    """The state of `process`. Raises `UnfitData` for process data that is not plain."""
    names: dict[str, int] = {}
    scopes = [_dump_scope(scope, names) for scope in process.scopes()]
    content = orjson.dumps([definition_hash[:HASH_CHARACTERS], token, process.last_id, list(names), scopes])
    # Level 1 halves it in a hundredth of a millisecond.
    return bytes([FORMAT]) + zlib.compress(content, 1)


def load(state: bytes, definition: Definition, script_engine: Any) -> tuple[Process, str]:
    """The running tree and the instance's token. Raises `UnreadableState`."""
    document = _document(state)
    if document[0] != definition.hash[:HASH_CHARACTERS]:
        raise UnreadableState("办件的流程状态不属于这个流程版本，请联系系统管理员。")
    _, token, last_id, names, scopes = document
    process = Process(definition.spec, definition.subprocess_specs, script_engine)
    try:
        _load_scope(process, scopes[0], names)
        for scope in scopes[1:]:
            caller = process.find(scope[0])
            if caller is None:
                raise LookupError(f"no task {scope[0]}")
            _load_scope(process.create_subprocess(caller, caller.task_spec.spec), scope, names)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableState(_DAMAGED) from error
    process.last_id = last_id
    return process, token


def _document(state: bytes) -> list[Any]:
    try:
        if state[0] != FORMAT:
            raise UnreadableState(f"办件的流程状态是未知格式 {state[0]}，请联系系统管理员。")
        document = orjson.loads(zlib.decompress(state[1:]))
    except (IndexError, zlib.error, orjson.JSONDecodeError) as error:
        raise UnreadableState(_DAMAGED) from error
    if not isinstance(document, list) or len(document) != 5:
        raise UnreadableState(_DAMAGED)
    return document


def _dump_scope(scope: Process | SubProcess, names: dict[str, int]) -> list[Any]:
    rows = []
    before = 0
    for number, task in scope.tasks.items():
        rows.append(_row(task, number - before, names))
        before = number
    last = None if scope.last_task is None else scope.last_task.id
    return [scope.parent_task_id, scope.completed, last, rows]


def _row(task: Task, step: int, names: dict[str, int]) -> list[Any]:
    spec = names.setdefault(task.task_spec.name, len(names))
    parent = task.parent
    row: list[Any] = [
        step,
        spec * 16 + task._state.bit_length(),
        0 if parent is None else task.id - parent.id,
    ]
    if task._state < TaskState.WAITING:
        # Predicted: it gets its data when it is reached.
        return row
    changed, removed = _difference({} if parent is None else parent.data, task.data)
    row += [changed, removed, _internal(task)]
    while len(row) > 4 and not row[-1]:
        row.pop()
    return row


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    changed = {
        name: value
        for name, value in after.items()
        if name not in before or before[name] != value or type(before[name]) is not type(value)
    }
    if changed:
        specs.check_scalars(changed)
        specs.check_size(after)
    removed = [name for name in before if name not in after] if len(after) < len(before) + len(changed) else []
    return changed, removed


def _internal(task: Task) -> dict[str, Any]:
    if not task.internal_data:
        return {}
    if task._state & _DONE:
        return {name: task.internal_data[name] for name in _KEPT_WHEN_DONE if name in task.internal_data}
    return {name: value for name, value in task.internal_data.items() if name not in _PASSING and value is not False}


def _load_scope(scope: Process | SubProcess, content: list[Any], names: list[str]) -> None:
    _, scope.completed, last, rows = content
    task_specs = scope.spec.task_specs
    tasks = scope.tasks
    events = scope.top_workflow.event_manager.tasks
    number = 0
    for step, code, up, *rest in rows:
        number += step
        parent = tasks[number - up] if up else None
        spec = task_specs[names[code >> 4]]
        state = 1 << (code & 15) - 1
        task = Task.restored(scope, spec, number, parent, state)
        if rest:
            task.data = {**parent.data, **rest[0]} if parent is not None else rest[0]
            if len(rest) > 1:
                for name in rest[1]:
                    del task.data[name]
            if len(rest) > 2:
                task.internal_data = rest[2]
        if state == TaskState.WAITING and isinstance(spec, CatchingEvent):
            events[number] = task
    scope.task_tree = tasks[next(iter(tasks))]
    scope.last_task = None if last is None else tasks.get(last)
