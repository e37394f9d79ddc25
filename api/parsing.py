"""Reading what is sent: strict JSON, plain query strings. What cannot be read is refused by field, never a fault."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, request
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from engine.errors import InvalidInput

#: No form is deeper than this; what is comes from somebody who tries.
DEEPEST = 24
#: A text field beside an uploaded file.
LONGEST_TEXT = 200
#: Whole numbers that JavaScript and every database keep exactly.
LARGEST_NUMBER = 2**53 - 1

_ALLOWED_CONTROLS = "\n\r\t"


class MalformedBody(BadRequest):
    """The body is not what its content type says."""


class _Duplicate(ValueError):
    """A key twice in one object: which one is meant?"""


def unreadable(text: str) -> str | None:
    """A sentence about characters that no form can hold (control characters, half surrogates); None: it is clean."""
    for character in text:
        if (character < " " and character not in _ALLOWED_CONTROLS) or "\x7f" <= character <= "\x9f":
            return "含有不能使用的控制字符，请删除后重新输入。"
        if "\ud800" <= character <= "\udfff":
            return "含有无法识别的字符，请删除后重新输入。"
    return None


class Parser(FlaskParser):
    """Reads requests into schemas; every fault is an `InvalidInput` with the field's path."""

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        # A mistyped filter must not silently list everything.
        "query": ma.RAISE,
        "querystring": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        if not core.is_json(req.mimetype):
            if req.get_data(cache=True):
                raise UnsupportedMediaType
            return core.missing
        body = req.get_data(cache=True)
        return parse_json(body) if body.strip() else core.missing

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        _check_texts(req.args)
        return super().load_querystring(req, schema)

    def handle_error(self, error: ma.ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        messages = error.messages
        # webargs puts the location in front; a reader knows where the field was.
        inner = next(iter(messages.values())) if isinstance(messages, dict) and len(messages) == 1 else messages
        raise InvalidInput(fields=flat(inner)) from error


def parse_json(body: bytes) -> Any:
    """The document in `body`. Raises `MalformedBody`, or `InvalidInput` naming the value that cannot be taken."""
    try:
        document = json.loads(
            body.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_int
        )
    except _Duplicate as error:
        raise InvalidInput(fields={str(error): ["这一项重复出现。"]}) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedBody from error
    faults = {path: [sentence] for path, sentence in _faults(document)}
    if faults:
        raise InvalidInput(fields=faults)
    return document


def flat(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages as {"lines.0.amount": ["sentence"]}."""
    if not isinstance(messages, Mapping):
        sentences = messages if isinstance(messages, list) else [messages]
        return {path or "body": [str(sentence) for sentence in sentences]}
    found: dict[str, list[str]] = {}
    for name, inner in messages.items():
        own = "" if name == "_schema" else str(name)
        below = ".".join(part for part in (path, own) if part)
        for where, sentences in flat(inner, below).items():
            found.setdefault(where, []).extend(sentences)
    return found


def _check_texts(arguments: Any) -> None:
    faults = {}
    for name, values in arguments.lists():
        if len(values) > 1:
            faults[name] = ["这一项重复出现。"]
        elif sentence := unreadable(name) or unreadable(values[0]):
            faults[name if unreadable(name) is None else "query"] = [sentence]
    if faults:
        raise InvalidInput(fields=faults)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Duplicate(name if unreadable(name) is None else "body")
        found[name] = value
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _int(text: str) -> int | float:
    # Python refuses to read numbers of thousands of digits; here every one that is too long is out of range alike.
    return int(text) if len(text) <= 20 else math.inf


def _faults(document: Any) -> Iterator[tuple[str, str]]:
    """Every value that cannot be stored, with its path. Not recursive: the document may be deep."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        where = path or "body"
        if depth > DEEPEST:
            yield where[:200], "嵌套层次过深。"
            return
        if isinstance(value, dict):
            for name, inner in value.items():
                if sentence := unreadable(name):
                    yield where, f"名称{sentence}"
                    continue
                waiting.append((f"{path}.{name}" if path else name, inner, depth + 1))
        elif isinstance(value, list):
            waiting.extend(
                (f"{path}.{index}" if path else str(index), inner, depth + 1) for index, inner in enumerate(value)
            )
        elif isinstance(value, str):
            if sentence := unreadable(value):
                yield where, sentence
        elif isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) <= LARGEST_NUMBER:
            yield where, "数字超出范围。"


def uploaded(name: str) -> bytes:
    """The content of the one uploaded file `name`. Raises `InvalidInput` where it is missing, twice or empty."""
    _require_multipart()
    files = request.files.getlist(name)
    if len(files) != 1:
        raise InvalidInput(fields={name: ["请上传一个文件。"]})
    content: bytes = files[0].read()
    if not content:
        raise InvalidInput(fields={name: ["上传的文件是空的。"]})
    return content


def written(name: str) -> str:
    """The one text field `name` beside uploaded files. Raises `InvalidInput` where it is missing or twice."""
    _require_multipart()
    _check_texts(request.form)
    text = request.form.get(name, "").strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidInput(fields={name: ["这一项必须填写。"]})
    return text


def _require_multipart() -> None:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType
