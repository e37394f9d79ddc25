"""Decision tables (决策表): the subset of DMN that we read, and our own evaluation of it.

A cell of a condition is `-`, a literal, a list of literals, a comparison (`<= 4`), a range (`[1..4]`, `(0..4]`) or
`not(...)` around literals; a cell of a result is a literal. Literals are texts in double quotes, numbers, `true`,
`false` and `null`. Hit policies: FIRST, and UNIQUE, which really is checked. The library evaluates cells as Python;
here nothing of a cell is ever executed. Everything else is refused with the cell named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine.errors import CannotProceed
from engine.process import expressions
from engine.process.operators import Scalar

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
MAX_CELLS = 5000
MAX_CELL_LENGTH = 500

Literal = str | int | float | bool | None

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\\]*")|(?P<number>-?\d{1,15}(?:\.(?!\.)\d{1,6})?)|(?P<word>[a-z]+)
    |(?P<sign>\.\.|<=|>=|<|>|\[|\]|\(|\)|,|-))""",
    re.VERBOSE,
)
_WORDS: Mapping[str, Literal] = {"true": True, "false": False, "null": None}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
#: typeRef of a column -> what its literals must be.
_TYPES: Mapping[str, str] = {
    "string": "text",
    "boolean": "truth",
    "number": "number",
    "integer": "number",
    "long": "number",
    "double": "number",
}
_KIND_NAMES = {"text": "文字", "number": "数字", "truth": "真假"}


class DecisionError(CannotProceed):
    """A table that gives no answer for this case: no row fits, two rows of a UNIQUE table fit, or a value is unfit."""

    code = "decision_error"


class CellError(Exception):
    """A cell outside the subset; the text is a Chinese sentence."""


@dataclass(frozen=True)
class UnaryTest:
    """One condition of a cell: `sign` is =, <, <=, > or >=."""

    sign: str
    value: Literal


@dataclass(frozen=True)
class Cell:
    """What a condition cell asks: any of the alternatives (each a conjunction) holds, or with `negated` none does."""

    alternatives: tuple[tuple[UnaryTest, ...], ...]
    negated: bool = False

    @property
    def kinds(self) -> set[str]:
        """The kinds of its literals (null belongs to every kind)."""
        return {kind_of(test.value) for tests in self.alternatives for test in tests} - {"nothing"}

    def holds(self, value: Any) -> bool:
        """True if `value` fits. A value that is not known (null) fits no comparison and no `not(...)`."""
        if self.negated and value is None:
            return False
        return any(all(_test(test, value) for test in tests) for tests in self.alternatives) is not self.negated


@dataclass(frozen=True)
class Column:
    """A condition column (its expression) or a result column (its name)."""

    id: str
    label: str
    text: str
    kind: str | None


@dataclass(frozen=True)
class Row:
    id: str
    number: int
    #: None: `-`, anything fits.
    conditions: tuple[Cell | None, ...]
    results: tuple[Scalar, ...]


@dataclass(frozen=True)
class DecisionTable:
    """A table that can be asked. `id` is the decision id, which is the file's name."""

    id: str
    title: str
    hit_policy: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def reads(self) -> set[str]:
        """The variables its conditions read."""
        return set().union(*(expressions.names_in(column.text) for column in self.inputs))

    @property
    def returns(self) -> tuple[str, ...]:
        """The names of its results."""
        return tuple(column.text for column in self.outputs)

    def decide(self, names: Mapping[str, Any]) -> dict[str, Scalar]:
        """The results of the row that fits. Raises `DecisionError` where none does, or two of a UNIQUE table do."""
        values = [expressions.evaluate(column.text, names) for column in self.inputs]
        fitting: Row | None = None
        for row in self.rows:
            if not self._fits(row, values):
                continue
            if self.hit_policy == "FIRST":
                return self._results(row)
            if fitting is not None:
                raise DecisionError(
                    f"决策表“{self.title}”的第 {fitting.number} 行和第 {row.number} 行同时符合，只能有一行符合。"
                )
            fitting = row
        if fitting is None:
            raise DecisionError(f"决策表“{self.title}”没有符合本办件情况的行，请补充该表。")
        return self._results(fitting)

    def _results(self, row: Row) -> dict[str, Scalar]:
        return dict(zip(self.returns, row.results, strict=True))

    def _fits(self, row: Row, values: list[Any]) -> bool:
        for column, cell, value in zip(self.inputs, row.conditions, values, strict=True):
            if cell is None:
                continue
            if value is not None and cell.kinds and kind_of(value) not in cell.kinds:
                raise DecisionError(f"决策表“{self.title}”第 {row.number} 行的“{column.label}”与实际值的类型不同。")
            if not cell.holds(value):
                return False
        return True


@dataclass(frozen=True)
class TableFault:
    """What is wrong with a table, and in which element of the file (a cell has an id of its own)."""

    element: str
    message: str


def kind_of(value: Any) -> str:
    """text, number, truth or nothing; `other` for what no cell can hold."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def read_condition(text: str | None) -> Cell | None:
    """The condition that a cell's text means; None for `-`. Raises `CellError`."""
    tokens = _Tokens(text or "-")
    if tokens.take("-") or not tokens.left:
        tokens.finish()
        return None
    if tokens.take("not"):
        tokens.expect("(")
        cell = Cell(tuple(_tests(tokens)), negated=True)
        tokens.expect(")")
    else:
        cell = Cell(tuple(_tests(tokens)))
    tokens.finish()
    if len(cell.kinds) > 1:
        raise CellError("一个单元格里只能写同一种值")
    return cell


def read_result(text: str | None) -> Scalar:
    """The literal that a result cell's text means; whole numbers only, for process data. Raises `CellError`."""
    tokens = _Tokens(text or "")
    if not tokens.left:
        raise CellError("结果不能为空；没有值请写 null")
    value = tokens.literal()
    tokens.finish()
    if isinstance(value, float):
        raise CellError("结果只能是整数")
    return value


def read_table(root: etree._Element) -> tuple[DecisionTable | None, list[TableFault]]:
    """The decision table of a DMN file, or None with what is wrong with it. `root` comes from a safe reader."""
    reader = _Reader()
    table = reader.read(root)
    return (None if reader.faults else table), reader.faults


def _tests(tokens: _Tokens) -> Iterator[tuple[UnaryTest, ...]]:
    while True:
        yield tokens.alternative()
        if not tokens.take(","):
            return


def _test(test: UnaryTest, value: Any) -> bool:
    if test.sign == "=":
        return kind_of(value) == kind_of(test.value) and bool(value == test.value)
    return kind_of(value) == kind_of(test.value) and _COMPARE[test.sign](value, test.value)


class _Tokens:
    """The tokens of one cell, taken from the left."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CELL_LENGTH:
            raise CellError(f"超过 {MAX_CELL_LENGTH} 个字符")
        self.left = list(self._split(text.strip()))

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise CellError("只能写 -、值、值的列表、比较、区间或 not(...)")
            position = match.end()
            yield str(match.lastgroup), match[str(match.lastgroup)]

    def take(self, *wanted: str) -> str | None:
        """The next token if it is one of `wanted`."""
        if self.left and self.left[0][0] in ("sign", "word") and self.left[0][1] in wanted:
            return self.left.pop(0)[1]
        return None

    def expect(self, *wanted: str) -> str:
        found = self.take(*wanted)
        if found is None:
            raise CellError(f"此处应为“{'”或“'.join(wanted)}”")
        return found

    def finish(self) -> None:
        if self.left:
            raise CellError(f"“{self.left[0][1]}”在这里多余")

    def alternative(self) -> tuple[UnaryTest, ...]:
        """A literal, a comparison or a range."""
        opening = self.take("[", "(", "]")
        if opening:
            return self._range(opening)
        sign = self.take(*_COMPARE)
        if sign is None:
            return (UnaryTest("=", self.literal()),)
        return (UnaryTest(sign, self._ordered()),)

    def _range(self, opening: str) -> tuple[UnaryTest, ...]:
        low = self._ordered()
        self.expect("..")
        high = self._ordered()
        closing = self.expect("]", ")", "[")
        if kind_of(low) != kind_of(high):
            raise CellError("区间的两端要是同一种值")
        lower, upper = UnaryTest(">=" if opening == "[" else ">", low), UnaryTest("<=" if closing == "]" else "<", high)
        if not (_COMPARE[lower.sign](high, low) and _COMPARE[upper.sign](low, high)):
            raise CellError("区间的下限大于上限")
        return lower, upper

    def _ordered(self) -> Literal:
        value = self.literal()
        if kind_of(value) not in ("number", "text"):
            raise CellError("只有数字和文字能比较大小")
        return value

    def literal(self) -> Literal:
        kind, text = self.left.pop(0) if self.left else ("", "")
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "word" and text in _WORDS:
            return _WORDS[text]
        raise CellError("文字要加英文双引号；其余只能写数字、true、false 或 null")


class _Reader:
    """Reads one file and collects its faults."""

    def __init__(self) -> None:
        self.faults: list[TableFault] = []

    def fault(self, node: etree._Element, message: str) -> None:
        self.faults.append(TableFault(node.get("id") or etree.QName(node).localname, message))

    def read(self, root: etree._Element) -> DecisionTable | None:
        if root.tag != f"{{{DMN}}}definitions":
            self.fault(root, f"决策表文件的命名空间应为 {DMN}。")
            return None
        decisions = root.findall(f"{{{DMN}}}decision")
        if len(decisions) != 1:
            self.fault(root, f"一个文件只能有一个决策，这里有 {len(decisions)} 个。")
            return None
        for child in root:
            if _name(child) in ("businessKnowledgeModel", "decisionService", "import", "itemDefinition"):
                self.fault(child, f"不支持“{_name(child)}”。")
        return self._decision(decisions[0])

    def _decision(self, decision: etree._Element) -> DecisionTable | None:
        tables = decision.findall(f"{{{DMN}}}decisionTable")
        if len(tables) != 1:
            self.fault(decision, "决策里要有且只有一张决策表。")
            return None
        if decision.findall(f".//{{{DMN}}}requiredDecision"):
            self.fault(decision, "不支持依赖其他决策的决策。")
        return self._table(decision, tables[0])

    def _table(self, decision: etree._Element, table: etree._Element) -> DecisionTable | None:
        policy = table.get("hitPolicy", "UNIQUE")
        if policy not in ("FIRST", "UNIQUE") or table.get("aggregation"):
            self.fault(table, f"命中策略“{policy}”不受支持，请用 FIRST 或 UNIQUE。")
        inputs = tuple(self._input(node) for node in table.findall(f"{{{DMN}}}input"))
        outputs = tuple(self._output(node) for node in table.findall(f"{{{DMN}}}output"))
        rules = table.findall(f"{{{DMN}}}rule")
        if not inputs or not outputs or not rules:
            self.fault(table, "决策表要有条件列、结果列和至少一行。")
            return None
        if len(rules) * (len(inputs) + len(outputs)) > MAX_CELLS:
            self.fault(table, f"决策表超过 {MAX_CELLS} 个单元格。")
            return None
        names = [column.text for column in outputs]
        if len(set(names)) != len(names):
            self.fault(table, "两个结果列同名。")
        rows = tuple(self._row(rule, number, inputs, outputs) for number, rule in enumerate(rules, start=1))
        title = decision.get("name") or decision.get("id") or ""
        return DecisionTable(decision.get("id") or "", title, policy, inputs, outputs, rows)

    def _input(self, node: etree._Element) -> Column:
        expression = node.find(f"{{{DMN}}}inputExpression")
        text = "" if expression is None else _text(expression)
        if expression is not None and expression.get("expressionLanguage"):
            self.fault(node, "条件列不能另选表达式语言。")
        for message in expressions.check(text):
            self.fault(node, f"条件列“{node.get('label') or text}”：{message}")
        return Column(node.get("id") or "", node.get("label") or text, text, self._kind(node, expression))

    def _output(self, node: etree._Element) -> Column:
        name = node.get("name") or ""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            self.fault(node, f"结果列的名称“{name}”要用小写英文、数字和下划线。")
        if node.find(f"{{{DMN}}}defaultOutputEntry") is not None:
            self.fault(node, "不支持结果列的默认值，请在表末加一行。")
        return Column(node.get("id") or "", node.get("label") or name, name, self._kind(node, node))

    def _kind(self, node: etree._Element, typed: etree._Element | None) -> str | None:
        reference = typed.get("typeRef") if typed is not None else None
        if reference and reference not in _TYPES:
            self.fault(node, f"类型“{reference}”不受支持，请用 string、number 或 boolean。")
        return _TYPES.get(reference or "")

    def _row(self, rule: etree._Element, number: int, inputs: tuple[Column, ...], outputs: tuple[Column, ...]) -> Row:
        conditions = self._cells(rule, number, "inputEntry", inputs, read_condition)
        results = self._cells(rule, number, "outputEntry", outputs, read_result)
        return Row(rule.get("id") or str(number), number, tuple(conditions), tuple(results))

    def _cells(
        self,
        rule: etree._Element,
        number: int,
        tag: str,
        columns: tuple[Column, ...],
        read: Callable[[str | None], Any],
    ) -> list[Any]:
        entries = rule.findall(f"{{{DMN}}}{tag}")
        if len(entries) != len(columns):
            self.fault(rule, f"第 {number} 行的单元格数与列数不同。")
            return [None] * len(columns)
        return [self._cell(entry, number, column, read) for entry, column in zip(entries, columns, strict=True)]

    def _cell(self, entry: etree._Element, number: int, column: Column, read: Callable[[str | None], Any]) -> Any:
        text = _text(entry)
        where = f"第 {number} 行“{column.label}”的单元格“{text[:60]}”"
        if entry.get("expressionLanguage"):
            self.fault(entry, f"{where}不能另选表达式语言。")
        try:
            value = read(text)
        except CellError as error:
            self.fault(entry, f"{where}不受支持：{error}。")
            return None
        kinds = value.kinds if isinstance(value, Cell) else {kind_of(value)} - {"nothing"}
        if column.kind and kinds - {column.kind} and value is not None:
            self.fault(entry, f"{where}应为{_KIND_NAMES[column.kind]}。")
        return value


def _name(node: etree._Element) -> str:
    return etree.QName(node).localname


def _text(node: etree._Element) -> str:
    return (node.findtext(f"{{{DMN}}}text") or "").strip()
