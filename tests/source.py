"""The project's own source as the house tests read it: files, syntax trees, diagrams, registers."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from lxml import etree

from config.settings import PROJECT

ROOMS = ("config", "engine", "handlers", "api")
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
TONGBAN = "{urn:tongban:bpmn:1}"


@dataclass(frozen=True)
class Module:
    """A Python file of the house, parsed."""

    name: str
    path: Path
    tree: ast.Module

    def where(self, node: ast.AST) -> str:
        """`file:line`, for the message of a failing test."""
        return f"{self.path.relative_to(PROJECT)}:{getattr(node, 'lineno', 1)}"

    def imports(self) -> Iterator[tuple[str, ast.AST]]:
        """Every imported module, and `module.name` for each imported name; also those inside functions."""
        yield from _imports(ast.walk(self.tree))

    def imports_at_run_time(self) -> Iterator[tuple[str, ast.AST]]:
        """The same without what only the type checker sees."""
        for_types = {
            id(child)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.If) and called_name(node.test) == "TYPE_CHECKING"
            for child in ast.walk(node)
        }
        yield from _imports(node for node in ast.walk(self.tree) if id(node) not in for_types)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node


@cache
def modules() -> tuple[Module, ...]:
    """All modules of the four rooms."""
    return tuple(_module(path) for room in ROOMS for path in sorted((PROJECT / room).rglob("*.py")))


@cache
def modules_of_tests() -> tuple[Module, ...]:
    """All modules of the tests."""
    return tuple(_module(path) for path in sorted((PROJECT / "tests").rglob("*.py")))


def _module(path: Path) -> Module:
    name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))


@cache
def committed_files() -> tuple[Path, ...]:
    """What a clone gets; outside a git work tree, everything that is not generated."""
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=False)
    if answer.returncode == 0 and answer.stdout:
        names = answer.stdout.decode("utf-8").split("\0")
        return tuple(PROJECT / name for name in names if name and (PROJECT / name).is_file())
    generated = {".venv", "var", "node_modules", ".git", "__pycache__"}
    return tuple(
        path
        for path in sorted(PROJECT.rglob("*"))
        if path.is_file() and not generated.intersection(path.relative_to(PROJECT).parts)
    )


@cache
def document(path: str) -> Any:
    """A YAML file of the project."""
    return yaml.safe_load((PROJECT / path).read_text(encoding="utf-8"))


@cache
def register() -> dict[str, dict[str, Any]]:
    """The rules of config/register.yaml by id, in order; ids that occur twice fail the test that reads them."""
    content = document("config/register.yaml")
    rules = content.get("rules", content)
    listed = rules if isinstance(rules, list) else [{"id": key, **value} for key, value in rules.items()]
    return {rule["id"]: rule for rule in listed}


@cache
def diagrams() -> tuple[tuple[Path, Any], ...]:
    """Every BPMN file with its parsed root."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    files = sorted((PROJECT / "bpmn").rglob("*.bpmn"))
    return tuple((path, etree.parse(str(path), parser).getroot()) for path in files)


def strings_in(node: ast.AST) -> Iterator[str]:
    """All string constants below a node."""
    for found in ast.walk(node):
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            yield found.value


def called_name(node: ast.AST) -> str:
    """`a.b.c` of a call's function or of a decorator; empty where it is no plain name."""
    if isinstance(node, ast.Call):
        node = node.func
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join(reversed([*parts, node.id]))
