"""The drawings: complete, inside the canvas, nothing on top of another; every element says what it is for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from config.settings import PROJECT
from tests.source import BPMN, TONGBAN, diagrams, register

BPMNDI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DI = "{http://www.omg.org/spec/DD/20100524/DI}"
DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
DMNDI = "{https://www.omg.org/spec/DMN/20191111/DMNDI/}"

#: What the modeler draws without a label of its own beside it: the name stands inside.
INSIDE = {"userTask", "serviceTask", "businessRuleTask", "callActivity", "subProcess"}
#: A page of the modeler; larger drawings should become procedures.
CANVAS = (4000, 1500)

each_diagram = pytest.mark.parametrize(
    ("path", "root"), [pytest.param(path, root, id=path.stem) for path, root in diagrams()]
)


@dataclass(frozen=True)
class Box:
    """A rectangle of the drawing: a shape, or the label of a shape or an edge."""

    of: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )

    def core(self) -> Box:
        """The inner half: what a diamond or a circle surely covers."""
        aside, down = (self.right - self.left) / 4, (self.bottom - self.top) / 4
        return Box(self.of, self.left + aside, self.top + down, self.right - aside, self.bottom - down)

    def on_border(self, x: float, y: float) -> bool:
        inside = self.left <= x <= self.right and self.top <= y <= self.bottom
        return inside and (x in (self.left, self.right) or y in (self.top, self.bottom))


class Drawing:
    """The diagram interchange of one file, beside what it draws."""

    def __init__(self, root: Any) -> None:
        self.nodes = {
            element.get("id"): element
            for element in root.iter()
            if isinstance(element.tag, str)
            and element.tag.startswith(BPMN)
            and (element.tag.endswith(("Task", "Event", "Gateway", "callActivity", "subProcess")))
        }
        self.flows = {flow.get("id"): flow for flow in root.iter(f"{BPMN}sequenceFlow")}
        self.shapes = {
            shape.get("bpmnElement"): _box(shape.get("bpmnElement"), shape) for shape in root.iter(f"{BPMNDI}BPMNShape")
        }
        self.edges = {
            edge.get("bpmnElement"): [
                (float(point.get("x")), float(point.get("y"))) for point in edge.iter(f"{DI}waypoint")
            ]
            for edge in root.iter(f"{BPMNDI}BPMNEdge")
        }
        self.labels = {
            drawn.get("bpmnElement"): _box(drawn.get("bpmnElement"), label)
            for drawn in root.iter(f"{BPMNDI}BPMNShape", f"{BPMNDI}BPMNEdge")
            for label in drawn.iter(f"{BPMNDI}BPMNLabel")
        }

    def kind(self, element: str) -> str:
        return str(self.nodes[element].tag.removeprefix(BPMN))

    def solid(self) -> dict[str, Box]:
        """The shapes that nothing may lie on: all but the boxes of sub-processes."""
        return {name: box for name, box in self.shapes.items() if self.kind(name) != "subProcess"}

    def may_touch(self, one: str, other: str) -> bool:
        """A boundary event lies on the border of its host."""
        return self.nodes[one].get("attachedToRef") == other or self.nodes[other].get("attachedToRef") == one

    def segments(self, flow: str) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
        yield from pairwise(self.edges[flow])


def _box(of: str, drawn: Any) -> Box:
    bounds = drawn.find(f"{DC}Bounds")
    x, y = float(bounds.get("x")), float(bounds.get("y"))
    return Box(of, x, y, x + float(bounds.get("width")), y + float(bounds.get("height")))


def _strip(start: tuple[float, float], end: tuple[float, float], of: str = "") -> Box:
    """The place that a straight line takes, a hair wide."""
    (x1, y1), (x2, y2) = start, end
    return Box(of, min(x1, x2) - 0.5, min(y1, y2) - 0.5, max(x1, x2) + 0.5, max(y1, y2) + 0.5)


# --- drawn at all


@each_diagram
def test_every_element_has_a_shape_and_every_flow_an_edge(path: Path, root: Any) -> None:
    drawing = Drawing(root)

    assert set(drawing.shapes) == set(drawing.nodes)
    assert set(drawing.edges) == set(drawing.flows)


@each_diagram
def test_incoming_and_outgoing_agree_with_the_flows(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    for name, node in drawing.nodes.items():
        incoming = [part.text for part in node.findall(f"{BPMN}incoming")]
        outgoing = [part.text for part in node.findall(f"{BPMN}outgoing")]
        assert sorted(incoming) == sorted(f for f, flow in drawing.flows.items() if flow.get("targetRef") == name)
        assert sorted(outgoing) == sorted(f for f, flow in drawing.flows.items() if flow.get("sourceRef") == name)


@each_diagram
def test_everything_lies_inside_the_canvas(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    points = [point for points in drawing.edges.values() for point in points]
    boxes = [*drawing.shapes.values(), *drawing.labels.values(), *(_strip(point, point) for point in points)]

    assert min(box.left for box in boxes) > 0
    assert min(box.top for box in boxes) > 0
    assert max(box.right for box in boxes) < CANVAS[0]
    assert max(box.bottom for box in boxes) < CANVAS[1]


@each_diagram
def test_what_belongs_to_a_sub_process_lies_inside_its_box(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    for name, node in drawing.nodes.items():
        parent = node.getparent().get("id")
        if parent in drawing.shapes:
            assert drawing.shapes[parent].contains(drawing.shapes[name]), name
    for name, flow in drawing.flows.items():
        parent = flow.getparent().get("id")
        for point in drawing.edges[name]:
            assert parent not in drawing.shapes or drawing.shapes[parent].contains(_strip(point, point)), name


# --- nothing on top of something else


@each_diagram
def test_no_shape_lies_on_another(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    faults = [
        (one.of, other.of)
        for one, other in combinations(drawing.solid().values(), 2)
        if one.overlaps(other) and not drawing.may_touch(one.of, other.of)
    ]
    assert not faults


@each_diagram
def test_edges_are_straight_and_meet_their_shapes(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    for name, points in drawing.edges.items():
        flow = drawing.flows[name]
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(points)), name
        assert drawing.shapes[flow.get("sourceRef")].on_border(*points[0]), name
        assert drawing.shapes[flow.get("targetRef")].on_border(*points[-1]), name


@each_diagram
def test_no_edge_runs_through_a_shape(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    faults = [
        (name, box.of)
        for name, flow in drawing.flows.items()
        for segment in drawing.segments(name)
        for box in drawing.solid().values()
        if box.of not in (flow.get("sourceRef"), flow.get("targetRef"))
        and _strip(*segment).overlaps(box)
        # A boundary event's edge begins on the border of its host.
        and drawing.nodes[flow.get("sourceRef")].get("attachedToRef") != box.of
    ]
    assert not faults


@each_diagram
def test_an_edge_touches_its_own_shapes_only_at_its_ends(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    for name, flow in drawing.flows.items():
        segments = list(drawing.segments(name))
        for segment in segments[1:]:
            assert not _strip(*segment).overlaps(drawing.shapes[flow.get("sourceRef")]), name
        for segment in segments[:-1]:
            assert not _strip(*segment).overlaps(drawing.shapes[flow.get("targetRef")]), name


@each_diagram
def test_edges_share_a_line_only_where_they_meet_or_part(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    faults = []
    for one, other in combinations(drawing.flows, 2):
        a, b = drawing.flows[one], drawing.flows[other]
        if a.get("targetRef") == b.get("targetRef") or a.get("sourceRef") == b.get("sourceRef"):
            continue
        for first in drawing.segments(one):
            for second in drawing.segments(other):
                parallel = (first[0][0] == first[1][0]) == (second[0][0] == second[1][0])
                if parallel and _strip(*first).overlaps(_strip(*second)):
                    faults.append((one, other))
    assert not faults


@each_diagram
def test_labels_are_readable(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    texts = list(drawing.labels.values())
    lines = [_strip(*segment, of=name) for name in drawing.edges for segment in drawing.segments(name)]
    on_shapes = [
        (label.of, box.of)
        for label in texts
        for box in drawing.solid().values()
        # Beside its own diamond or circle a label may use the empty corner.
        if label.overlaps(box.core() if label.of == box.of else box)
    ]
    on_lines = [(label.of, line.of) for label in texts for line in lines if label.overlaps(line)]
    on_labels = [(one.of, other.of) for one, other in combinations(texts, 2) if one.overlaps(other)]

    assert not on_shapes
    assert not on_lines
    assert not on_labels


@each_diagram
def test_every_name_beside_a_shape_or_an_edge_has_a_place(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    named = {name for name, node in drawing.nodes.items() if node.get("name") and drawing.kind(name) not in INSIDE}
    named |= {name for name, flow in drawing.flows.items() if flow.get("name")}

    assert set(drawing.labels) == named


# --- what the elements say


@each_diagram
def test_ids_are_english_verbs_in_lower_snake_case(path: Path, root: Any) -> None:
    process = root.find(f"{BPMN}process")
    ids = [element.get("id") for element in process.iter() if isinstance(element.tag, str) and element.get("id")]

    assert not [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)]
    assert len(ids) == len(set(ids))


@each_diagram
def test_every_branch_of_a_question_has_a_name(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    questions = {
        name
        for name, node in drawing.nodes.items()
        if drawing.kind(name) == "exclusiveGateway" and len(node.findall(f"{BPMN}outgoing")) > 1
    }

    assert all((drawing.nodes[name].get("name") or "").endswith("？") for name in questions)
    assert not [f for f, flow in drawing.flows.items() if flow.get("sourceRef") in questions and not flow.get("name")]


def _documented(root: Any) -> Iterator[tuple[str, str, list[str]]]:
    """(element id, sentence, rule ids) of all that says something."""
    for element in root.iter():
        if not isinstance(element.tag, str) or not element.tag.startswith(BPMN):
            continue
        text = element.findtext(f"{BPMN}documentation")
        if text is not None:
            sentence, _, rules = text.strip().partition("（")
            yield element.get("id"), sentence, rules.rstrip("）").split("、")


@each_diagram
def test_documentation_is_a_chinese_sentence_and_the_rules_it_carries_out(path: Path, root: Any) -> None:
    drawing = Drawing(root)
    said = {element: (sentence, rules) for element, sentence, rules in _documented(root)}
    silent = [
        name
        for name in drawing.nodes
        if name not in said
        and drawing.kind(name) not in ("startEvent", "endEvent")
        and not _is_join(drawing.nodes[name])
    ]

    assert path.stem in said
    assert not silent
    for element, (sentence, rules) in said.items():
        assert re.fullmatch(r"[^（）]*[一-鿿][^（）]*。", sentence), element
        assert rules and all(rule in register() for rule in rules), (element, rules)


def _is_join(node: Any) -> bool:
    return str(node.tag).endswith("xclusiveGateway") and len(node.findall(f"{BPMN}outgoing")) == 1


@each_diagram
def test_a_task_names_the_same_rules_for_people_and_programs(path: Path, root: Any) -> None:
    said = {element: rules for element, _, rules in _documented(root)}
    for node in Drawing(root).nodes.values():
        if str(node.tag).removeprefix(BPMN) in ("userTask", "serviceTask", "businessRuleTask"):
            assert (node.get(f"{TONGBAN}rule") or "").split() == said[node.get("id")], node.get("id")


# --- decision tables


@pytest.mark.parametrize("path", sorted((PROJECT / "bpmn" / "decisions").glob("*.dmn")), ids=lambda path: path.stem)
def test_a_decision_table_is_drawn_and_documented(path: Path) -> None:
    root = etree.parse(str(path)).getroot()
    decision = root.find(f"{DMN}decision")

    assert decision.get("id") == path.stem
    assert [shape.get("dmnElementRef") for shape in root.iter(f"{DMNDI}DMNShape")] == [path.stem]
    rules = re.findall(r"[A-Z][A-Z0-9]*(?:-\d+)+", decision.findtext(f"{DMN}description"))
    assert rules
    assert all(rule in register() for rule in rules)
    assert all(rule.findtext(f"{DMN}description") for rule in root.iter(f"{DMN}rule"))
