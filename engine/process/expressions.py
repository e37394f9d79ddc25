"""The one evaluator of everything a diagram or a table computes (表达式): gateways, timers, cells, payloads.

A diagram is uploaded by people, so its expressions are input. Only what stands in the whitelist below is understood:
literals, names, comparisons, and/or/not, arithmetic on numbers without powers, subscripts, `a.b` on plain dicts,
`in` with lists, a conditional expression, and calls of `FUNCTIONS`. The text is turned into nested Python functions
once and cached; nothing is ever handed to `eval`. Caps on length, nodes, depth and the size of numbers bound the work
that one expression can cause, and there is no operation that makes a long text or list out of short ones.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from SpiffWorkflow.bpmn.script_engine import BasePythonScriptEngineEnvironment

from engine.errors import CannotProceed

MAX_LENGTH = 500
MAX_NODES = 100
MAX_DEPTH = 20
#: Money is counted in cents: more than any amount, and it still fits into the database.
MAX_NUMBER = 2**63 - 1

Evaluator = Callable[[Mapping[str, Any]], Any]

#: What an expression may call. A name of this list can never be a variable.
FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType({"len": len, "min": min, "max": max, "abs": abs})
#: The words of decision tables mean the same in expressions.
WORDS: Mapping[str, Any] = MappingProxyType({"true": True, "false": False, "null": None})

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NUMBER_INTO_WORD = re.compile(r"(?<![A-Za-z0-9_])\d[\d.]*[A-Za-z_]")
_PLAIN = (str, int, float, bool, type(None), list, tuple, dict)
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_EQUALITY = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_REFUSED: Mapping[type[ast.AST], str] = {
    ast.Pow: "乘方“**”",
    ast.Lambda: "lambda",
    ast.JoinedStr: "f 字符串",
    ast.ListComp: "推导式",
    ast.SetComp: "推导式",
    ast.DictComp: "推导式",
    ast.GeneratorExp: "推导式",
    ast.NamedExpr: "赋值“:=”",
    ast.Slice: "切片",
    ast.Starred: "“*”展开",
    ast.Set: "集合",
    ast.MatMult: "矩阵乘法“@”",
    ast.LShift: "位运算",
    ast.RShift: "位运算",
    ast.BitAnd: "位运算“&”（请用 and）",
    ast.BitOr: "位运算“|”（请用 or）",
    ast.BitXor: "位运算",
    ast.Invert: "位运算",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


class ExpressionError(CannotProceed):
    """An expression that must not be used or has no value; the message says which and why."""

    code = "expression_error"


def evaluate(source: str, names: Mapping[str, Any]) -> Any:
    """The value of `source` where `names` gives the variables. Raises `ExpressionError`, and nothing else."""
    program = _compile(source)
    try:
        return program(names)
    except ExpressionError as error:
        raise ExpressionError(f"表达式“{_short(source)}”无法计算：{error.message}") from error
    except ZeroDivisionError as error:
        raise ExpressionError(f"表达式“{_short(source)}”无法计算：除数为零。") from error
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ExpressionError(f"表达式“{_short(source)}”无法计算：参与运算的值不合适。") from error


def names_in(source: str) -> set[str]:
    """The variables that `source` reads. Raises `ExpressionError` for a text that is refused."""
    _compile(source)
    return {name for name, _ in _variables(_tree(source), certain=True)}


def names_read_always(source: str) -> set[str]:
    """The variables that are read whatever the others say: those not behind `and`, `or` or a condition."""
    _compile(source)
    return {name for name, certain in _variables(_tree(source), certain=True) if certain}


def literals_compared_with(source: str, name: str) -> set[Any]:
    """The literals that variable `name` is compared with (`==`, `!=`, `in`, `not in`) anywhere in `source`."""
    _compile(source)
    found: set[Any] = set()
    for node in ast.walk(_tree(source)):
        if not isinstance(node, ast.Compare) or not all(isinstance(op, _EQUALITY) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Name) and side.id == name for side in sides):
            found.update(leaf.value for side in sides for leaf in ast.walk(side) if isinstance(leaf, ast.Constant))
    return found


def check(source: str) -> list[str]:
    """Chinese sentences saying why `source` is refused; empty when it can be used."""
    try:
        _compile(source)
    except ExpressionError as error:
        return [error.message]
    return []


def check_mapping(source: str) -> list[str]:
    """As `check`, for an expression that must write out a mapping: what a message carries."""
    faults = check(source)
    if not faults and not isinstance(_tree(source), ast.Dict):
        faults = [f'表达式“{_short(source)}”要写成 {{"名称": 值}} 的形式。']
    return faults


class WhitelistEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """What SpiffWorkflow evaluates with: expressions by the whitelist, scripts never."""

    def evaluate(self, expression: str, context: Mapping[str, Any], external_context: Any = None) -> Any:
        return evaluate(expression, {**context, **external_context} if external_context else context)

    def execute(self, script: str, context: Mapping[str, Any], external_context: Any = None) -> bool:
        raise ExpressionError("流程图中的脚本不会被执行。")

    def call_service(self, context: Mapping[str, Any], **kwargs: Any) -> Any:
        raise ExpressionError("流程图只能通过服务任务的 implementation 调用业务操作。")


@lru_cache(maxsize=4096)
def _compile(source: str) -> Evaluator:
    tree = _tree(source)
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise ExpressionError(f"表达式“{_short(source)}”过于复杂，请拆成几个判断。")
    try:
        return _Compiler().build(tree)
    except ExpressionError as error:
        raise ExpressionError(f"表达式“{_short(source)}”不能使用：{error.message}") from None


def _tree(source: str) -> ast.expr:
    if not isinstance(source, str) or not source.strip():
        raise ExpressionError("表达式是空的。")
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"表达式“{_short(source)}”超过 {MAX_LENGTH} 个字符。")
    # Escapes are of no use in a condition, and an unknown one is a warning that differs between Python versions.
    if "\\" in source:
        raise ExpressionError(f"表达式“{_short(source)}”不能使用反斜杠。")
    # "1or 2" is a warning of Python's reader, and becomes an error in a later version.
    if _NUMBER_INTO_WORD.search(_QUOTED.sub("''", source)):
        raise ExpressionError(f"表达式“{_short(source)}”里有数字紧接着字母。")
    try:
        return ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"表达式“{_short(source)}”读不懂，请检查括号、引号和运算符。") from error


def _is_no_number(node: ast.expr) -> bool:
    """Something written out that no arithmetic takes: it would only be found out in the middle of a case."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool) or not isinstance(node.value, int | float)
    return isinstance(node, ast.List | ast.Tuple | ast.Dict)


def _short(source: object) -> str:
    text = "".join(char if char.isprintable() else "�" for char in str(source)[:81]).strip()
    return text if len(text) <= 80 else text[:80] + "…"


def _variables(node: ast.AST, *, certain: bool) -> Iterator[tuple[str, bool]]:
    """Each variable with whether it is read for certain."""
    if isinstance(node, ast.Name) and node.id not in FUNCTIONS and node.id not in WORDS:
        yield node.id, certain
    sure: list[ast.AST]
    if isinstance(node, ast.BoolOp):
        sure, perhaps = [node.values[0]], list[ast.AST](node.values[1:])
    elif isinstance(node, ast.IfExp):
        sure, perhaps = [node.test], [node.body, node.orelse]
    else:
        sure, perhaps = list(ast.iter_child_nodes(node)), []
    for child in sure:
        yield from _variables(child, certain=certain)
    for child in perhaps:
        yield from _variables(child, certain=False)


class _Compiler:
    """Turns a syntax tree into nested functions, refusing whatever it does not know."""

    def __init__(self) -> None:
        self.depth = 0

    def build(self, node: ast.AST) -> Evaluator:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise ExpressionError(f"不支持{_REFUSED.get(type(node), '这种写法')}。")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("括号或运算嵌套太深。")
        built: Evaluator = method(node)
        self.depth -= 1
        return built

    def _constant(self, node: ast.Constant) -> Evaluator:
        value = node.value
        if value is None or type(value) in (bool, str):
            return lambda names: value
        if type(value) in (int, float):
            number = _number_in_range(value)
            return lambda names: number
        raise ExpressionError("只支持文字、数字、true、false 和 null。")

    def _name(self, node: ast.Name) -> Evaluator:
        name = _public(node.id)
        if name in FUNCTIONS:
            raise ExpressionError(f"“{name}”是函数名，不能当作变量。")
        if name in WORDS:
            word = WORDS[name]
            return lambda names: word

        def read(names: Mapping[str, Any]) -> Any:
            if name not in names:
                raise ExpressionError(f"名称“{name}”没有值。")
            return _plain(names[name])

        return read

    def _boolop(self, node: ast.BoolOp) -> Evaluator:
        parts = [self.build(value) for value in node.values]
        stops_at = isinstance(node.op, ast.Or)

        def combine(names: Mapping[str, Any]) -> Any:
            value: Any = None
            for part in parts:
                value = part(names)
                if bool(value) is stops_at:
                    break
            return value

        return combine

    def _unaryop(self, node: ast.UnaryOp) -> Evaluator:
        operand = self.build(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda names: not operand(names)
        if isinstance(node.op, ast.USub):
            return lambda names: -_number(operand(names))
        if isinstance(node.op, ast.UAdd):
            return lambda names: _number(operand(names))
        raise ExpressionError(f"不支持{_REFUSED.get(type(node.op), '这种运算')}。")

    def _binop(self, node: ast.BinOp) -> Evaluator:
        calculate = _ARITHMETIC.get(type(node.op))
        if calculate is None:
            raise ExpressionError(f"不支持{_REFUSED.get(type(node.op), '这种运算')}。")
        if any(_is_no_number(side) for side in (node.left, node.right)):
            raise ExpressionError("加减乘除和取余只能用于数字。")
        left, right = self.build(node.left), self.build(node.right)
        return lambda names: _number_in_range(calculate(_number(left(names)), _number(right(names))))

    def _compare(self, node: ast.Compare) -> Evaluator:
        first = self.build(node.left)
        steps = [
            (self._comparison(op, side), self.build(side)) for op, side in zip(node.ops, node.comparators, strict=True)
        ]

        def compare(names: Mapping[str, Any]) -> bool:
            left = first(names)
            for holds, side in steps:
                right = side(names)
                if not holds(left, right):
                    return False
                left = right
            return True

        return compare

    def _comparison(self, op: ast.cmpop, right: ast.expr) -> Callable[[Any, Any], bool]:
        if isinstance(op, ast.Eq):
            return lambda a, b: bool(a == b)
        if isinstance(op, ast.NotEq):
            return lambda a, b: bool(a != b)
        if isinstance(op, ast.In | ast.NotIn):
            wanted = isinstance(op, ast.In)
            # `outcome in ("pass")` would look for a part of the text: a bracket that is no list.
            if isinstance(right, ast.Constant):
                raise ExpressionError('“in”右边要写列表，例如 ["pass", "not_passed"]。')
            return lambda a, b: (a in _container(b)) is wanted
        if isinstance(op, ast.Is | ast.IsNot):
            if not _is_truth_or_nothing(right):
                raise ExpressionError("“is”右边只能写 None；比较值请用“==”。")
            same = isinstance(op, ast.Is)
            return lambda a, b: (a is b) is same
        order = _ORDER[type(op)]
        return lambda a, b: order(*_comparable(a, b))

    def _ifexp(self, node: ast.IfExp) -> Evaluator:
        test, body, other = self.build(node.test), self.build(node.body), self.build(node.orelse)
        return lambda names: body(names) if test(names) else other(names)

    def _subscript(self, node: ast.Subscript) -> Evaluator:
        holder, key = self.build(node.value), self.build(node.slice)

        def take(names: Mapping[str, Any]) -> Any:
            value, at = _container(holder(names)), key(names)
            if type(at) not in ((str, int, bool) if isinstance(value, dict) else (int,)):
                raise ExpressionError("方括号里的位置不合适。")
            return _plain(value[at])

        return take

    def _attribute(self, node: ast.Attribute) -> Evaluator:
        holder, key = self.build(node.value), _public(node.attr)

        def take(names: Mapping[str, Any]) -> Any:
            value = holder(names)
            if type(value) is not dict or key not in value:
                raise ExpressionError(f"“.{key}”没有值。")
            return _plain(value[key])

        return take

    def _list(self, node: ast.List) -> Evaluator:
        parts = [self.build(element) for element in node.elts]
        return lambda names: [part(names) for part in parts]

    def _tuple(self, node: ast.Tuple) -> Evaluator:
        return self._list(ast.List(elts=node.elts))

    def _dict(self, node: ast.Dict) -> Evaluator:
        parts: list[tuple[str, Evaluator]] = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                raise ExpressionError("花括号里的键只能是加引号的文字。")
            parts.append((key.value, self.build(value)))
        return lambda names: {key: part(names) for key, part in parts}

    def _call(self, node: ast.Call) -> Evaluator:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise ExpressionError(f"只能调用 {'、'.join(FUNCTIONS)}。")
        if node.keywords:
            raise ExpressionError("调用函数时不能写参数名。")
        # Bound here and never looked up again: a variable of the same name changes nothing.
        function = FUNCTIONS[node.func.id]
        arguments = [self.build(argument) for argument in node.args]
        return lambda names: _plain(function(*[argument(names) for argument in arguments]))


def _is_truth_or_nothing(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in WORDS
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _public(name: str) -> str:
    if name.startswith("_") or not name.isascii():
        raise ExpressionError(f"名称“{_short(name)}”不能使用：名称由英文字母、数字和下划线组成，不以下划线开头。")
    return name


def _plain(value: Any) -> Any:
    if type(value) not in _PLAIN:
        raise ExpressionError("流程数据里只能有文字、数字、真假和空值。")
    return value


def _number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise ExpressionError("只有数字才能做加减乘除。")
    return value


def _number_in_range(value: Any) -> Any:
    # Also refuses inf and nan, for which no comparison holds.
    if not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise ExpressionError("数字太大。")
    return value


def _container(value: Any) -> Any:
    if type(value) not in (list, tuple, dict):
        raise ExpressionError("“in”和方括号只能用于列表。")
    return value


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    numbers = type(left) in (int, float) and type(right) in (int, float)
    if not numbers and not (type(left) is str and type(right) is str):
        raise ExpressionError("只有数字与数字、文字与文字才能比较大小。")
    return left, right
