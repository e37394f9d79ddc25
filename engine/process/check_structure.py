"""What is wrong with the graph of a level: ways in and out, gateways, dead ends, what is never reached, loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from engine.process import expressions
from engine.process.check_elements import is_chinese
from engine.process.diagram import Diagram, Fault, Flow, Level, Node
from engine.process.vocabulary import GATEWAYS, SUPPORTED

Message = tuple[str, str]


def faults(diagram: Diagram) -> Iterator[Fault]:
    """Everything wrong with the graphs of `diagram`."""
    for level in diagram.process.levels():
        for element, message in _level_faults(level):
            yield Fault(diagram.file, element, message)


def _level_faults(level: Level) -> Iterator[Message]:
    yield from _start_and_end_faults(level)
    yield from _flow_faults(level)
    for node in level.nodes.values():
        if node.kind in SUPPORTED:
            yield from ((node.id, message) for message in _way_faults(level, node))
            yield from ((node.id, message) for message in _gateway_faults(level, node))
    yield from _boundary_faults(level)
    yield from _reach_faults(level)


def _start_and_end_faults(level: Level) -> Iterator[Message]:
    kinds = Counter(node.kind for node in level.nodes.values())
    if kinds["startEvent"] != 1:
        yield level.id, f"要有且只有一个开始事件，这里有 {kinds['startEvent']} 个。"
    if not kinds["endEvent"]:
        yield level.id, "没有结束事件。"


def _flow_faults(level: Level) -> Iterator[Message]:
    for flow in level.flows:
        if flow.source not in level.nodes or flow.target not in level.nodes:
            yield flow.id or level.id, "连线的一端不在同一层流程里。"
        if flow.condition is not None:
            yield from ((flow.id, message) for message in _condition_faults(level, flow))


def _condition_faults(level: Level, flow: Flow) -> Iterator[str]:
    source = level.nodes.get(flow.source)
    if source is not None and source.kind not in ("exclusiveGateway", "inclusiveGateway"):
        yield "只有排他网关和包容网关后面的连线可以带条件。"
    if any(child.get("language") for child in flow.node):
        yield "条件不能另选表达式语言。"
    yield from expressions.check(flow.condition or "")


def _way_faults(level: Level, node: Node) -> Iterator[str]:
    ways_in, ways_out = len(level.incoming(node.id)), len(level.outgoing(node.id))
    if node.kind == "endEvent":
        if ways_out:
            yield "结束事件后面不能再有连线。"
    elif not ways_out:
        yield "走到这里就断了：后面没有连线，也不是结束事件。"
    elif ways_out > 1 and node.kind not in GATEWAYS:
        yield "只能有一条出线，分支请用网关。"
    if node.kind in ("startEvent", "boundaryEvent") and ways_in:
        yield f"{SUPPORTED[node.kind]}前面不能有连线。"


# --- gateways


def _gateway_faults(level: Level, node: Node) -> Iterator[str]:
    check_kind: dict[str, Callable[[Level, Node], Iterator[str]]] = {
        "exclusiveGateway": _choice_faults,
        "inclusiveGateway": _inclusive_faults,
        "eventBasedGateway": _event_gateway_faults,
    }
    if node.kind in check_kind:
        yield from check_kind[node.kind](level, node)


def _choice_faults(level: Level, node: Node) -> Iterator[str]:
    flows, default = level.outgoing(node.id), node.node.get("default")
    if len(flows) == 1:
        if flows[0].condition is not None:
            yield "只有一条出线的网关不能带条件。"
        return
    if flows and not is_chinese(node.name):
        yield "分支网关没有中文名称（写成一个问题）。"
    if flows and default not in {flow.id for flow in flows}:
        yield "网关没有默认出线：条件都不成立时办件会停住。"
    for flow in flows:
        if flow.id == default and flow.condition is not None:
            yield "默认出线不能带条件。"
        if flow.id != default and flow.condition is None:
            yield f"到“{_title(level, flow.target)}”的连线没有条件，也不是默认出线。"


def _title(level: Level, node_id: str) -> str:
    node = level.nodes.get(node_id)
    return (node.name or node.id)[:40] if node is not None else node_id[:40]


def _inclusive_faults(level: Level, node: Node) -> Iterator[str]:
    yield from _choice_faults(level, node)
    # Its join fires after one branch when a loop comes round again.
    if node.id in _reachable(level, [flow.target for flow in level.outgoing(node.id)], _forward):
        yield "循环里不能用包容网关。"


def _event_gateway_faults(level: Level, node: Node) -> Iterator[str]:
    targets = [level.nodes[flow.target] for flow in level.outgoing(node.id) if flow.target in level.nodes]
    if len(targets) < 2:
        yield "事件网关后面要有两个以上的事件。"
    # The library keeps one due time for the whole gateway.
    if sum(target.has_timer for target in targets) > 1:
        yield "事件网关后面最多一个定时事件。"
    for target in targets:
        if target.kind != "intermediateCatchEvent":
            yield f"事件网关后面只能接中间捕获事件，“{(target.name or target.id)[:40]}”不是。"
        elif len(level.incoming(target.id)) > 1:
            yield f"事件网关后面的“{(target.name or target.id)[:40]}”不能再有别的入线。"
    names = Counter(event.name for target in targets for event in target.events if event.name)
    if any(count > 1 for count in names.values()):
        yield "事件网关后面有两个事件等待同一个消息。"


# --- boundary events


def _boundary_faults(level: Level) -> Iterator[Message]:
    for node in level.nodes.values():
        if node.kind != "boundaryEvent":
            continue
        host = level.nodes.get(node.attached_to or "")
        if host is None or host.kind not in (
            "userTask",
            "serviceTask",
            "businessRuleTask",
            "callActivity",
            "subProcess",
        ):
            yield node.id, "边界事件要附在同一层的任务、子流程或调用活动上。"
        elif host.kind not in ("callActivity", "subProcess") and _kinds(node) & {"error", "escalation"}:
            yield node.id, "错误和升级边界事件只能附在子流程或调用活动上。"
    for node in level.nodes.values():
        names = Counter((event.kind, event.name) for edge in level.boundaries(node.id) for event in edge.events)
        if any(count > 1 for (_, name), count in names.items() if name):
            yield node.id, "两个边界事件等待同一个消息、信号或代码。"


def _kinds(node: Node) -> set[str]:
    return {event.kind for event in node.events}


# --- what is reached


def _reach_faults(level: Level) -> Iterator[Message]:
    starts = [node.id for node in level.nodes.values() if node.kind == "startEvent"]
    ends = [node.id for node in level.nodes.values() if node.kind == "endEvent"]
    if len(starts) != 1 or not ends:
        return
    reached = _reachable(level, starts, _forward)
    leaving = _reachable(level, ends, _backward)
    for node in level.nodes.values():
        if node.id not in reached:
            yield node.id, "从开始事件走不到这里。"
        elif node.id not in leaving and level.outgoing(node.id):
            yield node.id, "从这里走不到结束事件。"


def _forward(level: Level, node_id: str) -> list[str]:
    return [flow.target for flow in level.outgoing(node_id)] + [node.id for node in level.boundaries(node_id)]


def _backward(level: Level, node_id: str) -> list[str]:
    node = level.nodes.get(node_id)
    host = [node.attached_to] if node is not None and node.attached_to else []
    return [flow.source for flow in level.incoming(node_id)] + host


def _reachable(level: Level, from_ids: list[str], step: Callable[[Level, str], list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(from_ids)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(step(level, one))
    return found
