"""The register of rules: complete, with owners, and what its loader refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.files import ConfigError
from config.register import load_register, register

ROW = "{id: ABC-01, priority: M, document: gd-2023-4, article: 一, quote: 原文, owner: main job, state: open}"


def numbered(family: str, count: int, width: int = 2) -> list[str]:
    return [f"{family}-{number:0{width}d}" for number in range(1, count + 1)]


def test_the_register_has_every_family_of_rules_without_a_gap() -> None:
    families = {
        "SCO": 12, "ACC": 13, "ROU": 6, "JUR": 11, "REV": 9, "SUP": 7, "DDL": 5, "SMS": 9, "RES": 7, "ARC": 7,
        "QRY": 6, "PER": 4, "SAT": 2, "MON": 2, "CFG": 15, "DAT": 5, "G228": 18, "SZ": 43, "AH": 13, "BEN": 18,
        "CRT": 1, "FRM-1-1": 16, "FRM-1-2": 10, "FRM-1-3": 12, "FRM-1-4": 8, "FRM-1-5": 20, "FRM-1-6": 14,
        "FRM-1-7": 27, "FRM-1-8": 21,
    }  # fmt: skip

    expected = [rule for family, count in families.items() for rule in numbered(family, count)]

    assert sorted(register()) == sorted(expected + numbered("SD", 154, width=1))


def test_the_main_job_owns_the_rules_that_the_requirements_give_it() -> None:
    owned = {rule.id for rule in register().values() if rule.owner == "main job"}

    assert {"SCO-01", "SCO-12", "ACC-12", "ROU-06", "JUR-11", "REV-08", "SUP-02", "DDL-02", "RES-02"} <= owned
    assert not {"SCO-08", "ACC-04", "JUR-10", "REV-06", "REV-09", "SUP-03", "DDL-03", "RES-01"} & owned
    assert len(owned) == 9 + 5 + 6 + 10 + 7 + 2 + 2 + 1 + 5 + 1


def test_every_must_has_its_words() -> None:
    assert not [rule.id for rule in register().values() if rule.priority == "M" and not rule.quote]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (f"[{ROW}, {ROW}]", "stands twice"),
        (f"[{ROW.replace('M,', 'Q,')}]", "not known"),
        (f"[{ROW.replace('state: open', 'state: nearly')}]", "not known"),
        (f"[{ROW.replace('gd-2023-4', 'rumour')}]", "rumour"),
        (f"[{ROW.replace(', quote: 原文', '').replace('open', 'done')}]", "needs its words"),
        (f"[{ROW.replace('article: 一, ', '')}]", "missing: article"),
        ("[ABC-01]", "expected a mapping"),
    ],
)
def test_a_register_that_contradicts_itself_is_refused(tmp_path: Path, rows: str, sentence: str) -> None:
    path = tmp_path / "register.yaml"
    path.write_text(f"rules: {rows}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=sentence):
        load_register(path)
