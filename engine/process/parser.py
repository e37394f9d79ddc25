"""From checked diagrams to what SpiffWorkflow runs: one parser per definition, so two versions never meet in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lxml import etree
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser

from engine.process.decisions import DecisionTable
from engine.process.diagram import Definition, Diagram
from engine.process.specs import PARSER_CLASSES, ProcessParser


class DiagramParser(SpiffBpmnParser):  # type: ignore[misc]
    """The library's parser with our task specs, our decision tables, and no eye for the drawing.

    The library sorts the ways out of a gateway by the height at which their targets are drawn, so that moving a box
    changed which condition is asked first. Without positions they stay in the order of the file.
    """

    PROCESS_PARSER_CLASS = ProcessParser
    # Nothing of the library's own is left: what has no mended task spec cannot be parsed.
    PARSER_CLASSES = PARSER_CLASSES
    OVERRIDE_PARSER_CLASSES: ClassVar[dict[str, Any]] = {}

    def __init__(self, tables: Mapping[str, DecisionTable]) -> None:
        super().__init__()
        self.tables = tables

    def get_engine(self, decision_ref: str, node: etree._Element) -> DecisionTable:
        """The table with that decision id."""
        if decision_ref not in self.tables:
            raise ValidationException(f"no decision {decision_ref}", node=node)
        return self.tables[decision_ref]

    def _add_diagram_indexes(self, bpmn: etree._Element) -> None:
        """Positions and lanes are drawing only."""

    def _find_dependencies(self, process: etree._Element) -> None:
        """Not needed: what a diagram calls is known from `Diagram.calls` and `Diagram.decisions`."""


def build(
    content_hash: str, process_id: str, diagrams: Mapping[str, Diagram], tables: Mapping[str, DecisionTable]
) -> Definition:
    """The definition of `process_id` made of exactly these diagrams and tables, which must have passed the check."""
    parser = DiagramParser(tables)
    for diagram in diagrams.values():
        parser.add_bpmn_xml(diagram.root, diagram.file)
    spec = parser.get_spec(process_id)
    return Definition(
        hash=content_hash,
        process_id=process_id,
        title=diagrams[process_id].process.name,
        spec=spec,
        subprocess_specs=parser.get_subprocess_specs(process_id),
        elements={place: element for diagram in diagrams.values() for place, element in diagram.elements().items()},
    )
