"""Whatever an analyst's modeler, or somebody worse, makes of a shipped diagram: faults in words, never an exception.

The file stays well-formed, so that the change gets past the reader and into the checks behind it.
`TONGBAN_TEST_DIAGRAMS` asks for more of each than the usual few.
"""

from __future__ import annotations

import copy
import importlib
import os
import pkgutil
import random
from functools import cache

import pytest
from lxml import etree

import handlers
from config.settings import PROJECT
from engine.process.check import check
from tests.engine.process.test_check import assert_answered
from tests.source import BPMN

EACH = int(os.environ.get("TONGBAN_TEST_DIAGRAMS", "6"))
_WORDS = ("", " ", "case_id", "start", "review", "handle", "outcome", "first_reviewer", "either", "review.skip", "true")
_EXPRESSIONS = ("outcome", "outcome == ", "(" * 400, "nobody", "1 / 0", "'a' * 10**9", "().__class__", "a" * 5000)
_KINDS = (
    "userTask", "serviceTask", "scriptTask", "sendTask", "manualTask", "callActivity", "subProcess", "transaction",
    "adHocSubProcess", "startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent",
    "exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway", "sequenceFlow",
    "dataObject", "process", "timerEventDefinition", "signalEventDefinition", "terminateEventDefinition",
    "timeCycle", "standardLoopCharacteristics", "multiInstanceLoopCharacteristics", "ioSpecification",
)  # fmt: skip


@cache
def stock() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((PROJECT / "bpmn").rglob("*.[bd][pm][mn]*"))}


def changed(file: str, chance: random.Random) -> bytes:
    """The shipped file with one to four changes of its elements and attributes."""
    root = etree.fromstring(stock()[file])
    for _ in range(chance.randint(1, 4)):
        elements = [element for element in root.iter() if isinstance(element.tag, str) and element is not root]
        if elements:
            chance.choice(_CHANGES)(chance.choice(elements), chance.choice(elements), chance)
    return etree.tostring(root)


def _drop(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    one.getparent().remove(one)


def _repeat(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    other.append(copy.deepcopy(one))


def _move(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if other is not one and one not in other.iterancestors():
        other.addprevious(one)


def _drop_attribute(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if one.attrib:
        del one.attrib[chance.choice(list(one.attrib))]


def _rename_attribute(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if one.attrib and other.attrib:
        name = chance.choice(list(one.attrib))
        one.set(chance.choice(list(other.attrib)), one.attrib.pop(name))


def _borrow_value(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if one.attrib and other.attrib:
        one.set(chance.choice(list(one.attrib)), other.get(chance.choice(list(other.attrib))))


def _other_word(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if one.attrib:
        one.set(chance.choice(list(one.attrib)), chance.choice(_WORDS))


def _swap_ids(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    if one.get("id") and other.get("id"):
        first, second = one.get("id"), other.get("id")
        one.set("id", second)
        other.set("id", first)


def _other_kind(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    one.tag = f"{BPMN}{chance.choice(_KINDS)}"


def _other_text(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    one.text = chance.choice(_EXPRESSIONS)


def _other_end(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    """A flow goes somewhere else: loops, joins that wait for ever, ways into another level."""
    flow = next(iter(one.getroottree().getroot().iter(f"{BPMN}sequenceFlow")), None)
    if flow is not None and other.get("id"):
        flows = list(one.getroottree().getroot().iter(f"{BPMN}sequenceFlow"))
        chance.choice(flows).set(chance.choice(("sourceRef", "targetRef")), other.get("id"))


def _nest(one: etree._Element, other: etree._Element, chance: random.Random) -> None:
    """The element lies under ever more sub-processes, or more of its own kind."""
    for number in range(chance.choice((1, 3, 40, 200))):
        parent = one.getparent()
        wrapper = etree.Element(chance.choice((f"{BPMN}subProcess", one.tag)), id=f"wrapper_{number}")
        parent.replace(one, wrapper)
        wrapper.append(one)


_CHANGES = (
    _drop, _repeat, _move, _drop_attribute, _rename_attribute, _borrow_value, _other_word, _swap_ids, _other_kind,
    _other_text, _other_end, _other_end, _nest,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _operators_are_known() -> None:
    """What the service tasks name: without it every diagram is faulty and the deeper checks are not reached."""
    for module in pkgutil.iter_modules(handlers.__path__):
        importlib.import_module(f"{handlers.__name__}.{module.name}")


def test_the_stock_itself_has_no_fault() -> None:
    assert check(stock(), {}).faults == []


@pytest.mark.parametrize("file", sorted(stock()))
def test_nothing_made_of_a_shipped_diagram_makes_the_check_raise(file: str) -> None:
    for number in range(EACH):
        content = changed(file, random.Random(f"{file} {number}"))
        assert_answered(check({file: content}, stock()).faults)
