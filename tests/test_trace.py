"""`tongban trace`: what carries a rule is found in diagrams, code and tests, and what is missing is said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from api.trace import RuleTrace, as_json, as_text, rules_named_in, trace, without_any, without_test
from config.settings import PROJECT

REGISTER = """rules:
  - {id: ABC-01, priority: M, document: gd-2023-4, article: 一, quote: 原文, owner: main job, state: done}
  - {id: ABC-02, priority: M, document: gd-2023-4, article: 一, quote: 原文, owner: main job, state: open}
  - {id: ABC-03, priority: S, document: gd-2023-4, article: 一, quote: 原文, owner: main job, state: open}
"""

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:tongban="urn:tongban:bpmn:1">
  <process id="sample">
    <userTask id="first_review" tongban:rule="ABC-01 ABC-02"><documentation>初审（ABC-03）</documentation></userTask>
    <userTask id="second_review" />
  </process>
</definitions>
"""


def project(root: Path, files: Mapping[str, str]) -> Path:
    """A project folder with the register and these files."""
    for name, words in {"config/register.yaml": REGISTER, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words, encoding="utf-8")
    return root


def traced(root: Path, files: Mapping[str, str]) -> dict[str, RuleTrace]:
    return {rule.id: rule for rule in trace(project(root, files))}


def test_a_rule_that_nothing_carries_is_listed_with_nothing(tmp_path: Path) -> None:
    found = traced(tmp_path, {})

    assert list(found) == ["ABC-01", "ABC-02", "ABC-03"]
    assert not any(rule.is_carried for rule in found.values())


def test_elements_carry_the_rules_of_their_attribute_and_of_their_documentation(tmp_path: Path) -> None:
    found = traced(tmp_path, {"bpmn/services/sample.bpmn": DIAGRAM})

    assert found["ABC-01"].elements == ("bpmn/services/sample.bpmn#first_review",)
    assert found["ABC-03"].elements == ("bpmn/services/sample.bpmn#first_review",)


def test_a_decision_table_carries_the_rules_of_its_description(tmp_path: Path) -> None:
    table = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/">'
        '<decision id="payee"><description>ABC-02</description></decision></definitions>'
    )

    found = traced(tmp_path, {"bpmn/decisions/payee.dmn": table})

    assert found["ABC-02"].elements == ("bpmn/decisions/payee.dmn#payee",)


def test_code_carries_the_rules_it_names_in_any_line_of_the_four_rooms(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        {
            "handlers/rules/sample.py": '"""A rule (ABC-01, -02)."""\n\n# ABC-01 again\n',
            "config/forms/sample.yaml": "rule: ABC-01\n",
            "web/sample.py": "# ABC-03 outside the rooms\n",
        },
    )

    assert found["ABC-01"].code == (
        "config/forms/sample.yaml:1",
        "handlers/rules/sample.py:1",
        "handlers/rules/sample.py:3",
    )
    assert found["ABC-02"].code == ("handlers/rules/sample.py:1",)
    assert found["ABC-03"].code == ()


def test_the_register_itself_carries_nothing(tmp_path: Path) -> None:
    assert traced(tmp_path, {})["ABC-01"].code == ()


def test_tests_carry_the_rules_of_their_marks_on_module_class_function_and_parameter(tmp_path: Path) -> None:
    marked = """
import pytest
pytestmark = pytest.mark.rule("ABC-03")

@pytest.mark.rule("ABC-01", "ABC-02")
def test_one() -> None: ...

class TestMany:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("ABC-01"))])
    def test_two(self, x: int) -> None: ...

@pytest.mark.rule("ABC-02")
def helper() -> None: ...
"""

    found = traced(tmp_path, {"tests/test_sample.py": marked})

    assert found["ABC-01"].tests == ("tests/test_sample.py::test_one", "tests/test_sample.py::TestMany::test_two")
    assert found["ABC-02"].tests == ("tests/test_sample.py::test_one",)
    assert found["ABC-03"].tests == ("tests/test_sample.py::test_one", "tests/test_sample.py::TestMany::test_two")


def test_a_case_of_the_law_carries_the_rules_it_names(tmp_path: Path) -> None:
    found = traced(tmp_path, {"tests/law/sample.yaml": "cases:\n  - {case: 某情形, rules: [ABC-02]}\n"})

    assert found["ABC-02"].tests == ("tests/law/sample.yaml::某情形",)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("(ABC-01, -03, -04, XYZ-02)", ["ABC-01", "ABC-03", "ABC-04", "XYZ-02"]),
        ("FRM-1-1-05、G228-09；SD-84", ["FRM-1-1-05", "G228-09", "SD-84"]),
        ("SHA-256 and UTF-8 look alike", ["SHA-256", "UTF-8"]),  # harmless: no rule of the register has such an id
        ("XABCD-01", []),
    ],
)
def test_rules_are_named_in_full_and_in_the_short_way(words: str, named: list[str]) -> None:
    assert list(rules_named_in(words)) == named


def test_musts_without_anything_and_without_a_test_are_told_apart(tmp_path: Path) -> None:
    found = trace(project(tmp_path, {"engine/sample.py": "# ABC-01\n"}))

    assert without_any(found) == ["ABC-02"]
    assert without_test(found) == ["ABC-01", "ABC-02"]


def test_the_answer_for_programs_has_the_agreed_shape(tmp_path: Path) -> None:
    answer = as_json(trace(project(tmp_path, {"engine/sample.py": "# ABC-01\n"})))

    assert answer["rules"][0] == {
        "id": "ABC-01",
        "priority": "M",
        "state": "done",
        "elements": (),
        "code": ("engine/sample.py:1",),
        "tests": (),
    }


def test_the_answer_for_people_lists_each_rule_and_what_is_missing(tmp_path: Path) -> None:
    words = as_text(trace(project(tmp_path, {"engine/sample.py": "# ABC-01\n"})))

    assert "ABC-01  M  已完成\n    代码  engine/sample.py:1" in words
    assert "没有流程图、代码或测试的必须规则（M）：1 条\n    ABC-02" in words


def test_the_project_itself_can_be_traced() -> None:
    found = {rule.id: rule for rule in trace(PROJECT)}

    assert "tests/handlers/rules/test_jurisdiction.py" in " ".join(found["JUR-04"].tests)
    assert any(place.startswith("handlers/rules/jurisdiction.py:") for place in found["JUR-04"].code)
