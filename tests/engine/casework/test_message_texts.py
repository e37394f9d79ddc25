"""The words of a message: 13 keys in one pass, what is refused, how long it is (part L, 11)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from config.catalogue import SMS_SLOTS, services
from engine.casework.message_texts import (
    KEYS,
    LONGEST_MESSAGE,
    LONGEST_OPINION,
    SLOT_KEYS,
    SLOT_TITLES,
    keys_in,
    longest,
    masked,
    missing_values,
    preview,
    render,
    render_strictly,
    shortened,
    slot_faults,
    split,
    text_faults,
    warnings,
)
from engine.errors import InvalidInput

VALUES = {key: f"〔{number}〕" for number, key in enumerate(KEYS, 1)}


@pytest.mark.rule("SMS-06")
def test_the_keys_are_exactly_the_13_of_annex_3() -> None:
    assert set(KEYS) == {
        *("XM", "SFZH", "YWMC", "SLSJ", "CZYJ", "DAY", "CZYJP"),
        *("JBJG", "SLHZH", "SHBTGYJ", "DYXSKSNY", "ZCDADDRESS", "CBR"),
    }


@pytest.mark.rule("SMS-07")
def test_the_example_of_annex_3_comes_out_with_its_own_punctuation() -> None:
    text = "尊敬的 XM 先生/女士,你好, 您办理的YWMC在SLSJ受理成功。"

    message = render(text, {"XM": "陈大文", "YWMC": "工伤医疗费", "SLSJ": "2023年08月01日"})

    assert message == "尊敬的 陈大文 先生/女士,你好, 您办理的工伤医疗费在2023年08月01日受理成功。"


@pytest.mark.rule("SMS-06")
@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_replaced(key: str) -> None:
    assert render(f"您好，{key}。", VALUES) == f"您好，{VALUES[key]}。"


@pytest.mark.rule("SMS-06")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        # CZYJ is the beginning of CZYJP.
        ("CZYJP", "中止"),
        ("CZYJ", "终止"),
        ("CZYJCZYJP", "终止中止"),
        ("CZYJPCZYJ", "中止终止"),
        ("CZYJPP", "中止P"),
        # Keys without anything between them.
        ("XMSLHZH", "陈大文2308"),
        # Values that look like keys are values.
        ("CBR和XM", "XM和陈大文"),
        # Capital letters that are no key.
        ("广东人社APP：XM", "广东人社APP：陈大文"),
        ("CZY", "CZY"),
        ("xm", "xm"),
    ],
)
def test_the_longest_key_wins_and_what_was_put_in_is_not_looked_at_again(text: str, message: str) -> None:
    values = {"CZYJ": "终止", "CZYJP": "中止", "XM": "陈大文", "SLHZH": "2308", "CBR": "XM"}

    assert render(text, values) == message


@pytest.mark.rule("SMS-06")
@given(
    pieces=some.lists(some.one_of(some.sampled_from(list(KEYS)), some.text("字，。0 ab", max_size=4)), max_size=12),
    values=some.fixed_dictionaries(
        {key: some.one_of(some.sampled_from([*KEYS, "CZYJPCZYJ", "X", "M"]), some.text(max_size=6)) for key in KEYS}
    ),
)
def test_a_text_becomes_its_pieces_with_each_key_replaced_once(pieces: list[str], values: dict[str, str]) -> None:
    # A full stop between the pieces, so that two of them never make a key together.
    text = "。".join(pieces)

    assert render(text, values) == "。".join(values.get(piece, piece) for piece in pieces)


@pytest.mark.rule("SMS-06")
@given(text=some.text("XMSFZHYWCLJDAPBGTKNEROI字", max_size=40))
def test_the_keys_of_a_text_are_found_from_the_left_the_longest_first(text: str) -> None:
    found, place = [], 0
    while place < len(text):
        here = max((key for key in KEYS if text.startswith(key, place)), key=len, default="")
        found += [here] if here else []
        place += len(here) or 1

    assert keys_in(text) == found


# --- refusals


@pytest.mark.rule("SMS-09")
def test_half_a_message_is_never_made() -> None:
    assert missing_values("XM，CZYJ，XM", {"XM": "", "CZYJ": "撤回"}) == ["XM"]
    with pytest.raises(KeyError):
        render("XM", {})


@pytest.mark.rule("SMS-05")
def test_500_characters_are_taken_and_501_are_refused() -> None:
    assert text_faults("字" * 500) == []
    assert text_faults("字" * 501) == ["模板内容有501字，不能超过500字。"]
    assert text_faults(" ") == ["模板内容不能为空。"]


@pytest.mark.rule("SMS-05")
def test_a_text_that_may_become_too_long_is_refused() -> None:
    text = "CZYJ" * 7

    assert len(longest(text)) == 7 * LONGEST_OPINION > LONGEST_MESSAGE
    assert text_faults(text) == ["代入最长的内容后有1050字，超过1000字，请减少关键词的使用次数或缩短文字。"]


def test_trying_a_text_out_names_everything_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidInput) as refused:
        render_strictly("字" * 500 + "XM，DAY", {"XM": "陈", "NAME": "陈", "DAY": ""})

    assert set(refused.value.fields) == {"text", "NAME", "DAY"}


@pytest.mark.rule("SMS-09")
@pytest.mark.parametrize(
    ("slot", "allowed", "refused"),
    [
        ("acceptance", ["DAY", "SLHZH"], ["CZYJ", "CZYJP", "SHBTGYJ", "DYXSKSNY", "ZCDADDRESS"]),
        ("receipt", ["XM", "SFZH"], ["SLSJ", "SLHZH", "DAY", "ZCDADDRESS"]),
        ("completion", ["SLHZH", "ZCDADDRESS", "DYXSKSNY"], ["CZYJ", "CZYJP", "SHBTGYJ", "DAY"]),
        ("termination", ["CZYJ"], ["CZYJP", "SHBTGYJ", "DYXSKSNY"]),
        ("urging", ["DAY"], ["CZYJ", "DYXSKSNY"]),
        ("not_injury_or_refusal", ["XM", "CBR", "YWMC", "JBJG"], ["SLHZH", "SLSJ", "DAY", "SFZH"]),
        ("suspension", ["CZYJP"], ["CZYJ", "SHBTGYJ"]),
        ("not_passed", ["SHBTGYJ"], ["CZYJ", "CZYJP"]),
        ("first_reviewed", ["DAY"], ["SHBTGYJ", "DYXSKSNY"]),
    ],
)
def test_a_key_may_stand_in_the_slots_where_it_has_a_value(slot: str, allowed: list[str], refused: list[str]) -> None:
    assert slot_faults("，".join(allowed), slot, "disability_benefit") == []
    faults = slot_faults("，".join(refused), slot, "disability_benefit")
    assert [re.findall("[A-Z]+", fault)[0] for fault in faults] == refused


@pytest.mark.rule("SMS-09")
def test_the_first_month_of_a_benefit_belongs_to_services_that_are_paid_monthly() -> None:
    paid_monthly = [code for code in services() if not slot_faults("DYXSKSNY", "completion", code)]

    assert paid_monthly == ["disability_benefit", "death_benefit"]


def test_the_author_is_warned_of_a_key_inside_a_word_and_of_one_that_often_has_no_value() -> None:
    assert warnings("TODAY，XM", None) == ["“TODAY”中的DAY会被当作关键词替换。"]
    assert warnings("XMSLHZH", None) == []
    assert len(warnings("ZCDADDRESS", "completion")) == 1


# --- length


@pytest.mark.parametrize(
    ("message", "lengths"),
    [
        ("", [0]),
        ("字" * 70, [70]),
        ("字" * 71, [67, 4]),
        ("字" * 134, [67, 67]),
        ("字" * 135, [67, 67, 1]),
        # A character of two places: 35 of them are 70 places, and 34 do not fit into 67.
        ("𠮷" * 35, [35]),
        ("𠮷" * 36, [33, 3]),
        ("a" * 71, [67, 4]),
    ],
)
def test_a_message_of_70_goes_alone_and_a_longer_one_in_parts_of_67(message: str, lengths: list[int]) -> None:
    parts = split(message)

    assert [len(part) for part in parts] == lengths
    assert "".join(parts) == message


@given(some.text(max_size=300))
def test_no_part_is_longer_than_67_places_and_nothing_is_lost(message: str) -> None:
    parts = split(message)

    assert "".join(parts) == message
    places = [len(part.encode("utf-16-be", "surrogatepass")) // 2 for part in parts]
    assert len(parts) == 1 or all(0 < one <= 67 for one in places)


def test_a_preview_shows_an_example_and_the_worst_case() -> None:
    shown = preview("尊敬的XM，终止意见：CZYJ。", {"XM": "欧阳大文"}, slot="completion", service="medical_expense")

    assert shown.text == "尊敬的欧阳大文，终止意见：申请人撤回申请。"
    assert (shown.characters, shown.parts) == (21, 1)
    assert (shown.longest_characters, shown.longest_parts) == (210, 4)
    assert shown.keys == ["XM", "CZYJ"]
    assert shown.faults == ["关键词CZYJ（终止意见）不能用于办结短信。"]


def test_an_opinion_is_cut_and_becomes_one_line_and_a_name_stays_whole() -> None:
    assert shortened("CZYJ", "材\n料 不齐") == "材 料 不齐"
    assert len(shortened("CZYJP", "意" * 151)) == LONGEST_OPINION
    assert shortened("SHBTGYJ", "意" * 150) == "意" * 150
    assert shortened("CBR", "名" * 151) == "名" * 151


def test_a_number_is_shown_without_its_middle() -> None:
    assert masked("13800138000") == "138****8000"
    assert masked("12345") == "****"
    assert masked(None) is None


# --- the texts of the house


@pytest.mark.rule("SMS-02", "CFG-10")
def test_every_service_has_the_nine_slots_and_its_own_texts_pass_the_check() -> None:
    assert len(SMS_SLOTS) == len(SLOT_TITLES) == len(SLOT_KEYS) == 9
    faults = {
        (service.code, slot): [*text_faults(text), *slot_faults(text, slot, service.code), *warnings(text, slot)]
        for service in services().values()
        for slot, text in service.sms.items()
        if text is not None
    }
    assert not {place: found for place, found in faults.items() if found}
    assert all(set(service.sms) == set(SMS_SLOTS) for service in services().values())
