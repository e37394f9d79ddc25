"""What is left of a name and of a number when it is masked, and what the last net catches in logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from api import server
from engine.privacy import masks
from engine.privacy.log_masks import mask_records
from tests.factories import make_person

PERSON = make_person()


@pytest.mark.rule("QRY-06")
@pytest.mark.parametrize(
    ("name", "shown"), [("黄大明", "黄**"), ("李明", "李*"), ("欧阳小明", "欧***"), ("李", "李*"), ("", "*")]
)
def test_a_name_keeps_its_first_character(name: str, shown: str) -> None:
    assert masks.name(name) == shown


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (masks.number, "442000198405170316", "4420**********0316"),
        # Too short to show anything of it.
        (masks.number, "H1234567", "********"),
        (masks.phone, "13800010001", "138****0001"),
        (masks.phone, "0760-88880001", "076******0001"),
        (masks.phone, "8888", "****"),
        (masks.account, "6200000000000000011", "***************0011"),
        (masks.hidden, "急诊清创缝合", "（已隐去）"),
    ],
)
def test_a_number_keeps_its_ends(mask, value: str, shown: str) -> None:
    assert mask(value) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"身份证{PERSON.identity_number}。",
        f"电话：{PERSON.phone}，",
        f"({PERSON.phone})",
        f"+86 {PERSON.phone}",
        "卡号6222021234567890123",
        "44200019840517031X",
    ],
)
def test_a_number_of_a_person_inside_a_text_is_masked(text: str) -> None:
    shown = masks.text(text)

    assert "*" in shown
    assert len(shown) == len(text)
    for number in (PERSON.identity_number, PERSON.phone, "6222021234567890123", "44200019840517031X"):
        assert number not in shown


@pytest.mark.parametrize(
    "text",
    [
        # A receipt number, a company's code, a hash, an amount, an instant, an id of a diagram, a plain sentence.
        "回执2307110000123456",
        "91442000MA0000001X",
        "9f86d081884c7d659a2feaa0c55ad01513800010001e4b2b0b822cd15d6c15b0f",
        "1234567.89",
        "2023-08-01T09:00:00+08:00",
        "Flow_13800010001",
        "同意。",
    ],
)
def test_what_is_no_number_of_a_person_stays(text: str) -> None:
    assert masks.text(text) == text


# --- logs


@pytest.fixture
def _logs() -> Iterator[None]:
    make = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(make)
    structlog.reset_defaults()


def test_our_log_lines_show_no_number_of_a_person(_logs, capsys: pytest.CaptureFixture[str]) -> None:
    server.configure_logs()
    try:
        raise ValueError(f"cannot read {PERSON.identity_number}")
    except ValueError as error:
        structlog.get_logger().error(
            "failed", phone=PERSON.phone, deep={"a": [PERSON.phone]}, number=int(PERSON.phone), exc_info=error
        )

    line = capsys.readouterr().err
    assert json.loads(line)["phone"] == masks.phone(PERSON.phone)
    assert PERSON.phone not in line
    assert PERSON.identity_number not in line
    assert "ValueError" in line


def test_log_lines_of_libraries_show_none_either(_logs, caplog: pytest.LogCaptureFixture) -> None:
    mask_records()
    mask_records()
    logger = logging.getLogger("some.library")
    try:
        raise ValueError(PERSON.identity_number)
    except ValueError:
        logger.error("refused %s for %d", PERSON.identity_number, 5, exc_info=sys.exc_info())

    text = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    assert PERSON.identity_number not in text
    assert f"refused {masks.number(PERSON.identity_number)} for 5" in text
    assert "ValueError" in text
