"""Whether diagrams and decision tables may be published (发布检查), each fault with file, element and a sentence.

    check             the files, what they call, and at last whether the library really can build them
    check_elements    one element at a time: attributes of our extension, events, timers, extensions
    check_structure   the graph of one level: ways in and out, gateways, dead ends, loops
    check_tokens      whether a level can come to a halt at a join
    check_names       which process data exists where an expression reads it

A diagram is an upload. Whatever its bytes are, the answer is a list of faults and never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from threading import Lock
from typing import Any

from lxml import etree
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.parser.process import VALIDATOR

from config.catalogue import services
from engine.process import check_elements, check_names, check_structure, check_tokens
from engine.process.diagram import ACCEPTANCES, Diagram, Fault, Level, Node
from engine.process.library import Library, read_library
from engine.process.operators import operators
from engine.process.parser import build
from engine.process.vocabulary import CASE_MESSAGES, CATCHING, EVENT_NAMES, LISTENERS, MESSAGES

MAX_FILES = 100
MAX_NODES = 200
MAX_FLOWS = 600
MAX_LEVELS = 4
MAX_SCHEMA_FAULTS = 5
MAX_FAULTS = 200

_FILE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\.(bpmn|dmn)")
#: What the library raises for diagrams it cannot build; the check before should leave nothing to raise about.
_BUILD_ERRORS = (
    SpiffWorkflowException, etree.LxmlError, ArithmeticError, AssertionError, AttributeError, LookupError,
    RecursionError, TypeError, ValueError, NotImplementedError,
)  # fmt: skip
_schema_lock = Lock()


@dataclass(frozen=True)
class Checked:
    """The library as it would be, and what stands against it."""

    library: Library
    faults: list[Fault]


def check(files: Mapping[str, bytes], known: Mapping[str, bytes]) -> Checked:
    """Check `files` merged over the `known` library. Only what the files are, call, or are called by is looked at."""
    faults = list(_file_faults(files))
    names = {PurePosixPath(file).stem for file in files}
    before, _ = read_library(
        {file: content for file, content in known.items() if PurePosixPath(file).stem not in names}
    )
    submitted, unreadable = read_library({} if faults else files)
    library = Library({**before.diagrams, **submitted.diagrams}, {**before.tables, **submitted.tables})
    faults += unreadable
    part = library.part(_concerned(library, names))
    for diagram in part.diagrams.values():
        faults += _diagram_faults(diagram, library)
    faults += _table_faults(part)
    faults += _call_faults(part, library)
    if not faults:
        faults += _build_faults(part, library)
    return Checked(library, _tidied(faults))


def _tidied(faults: list[Fault]) -> list[Fault]:
    """Sorted, each once, and short enough to be shown whatever the file holds."""
    ordered = sorted({(fault.file[:200], fault.element[:100], fault.message[:400]) for fault in faults})
    tidied = [Fault(*fault) for fault in ordered[:MAX_FAULTS]]
    if len(ordered) > MAX_FAULTS:
        tidied.append(Fault("", "", f"还有 {len(ordered) - MAX_FAULTS} 处问题没有列出。"))
    return tidied


def _file_faults(files: Mapping[str, bytes]) -> Iterator[Fault]:
    if len(files) > MAX_FILES:
        yield Fault("", "", f"一次最多发布 {MAX_FILES} 个文件。")
    seen: set[str] = set()
    for file in files:
        path = PurePosixPath(file)
        if not _FILE_NAME.fullmatch(path.name) or len(path.stem) > 64:
            yield Fault(
                file, "", "文件名应为“流程编号.bpmn”或“决策编号.dmn”，编号用小写英文、数字和下划线，不超过 64 个字符。"
            )
        if path.stem in seen:
            yield Fault(file, "", f"编号“{path.stem}”提交了两次。")
        seen.add(path.stem)


def _concerned(library: Library, names: set[str]) -> set[str]:
    """The names, what they need, and all that lies in the closure of a root that needs them."""
    concerned = set().union(*(library.closure(name) for name in names))
    for root in library.roots():
        closure = library.closure(root)
        if closure & names:
            concerned |= closure
    return concerned


def _diagram_faults(diagram: Diagram, library: Library) -> Iterator[Fault]:
    nodes = sum(len(level.nodes) for level in diagram.process.levels())
    flows = sum(len(level.flows) for level in diagram.process.levels())
    if nodes > MAX_NODES or flows > MAX_FLOWS:
        yield Fault(diagram.file, "", f"流程图超过 {MAX_NODES} 个节点或 {MAX_FLOWS} 条连线，请拆成几个流程。")
        return
    if max(_depths(diagram.process)) > MAX_LEVELS:
        yield Fault(diagram.file, "", f"子流程嵌套超过 {MAX_LEVELS} 层。")
        return
    yield from _schema_faults(diagram)
    yield from check_elements.faults(diagram)
    structure = list(check_structure.faults(diagram))
    yield from structure or check_tokens.faults(diagram)
    if not _has_unknown_parts(diagram, library):
        # With an unknown operator or table every name behind it would be called unknown too.
        yield from check_names.faults(diagram, library)


def _has_unknown_parts(diagram: Diagram, library: Library) -> bool:
    named = {node.operator for _, node in diagram.nodes() if node.kind == "serviceTask"}
    return not (
        named <= operators().keys()
        and diagram.calls <= library.diagrams.keys()
        and diagram.decisions <= library.tables.keys()
    )


def _depths(level: Level, depth: int = 1) -> Iterator[int]:
    yield depth
    for inner in level.inner.values():
        yield from _depths(inner, depth + 1)


def _schema_faults(diagram: Diagram) -> Iterator[Fault]:
    with _schema_lock:
        VALIDATOR.preprocess(diagram.root)
        if VALIDATOR.validator.validate(diagram.root):
            return
        errors = list(VALIDATOR.validator.error_log)[:MAX_SCHEMA_FAULTS]
    for error in errors:
        # The library names every element with its namespace.
        text = re.sub(r"\{[^}]*\}", "", str(error.message))
        text = "".join(char for char in text[:200] if char.isprintable())
        yield Fault(
            diagram.file, _place(diagram.root, error.line), f"第 {error.line} 行不符合 BPMN 2.0 的格式（{text}）。"
        )


def _place(root: etree._Element, line: int) -> str:
    """The id of the last element that begins at or before a line."""
    found = ""
    for node in root.iter():
        begins: Any = node.sourceline
        if (begins or 0) > line:
            break
        found = node.get("id") or found
    return found


def _table_faults(library: Library) -> Iterator[Fault]:
    for name, table in library.tables.items():
        file = f"{name}.dmn"
        if table.id != name:
            yield Fault(file, table.id, f"决策编号“{table.id}”与文件名“{name}”不同。")
        if not check_elements.is_chinese(table.title):
            yield Fault(file, table.id, "决策没有中文名称。")
        if name in library.diagrams:
            yield Fault(file, table.id, f"编号“{name}”已是一个流程的编号。")


def _call_faults(part: Library, library: Library) -> Iterator[Fault]:
    for name, diagram in part.diagrams.items():
        yield from _target_faults(diagram, library)
        if any(name in library.closure(target) for target in diagram.calls):
            yield Fault(diagram.file, name, "流程直接或间接调用了自己。")
        yield from _procedure_faults(diagram, library)
        yield from _message_faults(diagram, library)
        yield from _deafness_faults(diagram)
    starts = [name for name in part.diagrams if part.diagrams[name].starts_alone or not library.callers(name)]
    for name in starts:
        yield from _closure_faults(library.part(library.closure(name)))


def _target_faults(diagram: Diagram, library: Library) -> Iterator[Fault]:
    for _, node in diagram.nodes():
        if node.calls and node.calls not in library.diagrams:
            yield Fault(diagram.file, node.id, f"调用的流程“{node.calls[:64]}”不存在。")
        if node.decision and node.decision not in library.tables:
            yield Fault(diagram.file, node.id, f"引用的决策表“{node.decision[:64]}”不存在。")


def _procedure_faults(diagram: Diagram, library: Library) -> Iterator[Fault]:
    """A called process says what goes in and out; without that the engine copies all data, silently."""
    if not library.callers(diagram.name):
        return
    if diagram.inputs is None or diagram.outputs is None:
        yield Fault(diagram.file, diagram.process.id, "被调用的流程要用 ioSpecification 说明输入和输出。")
    elif not diagram.inputs or not diagram.outputs:
        yield Fault(diagram.file, diagram.process.id, "ioSpecification 的输入和输出都不能为空，否则会复制全部数据。")
    if diagram.starts_alone:
        yield Fault(diagram.file, diagram.process.id, '被调用的流程应为 isExecutable="false"。')


def _message_faults(diagram: Diagram, library: Library) -> Iterator[Fault]:
    """A message without a counterpart is a slip of the pen: one side waits for ever, or the other speaks to nobody."""
    everywhere = [message for other in library.diagrams.values() for message in _messages(other)]
    awaited = MESSAGES.keys() | {name for node, name in everywhere if node.kind in CATCHING}
    thrown = MESSAGES.keys() | {name for node, name in everywhere if node.kind not in CATCHING}
    for node, name in _messages(diagram):
        if node.kind in CATCHING and name not in thrown:
            yield Fault(diagram.file, node.id, f"没有任何地方会发出消息“{name[:64]}”。")
        if node.kind not in CATCHING and name not in awaited:
            yield Fault(diagram.file, node.id, f"没有任何地方在等待消息“{name[:64]}”。")


def _deafness_faults(diagram: Diagram) -> Iterator[Fault]:
    """A service that cannot be withdrawn, voided or dispatched again would leave case work talking to nobody."""
    wanted = CASE_MESSAGES if diagram.name in services() else LISTENERS.get(diagram.name, frozenset())
    heard = {name for node, name in _messages(diagram) if node.kind in CATCHING}
    for name in sorted(wanted - heard):
        yield Fault(diagram.file, diagram.process.id, f"流程必须能接收消息“{name}”（{MESSAGES[name]}）。")


def _messages(diagram: Diagram) -> Iterator[tuple[Node, str]]:
    for _, node in diagram.nodes():
        for event in node.events:
            if event.kind == "message" and event.name:
                yield node, event.name


def _closure_faults(closure: Library) -> Iterator[Fault]:
    """What must be right in one definition as a whole."""
    levels: dict[str, str] = {}
    tasks = {node.id for diagram in closure.diagrams.values() for _, node in diagram.nodes() if node.kind == "userTask"}
    for diagram in closure.diagrams.values():
        for level in diagram.process.levels():
            other = levels.setdefault(level.id, diagram.file)
            if other != diagram.file:
                yield Fault(diagram.file, level.id, f"编号“{level.id}”与 {other} 里的流程或子流程相同。")
        for _, node in diagram.nodes():
            for different in (node.tongban("differsFrom") or "").split():
                if different not in tasks and different not in ACCEPTANCES:
                    yield Fault(diagram.file, node.id, f"differsFrom 中的“{different[:64]}”不是任何用户任务的编号。")
    yield from _declaration_faults(closure)
    yield from _uncaught_faults(closure)


def _declaration_faults(closure: Library) -> Iterator[Fault]:
    """The library keeps what all files declare in one table, by id: the last file would win."""
    first: dict[str, tuple[str | None, str]] = {}
    for diagram in closure.diagrams.values():
        for identifier, name in diagram.declared.items():
            known, file = first.setdefault(identifier, (name, diagram.file))
            if known != name:
                yield Fault(
                    diagram.file, identifier, f"{file} 里也声明了“{identifier[:64]}”，但名称或代码不同，请改编号。"
                )


def _uncaught_faults(closure: Library) -> Iterator[Fault]:
    """An error or escalation that is thrown must have a boundary around it, on whatever way the process was called."""
    for diagram in closure.diagrams.values():
        for level, node in diagram.nodes():
            for event in node.events:
                thrown = node.kind in ("endEvent", "intermediateThrowEvent") and event.kind in ("error", "escalation")
                if thrown and event.name and not _is_caught(closure, diagram, level.id, (event.kind, event.name), ()):
                    title = EVENT_NAMES[event.kind]
                    yield Fault(diagram.file, node.id, f"{title}“{event.name[:64]}”没有任何外层边界事件接住。")


def _is_caught(
    closure: Library, diagram: Diagram, level_id: str, wanted: tuple[str, str], seen: tuple[str, ...]
) -> bool:
    """Every place from which this level is entered, or one around that place, has a boundary for `wanted`."""
    if level_id in seen:
        return True  # it called itself, which is a fault of its own
    entries = _entries(closure, diagram, level_id)
    return bool(entries) and all(
        any((event.kind, event.name) == wanted for edge in around.boundaries(host) for event in edge.events)
        or _is_caught(closure, outer, around.id, wanted, (*seen, level_id))
        for outer, around, host in entries
    )


def _entries(closure: Library, diagram: Diagram, level_id: str) -> list[tuple[Diagram, Level, str]]:
    if level_id != diagram.process.id:
        return [(diagram, around, level_id) for around in diagram.process.levels() if level_id in around.inner]
    return [
        (caller, around, node.id)
        for caller in closure.diagrams.values()
        for around, node in caller.nodes()
        if node.calls == diagram.name
    ]


def _build_faults(part: Library, library: Library) -> Iterator[Fault]:
    for name, diagram in part.diagrams.items():
        closure = library.part(library.closure(name))
        try:
            build("", name, closure.diagrams, closure.tables)
        except _BUILD_ERRORS as error:
            text = " ".join(str(error).split())[:200]
            yield Fault(diagram.file, diagram.process.id, f"流程引擎无法读取这个流程（{text}）。")
