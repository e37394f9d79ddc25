"""What an analyst makes of the stock in a modeler: another task in the middle, another table, a broken diagram."""

from __future__ import annotations

from lxml import etree

from api.server import DIAGRAMS

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
TONGBAN = "{urn:tongban:bpmn:1}"


def stock(name: str) -> bytes:
    """A shipped file."""
    return next(DIAGRAMS.rglob(name)).read_bytes()


def with_another_task() -> dict[str, str]:
    """`medical_expense` with a user task before the lines are assessed."""
    root = etree.fromstring(stock("medical_expense.bpmn"))
    flow = _by_id(root, "merge_third_party_to_assess_expense_lines")
    target = _by_id(root, flow.get("targetRef"))
    level = flow.getparent()
    task = etree.SubElement(level, f"{BPMN}userTask", id="read_through", name="通读材料")
    for name, value in {"role": "first_reviewer", "agency": "handling", "form": "scanning"}.items():
        task.set(TONGBAN + name, value)
    etree.SubElement(task, f"{BPMN}documentation").text = "核定前由另一人通读材料。"
    etree.SubElement(task, f"{BPMN}incoming").text = flow.get("id")
    etree.SubElement(task, f"{BPMN}outgoing").text = "read_through_to_assess_expense_lines"
    flow.set("targetRef", "read_through")
    way = {"sourceRef": "read_through", "targetRef": target.get("id")}
    etree.SubElement(level, f"{BPMN}sequenceFlow", id="read_through_to_assess_expense_lines", **way)
    next(target.iter(f"{BPMN}incoming")).text = "read_through_to_assess_expense_lines"
    return {"medical_expense.bpmn": etree.tostring(root, encoding="unicode")}


def with_one_review() -> dict[str, str]:
    """`review_depth` that asks for one review where the configuration says two."""
    text = stock("review_depth.dmn").decode()
    before = '<outputEntry id="rule_4_required_levels_result">\n          <text>2</text>'
    assert before in text
    return {"review_depth.dmn": text.replace(before, before.replace("2</text>", "1</text>"))}


def broken() -> dict[str, str]:
    """`medical_expense` whose determination is done by an operator that nobody wrote."""
    text = stock("medical_expense.bpmn").decode()
    return {"medical_expense.bpmn": text.replace('"expense.determine"', '"expense.guess"')}


def _by_id(root: etree._Element, id_: str | None) -> etree._Element:
    return next(one for one in root.iter() if one.get("id") == id_)
