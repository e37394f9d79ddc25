"""Dated values of the law: what is in force when and where, and what a file may say."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from config import legal
from config.files import ConfigError
from config.legal import RuleNotInForce, UnknownRule, load_rules, rule_value

CITED = "source: {document: gd-2023-4, article: 三}, quote: 原文"


def write(folder: Path, values: str, unit: str = "workdays") -> Path:
    """A folder with one rule `sample.limit`."""
    (folder / "sample.yaml").write_text(
        f"sample.limit:\n  label: 样例期限\n  unit: {unit}\n  values: [{values}]\n  checked_on: 2026-11-24\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that changed once, and is shorter in 深圳 and one of its districts."""
    folder = write(
        tmp_path,
        f"{{from: 2020-01-01, value: 5, {CITED}}}, {{from: 2024-01-01, value: 4, {CITED}}}, "
        f"{{from: 2022-01-01, value: 3, region: '440300', {CITED}}}, "
        f"{{from: 2023-01-01, value: 2, region: '440305', {CITED}}}",
    )
    loaded = load_rules(folder)
    monkeypatch.setattr(legal, "rules", lambda: loaded)


@pytest.mark.rule("SCO-12")
@pytest.mark.parametrize(
    ("on", "region", "value"),
    [
        (date(2020, 1, 1), None, 5),  # the first day
        (date(2023, 12, 31), None, 5),  # the last day of the old value
        (date(2024, 1, 1), None, 4),  # the first day of the new one
        (date(2021, 12, 31), "440300", 5),  # before the city has its own
        (date(2022, 1, 1), "440300", 3),
        (date(2022, 6, 1), "440304", 3),  # a district without its own takes the city's
        (date(2022, 12, 31), "440305", 3),
        (date(2023, 1, 1), "440305", 2),
        (date(2024, 1, 1), "440100", 4),  # another city
    ],
)
def test_a_value_is_the_one_of_its_day_and_narrowest_area(
    sample: None, on: date, region: str | None, value: int
) -> None:
    assert rule_value("sample.limit", on=on, region=region).value == value


@pytest.mark.rule("SCO-12")
def test_before_the_first_date_in_force_nothing_is_guessed(sample: None) -> None:
    with pytest.raises(RuleNotInForce) as caught:
        rule_value("sample.limit", on=date(2019, 12, 31))

    assert "样例期限" in caught.value.message
    assert "2019-12-31" in caught.value.message


def test_a_key_that_nobody_entered_is_unknown() -> None:
    with pytest.raises(UnknownRule, match=r"no\.such"):
        rule_value("no.such", on=date(2024, 1, 1))


@pytest.mark.parametrize(
    ("unit", "value", "typed"),
    [
        ("workdays", "3", 3),
        ("months", "0", 0),
        ("date", "2023-07-15", date(2023, 7, 15)),
        ("yuan", '"70.00"', Decimal("70.00")),
        ("percent", '"50"', Decimal(50)),
        ("codes", "[medical_expense]", ("medical_expense",)),
    ],
)
def test_a_value_has_the_type_of_its_unit(tmp_path: Path, unit: str, value: str, typed: object) -> None:
    loaded = load_rules(write(tmp_path, f"{{from: 2020-01-01, value: {value}, {CITED}}}", unit))

    assert loaded["sample.limit"].values[0].value == typed


@pytest.mark.parametrize(
    ("values", "unit", "sentence"),
    [
        (f"{{from: 2020-01-01, value: 70.5, {CITED}}}", "yuan", "not of the unit yuan"),  # money is no float
        (f"{{from: 2020-01-01, value: -1, {CITED}}}", "workdays", "not of the unit"),
        (f"{{from: 2020-01-01, value: true, {CITED}}}", "workdays", "not of the unit"),
        (f"{{from: 2020-01-01, value: [], {CITED}}}", "codes", "not of the unit"),
        (f"{{from: 2020-01-01, value: 1, {CITED}}}", "weeks", "unit 'weeks'"),
        (f"{{from: '2020', value: 1, {CITED}}}", "workdays", "is no date"),
        (f"{{from: 2021-01-01, value: 1, {CITED}}}, {{from: 2020-01-01, value: 2, {CITED}}}", "workdays", "must rise"),
        (f"{{from: 2021-01-01, value: 1, {CITED}}}, {{from: 2021-01-01, value: 2, {CITED}}}", "workdays", "must rise"),
        ("{from: 2021-01-01, value: 1, source: {document: gd-2023-4, article: 三}}", "workdays", "quote"),
        ("{from: 2021-01-01, value: 1, source: {document: gd-2023-4}, quote: 原文}", "workdays", "missing: article"),
        ("{from: 2021-01-01, value: 1, source: {document: rumour, article: 一}, quote: 原文}", "workdays", "rumour"),
        ("{from: 2021-01-01, value: 1, source: {assumption: 暂定}}", "workdays", "agreed_by"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(tmp_path: Path, values: str, unit: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_rules(write(tmp_path, values, unit))


def test_a_reason_quotes_the_document_by_title_and_number() -> None:
    reason = rule_value("transfer.limit_workdays", on=date(2023, 7, 15)).ref.reason()

    assert reason["document"] == "《广东省工伤保险经办服务“全省通办”实施方案》（粤社保〔2023〕4号）"
    assert reason["article"] == "附件2 三（五）"
    assert "1个工作日内" in reason["quote"]


def test_an_assumption_says_that_it_is_one() -> None:
    ref = rule_value("escalation.reply_workdays", on=date(2024, 1, 1)).ref

    assert ref.is_assumption
    assert ref.reason()["document"] == "本系统的设定（依据文件未作规定，待确认）"


@pytest.mark.rule("JUR-01")
def test_the_limit_of_a_transfer_is_not_in_force_before_the_plan() -> None:
    with pytest.raises(RuleNotInForce):
        rule_value("transfer.limit_workdays", on=date(2023, 7, 15) - timedelta(days=1))
