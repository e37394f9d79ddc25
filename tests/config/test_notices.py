"""The table of notices: what a file may say, and that code knows every name in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.files import ConfigError
from config.notices import load_notices, notice_table
from engine.casework.notice_facts import FACTS
from engine.casework.notice_recipients import RECIPIENTS


def _write(folder: Path, *, kinds: str, events: str, levels: str = "{others: {near: [holder]}}") -> Path:
    path = folder / "notices.yaml"
    path.write_text(f"kinds: {kinds}\nevents: {events}\nlevels: {levels}\n", encoding="utf-8")
    return path


def test_every_recipient_and_every_fact_of_the_table_is_known_and_none_is_idle() -> None:
    table = notice_table()

    assert {rule.to for rules in table.events.values() for rule in rules} == set(RECIPIENTS)
    assert {fact for kind in table.kinds.values() for fact in kind.facts} == set(FACTS)


def test_a_fact_that_is_not_known_leaves_its_place_empty() -> None:
    assert notice_table().kinds["case_moved"].words({"business": "工伤医疗费"}) == "您受理的工伤医疗费改由办理。"


@pytest.mark.parametrize(
    ("kinds", "events", "sentence"),
    [
        ("{a: {title: 甲, text: 乙}}", "{x: [{notice: b, to: holders}]}", "there is no kind 'b'"),
        ("{a: {title: 甲, text: 乙}}", "{}", "no event makes a"),
        ("{a: {title: 甲, text: ''}}", "{x: [{notice: a, to: holders}]}", "expected text"),
        ("{a: {title: 甲}}", "{x: [{notice: a, to: holders}]}", "missing: text"),
        ("{a: {title: 甲, text: 乙}}", "{x: [{notice: a, to: holders, when: late}]}", "unknown: when"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, kinds: str, events: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_notices(_write(tmp_path, kinds=kinds, events=events))


@pytest.mark.parametrize(
    ("levels", "sentence"),
    [
        ("{time_limit: {near: [holder]}}", "expected others"),
        ("{others: {}, lunch: {}}", "expected others, and kinds of deadlines"),
        ("{others: {late: [holder]}}", "unknown: late"),
        ("{others: {near: [everybody]}}", "expected some of holder, superior, supervisor"),
    ],
)
def test_levels_that_nobody_knows_are_refused(tmp_path: Path, levels: str, sentence: str) -> None:
    file = _write(tmp_path, kinds="{a: {title: 甲, text: 乙}}", events="{x: [{notice: a, to: holders}]}", levels=levels)

    with pytest.raises(ConfigError, match=sentence):
        load_notices(file)
