"""What people and employers are known by, checked: identity numbers, phones, credit codes, accounts, text itself.

Each function gives back the value as it is to be stored and raises `Unacceptable` with a Chinese sentence for the
person at the counter. A sentence never repeats the value: it ends up in logs and answers.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberType
from stdnum.cn import uscc as stdnum_uscc

#: The kind of document that the resident-identity-card rules hold for.
RESIDENT = "resident_identity_card"

#: First two digits (GB/T 2260) of every province; 81, 82, 83 stand on residence permits of people from 香港, 澳门 and
#: 台湾, 9 opens the permanent residence number of a foreigner.
PROVINCES = frozenset(
    {"11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44"}
    | {"45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83"}
)
_FOREIGNER = "9"

_LONGEST_NUMBER = 64
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_CARD = re.compile(r"[0-9]{17}[0-9X]")
_OTHER_DOCUMENT = re.compile(r"[A-Z0-9()/-]{4,32}")
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()转-]{4,30}[0-9]")
_ACCOUNT = re.compile(r"[0-9]{8,32}")
_MOBILE = re.compile(r"(\+?86)?[0-9]{11}")
_POSTCODE = re.compile(r"[0-9]{6}")

#: Nobody born before lives to claim; a year below it is a slip of the pen.
_OLDEST_BIRTH = date(1900, 1, 1)


class Unacceptable(ValueError):
    """The value cannot be what it is said to be; the sentence says why and how it should look."""


def identity_number(value: str, kind: str, on: date) -> str:
    """The number of an identity document as it is stored, for a `kind` of document, on the day `on`.

    A resident identity card (居民身份证, GB 11643) needs its check digit, a real birth date not after `on` and a
    province's prefix; the county is not looked up, because abolished codes live on in people's numbers. Any other
    document: 4 to 32 letters, digits, brackets, slashes and hyphens.
    """
    number = _compact(value)
    if kind != RESIDENT:
        if not _OTHER_DOCUMENT.fullmatch(number):
            raise Unacceptable("证件号码应为4至32位字母、数字或连字符。")
        return number
    if re.fullmatch(r"[0-9]{15}", number):
        raise Unacceptable("第一代居民身份证（15位）已停止使用，请填写18位号码。")
    if not _CARD.fullmatch(number):
        raise Unacceptable("居民身份证号码应为18位，前17位是数字，最后一位是数字或X。")
    if number[:2] not in PROVINCES and number[0] != _FOREIGNER:
        raise Unacceptable("居民身份证号码的前两位不是任何省份的代码，请核对。")
    _birth_date(number, on)
    if _check_digit(number) != number[17]:
        raise Unacceptable("居民身份证号码的校验位不正确，请核对。")
    return number


def social_security_number(value: str, on: date) -> str:
    """A social security number (社会保障号码): with a digit first it is a resident's identity number."""
    number = _compact(value)
    return identity_number(number, RESIDENT if number[:1].isdigit() else "other", on)


def birth_and_sex(number: str) -> tuple[date, Literal["male", "female"]] | None:
    """Birth date and sex that a checked 18-digit number carries; None for the number of another document."""
    if not _CARD.fullmatch(number):
        return None
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14])), "male" if int(number[16]) % 2 else "female"


def mobile(value: str) -> str:
    """A mobile number of the mainland (手机号码), eleven digits: the only numbers a text message reaches."""
    number = _compact(value).replace("-", "")
    # The library reads letters as the digits of an old keypad, and calls landlines and Hong Kong's numbers valid.
    if not _MOBILE.fullmatch(number):
        raise Unacceptable("手机号码应为11位数字。")
    parsed = phonenumbers.parse(number[-11:], "CN")
    if parsed.country_code != 86 or phonenumbers.number_type(parsed) != PhoneNumberType.MOBILE:
        raise Unacceptable("手机号码应为中国内地的手机号码，请核对号段。")
    return number[-11:]


def telephone(value: str) -> str:
    """Any telephone number a person can be reached at (联系电话): digits, spaces, hyphens, an extension."""
    number = " ".join(unicodedata.normalize("NFKC", value[: _LONGEST_NUMBER + 1]).split())
    if not _TELEPHONE.fullmatch(number):
        raise Unacceptable("联系电话应为6至32位数字，可含区号、连字符和分机号。")
    return number


def uscc(value: str) -> str:
    """A unified social credit code (统一社会信用代码, GB 32100) with its check character."""
    code = _compact(value)
    if not _USCC.fullmatch(code):
        raise Unacceptable("统一社会信用代码应为18位数字和大写字母（不含I、O、S、V、Z）。")
    if not stdnum_uscc.is_valid(code):
        raise Unacceptable("统一社会信用代码的校验位不正确，请核对。")
    return code


def bank_account(value: str) -> str:
    """A bank account (银行账号): 8 to 32 digits. No Luhn check: passbooks and employers' accounts need not pass it."""
    account = _compact(value).replace("-", "")
    if not _ACCOUNT.fullmatch(account):
        raise Unacceptable("银行账号应为8至32位数字。")
    return account


def postcode(value: str) -> str:
    """A postcode (邮政编码), six digits."""
    code = _compact(value)
    if not _POSTCODE.fullmatch(code):
        raise Unacceptable("邮政编码应为6位数字。")
    return code


def text(value: str, max_length: int, *, multiline: bool = False) -> str:
    """Text as it was written, without the blanks around it; every character of every name is kept (𠮷, 㛃).

    Refused: more than `max_length` characters, control and direction characters, halves of characters. Characters
    that are unassigned or private today are let through: that is where rare names live.
    """
    if len(value) > max_length:
        raise Unacceptable(f"不能超过{max_length}个字。")
    stripped = value.strip()
    if any(_is_hidden(sign) and not (multiline and sign in "\n\r\t") for sign in stripped):
        raise Unacceptable("含有不可见的控制字符，请删除后重新填写。")
    return stripped.replace("\r\n", "\n").replace("\r", "\n")


def name(value: str) -> str:
    """A person's name (姓名), up to 50 characters, stored as written."""
    written = text(value, 50)
    if not any(unicodedata.category(sign)[0] in "LC" for sign in written):
        raise Unacceptable("姓名应至少包含一个文字。")
    return written


def _compact(value: str) -> str:
    """Full-width signs made half-width, blanks taken out, letters capital: how people type a number."""
    if len(value) > _LONGEST_NUMBER:
        raise Unacceptable(f"不能超过{_LONGEST_NUMBER}个字符。")
    return "".join(unicodedata.normalize("NFKC", value).split()).upper()


def _birth_date(number: str, on: date) -> None:
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Unacceptable("居民身份证号码中的出生日期不存在，请核对。") from None
    if born_on > on:
        raise Unacceptable("居民身份证号码中的出生日期晚于办理日期，请核对。")
    if born_on < _OLDEST_BIRTH:
        raise Unacceptable("居民身份证号码中的出生日期过早，请核对。")


def _check_digit(number: str) -> str:
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True)) % 11]


def _is_hidden(sign: str) -> bool:
    category = unicodedata.category(sign)
    if category in ("Cc", "Cs", "Zl", "Zp"):
        return True
    # Cf: marks that turn the reading direction, join or are invisible. The variation selectors of ideographs are Mn.
    return category == "Cf" or ord(sign) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(sign) <= 0xFDEF
