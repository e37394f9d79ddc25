"""SpiffWorkflow's task specs with their measured faults mended, and the parsers that make them.

| fault of the library's class | what is done here |
|---|---|
| a parallel join in a loop counts arrivals of earlier passes and fires early | `ParallelGateway`: tokens that wait |
| a join, and the end of a process, let the last branch overwrite what it never touched | `merged`: differences |
| a call is completed although its interrupting boundary fired, and two tokens go on | `Process.became_ready` |
| a failed task counts as finished: its boundary events and the process end | `BoundaryEventJoin`, `EndJoin` |
| errors and escalations reach the direct caller only, and carry all data with them | `Error`, `Escalation` |
| timers read the system's clock and fire at any step | `TimeDate`: `engine.clock`, fired by `Run.fire_due` alone |
| scripts run | no parser here reads one |

A spec belongs to a published version and is shared by all its instances and threads: nothing here writes to it after
it was parsed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from SpiffWorkflow.bpmn.parser import event_parsers
from SpiffWorkflow.bpmn.parser.BpmnParser import full_tag
from SpiffWorkflow.bpmn.parser.task_parsers import (
    CallActivityParser,
    ConditionalGatewayParser,
    GatewayParser,
    SubWorkflowParser,
)
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.specs import control, defaults
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.event_definitions.base import EventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimeDateEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent as AnyBoundaryEvent
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.spiff.parser.process import SpiffProcessParser
from SpiffWorkflow.util.task import TaskState

from engine.errors import CannotProceed, TongbanError
from engine.process.tree import OPEN_MASK, SubProcess, Task

MAX_DATA_BYTES = 4096
MAX_DEPTH = 20
#: Where a token is: not what is predicted behind it.
_TOKEN_MASK = TaskState.WAITING | TaskState.READY | TaskState.STARTED | TaskState.ERROR

_SPIFFWORKFLOW = {"spiffworkflow": "http://spiffworkflow.org/bpmn/schema/1.0/core"}
_SCALARS = frozenset({str, int, bool, type(None)})


class UnfitData(CannotProceed):
    """Process data that must not be kept: no scalar, or too much of it."""

    code = "unfit_process_data"


def check_scalars(values: Mapping[str, Any]) -> None:
    """Raise `UnfitData` unless every value is a text, an integer, a truth value or None."""
    for name, value in values.items():
        if type(name) is not str or type(value) not in _SCALARS:
            raise UnfitData(
                f"流程数据“{name}”的类型是 {type(value).__name__}，只能是文字、整数、真假或空值，请联系系统管理员。"
            )
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise UnfitData(f"流程数据“{name}”的数值过大，请联系系统管理员。")


def check_size(data: Mapping[str, Any]) -> None:
    """Raise `UnfitData` when the data of one task is more than `MAX_DATA_BYTES` of JSON, or no text."""
    try:
        size = len(orjson.dumps(data))
    except TypeError as error:
        raise UnfitData("流程数据里有不能保存的字符，请联系系统管理员。") from error
    if size > MAX_DATA_BYTES:
        raise UnfitData(
            f"流程数据有 {size} 字节，超过 {MAX_DATA_BYTES} 字节。流程里只放办件编号和判断结果，其余请存入业务表。"
        )


def extended(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with `values` put over it. Raises `UnfitData` for what may not stand in process data."""
    check_scalars(values)
    result = {**data, **values}
    check_size(result)
    return result


_REMOVED = object()


def _same(left: Any, right: Any) -> bool:
    # True == 1 in Python; a branch that made one of the other has changed it.
    return type(left) is type(right) and left == right


def merged(base: Mapping[str, Any], branches: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """What the branches made of `base`, in their order, and the names on which two of them disagree.

    Only what a branch changed or removed counts; a later branch wins where two changed the same name.
    """
    changes: dict[str, Any] = {}
    conflicts: list[str] = []
    for branch in branches:
        for name in [*branch, *(name for name in base if name not in branch)]:
            value = branch.get(name, _REMOVED)
            if _same(base.get(name, _REMOVED), value):
                continue
            if not _same(changes.get(name, value), value) and name not in conflicts:
                conflicts.append(name)
            changes[name] = value
    result = {name: value for name, value in ({**base, **changes}).items() if value is not _REMOVED}
    return result, conflicts


class _Guarded(TaskSpec):  # type: ignore[misc]
    """A task that cannot be entered (a timer without a date, a call without its input) fails alone.

    In the library the error ends the completion of the task before, half-way.
    """

    def _update(self, my_task: Task) -> None:
        try:
            super()._update(my_task)
        except (SpiffWorkflowException, TongbanError) as error:
            my_task.fail(error)


# --- joins


def _meet(my_task: Task, arrivals: list[Task]) -> None:
    """Let `my_task` go on for all `arrivals`: one token with the data of all of them."""
    tokens = sorted([my_task, *arrivals], key=lambda task: task.internal_data["arrived"])
    if arrivals:
        fork = _fork(tokens)
        data, conflicts = merged(fork.data, [token.parent.data for token in tokens])
        check_size(data)
        # In the order in which the state is written: first what the task before has.
        my_task.data = {name: data[name] for name in my_task.parent.data if name in data} | data
        if conflicts:
            my_task.internal_data["conflicts"] = conflicts
        for token in arrivals:
            token.cancel()
    else:
        my_task._inherit_data()


def _fork(tokens: list[Task]) -> Task:
    """The nearest task from which all tokens come."""
    common = list(tokens[0].ancestors())
    for token in tokens[1:]:
        above = {task.id for task in token.ancestors()}
        common = [task for task in common if task.id in above]
    return common[0]


def _distance(my_task: Task, other: Task) -> int:
    """How many steps above `my_task` the two come from one task: smaller means the same pass."""
    above = {task.id for task in other.ancestors()}
    return next(steps for steps, task in enumerate(my_task.ancestors()) if task.id in above)


class _WaitingJoin(_Guarded):
    """A join keeps every token that arrived waiting until the others are there."""

    #: It is asked again after every step of its process.
    waits_for_others = False

    def _waiting(self, my_task: Task) -> list[Task]:
        arrivals = [
            task
            for task in my_task.workflow.tasks.values()
            if task.task_spec is self and task._state == TaskState.WAITING and task is not my_task
        ]
        if "arrived" not in my_task.internal_data:
            my_task.internal_data["arrived"] = max([0, *(task.internal_data["arrived"] for task in arrivals)]) + 1
        return arrivals

    def _run_hook(self, my_task: Task) -> bool:
        # The data was merged when the last token arrived.
        return True


class ParallelGateway(_WaitingJoin, defaults.ParallelGateway):  # type: ignore[misc]
    """A fork, and a join that takes exactly one token of this pass from each incoming flow."""

    def _update_hook(self, my_task: Task) -> bool:
        others = self._others(my_task)
        if others is None:
            my_task._set_state(TaskState.WAITING)
            return False
        _meet(my_task, others)
        return True

    def _others(self, my_task: Task) -> list[Task] | None:
        """The tokens that `my_task` goes on with; None while one is missing."""
        missing: Counter[str] = Counter(self._inputs)
        missing[my_task.parent.task_spec.name] -= 1
        arrivals = self._waiting(my_task)
        if len(arrivals) > missing.total():
            # More than one pass is under way: those that come from the same fork belong together.
            arrivals.sort(key=lambda task: (_distance(my_task, task), task.internal_data["arrived"]))
        chosen = []
        for task in arrivals:
            if missing[task.parent.task_spec.name] > 0:
                missing[task.parent.task_spec.name] -= 1
                chosen.append(task)
        return None if missing.total() > 0 else chosen


class InclusiveGateway(_WaitingJoin, defaults.InclusiveGateway):  # type: ignore[misc]
    """Takes every way whose condition holds; as a join it waits for all tokens that can still come (not in loops)."""

    waits_for_others = True

    def _update_hook(self, my_task: Task) -> bool:
        arrivals = self._waiting(my_task)
        if my_task._state != TaskState.WAITING and "retried" not in my_task.internal_data:
            # Its siblings may not have begun yet: it is asked again when they have.
            my_task._set_state(TaskState.WAITING)
            return False
        others = [
            task
            for task in my_task.workflow.tasks.values()
            if task._state & _TOKEN_MASK and task is not my_task and task not in arrivals
        ]
        # A token that failed right here is to be retried, and takes the others with it.
        if any(task.task_spec is self for task in others) or self._reachable_from([task.task_spec for task in others]):
            my_task._set_state(TaskState.WAITING)
            return False
        _meet(my_task, arrivals)
        return True

    def _reachable_from(self, sources: list[Any]) -> bool:
        seen: set[str] = set()
        while sources:
            for spec in sources.pop().outputs:
                if spec is self:
                    return True
                if spec.name not in seen:
                    seen.add(spec.name)
                    sources.append(spec)
        return False

    def _run_hook(self, my_task: Task) -> bool:
        matches, default = self._get_matching_outputs(my_task)
        my_task._sync_children(matches or default, TaskState.FUTURE)
        for child in my_task.children:
            child.task_spec._predict(child, mask=TaskState.FUTURE | TaskState.PREDICTED_MASK)
        return True


class EndJoin(_WaitingJoin, control._EndJoin):  # type: ignore[misc]
    """The end of a process: waits for every token, and for failed work to be retried."""

    waits_for_others = True

    def _update_hook(self, my_task: Task) -> bool:
        arrivals = self._waiting(my_task)
        tokens = {my_task.id, *(task.id for task in arrivals)}
        for task in my_task.workflow.tasks.values():
            # What is predicted behind this join does not count.
            if task._state & OPEN_MASK and task.id not in tokens and task.task_spec.name != "End":
                my_task._set_state(TaskState.WAITING)
                return False
        _meet(my_task, arrivals)
        return True

    def _run_hook(self, my_task: Task) -> bool:
        my_task.workflow.data.update(my_task.data)
        return True


class BoundaryEventJoin(control.BoundaryEventJoin):  # type: ignore[misc]
    """Behind a task with boundary events: when the task is left, its events stop waiting, and the reverse."""

    def _update_hook(self, my_task: Task) -> bool:
        my_task._inherit_data()
        split = my_task.parent.parent
        main = next(task for task in split.children if not isinstance(task.task_spec, AnyBoundaryEvent))
        events = [task for task in split.children if task is not main]
        interrupted = any(event.task_spec.cancel_activity and event._state == TaskState.COMPLETED for event in events)
        # Not `FINISHED_MASK`: a failed task is not left, it is retried.
        if not interrupted and main._state not in (TaskState.COMPLETED, TaskState.CANCELLED):
            my_task._set_state(TaskState.WAITING)
            return False
        for event in events:
            if event._state & (TaskState.WAITING | TaskState.ERROR):
                event.cancel()
        if interrupted:
            main.cancel()
        for branch in split.children:
            for join in branch.children:
                if join.task_spec is self and join is not my_task and join._state == TaskState.WAITING:
                    join.cancel()
        return True


# --- tasks


class UserTask(_Guarded, defaults.UserTask):  # type: ignore[misc]
    """Human work."""


class ServiceTask(_Guarded, BpmnSpecMixin):  # type: ignore[misc]
    """Names an operator (`implementation="area.verb"`); the runtime calls it."""

    def __init__(self, wf_spec: Any, bpmn_id: str, operator: str | None, **kwargs: Any) -> None:
        super().__init__(wf_spec, bpmn_id, **kwargs)
        self.operator = operator


class BusinessRuleTask(_Guarded, BpmnSpecMixin):  # type: ignore[misc]
    """Asks a decision table and puts the results of the row that fits into the process data."""

    def __init__(self, wf_spec: Any, bpmn_id: str, table: Any, **kwargs: Any) -> None:
        super().__init__(wf_spec, bpmn_id, **kwargs)
        self.table = table

    def _run_hook(self, my_task: Task) -> bool:
        my_task.data = extended(my_task.data, self.table.decide(my_task.data))
        return True


class ExclusiveGateway(_Guarded, defaults.ExclusiveGateway):  # type: ignore[misc]
    """One question; the first condition that holds, or the default flow."""


class _SubProcessTask(_Guarded):
    """What an embedded sub-process and a call activity have in common."""

    spec: str

    def _update_hook(self, my_task: Task) -> bool:
        top = my_task.workflow.top_workflow
        inside = top.subprocesses.get(my_task.id)
        if inside is not None:
            # Again after it could not be left: everything inside is done already.
            self._on_subworkflow_completed(inside, my_task)
            return False
        BpmnTaskSpec._update_hook(self, my_task)
        if my_task.workflow.depth >= MAX_DEPTH:
            raise CannotProceed(f"流程调用超过 {MAX_DEPTH} 层，请业务分析员检查流程图是否互相调用。")
        data = self._data_in(my_task, top.subprocess_specs[self.spec])
        my_task._set_state(TaskState.STARTED)
        inside = top.create_subprocess(my_task, self.spec)
        inside.begin(data)
        return False

    def _on_subworkflow_completed(self, subworkflow: SubProcess, my_task: Task) -> None:
        try:
            data = self._data_out(my_task, subworkflow)
            check_size(data)
        except TongbanError as error:
            my_task.fail(error)
            return
        my_task.data = data
        del my_task.workflow.top_workflow.subprocesses[my_task.id]
        my_task._set_state(TaskState.READY)

    def _data_in(self, my_task: Task, inside: Any) -> dict[str, Any]:
        return dict(my_task.data)

    def _data_out(self, my_task: Task, subworkflow: SubProcess) -> dict[str, Any]:
        return dict(_last(subworkflow).data)


def _last(subworkflow: SubProcess) -> Task:
    if subworkflow.last_task is None:
        raise ValueError("a sub-process that has not begun cannot have ended")
    return subworkflow.last_task


class SubWorkflowTask(_SubProcessTask, defaults.SubWorkflowTask):  # type: ignore[misc]
    """An embedded sub-process: shares all data with what is around it."""


class CallActivity(_SubProcessTask, defaults.CallActivity):  # type: ignore[misc]
    """A call: the called process sees its stated inputs only, the caller gets back its stated outputs only."""

    def _data_in(self, my_task: Task, inside: Any) -> dict[str, Any]:
        return _selected(my_task.data, inside, "data_inputs", "调用时缺少")

    def _data_out(self, my_task: Task, subworkflow: SubProcess) -> dict[str, Any]:
        outputs = _selected(_last(subworkflow).data, subworkflow.spec, "data_outputs", "结束时没有给出")
        return {**my_task.data, **outputs}


def _selected(data: Mapping[str, Any], inside: Any, side: str, lacks: str) -> dict[str, Any]:
    """What the ioSpecification of the called process lets through on that side."""
    specification = inside.io_specification
    names = [variable.bpmn_id for variable in getattr(specification, side)] if specification is not None else []
    missing = [name for name in names if name not in data]
    if missing:
        raise CannotProceed(f"流程“{inside.name}”{lacks}“{'、'.join(missing)}”，请业务分析员检查流程图。")
    return {name: data[name] for name in names}


# --- events


class _Definition(EventDefinition):  # type: ignore[misc]
    """What is thrown and caught: known by its kind and name.

    The thrower's expression (`payload`) gives a mapping; who catches it takes the names it declares (`takes`), and
    nothing else gets into its process data.
    """

    def __init__(self, name: str, payload: str | None = None, takes: tuple[str, ...] = ()) -> None:
        super().__init__(name)
        self.payload = payload
        self.takes = takes

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, _Definition) and self.name == other.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def throw(self, my_task: Task) -> None:
        my_task.workflow.top_workflow.catch(self._event(my_task))

    def _event(self, my_task: Task) -> BpmnEvent:
        payload: Any = {}
        if self.payload is not None:
            payload = my_task.workflow.script_engine.environment.evaluate(self.payload, my_task.data)
        if not isinstance(payload, dict):
            raise UnfitData(f"“{self.name}”带的内容不是一组名称和值，请业务分析员检查流程图。")
        check_scalars(payload)
        return BpmnEvent(self, payload)

    def catch(self, my_task: Task, event: BpmnEvent) -> None:
        my_task.internal_data["event_fired"] = True
        my_task.internal_data["payload"] = event.payload

    def update_task_data(self, my_task: Task) -> None:
        payload = my_task.internal_data.pop("payload", {})
        if self.takes:
            my_task.data = extended(my_task.data, {name: payload.get(name) for name in self.takes})


class Message(_Definition):
    """Goes to those who wait for it in this instance, else to other instances."""


class Signal(_Definition):
    """Goes to all who wait for it in this instance; nobody may."""


class _Climbing(_Definition):
    """Goes to the nearest boundary around the process that throws it."""

    def throw(self, my_task: Task) -> None:
        event = self._event(my_task)
        scope = my_task.workflow
        while scope.parent_task_id is not None:
            for task in scope.caller.parent.children:
                if isinstance(task.task_spec, AnyBoundaryEvent) and task.task_spec.catches(task, event):
                    task.task_spec.catch(task, event)
                    task.task_spec._update(task)
                    return
            scope = scope.parent_workflow
        self._uncaught()

    def _uncaught(self) -> None:
        """Nobody around knows it."""


class Escalation(_Climbing):
    """Tells the outside; the process goes on unless the boundary interrupts it."""


class Error(_Climbing):
    """Ends the process around; somebody must catch it."""

    def _uncaught(self) -> None:
        raise CannotProceed(f"流程报出的错误“{self.name}”没有边界事件处理，请业务分析员检查流程图。")


class TimeDate(TimeDateEventDefinition):  # type: ignore[misc]
    """A moment, computed once when the wait begins. It never fires by itself: see `Run.fire_due`."""

    def has_fired(self, my_task: Task) -> bool:
        if my_task.internal_data.get("event_value") is None:
            value = my_task.workflow.script_engine.environment.evaluate(self.expression, my_task.data)
            my_task.internal_data["event_value"] = self._moment(value).isoformat()
        return bool(my_task.internal_data.get("event_fired", False))

    def _moment(self, value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None:
            raise CannotProceed(f"定时“{self.expression}”没有给出带时区的时间，请业务分析员检查流程图。")
        return moment


class _Catching(_Guarded):
    """An event that waits."""

    event_definition: Any

    def _run_hook(self, my_task: Task) -> bool:
        self.event_definition.update_task_data(my_task)
        self.event_definition.reset(my_task)
        return True


class StartEvent(_Catching, defaults.StartEvent):  # type: ignore[misc]
    """Where a process begins."""


class IntermediateCatchEvent(_Catching, defaults.IntermediateCatchEvent):  # type: ignore[misc]
    """Waits for a message or a moment on its way."""


class BoundaryEvent(_Catching, defaults.BoundaryEvent):  # type: ignore[misc]
    """Waits for a message or a moment as long as the task runs to which it is attached."""


class EventBasedGateway(_Guarded, defaults.EventBasedGateway):  # type: ignore[misc]
    """Waits for whichever of several events comes first."""


class IntermediateThrowEvent(_Guarded, defaults.IntermediateThrowEvent):  # type: ignore[misc]
    """Throws a message on its way."""


class EndEvent(_Guarded, defaults.EndEvent):  # type: ignore[misc]
    """The end of a branch; may throw a message or terminate the process."""


# --- parsers


class ProcessSpec(BpmnProcessSpec):  # type: ignore[misc]
    """A process with our end."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for spec in (self.end, *self.end.outputs):
            del self.task_specs[spec.name]
        self.end: Any = EndJoin(self, f"{self.name}.EndJoin")
        self.end.connect(control.SimpleBpmnTask(self, "End"))


class ProcessParser(SpiffProcessParser):  # type: ignore[misc]
    """Parses a process into a `ProcessSpec`; a procedure that is only called (isExecutable="false") too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.process_executable = True

    def create_spec(self) -> ProcessSpec:
        return ProcessSpec(name=self.bpmn_id, description=self.get_name(), filename=self.filename)


class _BoundaryParser(TaskParser):  # type: ignore[misc]
    """Puts our join behind a task with boundary events."""

    def _add_boundary_event(self, children: list[Any]) -> Any:
        split: Any = control.BoundaryEventSplit(self.spec, f"{self.bpmn_id}.BoundaryEventSplit")
        join = BoundaryEventJoin(self.spec, f"{self.bpmn_id}.BoundaryEventJoin", split_task=split.name, cancel=True)
        split.connect(self.task)
        self.task.connect(join)
        for node in children:
            event = self.process_parser.parse_node(node)
            split.connect(event)
            event.connect(join)
        return split


class _UserTaskParser(_BoundaryParser):
    pass


class _ServiceTaskParser(_BoundaryParser):
    def create_task(self) -> ServiceTask:
        return ServiceTask(self.spec, self.bpmn_id, self.node.get("implementation"), **self.bpmn_attributes)


class _BusinessRuleTaskParser(_BoundaryParser):
    def create_task(self) -> BusinessRuleTask:
        decision = self.node.get("{urn:tongban:bpmn:1}decision")
        table = self.process_parser.parser.get_engine(decision, self.node)
        return BusinessRuleTask(self.spec, self.bpmn_id, table, **self.bpmn_attributes)


class _SubWorkflowParser(_BoundaryParser, SubWorkflowParser):  # type: ignore[misc]
    pass


class _CallActivityParser(_BoundaryParser, CallActivityParser):  # type: ignore[misc]
    pass


class _EventParser(event_parsers.EventDefinitionParser):  # type: ignore[misc]
    def parse_message_event(self, message_event: Any) -> Message:
        return Message(self._library.messages[message_event.get("messageRef")], **self._content(message_event))

    def parse_signal_event(self, signal_event: Any) -> Signal:
        return Signal(self._library.signals[signal_event.get("signalRef")], **self._content(signal_event))

    def parse_error_event(self, error_event: Any) -> Error:
        return Error(self._library.errors[error_event.get("errorRef")]["error_code"], **self._content(error_event))

    def parse_escalation_event(self, escalation_event: Any) -> Escalation:
        declared = self._library.escalations[escalation_event.get("escalationRef")]
        return Escalation(declared["escalation_code"], **self._content(escalation_event))

    def parse_timer_event(self, event: Any) -> TimeDate:
        (date,) = event.xpath("./bpmn:timeDate", namespaces=self.nsmap)
        return TimeDate(self.bpmn_id, (date.text or "").strip())

    @property
    def _library(self) -> Any:
        return self.process_parser.parser

    def _content(self, event: Any) -> dict[str, Any]:
        def texts(*tags: str) -> tuple[str, ...]:
            path = " | ".join(f".//spiffworkflow:{tag}/text()" for tag in tags)
            return tuple(text.strip() for text in event.xpath(path, namespaces=_SPIFFWORKFLOW))

        payload = texts("messagePayload", "payloadExpression")
        return {"payload": payload[0] if payload else None, "takes": texts("messageVariable", "variableName")}


class _StartEventParser(_EventParser, event_parsers.StartEventParser):  # type: ignore[misc]
    pass


class _EndEventParser(_EventParser, event_parsers.EndEventParser):  # type: ignore[misc]
    pass


class _CatchEventParser(_EventParser, event_parsers.IntermediateCatchEventParser):  # type: ignore[misc]
    pass


class _ThrowEventParser(_EventParser, event_parsers.IntermediateThrowEventParser):  # type: ignore[misc]
    pass


class _BoundaryEventParser(_EventParser, event_parsers.BoundaryEventParser):  # type: ignore[misc]
    pass


class _EventGatewayParser(_EventParser, event_parsers.EventBasedGatewayParser):  # type: ignore[misc]
    pass


#: BPMN tag -> (parser, task spec): everything that the runtime can execute.
PARSER_CLASSES: Mapping[str, tuple[type[Any], type[Any]]] = {
    full_tag("startEvent"): (_StartEventParser, StartEvent),
    full_tag("endEvent"): (_EndEventParser, EndEvent),
    full_tag("userTask"): (_UserTaskParser, UserTask),
    full_tag("serviceTask"): (_ServiceTaskParser, ServiceTask),
    full_tag("businessRuleTask"): (_BusinessRuleTaskParser, BusinessRuleTask),
    full_tag("subProcess"): (_SubWorkflowParser, SubWorkflowTask),
    full_tag("callActivity"): (_CallActivityParser, CallActivity),
    full_tag("exclusiveGateway"): (ConditionalGatewayParser, ExclusiveGateway),
    full_tag("parallelGateway"): (GatewayParser, ParallelGateway),
    full_tag("inclusiveGateway"): (ConditionalGatewayParser, InclusiveGateway),
    full_tag("eventBasedGateway"): (_EventGatewayParser, EventBasedGateway),
    full_tag("boundaryEvent"): (_BoundaryEventParser, BoundaryEvent),
    full_tag("intermediateCatchEvent"): (_CatchEventParser, IntermediateCatchEvent),
    full_tag("intermediateThrowEvent"): (_ThrowEventParser, IntermediateThrowEvent),
}
