"""The words of a text message (短信): its 13 keys, what it becomes with values, what is wrong with it, how long it is.

The keys stand bare in the text, without braces, and CZYJ is the beginning of CZYJP: all are replaced in one pass,
longest first, and what was put in is never looked at again (SMS-06). Capital letters that are no key are text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from config.benefits import benefit_table
from config.catalogue import SMS_MAX_LENGTH, SMS_SLOTS, services
from config.province import province
from engine.errors import InvalidInput

#: What a text may become with the longest values: fifteen parts.
LONGEST_MESSAGE = 1000
#: An opinion is cut to this in a message; the document that goes with it has all of it.
LONGEST_OPINION = 150

#: Characters of one message alone, and of each part of a longer one, in UCS-2.
SINGLE, PART = 70, 67


@dataclass(frozen=True, kw_only=True)
class Key:
    """One of the 13 keys, with an example of its value and the most characters it can have."""

    code: str
    title: str
    sample: str
    longest: Callable[[], int]


def _exactly(length: int) -> Callable[[], int]:
    return lambda: length


@cache
def _longest_service() -> int:
    return max(len(service.title) for service in services().values())


@cache
def _longest_agency() -> int:
    return max(len(agency.name) for agency in province().agencies.values())


_KEYS = (
    Key(code="XM", title="姓名", sample="陈大文", longest=_exactly(50)),
    Key(code="SFZH", title="身份证号码", sample="4420**********4018", longest=_exactly(18)),
    Key(code="YWMC", title="业务名称", sample="工伤医疗费", longest=_longest_service),
    Key(code="SLSJ", title="受理时间", sample="2023年08月01日", longest=_exactly(11)),
    Key(code="CZYJ", title="终止意见", sample="申请人撤回申请", longest=_exactly(LONGEST_OPINION)),
    Key(code="DAY", title="剩余几天办理时间", sample="15", longest=_exactly(3)),
    Key(code="CZYJP", title="中止意见", sample="等待行政复议决定", longest=_exactly(LONGEST_OPINION)),
    Key(code="JBJG", title="经办机构", sample="中山市社会保险基金管理局", longest=_longest_agency),
    Key(code="SLHZH", title="受理回执号", sample="2308010900000002", longest=_exactly(16)),
    Key(code="SHBTGYJ", title="审核不通过意见", sample="票据不属于本次工伤", longest=_exactly(LONGEST_OPINION)),
    Key(code="DYXSKSNY", title="待遇享受开始年月", sample="2023年08月", longest=_exactly(8)),
    Key(code="ZCDADDRESS", title="转出地经办地名称", sample="深圳市社会保险基金管理局", longest=_longest_agency),
    Key(code="CBR", title="参保人姓名", sample="陈大文", longest=_exactly(50)),
)

#: Exactly the keys of annex 3, by code (SMS-06).
KEYS: Mapping[str, Key] = {key.code: key for key in _KEYS}
#: Free text of an officer: the only values that are cut.
OPINIONS = frozenset({"CZYJ", "CZYJP", "SHBTGYJ"})

_ANY_KEY = re.compile("|".join(sorted(KEYS, key=len, reverse=True)))
_CAPITALS = re.compile("[A-Z]+")

_OF_ANY_CASE = frozenset({"XM", "SFZH", "YWMC", "SLSJ", "JBJG", "SLHZH", "CBR"})
#: Before there is a case there is no receipt number, and no time of acceptance.
_OF_AN_APPLICATION = frozenset({"XM", "YWMC", "JBJG", "CBR"})

#: Slot -> keys that always have a value there (SMS-09).
SLOT_KEYS: Mapping[str, frozenset[str]] = {
    "acceptance": _OF_ANY_CASE | {"DAY"},
    "receipt": _OF_AN_APPLICATION | {"SFZH"},
    "completion": _OF_ANY_CASE,
    "termination": _OF_ANY_CASE | {"CZYJ"},
    "urging": _OF_ANY_CASE | {"DAY"},
    "not_injury_or_refusal": _OF_AN_APPLICATION,
    "suspension": _OF_ANY_CASE | {"CZYJP", "DAY"},
    "not_passed": _OF_ANY_CASE | {"SHBTGYJ"},
    "first_reviewed": _OF_ANY_CASE | {"DAY"},
}
#: Key -> slots in which some cases have a value for it: a transferred one, one with a monthly benefit.
SOMETIMES: Mapping[str, frozenset[str]] = {
    "ZCDADDRESS": frozenset(SMS_SLOTS) - {"acceptance", "receipt", "not_injury_or_refusal"},
    "DYXSKSNY": frozenset({"completion"}),
}

SLOT_TITLES: Mapping[str, str] = dict(
    zip(
        SMS_SLOTS,
        (
            *("受理短信", "收件短信", "办结短信", "终止短信", "催办短信"),
            *("非职业伤害或不予受理办结短信", "中止短信", "审核不通过短信", "已初审短信"),
        ),
        strict=True,
    )
)


def keys_in(text: str) -> list[str]:
    """The keys of the text in the order in which they stand, repeated ones repeated."""
    return _ANY_KEY.findall(text)


def missing_values(text: str, values: Mapping[str, str]) -> list[str]:
    """Keys of the text that have no value, each once."""
    return list(dict.fromkeys(key for key in keys_in(text) if not values.get(key)))


def render(text: str, values: Mapping[str, str]) -> str:
    """The message. Raises `KeyError` where a key of the text has no value: half a sentence is never sent (SMS-09)."""
    return _ANY_KEY.sub(lambda match: values[match.group()], text)


def render_strictly(text: str, values: Mapping[str, str]) -> str:
    """The message that somebody tries out. Raises `InvalidInput` with every reason against it."""
    faults: dict[str, list[str]] = {}
    if sentences := _length_faults(text):
        faults["text"] = sentences
    for key in values:
        if key not in KEYS:
            faults[key] = [f"“{key}”不是短信关键词，可用的关键词是：{'、'.join(KEYS)}。"]
    for key in missing_values(text, values):
        faults[key] = [f"模板中的关键词{key}（{KEYS[key].title}）没有值。"]
    if faults:
        raise InvalidInput("短信不能生成，请按提示修改。", fields=faults)
    return render(text, values)


def shortened(key: str, value: str) -> str:
    """The value as it goes into a message: one line, an opinion not longer than `LONGEST_OPINION`."""
    line = " ".join(value.split())
    if key in OPINIONS and len(line) > LONGEST_OPINION:
        return line[: LONGEST_OPINION - 1] + "…"
    return line


# Length


def split(message: str) -> list[str]:
    """The parts in which it is sent: 70 characters alone, 67 each where it takes several.

    Characters are counted as UCS-2 counts them: a rare one beyond its first plane takes two places, and stays whole.
    """
    if _places(message) <= SINGLE:
        return [message]
    parts, room = [""], PART
    for character in message:
        needed = _places(character)
        if needed > room:
            parts.append("")
            room = PART
        parts[-1] += character
        room -= needed
    return parts


def _places(text: str) -> int:
    return len(text.encode("utf-16-be", "surrogatepass")) // 2


def longest(text: str) -> str:
    """The text with the longest value of each key: what the worst case looks like."""
    return _ANY_KEY.sub(lambda match: "字" * KEYS[match.group()].longest(), text)


# Faults


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a text becomes: an example, its length, the worst case, what stands against it, what is doubtful."""

    text: str
    characters: int
    parts: int
    longest_characters: int
    longest_parts: int
    keys: Sequence[str]
    faults: Sequence[str]
    warnings: Sequence[str]


def preview(text: str, values: Mapping[str, str], *, slot: str | None = None, service: str | None = None) -> Preview:
    """The text with these values, and examples for the keys that have none."""
    shown = render(text, {**{key.code: key.sample for key in _KEYS}, **values})
    worst = longest(text)
    return Preview(
        text=shown,
        characters=len(shown),
        parts=len(split(shown)),
        longest_characters=len(worst),
        longest_parts=len(split(worst)),
        keys=list(dict.fromkeys(keys_in(text))),
        faults=[*text_faults(text), *slot_faults(text, slot, service)],
        warnings=warnings(text, slot),
    )


def text_faults(text: str) -> list[str]:
    """Why a text must not be published (SMS-05)."""
    faults = _length_faults(text)
    if not faults and len(longest(text)) > LONGEST_MESSAGE:
        faults.append(
            f"代入最长的内容后有{len(longest(text))}字，超过{LONGEST_MESSAGE}字，请减少关键词的使用次数或缩短文字。"
        )
    return faults


def _length_faults(text: str) -> list[str]:
    if not text.strip():
        return ["模板内容不能为空。"]
    if len(text) > SMS_MAX_LENGTH:
        return [f"模板内容有{len(text)}字，不能超过{SMS_MAX_LENGTH}字。"]
    return []


def slot_faults(text: str, slot: str | None, service: str | None) -> list[str]:
    """Keys that make no sense in the slot of the service, because no case has a value for them there (SMS-09)."""
    if slot is None:
        return []
    return [
        f"关键词{key}（{KEYS[key].title}）不能用于{SLOT_TITLES[slot]}。"
        for key in dict.fromkeys(keys_in(text))
        if key not in SLOT_KEYS[slot] and not _sometimes(key, slot, service)
    ]


def _sometimes(key: str, slot: str, service: str | None) -> bool:
    if slot not in SOMETIMES.get(key, ()):
        return False
    if key != "DYXSKSNY" or service is None:
        return True
    return any(benefit.monthly for benefit in benefit_table().of_service(service).values())


def warnings(text: str, slot: str | None) -> list[str]:
    """What the author should look at: a key inside a longer word, a key without a value in many cases."""
    found = [
        f"“{word}”中的{'、'.join(dict.fromkeys(keys_in(word)))}会被当作关键词替换。"
        for word in dict.fromkeys(_CAPITALS.findall(text))
        if keys_in(word) and _ANY_KEY.sub("", word)
    ]
    found += [
        f"部分办件没有{key}（{KEYS[key].title}），这些办件将改用全省统一文本，没有统一文本的不发送。"
        for key in dict.fromkeys(keys_in(text))
        if key in SOMETIMES and (slot is None or slot in SOMETIMES[key])
    ]
    return found


def masked(phone: str | None) -> str | None:
    """A number as logs and lists may show it: 138****5678."""
    if phone is None:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else "****"
