"""What is wrong with single elements of a diagram, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from lxml import etree

from config.catalogue import SMS_SLOTS
from config.task_forms import task_forms
from engine.casework.states import CASE_STATES
from engine.process import expressions
from engine.process.diagram import (
    AGENCIES,
    BPMN,
    ROLES,
    SPIFFWORKFLOW,
    TONGBAN,
    Diagram,
    Event,
    Fault,
    Node,
    is_bpmn,
    local_name,
)
from engine.process.operators import operators
from engine.process.vocabulary import (
    ENGINE_NAMESPACES,
    EVENT_NAMES,
    EVENTS,
    GATEWAYS,
    PARTS,
    PAYLOADS,
    POOL,
    SCRIPTS,
    SUPPORTED,
    TOP,
    UNSUPPORTED,
    VARIABLES,
)

IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_IDENTIFIER = 64
MAX_NAME = 60

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Which attributes of our extension stand on what, beside `rule`, which may stand on every flow node.
_ATTRIBUTES: Mapping[str, set[str]] = {
    "userTask": {"role", "agency", "form", "differsFrom", "state", "smsSlot"},
    "serviceTask": {"state", "smsSlot"},
    "businessRuleTask": {"decision"},
}


def faults(diagram: Diagram) -> Iterator[Fault]:
    """Everything wrong with single elements of `diagram`."""
    if diagram.process.id != diagram.name:
        yield Fault(diagram.file, diagram.process.id, f"流程编号与文件名“{diagram.name}”不同。")
    if not is_chinese(diagram.process.name):
        yield Fault(diagram.file, diagram.process.id, "流程没有中文名称。")
    for part, message in _part_faults(diagram):
        yield Fault(diagram.file, _nearest_id(part), message)
    for _, node in diagram.nodes():
        for message in _node_faults(node):
            yield Fault(diagram.file, node.id, message)


def is_chinese(name: str) -> bool:
    """True for a name with at least one Chinese character."""
    return bool(_CHINESE.search(name))


def is_identifier(text: str) -> bool:
    """lower_snake_case, English, of bearable length."""
    return len(text) <= MAX_IDENTIFIER and IDENTIFIER.fullmatch(text) is not None


# --- everything in the file, whether it is a flow node or not


def _part_faults(diagram: Diagram) -> Iterator[tuple[etree._Element, str]]:
    for node in diagram.root.iter():
        if node is diagram.root:
            continue
        messages = _bpmn_faults(node) if is_bpmn(node) else _extension_faults(node)
        yield from ((node, message) for message in messages)


def _bpmn_faults(node: etree._Element) -> Iterator[str]:
    name, parent = local_name(node), node.getparent()
    if name in ("script", "scriptTask", "globalScriptTask"):
        yield "不允许脚本；需要计算的，请改为服务任务。"
    elif not _may_stand_here(name, parent):
        yield f"不支持“{UNSUPPORTED.get(name, name)[:60]}”，或者它不能写在这里。"
    elif name in SUPPORTED and not node.get("id"):
        yield f"有一个{SUPPORTED[name]}没有编号（id）。"
    yield from _attribute_faults(node, name)


def _may_stand_here(name: str, parent: etree._Element | None) -> bool:
    # The library searches at any depth, so that what is hidden in an extension or a comment would count for it.
    if parent is None or not is_bpmn(parent):
        return False
    above = local_name(parent)
    if above == "definitions":
        return name in TOP
    if above == "collaboration":
        return name in POOL
    if above in ("documentation", "extensionElements", "text", "participant", "itemDefinition"):
        return False
    if name == "process" or (name == "ioSpecification" and above != "process"):
        return False
    return name in SUPPORTED or name in PARTS or name.endswith("EventDefinition") or above in TOP - {"process"}


def _attribute_faults(node: etree._Element, name: str) -> Iterator[str]:
    for key in node.attrib:
        attribute = etree.QName(str(key))
        if attribute.namespace == TONGBAN:
            anywhere = attribute.localname == "rule" and name in SUPPORTED
            if not anywhere and attribute.localname not in _ATTRIBUTES.get(name, set()):
                yield f"这里不能写 tongban:{attribute.localname[:40]}。"
        elif attribute.namespace in ENGINE_NAMESPACES and name != "process":
            yield f"不支持 {ENGINE_NAMESPACES[attribute.namespace]} 的扩展属性“{attribute.localname[:40]}”，请删除。"
    if node.get("isForCompensation") in ("true", "1"):
        yield "不支持补偿。"
    if node.get("parallelMultiple") in ("true", "1"):
        yield "不支持多重事件。"


def _extension_faults(node: etree._Element) -> Iterator[str]:
    qualified = etree.QName(node)
    namespace, name = qualified.namespace or "", qualified.localname
    if namespace not in ENGINE_NAMESPACES:
        return
    if name in SCRIPTS:
        yield f"不允许脚本（{ENGINE_NAMESPACES[namespace]} 的“{name}”），请删除。"
    elif namespace != SPIFFWORKFLOW or name not in PAYLOADS | VARIABLES:
        yield f"不支持 {ENGINE_NAMESPACES[namespace]} 的扩展“{name[:40]}”，请删除。"
    elif not _is_in_event(node):
        yield f"“{name}”要写在消息、信号、错误或升级事件的定义里。"
    elif name in PAYLOADS:
        yield from expressions.check_mapping((node.text or "").strip())
    elif not is_identifier((node.text or "").strip()):
        yield f"变量名“{(node.text or '').strip()[:40]}”要用小写英文、数字和下划线。"


def _is_in_event(node: etree._Element) -> bool:
    return any(local_name(above).endswith("EventDefinition") for above in node.iterancestors() if is_bpmn(above))


def _nearest_id(node: etree._Element) -> str:
    """The id of what the analyst sees in the drawing: the flow node or flow that `node` is a part of."""
    for one in (node, *node.iterancestors()):
        inner = is_bpmn(one) and local_name(one).endswith(("EventDefinition", "Expression", "timeDate"))
        if one.get("id") and not inner:
            return str(one.get("id"))
    return ""


# --- flow nodes


def _node_faults(node: Node) -> Iterator[str]:
    if not is_identifier(node.id):
        yield f"编号“{node.id[:80]}”要用小写英文单词和下划线，不超过 {MAX_IDENTIFIER} 个字符。"
    if len(node.name) > MAX_NAME:
        yield f"名称超过 {MAX_NAME} 个字符。"
    elif node.kind not in GATEWAYS and not is_chinese(node.name):
        yield "没有中文名称。"
    if node.kind in EVENTS:
        yield from _event_faults(node)
    check_kind = {
        "userTask": _user_task_faults,
        "serviceTask": _service_task_faults,
        "businessRuleTask": _rule_task_faults,
        "callActivity": _call_activity_faults,
        "subProcess": _sub_process_faults,
        "eventBasedGateway": _event_gateway_faults,
    }.get(node.kind)
    if check_kind is not None:
        yield from check_kind(node)
    yield from _code_fault(node, "state", CASE_STATES, "办件状态")
    yield from _code_fault(node, "smsSlot", SMS_SLOTS, "短信类型")


def _user_task_faults(node: Node) -> Iterator[str]:
    for attribute, title in (
        ("role", "岗位（tongban:role）"),
        ("agency", "机构（tongban:agency）"),
        ("form", "表单（tongban:form）"),
    ):
        if node.tongban(attribute) is None:
            yield f"用户任务没有填写{title}。"
    yield from _code_fault(node, "role", ROLES, "岗位")
    yield from _code_fault(node, "agency", AGENCIES, "机构")
    yield from _code_fault(node, "form", task_forms(), "表单")

    if node.id in (node.tongban("differsFrom") or "").split():
        yield "differsFrom 不能写自己的编号。"


def _code_fault(node: Node, attribute: str, known: Container[str], title: str) -> Iterator[str]:
    code = node.tongban(attribute)
    if code is not None and code not in known:
        yield f"{title}“{code[:64]}”不存在。"


def _service_task_faults(node: Node) -> Iterator[str]:
    if not node.operator or node.operator.startswith("##"):
        yield "服务任务没有填写业务操作（implementation）。"
    elif node.operator not in operators():
        yield f"业务操作“{node.operator[:64]}”不存在。"


def _rule_task_faults(node: Node) -> Iterator[str]:
    if node.decision is None:
        yield "业务规则任务没有填写决策表（tongban:decision）。"


def _call_activity_faults(node: Node) -> Iterator[str]:
    if not node.calls:
        yield "调用活动没有填写被调用的流程（calledElement）。"


def _sub_process_faults(node: Node) -> Iterator[str]:
    if node.node.get("triggeredByEvent") in ("true", "1"):
        yield "不支持事件子流程，请用边界事件。"


def _event_gateway_faults(node: Node) -> Iterator[str]:
    if node.node.get("eventGatewayType", "Exclusive") != "Exclusive" or node.node.get("instantiate") in ("true", "1"):
        yield "事件网关只支持“先到先走”。"


def _event_faults(node: Node) -> Iterator[str]:
    if len(node.events) > 1:
        yield "一个事件只能有一种触发。"
    kind = node.events[0].kind if node.events else ""
    if kind == "signal" and node.kind == "endEvent":
        yield "不支持信号结束事件：请先用中间抛出事件发出信号，再正常结束。"
    elif kind not in EVENTS[node.kind]:
        yield f"{SUPPORTED[node.kind]}不支持“{EVENT_NAMES.get(kind, kind)}”类型。"
    if any(child.tag == f"{{{BPMN}}}eventDefinitionRef" for child in node.node):
        yield "不支持引用别处的事件定义。"
    for event in node.events:
        yield from _definition_faults(event)


def _definition_faults(event: Event) -> Iterator[str]:
    if event.kind == "timer":
        yield from _timer_faults(event)
    elif event.kind in ("message", "signal", "error", "escalation") and not is_identifier(event.name or ""):
        title = EVENT_NAMES[event.kind]
        yield f"{title}事件要引用一个已声明的{title}，其名称或代码用小写英文、数字和下划线。"


def _timer_faults(event: Event) -> Iterator[str]:
    times = [child for child in event.node if is_bpmn(child) and local_name(child).startswith("time")]
    if len(times) != 1 or local_name(times[0]) != "timeDate":
        yield "定时只支持 timeDate，内容为给出时刻的流程变量；时长由业务操作按规定计算。"
        return
    text = (times[0].text or "").strip()
    wrong = expressions.check(text)
    yield from wrong
    if not wrong and not expressions.names_in(text):
        yield "定时要引用流程变量，流程图里不能写死时刻。"
