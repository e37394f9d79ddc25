"""Bodies and query strings that cannot be read are refused by field."""

from __future__ import annotations

import pytest

from api.parsing import MalformedBody, flat, parse_json
from engine.errors import InvalidInput


def _fields(body: bytes) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        parse_json(body)
    return sorted(refused.value.fields)


def test_text_with_line_breaks_and_rare_characters_is_read() -> None:
    assert parse_json('{"name": "𠮷\\n\\t", "money": 1.5, "count": 3}'.encode()) == {
        "name": "𠮷\n\t",
        "money": 1.5,
        "count": 3,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a": "\\u0000"}', "a"),
        (b'{"a": {"b": ["x", "\\u0007"]}}', "a.b.1"),
        (b'{"a": "\\u0085"}', "a"),
        (b'{"a": "\\ud800"}', "a"),
        (b'{"a\\ud800": 1}', "body"),
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"x": {"a": 1, "a": 2}}', "a"),
        (b'{"a": 9007199254740992}', "a"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a"),
        (b'{"a": -' + b"9" * 5000 + b"}", "a"),
        (b'{"a": 1e400}', "a"),
    ],
)
def test_a_value_that_cannot_be_stored_is_named(body: bytes, field: str) -> None:
    assert _fields(body) == [field]


def test_nesting_deeper_than_any_form_is_refused() -> None:
    assert len(_fields(b'{"a":' * 40 + b"1" + b"}" * 40)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"{'a': 1}",
        b"\xff\xfe{}",
        b'{"a": "\xed\xa0\x80"}',
        # A megabyte of brackets: deeper than Python's own stack.
        b"[" * 1_000_000,
        b'{"a": "\x00"}',
    ],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse_json(body)


def test_nested_messages_become_paths() -> None:
    nested = {"lines": {0: {"amount": ["必须填写。"]}}, "_schema": ["整体有误。"], "name": "有误。"}
    assert flat(nested) == {"lines.0.amount": ["必须填写。"], "body": ["整体有误。"], "name": ["有误。"]}
