"""An uploaded diagram or table that is a bomb, reads files, calls outside or hides code in an expression."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree

from api.server import DIAGRAMS
from engine.process import check
from tests.api.changed_diagrams import stock
from tests.api.conftest import is_problem
from tests.applications import OfficerClient

PATH = "/api/v1/definitions"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DEFINITIONS = f'<bpmn:definitions xmlns:bpmn="{BPMN}">'
SECRET_FILE = "root:x:0:0"


def _entities(count: int, times: int) -> str:
    lines = [f'<!ENTITY e0 "{"x" * 100}">']
    lines += [f'<!ENTITY e{number} "{f"&e{number - 1};" * times}">' for number in range(1, count)]
    return f"<!DOCTYPE a [{''.join(lines)}]>{DEFINITIONS}&e{count - 1};</bpmn:definitions>"


BOMBS = {
    "a billion laughs": _entities(10, 10),
    "one long entity, many times": f'<!DOCTYPE a [<!ENTITY e "{"x" * 50_000}">]>{DEFINITIONS}{"&e;" * 50_000}'
    "</bpmn:definitions>",
    "an entity of itself": f'<!DOCTYPE a [<!ENTITY a "&b;"><!ENTITY b "&a;">]>{DEFINITIONS}&a;</bpmn:definitions>',
    "a file of the host": f'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>{DEFINITIONS}&f;</bpmn:definitions>',
    "a page inside the house": f'<!DOCTYPE a [<!ENTITY f SYSTEM "http://127.0.0.1:9/">]>{DEFINITIONS}&f;'
    "</bpmn:definitions>",
    "a parameter entity": '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>'
    f"{DEFINITIONS}</bpmn:definitions>",
    "a foreign DTD": f'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">{DEFINITIONS}</bpmn:definitions>',
    "a stylesheet": f'<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>{DEFINITIONS}</bpmn:definitions>',
    "an inclusion": '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>',
    "deep": "<a>" * 100_000,
    "broad": DEFINITIONS + "<a/>" * 100_000 + "</bpmn:definitions>",
    "a long name": f"<{'a' * 900_000}/>",
    "many attributes": "<a " + " ".join(f"a{number}='1'" for number in range(60_000)) + "/>",
    "many name spaces": "<a " + " ".join(f"xmlns:a{number}='u:{number}'" for number in range(30_000)) + "/>",
    "a long comment": f"<!--{'-x' * 400_000}-->{DEFINITIONS}</bpmn:definitions>",
    "longer than any diagram": DEFINITIONS + " " * 2_000_000 + "</bpmn:definitions>",
}


@pytest.mark.parametrize("name", list(BOMBS))
@pytest.mark.parametrize("file", ["medical_expense.bpmn", "review_depth.dmn"])
def test_a_bomb_is_refused_and_tells_nothing_of_the_host(analyst: OfficerClient, name: str, file: str) -> None:
    for path in (f"{PATH}/check", PATH):
        answer = analyst.post(path, {"files": {file: BOMBS[name]}})

        assert answer.status_code in (200, 422), answer.json
        assert answer.status_code == 422 or answer.json["publishable"] is False
        assert len(answer.data) < 20_000
        assert SECRET_FILE not in answer.get_data(as_text=True)


def test_a_library_of_bombs_is_refused_as_a_whole(analyst: OfficerClient) -> None:
    many = {f"bomb_{number}.bpmn": BOMBS["a billion laughs"] for number in range(61)}

    assert is_problem(analyst.post(PATH, {"files": many}), 422, "invalid_input")


@pytest.mark.parametrize(
    "name",
    ["../x.bpmn", "/etc/passwd", "x.bpmn/../../y.bpmn", "x.BPMN", "x.bpmn\x00.png", "a/b.bpmn", "x.xml", ".bpmn"],
)
def test_a_file_name_is_a_process_id_and_nothing_else(analyst: OfficerClient, name: str) -> None:
    answer = analyst.post(PATH, {"files": {name: "<a/>"}})

    assert is_problem(answer, 422, "invalid_input")


# --- code in expressions

ESCAPES = [
    "__import__('os').system('id')",
    "().__class__.__base__.__subclasses__()",
    "case_id.__class__",
    "''.join(['a'])",
    "'{0.__class__.__mro__}'.format(case_id)",
    "'%s' % case_id",
    "f'{case_id}'",
    "[x for x in (1, 2)]",
    "(lambda: 1)()",
    "9**9**9",
    "'a' * 10**9",
    "[0] * 10**9",
    "open('/etc/passwd').read()",
    "eval('1')",
    "getattr(case_id, 'real')",
    "globals()",
    "(x := 1)",
    "len.__self__",
    "re.match('(a+)+$', 'a' * 40)",
    "＿＿import＿＿('os')",
    "case_id if __debug__ else 0",
    "_secret",
    "${case_id}",
    "{{case_id}}",
    "#{T(java.lang.Runtime).getRuntime().exec('id')}",
]


def _with_condition(text: str) -> dict[str, str]:
    """`medical_expense` with this as its first condition."""
    root = etree.fromstring(stock("medical_expense.bpmn"))
    condition = next(root.iter(f"{{{BPMN}}}conditionExpression"))
    condition.text = text
    return {"medical_expense.bpmn": etree.tostring(root, encoding="unicode")}


def _with_cell(kind: str, text: str) -> dict[str, str]:
    """`review_depth` with this in its first cell of the kind."""
    root = etree.fromstring(stock("review_depth.dmn"))
    entry = next(one for one in root.iter() if etree.QName(one).localname == kind)
    next(iter(entry.iter("{*}text"))).text = text
    return {"review_depth.dmn": etree.tostring(root, encoding="unicode")}


def _refused(analyst: OfficerClient, files: dict[str, str]) -> Any:
    checked = analyst.post(f"{PATH}/check", {"files": files}).json
    published = analyst.post(PATH, {"files": files})
    assert checked["publishable"] is False
    assert is_problem(published, 422, "diagram_refused")
    return checked["faults"]


@pytest.mark.parametrize("text", ESCAPES)
def test_a_condition_that_is_code_is_never_published(analyst: OfficerClient, text: str) -> None:
    faults = _refused(analyst, _with_condition(text))

    assert any(fault["file"] == "medical_expense.bpmn" and fault["element"] for fault in faults)


@pytest.mark.parametrize("text", ESCAPES)
@pytest.mark.parametrize("cell", ["inputExpression", "inputEntry", "outputEntry"])
def test_a_cell_that_is_code_is_never_published(analyst: OfficerClient, cell: str, text: str) -> None:
    faults = _refused(analyst, _with_cell(cell, text))

    assert any(fault["file"] == "review_depth.dmn" for fault in faults)


ELEMENTS = {
    "a script task": '<bpmn:scriptTask id="evil" scriptFormat="python"><bpmn:script>x = 1</bpmn:script>'
    "</bpmn:scriptTask>",
    "a script before a task": '<bpmn:userTask id="evil"><bpmn:extensionElements><spiff:preScript xmlns:spiff='
    '"http://spiffworkflow.org/bpmn/schema/1.0/core">x = 1</spiff:preScript></bpmn:extensionElements></bpmn:userTask>',
    "a Java class": '<bpmn:serviceTask id="evil" xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'camunda:class="java.lang.Runtime"/>',
    "a call outside": '<bpmn:serviceTask id="evil" implementation="##WebService" operationRef="x"/>',
    "an operator of Python": '<bpmn:serviceTask id="evil" implementation="os.system"/>',
    "a loop": '<bpmn:userTask id="evil"><bpmn:standardLoopCharacteristics/></bpmn:userTask>',
}


@pytest.mark.parametrize("name", list(ELEMENTS))
def test_an_element_that_would_run_code_is_never_published(analyst: OfficerClient, name: str) -> None:
    text = stock("medical_expense.bpmn").decode()
    at = re.search(r"<bpmn:startEvent", text).start()
    faults = _refused(analyst, {"medical_expense.bpmn": text[:at] + ELEMENTS[name] + text[at:]})

    assert any("evil" in fault["element"] for fault in faults)


def test_the_stock_itself_has_no_fault_so_the_refusals_above_are_about_the_attacks() -> None:
    files = {path.name: path.read_bytes() for path in DIAGRAMS.rglob("*.?p?n")}
    files |= {path.name: path.read_bytes() for path in DIAGRAMS.rglob("*.dmn")}

    assert check.check(files, {}).faults == []
