"""`tongban trace`: which diagram elements, code and tests carry each rule of the register.

Nothing is declared twice: a diagram element names its rules in `tongban:rule` or its documentation, code names them
in docstrings, comments and configuration, a test in `@pytest.mark.rule(...)` or under `rules:` of a `tests/law` file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from config.files import read_yaml
from config.register import load_register

ROOMS = ("config", "engine", "handlers", "api")
_RULE_ATTRIBUTE = "{urn:tongban:bpmn:1}rule"

#: ABC-03, FRM-9-9-05 or X228-09, and the short way of a list: "ABC-01, -03, -04".
_NAMED = re.compile(r"\b([A-Z]{2,3}|G228)-(\d+(?:-\d+){0,2})((?:, ?-\d+)*)")
_SHORT = re.compile(r"-(\d+)")


@dataclass(frozen=True, kw_only=True)
class RuleTrace:
    """A rule and what carries it. Elements are `file#element`, code `file:line`, tests `file::test`."""

    id: str
    priority: str
    state: str
    elements: tuple[str, ...]
    code: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def is_carried(self) -> bool:
        """Something carries the rule: an element, code or a test."""
        return bool(self.elements or self.code or self.tests)


def trace(root: Path) -> list[RuleTrace]:
    """Every rule of the register below `root`, in its order. Raises `ConfigError` for a broken register."""
    elements = _collect(_elements(root))
    code = _collect(_code(root))
    tests = _collect(_tests(root))
    return [
        RuleTrace(
            id=rule.id,
            priority=rule.priority,
            state=rule.state,
            elements=elements.get(rule.id, ()),
            code=code.get(rule.id, ()),
            tests=tests.get(rule.id, ()),
        )
        for rule in load_register(root / "config" / "register.yaml").values()
    ]


def without_any(traces: Iterable[RuleTrace]) -> list[str]:
    """Ids of the rules of priority M that nothing carries."""
    return [rule.id for rule in traces if rule.priority == "M" and not rule.is_carried]


def without_test(traces: Iterable[RuleTrace]) -> list[str]:
    """Ids of the rules of priority M that no test carries."""
    return [rule.id for rule in traces if rule.priority == "M" and not rule.tests]


def as_json(traces: Iterable[RuleTrace]) -> dict[str, Any]:
    """The answer of `tongban trace --json`."""
    return {"rules": [asdict(rule) for rule in traces]}


def as_text(traces: Sequence[RuleTrace]) -> str:
    """The answer of `tongban trace`: rule by rule, then the M rules that have nothing or no test."""
    lines = []
    for rule in traces:
        lines.append(f"{rule.id}  {rule.priority}  {'已完成' if rule.state == 'done' else '未完成'}")
        for label, places in (("流程图", rule.elements), ("代码", rule.code), ("测试", rule.tests)):
            lines += [f"    {label}  {place}" for place in places]
    for title, ids in (
        ("没有流程图、代码或测试的必须规则（M）", without_any(traces)),
        ("没有测试的必须规则（M）", without_test(traces)),
    ):
        lines += ["", f"{title}：{len(ids)} 条", *(f"    {id_}" for id_ in ids)]
    return "\n".join(lines)


def rules_named_in(words: str) -> Iterator[str]:
    """The rule ids that a text names, also in the short way "ABC-01, -03"."""
    for match in _NAMED.finditer(words):
        family, number, further = match.groups()
        yield f"{family}-{number}"
        for short in _SHORT.findall(further):
            yield f"{family}-{short}"


def _collect(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    places: dict[str, dict[str, None]] = {}
    for rule, place in found:
        places.setdefault(rule, {})[place] = None
    return {rule: tuple(named) for rule, named in places.items()}


def _elements(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "bpmn").rglob("*")):
        if path.suffix not in (".bpmn", ".dmn"):
            continue
        name = path.relative_to(root)
        for element in ElementTree.parse(path).iter():
            for rule in rules_named_in(_said_by(element)):
                yield rule, f"{name}#{element.get('id', path.stem)}"


def _said_by(element: Element) -> str:
    """What an element says about its rules: the attribute, and its own documentation (in DMN: description)."""
    own = [child.text or "" for child in element if child.tag.rpartition("}")[2] in ("documentation", "description")]
    return " ".join((element.get(_RULE_ATTRIBUTE, ""), *own))


def _code(root: Path) -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in (".py", ".yaml") or path.name == "register.yaml":
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                for rule in rules_named_in(line):
                    yield rule, f"{path.relative_to(root)}:{number}"


def _tests(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = str(path.relative_to(root))
        module = ast.parse(path.read_text(encoding="utf-8"), filename=name)
        of_all = [rule for node in module.body if _is_pytestmark(node) for rule in _marked(node)]
        yield from _tests_in(module.body, name, of_all)
    for path in sorted((root / "tests" / "law").glob("*.yaml")):
        for case in read_yaml(path)["cases"]:
            for rule in case.get("rules", ()):
                yield rule, f"{path.relative_to(root)}::{case['case']}"


def _tests_in(body: Sequence[ast.stmt], name: str, inherited: Sequence[str]) -> Iterator[tuple[str, str]]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        own = [*inherited, *(rule for decorator in node.decorator_list for rule in _marked(decorator))]
        where = f"{name}::{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _tests_in(node.body, where, own)
        elif node.name.startswith("test_"):
            for rule in own:
                yield rule, where


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _marked(node: ast.AST) -> Iterator[str]:
    """The ids in every `pytest.mark.rule(...)` at or below `node`, also in the marks of a parameter."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.rule"):
            for argument in call.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value
