"""What is shown of a name, a number or a text to somebody who need not know all of it (脱敏)."""

from __future__ import annotations

import re

MASK = "*"
#: What stands for a text that is hidden as a whole.
HIDDEN = "（已隐去）"

#: An identity number with its birth date, a bank card of UnionPay, a mobile number of the mainland; not what merely
#: looks like one inside a hash or a code.
_NUMBERS = re.compile(
    r"(?<![0-9A-Za-z_-])"
    r"(?:[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
    r"|62[0-9]{14,17}"
    r"|(?:\+?86[ -]?)?1[3-9][0-9]{9})"
    r"(?![0-9A-Za-z_])"
)
_SHORTEST = 11
#: A value that would lose fewer characters is masked altogether.
_LEAST_HIDDEN = 4


def name(value: str) -> str:
    """黄大明 is 黄**, as the lists of the provincial system show it (QRY-06)."""
    return value[:1] + MASK * max(len(value) - 1, 1)


def number(value: str) -> str:
    """An identity number: the first and the last four, where enough is left in between."""
    return _middle(value, 4, 4)


def phone(value: str) -> str:
    """The first three and the last four."""
    return _middle(value, 3, 4)


def account(value: str) -> str:
    """The last four, by which people recognise a card."""
    return _middle(value, 0, 4)


def hidden(value: str) -> str:
    """Nothing of a text that speaks of somebody's health."""
    return HIDDEN


def text(value: str) -> str:
    """The text with the numbers masked that look like a person's."""
    if len(value) < _SHORTEST:
        return value
    return _NUMBERS.sub(lambda found: _by_length(found[0]), value)


def _by_length(value: str) -> str:
    return number(value) if len(value) > 14 else phone(value)


def _middle(value: str, first: int, last: int) -> str:
    if len(value) < first + last + _LEAST_HIDDEN:
        return MASK * len(value)
    return value[:first] + MASK * (len(value) - first - last) + value[-last:]
