"""What an officer enters, checked against the form's description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.files import ConfigError
from config.task_forms import load_task_forms, task_forms
from engine.casework.task_forms import validate
from engine.errors import CannotProceed, InvalidInput

EXPENSE = {"line": 1, "allowed": "10.50", "catalogue": "inside"}


def faults(key: str, outcome: Any, fields: Any, opinion: Any = None) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refused:
        validate(key, outcome, opinion, fields)
    return refused.value.fields


def test_amounts_leave_as_cents_days_as_text_and_missing_fields_as_none() -> None:
    entry = validate("expense_lines", "done", None, {"lines": [EXPENSE]})

    assert entry.fields == {"lines": [{"line": 1, "allowed": 1050, "catalogue": "inside", "reason": None}]}


@pytest.mark.parametrize(("text", "amount"), [("0", 0), ("0.1", 10), ("12.05", 1205), ("9999999999.99", 999999999999)])
def test_an_amount_is_read_to_the_cent(text: str, amount: int) -> None:
    entry = validate("expense_lines", "done", None, {"lines": [{**EXPENSE, "allowed": text}]})

    assert entry.fields["lines"][0]["allowed"] == amount


@pytest.mark.parametrize(
    "amount",
    [1, 10.5, True, "10.555", "-1", "+1", "1e3", "1,000", "１０", " 1", "1.", ".5", "01", "10000000000", "NaN", [], {}],
)
def test_anything_but_a_plain_amount_is_refused(amount: Any) -> None:
    assert list(faults("expense_lines", "done", {"lines": [{**EXPENSE, "allowed": amount}]})) == [
        "fields.lines.0.allowed"
    ]


@pytest.mark.parametrize("day", ["2023-02-29", "2023-2-1", "20230201", "2023-02-01T00:00", "1023-01-01", 20230201])
def test_an_impossible_day_is_refused(day: Any) -> None:
    fields = {"from_on": day, "until_on": "2023-03-01", "confirmation_number": "样例"}

    assert list(faults("rehabilitation_period", "done", fields)) == ["fields.from_on"]


def test_a_span_does_not_end_before_it_begins() -> None:
    fields = {"from_on": "2023-03-02", "until_on": "2023-03-01", "confirmation_number": "样例"}

    assert list(faults("rehabilitation_period", "done", fields)) == ["fields.until_on"]
    assert validate("rehabilitation_period", "done", None, fields | {"until_on": "2023-03-02"})


@pytest.mark.parametrize("line", [0, -1, 2**31, 1.0, "1", True, None])
def test_a_number_of_a_line_is_a_whole_number_of_the_databases_range(line: Any) -> None:
    assert list(faults("expense_lines", "done", {"lines": [{**EXPENSE, "line": line}]})) == ["fields.lines.0.line"]


def test_a_line_is_answered_once() -> None:
    assert list(faults("expense_lines", "done", {"lines": [EXPENSE, EXPENSE]})) == ["fields.lines.1.line"]


@pytest.mark.parametrize(
    "text", ["x" * 501, "a\x00b", "a\x07b", "a\nb", "\ud800", "a\u202eb", 5, ["x"], "x" * 10_000_000]
)
def test_a_text_that_is_too_long_or_has_control_characters_is_refused(text: Any) -> None:
    assert list(faults("scanning", "done", {"note": text})) == ["fields.note"]


def test_a_rare_character_is_text_like_any_other() -> None:
    assert validate("scanning", "done", None, {"note": " 𠮷野 "}).fields == {"note": "𠮷野"}


def test_blanks_are_no_answer() -> None:
    assert list(faults("employment_end", "done", END | {"evidence": "  "})) == ["fields.evidence"]


END = {
    "employment_ended_on": "2023-06-30",
    "insurance_stopped_on": "2023-07-31",
    "ended_by": "contract_end",
    "evidence": "证明",
}


def test_all_faults_are_told_at_once() -> None:
    fields = {"employment_ended_on": "gestern", "ended_by": "own", "unknown": 1}

    assert set(faults("employment_end", "done", fields)) == {
        "fields.employment_ended_on",
        "fields.insurance_stopped_on",
        "fields.ended_by",
        "fields.evidence",
        "fields.unknown",
    }


def test_what_goes_into_the_process_data_is_named_by_the_form() -> None:
    assert validate("employment_end", "done", None, END).process_fields == {"ended_by": "contract_end"}
    assert validate("scanning", "done", None, {}).process_fields == {}


@pytest.mark.parametrize("outcome", ["passed", "", None, 1, ["pass"]])
def test_an_outcome_that_the_form_does_not_have_is_refused_with_the_possible_ones(outcome: Any) -> None:
    assert "通过" in faults("review", outcome, {})["outcome"][0]


@pytest.mark.parametrize("outcome", ["not_passed", "send_back", "suspend", "terminate"])
@pytest.mark.parametrize("opinion", [None, "", "  "])
def test_every_outcome_but_a_pass_is_given_with_an_opinion(outcome: str, opinion: str | None) -> None:
    assert list(faults("review", outcome, {}, opinion)) == ["opinion"]
    assert validate("review", outcome, "材料不实", {})
    assert validate("review", "pass", opinion, {})


@pytest.mark.parametrize("opinion", ["x" * 1001, "a\x00", 7])
def test_an_opinion_is_text_of_bounded_length(opinion: Any) -> None:
    assert list(faults("review", "pass", {}, opinion)) == ["opinion"]
    assert validate("review", "pass", "两行\n意见", {})


def test_a_supplement_names_what_is_missing() -> None:
    assert list(faults("review", "supplement", {}, "缺材料")) == ["fields.materials"]
    assert list(faults("review", "supplement", {"materials": []}, "缺材料")) == ["fields.materials"]
    entry = validate("review", "supplement", "缺材料", {"materials": [{"name": "费用清单", "what": "六月部分"}]})
    assert entry.fields["materials"] == [{"material": None, "name": "费用清单", "what": "六月部分"}]


def test_not_ours_names_the_agency_and_the_ground() -> None:
    assert set(faults("review", "not_ours", {}, "不属本机构")) == {"fields.to_agency", "fields.legal_ground"}


def test_a_field_of_another_outcome_is_refused() -> None:
    assert list(faults("review", "pass", {"to_agency": "440099"})) == ["fields.to_agency"]


def test_a_field_that_depends_on_another_is_asked_for_only_then() -> None:
    counter = {"method": "counter", "delivered_on": "2023-08-01"}

    assert validate("delivery", "done", None, counter)
    assert list(faults("delivery", "done", counter | {"method": "post"})) == ["fields.tracking_number"]
    assert list(faults("delivery", "done", counter | {"tracking_number": "1"})) == ["fields.tracking_number"]


@pytest.mark.parametrize(
    ("fields", "fits"),
    [({"relation_id": 1}, True), ({"agency": "442099"}, True), ({}, False), ({"relation_id": 1, "agency": "1"}, False)],
)
def test_a_relation_is_chosen_by_exactly_one_of_two_ways(fields: dict[str, Any], fits: bool) -> None:
    fields |= {"reason": "样例"}

    if fits:
        assert validate("relation", "done", None, fields)
    else:
        assert list(faults("relation", "done", fields)) == ["fields.relation_id"]


@pytest.mark.parametrize("rows", [None, {}, "x", [1], [None], [[]]])
def test_a_list_that_is_none_is_refused(rows: Any) -> None:
    assert faults("expense_lines", "done", {"lines": rows})


@pytest.mark.parametrize("fields", [[], "x", 1])
def test_fields_are_a_mapping(fields: Any) -> None:
    assert list(faults("scanning", "done", fields)) == ["fields"]


def test_a_form_that_no_file_describes_is_an_incident() -> None:
    with pytest.raises(CannotProceed):
        validate("none", "done", None, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _wanted(key: str) -> st.SearchStrategy[dict[str, Any]]:
    names = [field.name for field in task_forms()[key].fields] or ["x"]
    return st.dictionaries(st.sampled_from(names), JSON, max_size=len(names))


@given(st.data())
def test_whatever_is_sent_is_accepted_or_refused_with_sentences(data: st.DataObject) -> None:
    # A form that asks the law needs the application's ports; the law is not what is tried here.
    forms = [key for key, form in task_forms().items() if not any(field.at_least_rule for field in form.fields)]
    key = data.draw(st.sampled_from(forms))
    outcome = data.draw(st.sampled_from([one.code for one in task_forms()[key].outcomes]))

    try:
        validate(key, outcome, data.draw(JSON), data.draw(_wanted(key)))
    except InvalidInput as refused:
        assert refused.fields
        assert all(sentence for sentences in refused.fields.values() for sentence in sentences)


# The file


@pytest.mark.parametrize(
    ("fields", "process_fields", "what"),
    [
        ("", None, "process_fields"),
        ("{name: x, label: 甲, type: float}", "", "float"),
        ("{name: x, label: 甲, type: choice}", "", "choices"),
        ("{name: x, label: 甲, type: text, when: {y: 1}}", "", "no field y"),
        ("{name: x, label: 甲, type: text, outcomes: [z]}", "", "no outcome z"),
        ("{name: x, label: 甲, type: text, accepts: [1]}", "", "refusal"),
        ("{name: x, label: 甲, type: list, key: y, fields: []}", "", "no field y"),
        ("", "x", "no field x"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_the_place(
    tmp_path: Path, fields: str, process_fields: str | None, what: str
) -> None:
    path = tmp_path / "task_forms.yaml"
    last = "" if process_fields is None else f", process_fields: [{process_fields}]"
    path.write_text(f"form: {{title: 甲, outcomes: [], fields: [{fields}]{last}}}", encoding="utf-8")

    with pytest.raises(ConfigError, match=what):
        load_task_forms(path)


def test_every_outcome_and_field_of_the_stock_has_a_chinese_title() -> None:
    for form in task_forms().values():
        assert all(not one.title.isascii() for one in form.outcomes)
        assert all(not field.label.isascii() for field in form.fields)
