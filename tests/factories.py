"""Invented people and what the tests build from. All numbers have valid checksums and belong to nobody we know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_USCC_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def identity_number(division: str = "442000", born_on: date = date(1985, 3, 12), sequence: int = 1) -> str:
    """An identity number (GB 11643) with its check digit; an even `sequence` is a woman's."""
    body = f"{division}{born_on:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + _CHECKS[total % 11]


def uscc(number: int) -> str:
    """A unified social credit code (GB 32100) with its check character."""
    body = f"91442000MA{number:07d}"
    total = sum(_USCC_CHARACTERS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _USCC_CHARACTERS[(31 - total % 31) % 31]


@dataclass(frozen=True, kw_only=True)
class Person:
    """An invented worker."""

    name: str
    identity_number: str
    phone: str


_SURNAMES = "陈李黄张梁林何刘吴罗周杨郑谢邓曾叶蔡"
_GIVEN = "明芳伟娟强丽军敏辉燕平霞勇玲波静杰"


def make_person(number: int = 1) -> Person:
    """The invented person with this number; different numbers are different people."""
    name = _SURNAMES[number % len(_SURNAMES)] + _GIVEN[number % len(_GIVEN)] + _GIVEN[(number // 7 + 3) % len(_GIVEN)]
    born_on = date(1970 + number % 30, number % 12 + 1, number % 28 + 1)
    return Person(
        name=name,
        identity_number=identity_number("442000", born_on, number % 999 + 1),
        phone=f"1380013{number % 10000:04d}",
    )
