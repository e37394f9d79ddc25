"""Identity numbers, phones, credit codes, accounts and text, as people write them and as they are kept."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rules import identity
from handlers.rules.identity import Unacceptable
from tests.factories import identity_number, uscc
from tests.factories_people import ABOLISHED_COUNTIES, RESIDENCE_PERMITS, SAMPLE_OF_THE_NOTICE

TODAY = date(2023, 8, 1)
CARD = identity.RESIDENT
NUMBER = identity_number("442000", date(1985, 3, 12), 1)
WITH_X = next(
    number for number in (identity_number(sequence=sequence) for sequence in range(1, 60)) if number.endswith("X")
)


@pytest.mark.parametrize("number", [*ABOLISHED_COUNTIES, *RESIDENCE_PERMITS])
def test_a_number_of_an_abolished_county_or_a_residence_permit_is_accepted(number: str) -> None:
    assert identity.identity_number(number, CARD, TODAY) == number


@pytest.mark.parametrize(
    "written",
    [
        WITH_X.lower(),
        f" {WITH_X[:6]} {WITH_X[6:14]} {WITH_X[14:]} ",
        # Full-width digits and a full-width x.
        "".join(chr(ord(sign) + 0xFEE0) for sign in WITH_X),
        f"\u3000{WITH_X}\u3000",
    ],
)
def test_a_number_is_normalised_before_it_is_checked(written: str) -> None:
    assert identity.identity_number(written, CARD, TODAY) == WITH_X


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (NUMBER[:17] + ("0" if NUMBER[17] != "0" else "1"), "校验位"),
        # Masked data printed in the notice itself: no province 25, and the check digit is wrong too.
        (SAMPLE_OF_THE_NOTICE, "省份"),
        (identity_number("250000", date(1985, 3, 12)), "省份"),
        ("442000850312001", "15位"),
        (NUMBER[:17], "18位"),
        ("4420001985031200AB", "18位"),
        ("X" * 18, "18位"),
        ("", "18位"),
        ("442000" + "19850230" + "0010", "出生日期不存在"),
        (identity_number("442000", date(2023, 8, 2)), "晚于办理日期"),
        (identity_number("442000", date(1899, 12, 31)), "过早"),
        # Arabic-Indic digits are digits to Python and to nobody at a counter.
        ("٤٤٢٠٠٠١٩٨٥٠٣١٢٠٠١٤", "18位"),
        ("1" * 10_000, "64"),
    ],
)
def test_an_impossible_number_is_refused_with_the_reason(number: str, said: str) -> None:
    with pytest.raises(Unacceptable, match=said):
        identity.identity_number(number, CARD, TODAY)


def test_a_birth_on_the_given_day_is_possible_and_the_day_after_is_not() -> None:
    assert identity.identity_number(identity_number(born_on=TODAY), CARD, TODAY)
    with pytest.raises(Unacceptable):
        identity.identity_number(identity_number(born_on=TODAY), CARD, date(2023, 7, 31))


def test_the_sentence_never_repeats_the_number() -> None:
    wrong = NUMBER[:17] + ("0" if NUMBER[17] != "0" else "1")
    with pytest.raises(Unacceptable) as refused:
        identity.identity_number(wrong, CARD, TODAY)
    assert wrong not in str(refused.value)


def test_another_document_needs_no_check_digit() -> None:
    assert identity.identity_number("h1234567(a)", "other", TODAY) == "H1234567(A)"
    with pytest.raises(Unacceptable):
        identity.identity_number("证件", "other", TODAY)


def test_a_social_security_number_that_begins_with_a_digit_is_an_identity_number() -> None:
    assert identity.social_security_number(NUMBER, TODAY) == NUMBER
    assert identity.social_security_number("usa0P123456", TODAY) == "USA0P123456"
    with pytest.raises(Unacceptable):
        identity.social_security_number("12345678", TODAY)


def test_birth_and_sex_are_read_from_a_number() -> None:
    assert identity.birth_and_sex(identity_number(born_on=date(1985, 3, 12), sequence=1)) == (date(1985, 3, 12), "male")
    assert identity.birth_and_sex(identity_number(born_on=date(1985, 3, 12), sequence=2)) == (
        date(1985, 3, 12),
        "female",
    )
    assert identity.birth_and_sex("H1234567") is None


@given(
    born_on=st.dates(date(1900, 1, 1), TODAY),
    sequence=st.integers(1, 999),
    place=st.integers(0, 16),
    other=st.integers(1, 9),
)
def test_one_wrong_digit_is_always_noticed(born_on: date, sequence: int, place: int, other: int) -> None:
    number = identity_number("442000", born_on, sequence)
    wrong = number[:place] + str((int(number[place]) + other) % 10) + number[place + 1 :]
    with pytest.raises(Unacceptable):
        identity.identity_number(wrong, CARD, TODAY)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("13800138000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        # Ranges that were given out late.
        *((f"{prefix}00138000", f"{prefix}00138000") for prefix in ("162", "166", "170", "192", "197", "199")),
    ],
)
def test_a_mainland_mobile_number_is_accepted(written: str, kept: str) -> None:
    assert identity.mobile(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        "+85291234567",  # Hong Kong, valid to the library
        "010-12345678",  # a landline
        "02012345678",
        "14000138000",  # a range that does not exist
        "1380013800",
        "1380013ABCD",  # an old keypad's letters
        "",
        "１" * 1000,
    ],
)
def test_what_no_text_message_reaches_is_refused(written: str) -> None:
    with pytest.raises(Unacceptable):
        identity.mobile(written)


def test_a_telephone_may_be_a_landline_with_an_extension() -> None:
    assert identity.telephone("0760-88880001转102") == "0760-88880001转102"
    with pytest.raises(Unacceptable):
        identity.telephone("打给我")


def test_a_credit_code_needs_its_check_character() -> None:
    code = uscc(7)
    assert identity.uscc(f" {code.lower()} ") == code
    with pytest.raises(Unacceptable, match="校验位"):
        identity.uscc(code[:17] + ("1" if code[17] != "1" else "2"))
    with pytest.raises(Unacceptable, match="18位"):
        identity.uscc("91442000MA000000IO")


def test_a_bank_account_needs_no_luhn_digit() -> None:
    # A passbook's number that fails Luhn.
    assert identity.bank_account("6222 0200 0000 0000 002") == "6222020000000000002"
    with pytest.raises(Unacceptable):
        identity.bank_account("6222-ABCD")


@pytest.mark.parametrize("name", ["𠮷田", "㛃", "买买提·艾力", "欧阳娜娜", "\ue863", "葛󠄀城", "\U000323af"])
def test_every_character_of_a_name_is_kept(name: str) -> None:
    assert identity.name(f" {name} ") == name


@pytest.mark.parametrize(
    "written",
    ["陈\x00明", "陈\x1b[0m", "陈\u202e明", "陈\u200b明", "陈\ud800", "陈\ufffe", "陈\n明", "", "   ", "12", "陈" * 51],
)
def test_a_name_with_hidden_signs_or_without_a_word_is_refused(written: str) -> None:
    with pytest.raises(Unacceptable):
        identity.name(written)


def test_lines_are_kept_only_where_they_belong() -> None:
    assert identity.text("第一行\r\n第二行", 20, multiline=True) == "第一行\n第二行"
    with pytest.raises(Unacceptable):
        identity.text("第一行\n第二行", 20)


def test_text_of_ten_megabytes_is_refused_with_the_limit() -> None:
    with pytest.raises(Unacceptable, match="200"):
        identity.text("长" * 10_000_000, 200)


@given(st.text(max_size=80))
def test_no_text_makes_a_check_crash(written: str) -> None:
    checks = (
        identity.mobile,
        identity.telephone,
        identity.uscc,
        identity.bank_account,
        identity.postcode,
        identity.name,
    )
    for check in checks:
        try:
            kept = check(written)
        except Unacceptable:
            continue
        assert kept == check(kept)
    for kind in (CARD, "other"):
        try:
            identity.identity_number(written, kind, TODAY)
        except Unacceptable:
            continue
