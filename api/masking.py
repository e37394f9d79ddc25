"""What an answer shows of numbers and of somebody's health: all of it to whom works on it just now, else a mask.

Identity numbers, phones and bank accounts are known by the names of their fields, as the forms define them; beside
that every text is looked through for what looks like one. `value_at` gives back one of them, for an unmasking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from config.form_schemas import FormField, fact_schemas, form_schemas, party_schemas
from engine.errors import InvalidInput
from engine.privacy import masks

Mask = Callable[[str], str]

_BY_TYPE: Mapping[str, Mask] = {
    "identity_number": masks.number,
    "social_security_number": masks.number,
    "mobile": masks.phone,
    "telephone": masks.phone,
    "bank_account": masks.account,
}
#: What is shown of a case besides its forms.
_ALWAYS: Mapping[str, Mask] = {
    "identity_number": masks.number,
    "phone": masks.phone,
    "account": masks.account,
    "hospital_opinion": masks.hidden,
}
#: The names of treatments and devices, in the lines of a claim.
_LINES, _LABEL = "lines", "label"
#: A company's own telephone is no personal number.
_EMPLOYER = "employer"


@cache
def _masks() -> Mapping[str, Mask]:
    schemas = (*form_schemas().values(), *fact_schemas().values(), *party_schemas().values())
    found = dict(_ALWAYS)
    for schema in schemas:
        for field in _fields(schema.fields):
            company = field.type == "telephone" and field.id.startswith(_EMPLOYER)
            if field.type in _BY_TYPE and not company:
                found[field.id] = _BY_TYPE[field.type]
    return found


def _fields(fields: Sequence[FormField]) -> Iterator[FormField]:
    for field in fields:
        yield field
        yield from _fields(field.fields)


def masked(document: Any) -> Any:
    """The document with everything masked that somebody without need must not see."""
    return _masked(document, "", "")


def _masked(value: Any, name: str, above: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(inner, str(key), name) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name, above) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    if name == _LABEL and above == _LINES:
        return masks.hidden(value)
    mask = None if name == "phone" and above == _EMPLOYER else _masks().get(name)
    return masks.text(value) if mask is None else mask(value)


def value_at(document: Any, field: str) -> str:
    """The value behind a mask: `field` is its path, `payees.0.account`. Raises InvalidInput where nothing is masked."""
    clear, shown = _at(document, field), _at(masked(document), field)
    if not isinstance(clear, str) or clear == shown:
        raise InvalidInput(fields={"field": ["这一项没有隐去的内容。"]})
    return clear


def _at(document: Any, field: str) -> Any:
    found = document
    for name in field.split("."):
        if isinstance(found, Mapping) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and len(name) < 6 and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found
