"""Which process data exists where an expression reads it (流程数据), followed along the flows of each level.

Two sets run along: what is there for certain (on every way to a node) and what may be there (on some way). A name that
cannot be there at all is a fault wherever it is read; one that is missing on some ways only where it is read for
certain, not behind an `and`, `or` or `if` that can guard it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.task_forms import task_forms
from engine.process import expressions
from engine.process.diagram import SPIFFWORKFLOW, Diagram, Fault, Level, Node, is_bpmn, local_name
from engine.process.expressions import ExpressionError
from engine.process.library import Library
from engine.process.operators import operators
from engine.process.vocabulary import PAYLOADS, VARIABLES

#: What the engine puts into every instance.
SUBJECTS = frozenset({"case_id", "application_id", "transfer_id", "escalation_id"})
OUTCOME = "outcome"

Names = frozenset[str]


def faults(diagram: Diagram, library: Library) -> Iterator[Fault]:
    """Every name that is read in `diagram` where it does not exist, and every result that no form offers."""
    entry = SUBJECTS if diagram.inputs is None else frozenset(diagram.inputs)
    reading = _Reading(library)
    found = [*reading.level(diagram.process, entry, entry)]
    found += reading.outputs(diagram, entry)
    found += _outcome_faults(diagram, library)
    for element, message in found:
        yield Fault(diagram.file, element, message)


# --- the names that flow


class _Spread:
    """The names before each node of a level; None where nothing is known yet."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._found: dict[tuple[str, Names], Mapping[str, Names | None]] = {}

    def at(self, level: Level, entry: Names) -> Mapping[str, Names | None]:
        """The names before each node of `level`, entered with `entry`, once they no longer change."""
        if (level.id, entry) not in self._found:
            self._found[level.id, entry] = self._settle(level, entry)
        return self._found[level.id, entry]

    def leaving(self, level: Level, entry: Names) -> Names | None:
        """The names with which `level` is left."""
        before = self.at(level, entry)
        return self.meet([before[node.id] for node in level.nodes.values() if node.kind == "endEvent"])

    def meet(self, arriving: list[Names | None]) -> Names | None:
        """The names where several ways meet, of which one was taken."""
        raise NotImplementedError

    def join(self, arriving: list[Names | None]) -> Names | None:
        """The names where several ways meet that were all taken."""
        raise NotImplementedError

    def _settle(self, level: Level, entry: Names) -> Mapping[str, Names | None]:
        before: dict[str, Names | None] = dict.fromkeys(level.nodes)
        changed = True
        while changed:
            changed = False
            for node in level.nodes.values():
                names = self._before(level, node, entry, before)
                if names != before[node.id]:
                    before[node.id], changed = names, True
        return before

    def _before(self, level: Level, node: Node, entry: Names, before: Mapping[str, Names | None]) -> Names | None:
        if node.kind == "startEvent":
            return entry
        if node.attached_to is not None:
            # What an interrupted call wrote is discarded: its branch begins with what the host began with.
            return before.get(node.attached_to)
        sources = [level.nodes[flow.source] for flow in level.incoming(node.id) if flow.source in level.nodes]
        arriving = [self._after(level, source, before[source.id]) for source in sources]
        return self.join(arriving) if node.kind == "parallelGateway" else self.meet(arriving)

    def _after(self, level: Level, node: Node, before: Names | None) -> Names | None:
        if before is None:
            return None
        if node.id in level.inner:
            return self.leaving(level.inner[node.id], before)
        return before | _gives(node, self._library)


class _Certain(_Spread):
    """What is there on every way: begins with everything and shrinks."""

    def meet(self, arriving: list[Names | None]) -> Names | None:
        known = [names for names in arriving if names is not None]
        return frozenset.intersection(*known) if known else None

    def join(self, arriving: list[Names | None]) -> Names | None:
        known = [names for names in arriving if names is not None]
        return frozenset().union(*known) if known and len(known) == len(arriving) else None


class _Possible(_Spread):
    """What is there on some way: begins with nothing and grows."""

    def meet(self, arriving: list[Names | None]) -> Names | None:
        known = [names for names in arriving if names is not None]
        return frozenset().union(*known) if known else None

    join = meet


def _gives(node: Node, library: Library) -> Names:
    """The names that a node adds to the data."""
    if node.kind == "userTask":
        form = task_forms().get(node.tongban("form") or "")
        return frozenset({OUTCOME, *(form.process_fields if form else ())})
    if node.operator is not None:
        operator = operators().get(node.operator)
        return operator.returns if operator else frozenset()
    if node.decision is not None:
        table = library.tables.get(node.decision)
        return frozenset(table.returns if table else ())
    if node.calls is not None:
        called = library.diagrams.get(node.calls)
        return frozenset((called.outputs if called else None) or ())
    return frozenset(_extension_texts(node, VARIABLES))


# --- the names that are read


class _Reading:
    """Compares what is read with what is there."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._certain, self._possible = _Certain(library), _Possible(library)

    def level(self, level: Level, certain: Names, possible: Names) -> Iterator[tuple[str, str]]:
        """The faults of a level that is entered with these names, and of all inside it."""
        sure, perhaps = self._certain.at(level, certain), self._possible.at(level, possible)
        for node in level.nodes.values():
            here, maybe = sure[node.id], perhaps[node.id]
            if here is None or maybe is None:
                continue  # never reached, which is a fault of its own
            yield from ((node.id, message) for message in self._node(node, here, maybe))
            for flow in level.outgoing(node.id):
                yield from ((flow.id, message) for message in _expression_faults(flow.condition or "", here, maybe))
            if node.id in level.inner:
                yield from self.level(level.inner[node.id], here, maybe)

    def outputs(self, diagram: Diagram, entry: Names) -> Iterator[tuple[str, str]]:
        """The outputs that a procedure promises and some way through it does not give."""
        certain = self._certain.leaving(diagram.process, entry)
        possible = self._possible.leaving(diagram.process, entry)
        if certain is None or possible is None:
            return
        for output in sorted(set(diagram.outputs or ()) - certain):
            where = "有的结束路径上" if output in possible else "在任何路径上都"
            yield diagram.process.id, f"流程的输出“{output[:64]}”{where}没有给出。"

    def _node(self, node: Node, certain: Names, possible: Names) -> Iterator[str]:
        for text in (*_timer_texts(node), *_extension_texts(node, PAYLOADS)):
            yield from _expression_faults(text, certain, possible)
        table = self._library.tables.get(node.decision or "")
        if table is not None:
            yield from _missing(frozenset(table.reads), frozenset(table.reads), certain, possible, "决策表的条件里")
        called = self._library.diagrams.get(node.calls or "")
        if called is not None:
            inputs = frozenset(called.inputs or ())
            yield from _missing(inputs, inputs, certain, possible, "被调用流程的输入")


def _expression_faults(text: str, certain: Names, possible: Names) -> Iterator[str]:
    try:
        some, always = expressions.names_in(text), expressions.names_read_always(text)
    except ExpressionError:
        return  # said where the expression itself is checked
    yield from _missing(frozenset(some), frozenset(always), certain, possible, f"表达式“{text[:60]}”里的")


def _missing(some: Names, always: Names, certain: Names, possible: Names, where: str) -> Iterator[str]:
    for name in sorted(some - possible):
        yield f"{where}“{name[:64]}”，前面没有任何环节给出。"
    for name in sorted((always & possible) - certain):
        yield f"{where}“{name[:64]}”，前面有的路径上没有给出。"


def _timer_texts(node: Node) -> Iterator[str]:
    for event in node.events:
        for child in event.node:
            if is_bpmn(child) and local_name(child) == "timeDate":
                yield (child.text or "").strip()


def _extension_texts(node: Node, wanted: frozenset[str]) -> Iterator[str]:
    if not node.events:
        return
    for name in sorted(wanted):
        for child in node.node.iter(f"{{{SPIFFWORKFLOW}}}{name}"):
            yield (child.text or "").strip()


# --- results that cannot occur


def _outcome_faults(diagram: Diagram, library: Library) -> Iterator[tuple[str, str]]:
    offered: set[str] | None = None
    for level in diagram.process.levels():
        for flow in level.flows:
            compared = _compared_outcomes(flow.condition)
            if compared and offered is None:
                offered = _offered_outcomes(diagram, library)
            for code in sorted(compared - (offered or set())):
                yield flow.id, f"没有任何表单会给出结果“{code[:40]}”。"


def _compared_outcomes(text: str | None) -> set[str]:
    try:
        literals = expressions.literals_compared_with(text or "", OUTCOME)
    except ExpressionError:
        return set()
    return {literal for literal in literals if isinstance(literal, str)}


def _offered_outcomes(diagram: Diagram, library: Library) -> set[str]:
    """The results of all human tasks in reach; of every form where an operator or the caller can give one too."""
    offered: set[str] = set()
    anything = OUTCOME in (diagram.inputs or ())
    closure = library.part(library.closure(diagram.name))
    for one in (diagram, *closure.diagrams.values()):
        for _, node in one.nodes():
            form = task_forms().get(node.tongban("form") or "")
            offered |= {outcome.code for outcome in form.outcomes} if form else set()
            anything = anything or (node.operator is not None and OUTCOME in _gives(node, library))
    if anything:
        offered |= {outcome.code for form in task_forms().values() for outcome in form.outcomes}
    for table in closure.tables.values():
        offered |= {str(value) for row in table.rows for value in row.results}
    return offered
