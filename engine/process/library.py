"""A set of diagrams and decision tables that belong together, and how they hang on each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from lxml import etree

from engine.process.decisions import DecisionTable, read_table
from engine.process.diagram import Diagram, Fault, Unreadable, read_diagram, read_xml


@dataclass(frozen=True)
class Library:
    """Diagrams by process id, decision tables by decision id."""

    diagrams: Mapping[str, Diagram]
    tables: Mapping[str, DecisionTable]

    def roots(self) -> set[str]:
        """Processes that are started on their own (isExecutable="true")."""
        return {name for name, diagram in self.diagrams.items() if diagram.starts_alone}

    def closure(self, name: str) -> set[str]:
        """`name` and everything it calls or asks, as far as the library has it."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one in found or (one not in self.diagrams and one not in self.tables):
                continue
            found.add(one)
            if one in self.diagrams:
                waiting.extend(self.diagrams[one].calls | self.diagrams[one].decisions)
        return found

    def part(self, names: set[str]) -> Library:
        """Only what `names` names."""
        return Library(
            {name: diagram for name, diagram in self.diagrams.items() if name in names},
            {name: table for name, table in self.tables.items() if name in names},
        )

    def callers(self, name: str) -> list[Diagram]:
        """The diagrams that call `name`."""
        return [diagram for diagram in self.diagrams.values() if name in diagram.calls]

    def title(self, name: str) -> str:
        """The Chinese name of a process or decision; its id where it has none."""
        if name in self.diagrams:
            return self.diagrams[name].process.name or name
        return self.tables[name].title if name in self.tables else name


def read_library(files: Mapping[str, bytes]) -> tuple[Library, list[Fault]]:
    """The library in `files` (name -> content), and why some of them could not be read."""
    diagrams: dict[str, Diagram] = {}
    tables: dict[str, DecisionTable] = {}
    faults: list[Fault] = []
    for file, content in files.items():
        name, suffix = PurePosixPath(file).stem, PurePosixPath(file).suffix
        try:
            root = read_xml(content)
            if suffix == ".dmn":
                tables |= _read_table(name, file, root, faults)
            else:
                diagrams[name] = read_diagram(name, file, root)
        except Unreadable as error:
            faults.append(Fault(file, "", str(error)))
    return Library(diagrams, tables), faults


def _read_table(name: str, file: str, root: etree._Element, faults: list[Fault]) -> dict[str, DecisionTable]:
    table, found = read_table(root)
    faults.extend(Fault(file, fault.element, fault.message) for fault in found)
    return {name: table} if table is not None else {}
