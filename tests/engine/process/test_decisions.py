"""Decision tables: what a cell may say, which row answers, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.process.decisions import CellError, DecisionError, DecisionTable, TableFault, read_condition, read_table
from engine.process.decisions import read_result as read_result_cell
from engine.process.diagram import read_xml

TABLE = (Path(__file__).parent / "samples" / "sample_table.dmn").read_text(encoding="utf-8")


def table_with(*rows: tuple[str, str], policy: str = "FIRST", kind: str = "") -> str:
    """A table with one condition on `value` and one result, a row for each (condition, result)."""
    cells = "".join(
        f'<rule id="row_{number}"><inputEntry id="in_{number}"><text>{_escaped(condition)}</text></inputEntry>'
        f'<outputEntry id="out_{number}"><text>{_escaped(result)}</text></outputEntry></rule>'
        for number, (condition, result) in enumerate(rows, start=1)
    )
    reference = f' typeRef="{kind}"' if kind else ""
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="file">'
        f'<decision id="sample" name="样例"><decisionTable id="rows" hitPolicy="{policy}">'
        f'<input id="condition" label="值"><inputExpression{reference}><text>value</text></inputExpression></input>'
        f'<output id="result" label="结果" name="result" />{cells}</decisionTable></decision></definitions>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def read(text: str) -> tuple[DecisionTable | None, list[TableFault]]:
    return read_table(read_xml(text.encode()))


def table(text: str) -> DecisionTable:
    found, faults = read(text)
    assert found is not None, faults
    return found


@pytest.mark.parametrize(
    ("cell", "fitting", "others"),
    [
        ("-", [1, "a", None, True], []),
        ("", [1, None], []),
        ('"pass"', ["pass"], ["no", ""]),
        ('"a", "b"', ["a", "b"], ["c"]),
        ("5", [5, 5.0], [4]),
        ("-5, 0.5", [-5, 0.5], [5]),
        # 1 is not true, although Python says so.
        ("true", [True], [False]),
        ("null", [None], [0, "", False]),
        ("<= 4", [4, 3], [5]),
        ("> 4, < 1", [5, 0], [1, 4]),
        ("[1..4]", [1, 4], [0, 5]),
        ("(1..4)", [2, 3], [1, 4]),
        ("]1..4[", [2, 3], [1, 4]),
        ("[1..4)", [1], [4]),
        ("(0..4]", [4], [0]),
        ('>= "2020-07-01"', ["2020-07-01", "2021-01-01"], ["2019-06-30"]),
        ('not("a", "b")', ["c"], ["a", "b"]),
        ("not(null)", [1], [None]),
        ("not([1..4], 9)", [5, 0], [1, 4, 9]),
        ("  [ 1 .. 4 ]  ", [1], [5]),
    ],
)
def test_a_cell_fits_the_values_it_names(cell: str, fitting: list[Any], others: list[Any]) -> None:
    read_table = table(table_with((cell, '"yes"'), ("-", '"no"')))
    assert [read_table.decide({"value": value})["result"] for value in fitting] == ["yes"] * len(fitting)
    assert [read_table.decide({"value": value})["result"] for value in others] == ["no"] * len(others)


def test_a_value_that_is_not_known_fits_no_comparison() -> None:
    assert table(table_with(('not("a")', "1"), ("-", "2"))).decide({"value": None}) == {"result": 2}
    graded = table(table_with(("<= 4", '"monthly"'), ("> 4", '"once"'), ("null", '"unknown"')))
    assert graded.decide({"value": None}) == {"result": "unknown"}


@pytest.mark.parametrize(
    "cell",
    [
        "pass", "'pass'", "a == 1", "== 1", "= 1", "!= 1", "value > 1", "__import__('os')", "().__class__", "1 + 1",
        "[1, 2]", "[1..]", "[..4]", "[4..1]", "(1..1)", "[1..'a']", '[1.."a"]', "1..4", "<", "< true", "< null",
        'date("2020-01-01")', 'contains(?, "a")', "? > 1", "not", "not(", "not()", "not(not(1))", "not 1",
        '"a', '"a\\""', "1,", ", 1", "- , 1", "1 2", "--1", "1e9", "9999999999999999",
        "0x10", "TRUE", "None", '1, "a"', "true, 1",
        "x" * 501, "function() 1", "if true then 1", "for x in y return x", "“a”", "{a: 1}", "1;2",
    ],
)  # fmt: skip
def test_a_cell_outside_the_subset_is_refused_by_name(cell: str) -> None:
    found, faults = read(table_with(("-", '"no"'), (cell, '"yes"')))
    assert found is None
    assert [fault.element for fault in faults] == ["in_2"]
    assert faults[0].message.startswith("第 2 行“值”的单元格")


@pytest.mark.parametrize("cell", ["", "-", "yes", "1.5", "1 + 1", "< 4", "[1..4]", '"a", "b"', "value", "not(1)"])
def test_a_result_is_one_literal(cell: str) -> None:
    found, faults = read(table_with(("-", cell)))
    assert found is None
    assert [fault.element for fault in faults] == ["out_1"]


@pytest.mark.parametrize(("cell", "value"), [('"a b"', "a b"), ("3", 3), ("-3", -3), ("true", True), ("null", None)])
def test_results_become_process_data(cell: str, value: object) -> None:
    assert table(table_with(("-", cell))).decide({"value": 1}) == {"result": value}


def test_the_first_row_that_fits_answers() -> None:
    assert table(table_with(("> 1", "1"), ("> 2", "2"))).decide({"value": 3}) == {"result": 1}


def test_two_rows_of_a_unique_table_that_fit_are_an_error_and_not_a_choice() -> None:
    unique = table(table_with(("> 1", "1"), ("> 2", "2"), policy="UNIQUE"))
    assert unique.decide({"value": 2}) == {"result": 1}
    with pytest.raises(DecisionError, match="第 1 行和第 2 行同时符合"):
        unique.decide({"value": 3})


def test_no_row_that_fits_is_an_error_and_not_a_default() -> None:
    with pytest.raises(DecisionError, match="没有符合"):
        table(table_with(("> 1", "1"))).decide({"value": 0})


def test_a_value_of_another_kind_than_the_cells_is_an_error_that_names_the_row() -> None:
    with pytest.raises(DecisionError, match="第 1 行的“值”"):
        table(table_with(("<= 4", "1"), ("-", "2"))).decide({"value": "4"})


def test_a_table_says_what_it_reads_and_returns() -> None:
    sample = table(TABLE)
    assert sample.reads == {"amount_cents", "channel"}
    assert sample.returns == ("review_levels",)
    assert sample.decide({"amount_cents": 100_000, "channel": "bank"}) == {"review_levels": 1}
    assert sample.decide({"amount_cents": 100_001, "channel": "bank"}) == {"review_levels": 2}


@pytest.mark.parametrize(
    ("old", "new", "element"),
    [
        ('hitPolicy="FIRST"', 'hitPolicy="COLLECT"', "sample_table_rows"),
        ('hitPolicy="FIRST"', 'hitPolicy="COLLECT" aggregation="SUM"', "sample_table_rows"),
        ('hitPolicy="FIRST"', 'hitPolicy="RULE ORDER"', "sample_table_rows"),
        ("<text>amount_cents</text>", "<text>amount_cents.__class__</text>", "amount_input"),
        ("<text>amount_cents</text>", "<text></text>", "amount_input"),
        ("<text>channel</text>", "<text>open('x')</text>", "channel_input"),
        ('id="amount_expression"', 'id="amount_expression" expressionLanguage="python"', "amount_input"),
        ('id="row_small_amount"', 'id="row_small_amount" expressionLanguage="python"', "row_small_amount"),
        ('typeRef="string"', 'typeRef="date"', "channel_input"),
        # The cells of the column are texts.
        ('typeRef="string"', 'typeRef="boolean"', "row_small_channel"),
        ('name="review_levels"', 'name="审核级别"', "levels_output"),
        ('name="review_levels"', 'name="a.b"', "levels_output"),
        ('name="review_levels"', "", "levels_output"),
        ('<inputEntry id="row_other_channel"><text>-</text></inputEntry>', "", "row_other"),
        ("</decision>", '</decision><decision id="second" name="二" />', "sample_table_file"),
        ("</decisionTable>", "</decisionTable><decisionTable id='second' />", "sample_table"),
        ("20191111/MODEL/", "20151101/dmn.xsd", "sample_table_file"),
        ("</decision>", "</decision><businessKnowledgeModel id='knowledge' />", "knowledge"),
        ("<decisionTable", "<informationRequirement><requiredDecision href='#x' /></informationRequirement>"
         "<decisionTable", "sample_table"),
        ('name="review_levels" typeRef="number" />',
         'name="review_levels"><defaultOutputEntry><text>1</text></defaultOutputEntry></output>', "levels_output"),
    ],
)  # fmt: skip
def test_what_a_table_may_not_say_is_refused_where_it_stands(old: str, new: str, element: str) -> None:
    assert old in TABLE
    found, faults = read(TABLE.replace(old, new, 1))
    assert found is None
    assert element in [fault.element for fault in faults]


def test_a_table_without_rows_or_columns_is_refused() -> None:
    assert read(table_with())[0] is None
    assert read(TABLE.replace("<output ", "<annotation "))[0] is None


def test_a_table_of_bearable_size_only_is_read() -> None:
    found, faults = read(table_with(*[("1", "1")] * 2501))
    assert found is None
    assert "单元格" in faults[0].message


@given(st.one_of(st.text(max_size=30), st.text(alphabet='[](),.<>=-"0123456789notrue ', max_size=20)))
def test_any_text_in_a_cell_is_read_or_refused(text: str) -> None:
    for read_cell in (read_condition, read_result_cell):
        try:
            cell = read_cell(text)
        except CellError:
            continue
        if read_cell is read_condition and cell is not None:
            for value in (None, True, 0, 1.5, "a", []):
                assert cell.holds(value) in (True, False)  # type: ignore[union-attr]
