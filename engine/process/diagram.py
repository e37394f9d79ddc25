"""A diagram as the check and the runtime see it: safe reading of its XML, its levels, nodes and flows.

A level is what runs as one workflow: the process, or a sub-process drawn inside it. Only reading happens here; what is
wrong with a diagram is said by `check`, except where the XML itself cannot be trusted (`Unreadable`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError
from lxml import etree

from engine.errors import NotFound

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
TONGBAN = "urn:tongban:bpmn:1"
SPIFFWORKFLOW = "http://spiffworkflow.org/bpmn/schema/1.0/core"

MAX_BYTES = 1_000_000
MAX_XML_ELEMENTS = 20_000
MAX_XML_DEPTH = 60

ROLES: Mapping[str, str] = MappingProxyType(
    {
        "acceptor": "受理人",
        "advanced_scanner": "高级扫描人员",
        "first_reviewer": "初审人",
        "second_reviewer": "复审人",
        "transfer_operator": "移交人员",
        "superior_adjudicator": "上级指定管辖人员",
        "supervisor": "主管",
        "archivist": "档案员",
        "city_administrator": "市级管理员",
        "province_administrator": "省级管理员",
        "business_analyst": "业务分析员",
        "auditor": "审计员",
    }
)
AGENCIES: Mapping[str, str] = MappingProxyType(
    {"accepting": "业务受理地", "handling": "业务办理地", "superior": "共同上级", "either": "受理地或办理地"}
)
Thing = TypeVar("Thing")

#: Acts before the first user task whose actor a later one can be told to differ from (REV-06).
ACCEPTANCES = ("acceptance", "transfer_acceptance")


@dataclass(frozen=True)
class Fault:
    """Why a file must not be published: the file, the id of the element (or "") and a Chinese sentence."""

    file: str
    element: str
    message: str


class Unreadable(Exception):
    """XML that is not read any further; the text is a Chinese sentence."""


@dataclass(frozen=True)
class Element:
    """A node of a diagram with what the runtime and the case work need of it."""

    id: str
    #: The process or embedded sub-process it lies in.
    process_id: str
    #: BPMN's local name: userTask, serviceTask, callActivity, boundaryEvent ...
    kind: str
    name: str
    role: str | None = None
    agency: str | None = None
    form: str | None = None
    differs_from: tuple[str, ...] = ()
    sms_slot: str | None = None
    state: str | None = None
    rules: tuple[str, ...] = ()
    #: `implementation` of a service task.
    operator: str | None = None
    documentation: str = ""


@dataclass(frozen=True)
class Definition:
    """One published version, parsed: shared by all its instances, never changed."""

    hash: str
    process_id: str
    title: str
    #: SpiffWorkflow's process spec, and those of everything it calls or embeds.
    spec: Any
    subprocess_specs: Mapping[str, Any]
    #: By (process or embedded sub-process id, element id).
    elements: Mapping[tuple[str, str], Element]

    def element(self, process_id: str, element_id: str) -> Element:
        """The element at that place. Raises `NotFound`."""
        try:
            return self.elements[process_id, element_id]
        except KeyError:
            raise NotFound(f"流程“{process_id}”里没有环节“{element_id}”。") from None


@dataclass(frozen=True)
class Flow:
    id: str
    source: str
    target: str
    condition: str | None
    node: etree._Element


@dataclass(frozen=True)
class Event:
    """An event definition: `kind` is message, timer, signal, error, escalation ..."""

    kind: str
    node: etree._Element
    #: Name of the message or signal, code of the error or escalation; None where nothing is referred to.
    name: str | None = None


@dataclass(frozen=True)
class Node:
    """A flow node."""

    id: str
    kind: str
    name: str
    node: etree._Element
    events: tuple[Event, ...] = ()

    def tongban(self, attribute: str) -> str | None:
        """An attribute of our extension; None where it is missing or blank."""
        return (self.node.get(f"{{{TONGBAN}}}{attribute}") or "").strip() or None

    @property
    def attached_to(self) -> str | None:
        return self.node.get("attachedToRef") if self.kind == "boundaryEvent" else None

    @property
    def operator(self) -> str | None:
        return self.node.get("implementation") if self.kind == "serviceTask" else None

    @property
    def decision(self) -> str | None:
        return self.tongban("decision") if self.kind == "businessRuleTask" else None

    @property
    def calls(self) -> str | None:
        return self.node.get("calledElement") if self.kind == "callActivity" else None

    @property
    def has_timer(self) -> bool:
        return any(event.kind == "timer" for event in self.events)


@dataclass
class Level:
    """The process or a sub-process drawn inside it."""

    id: str
    name: str
    node: etree._Element
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    #: Embedded sub-processes by their id, which is also a node's id here.
    inner: dict[str, Level] = field(default_factory=dict)

    def outgoing(self, node_id: str) -> list[Flow]:
        return self._by_source.get(node_id, [])

    def incoming(self, node_id: str) -> list[Flow]:
        return self._by_target.get(node_id, [])

    def boundaries(self, node_id: str) -> list[Node]:
        """The boundary events attached to a node."""
        return self._by_host.get(node_id, [])

    @cached_property
    def _by_source(self) -> dict[str, list[Flow]]:
        return _grouped(self.flows, lambda flow: flow.source)

    @cached_property
    def _by_target(self) -> dict[str, list[Flow]]:
        return _grouped(self.flows, lambda flow: flow.target)

    @cached_property
    def _by_host(self) -> dict[str, list[Node]]:
        return _grouped((node for node in self.nodes.values() if node.attached_to), lambda node: node.attached_to or "")

    def levels(self) -> Iterator[Level]:
        """This level and all inside it."""
        yield self
        for level in self.inner.values():
            yield from level.levels()


def _grouped(things: Iterable[Thing], key: Callable[[Thing], str]) -> dict[str, list[Thing]]:
    groups: dict[str, list[Thing]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return groups


@dataclass
class Diagram:
    """One BPMN file."""

    #: The process id that the file's name promises.
    name: str
    file: str
    root: etree._Element
    process: Level
    #: isExecutable="true": started on its own; "false": a procedure that others call.
    starts_alone: bool
    #: Of the ioSpecification; None where there is none.
    inputs: tuple[str, ...] | None
    outputs: tuple[str, ...] | None
    #: Ids of the messages, signals, errors and escalations it declares, with the name or code that counts.
    declared: Mapping[str, str | None]

    def nodes(self) -> Iterator[tuple[Level, Node]]:
        """All flow nodes with their level."""
        for level in self.process.levels():
            for node in level.nodes.values():
                yield level, node

    @property
    def calls(self) -> set[str]:
        """Ids of the processes it calls."""
        return {node.calls for _, node in self.nodes() if node.calls}

    @property
    def decisions(self) -> set[str]:
        """Ids of the decision tables it asks."""
        return {node.decision for _, node in self.nodes() if node.decision}

    def elements(self) -> dict[tuple[str, str], Element]:
        """Its flow nodes as the runtime knows them."""
        return {(level.id, node.id): _element(level, node) for level, node in self.nodes()}


FLOW_NODE_TAGS = frozenset(
    {
        "startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent",
        "task", "userTask", "manualTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask", "receiveTask",
        "callActivity", "subProcess", "transaction", "adHocSubProcess", "callChoreography", "subChoreography",
        "choreographyTask", "implicitThrowEvent", "event",
        "exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway",
    }
)  # fmt: skip


def read_xml(content: bytes) -> etree._Element:
    """The root of `content`. Raises `Unreadable` for anything but small, flat, self-contained UTF-8 XML."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"文件超过 {MAX_BYTES // 1_000_000} MB。")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("文件不是 UTF-8 编码。") from None
    declared = re.match(r"""\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""", text)
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        raise Unreadable(f"文件声明的编码是 {declared[1][:20]}，请保存为 UTF-8。")
    _refuse_dangerous(content)
    try:
        # The first parser has refused entities and depth; this one must not resolve anything either.
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"文件不是完整的 XML：{_one_line(error)}。") from None
    information: Any = root.getroottree().docinfo
    if information.doctype:
        raise Unreadable("文件里不能有 DOCTYPE 或实体声明。")
    return root


class _Counter:
    """Builds nothing: counts what comes by and stops at the limits."""

    def __init__(self) -> None:
        self.elements = self.depth = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.elements += 1
        self.depth += 1
        if self.elements > MAX_XML_ELEMENTS:
            raise Unreadable(f"文件的 XML 元素超过 {MAX_XML_ELEMENTS} 个。")
        if self.depth > MAX_XML_DEPTH:
            raise Unreadable(f"文件的 XML 嵌套超过 {MAX_XML_DEPTH} 层。")

    def end(self, tag: str) -> None:
        self.depth -= 1

    def data(self, text: str) -> None:
        """Text is of no interest here."""

    def close(self) -> None:
        """Nothing was built."""


def _refuse_dangerous(content: bytes) -> None:
    parser = DefusedXMLParser(target=_Counter(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(content)
        parser.close()
    except DefusedXmlException:
        raise Unreadable("文件里不能有 DOCTYPE、实体声明或外部引用。") from None
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"文件不是完整的 XML：{_one_line(error)}。") from None


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return "".join(char if char.isprintable() else "�" for char in text[:120])


def read_diagram(name: str, file: str, root: etree._Element) -> Diagram:
    """The diagram in `root`. Raises `Unreadable` unless there is exactly one process with an id."""
    processes = root.findall(f"{{{BPMN}}}process")
    if root.tag != f"{{{BPMN}}}definitions" or not processes:
        raise Unreadable("文件里没有 BPMN 2.0 流程。")
    if len(processes) > 1:
        raise Unreadable(f"一个文件只能有一个流程，这里有 {len(processes)} 个。")
    process = processes[0]
    if not process.get("id"):
        raise Unreadable("流程没有编号（id）。")
    specification = process.find(f"{{{BPMN}}}ioSpecification")
    declared = _declared_names(root)
    return Diagram(
        name=name,
        file=file,
        root=root,
        process=_level(process, declared),
        starts_alone=process.get("isExecutable") in ("true", "1"),
        inputs=_references(specification, "inputSet", "dataInputRefs"),
        outputs=_references(specification, "outputSet", "dataOutputRefs"),
        declared=declared,
    )


def _references(specification: etree._Element | None, group: str, tag: str) -> tuple[str, ...] | None:
    if specification is None:
        return None
    declared = {node.get("id") for node in specification if local_name(node) in ("dataInput", "dataOutput")}
    found = [(node.text or "").strip() for node in specification.findall(f"{{{BPMN}}}{group}/{{{BPMN}}}{tag}")]
    return tuple(name for name in found if name in declared)


def _declared_names(root: etree._Element) -> dict[str, str | None]:
    """What events refer to: ids of messages, signals, errors and escalations with the name or code that counts."""
    counted = {"message": "name", "signal": "name", "error": "errorCode", "escalation": "escalationCode"}
    return {
        node.get("id", ""): node.get(counted[local_name(node)])
        for node in root
        if local_name(node) in counted and is_bpmn(node)
    }


def _level(node: etree._Element, declared: Mapping[str, str | None]) -> Level:
    level = Level(node.get("id", ""), (node.get("name") or "").strip(), node)
    for child in node:
        if not is_bpmn(child):
            continue
        kind, identifier = local_name(child), child.get("id") or ""
        if kind == "sequenceFlow":
            level.flows.append(_flow(child))
        elif kind in FLOW_NODE_TAGS and identifier:
            name = " ".join((child.get("name") or "").split())
            level.nodes[identifier] = Node(identifier, kind, name, child, tuple(_events(child, declared)))
            if kind in ("subProcess", "transaction", "adHocSubProcess"):
                level.inner[identifier] = _level(child, declared)
    return level


def _flow(node: etree._Element) -> Flow:
    condition = node.find(f"{{{BPMN}}}conditionExpression")
    text = None if condition is None else (condition.text or "").strip()
    return Flow(node.get("id") or "", node.get("sourceRef") or "", node.get("targetRef") or "", text, node)


def _events(node: etree._Element, declared: Mapping[str, str | None]) -> Iterator[Event]:
    for child in node:
        if is_bpmn(child) and local_name(child).endswith("EventDefinition"):
            kind = local_name(child).removesuffix("EventDefinition")
            yield Event(kind, child, declared.get(child.get(f"{kind}Ref") or ""))


def is_bpmn(node: etree._Element) -> bool:
    """True for an element of BPMN itself (not an extension)."""
    return isinstance(node.tag, str) and node.tag.startswith(f"{{{BPMN}}}")


def local_name(node: etree._Element) -> str:
    """The tag without its namespace."""
    return etree.QName(node).localname if isinstance(node.tag, str) else ""


def _element(level: Level, node: Node) -> Element:
    return Element(
        id=node.id,
        process_id=level.id,
        kind=node.kind,
        name=node.name,
        role=node.tongban("role"),
        agency=node.tongban("agency"),
        form=node.tongban("form"),
        differs_from=tuple((node.tongban("differsFrom") or "").split()),
        sms_slot=node.tongban("smsSlot"),
        state=node.tongban("state"),
        rules=tuple((node.tongban("rule") or "").split()),
        operator=node.operator,
        documentation=" ".join((node.node.findtext(f"{{{BPMN}}}documentation") or "").split()),
    )
