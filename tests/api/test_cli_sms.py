"""`tongban sms render`: the message, or exit code 1 and the reason."""

from __future__ import annotations

import json

import pytest

from api.cli import main

EXAMPLE = "尊敬的 XM 先生/女士,你好, 您办理的YWMC在SLSJ受理成功。"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, what it printed, what it complained about."""
    code = main(["sms", "render", *arguments])
    return (code, *capsys.readouterr())


@pytest.mark.rule("SMS-07")
def test_the_message_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, EXAMPLE, "XM=陈大文", "YWMC=工伤医疗费", "SLSJ=2023年08月01日")

    assert printed == (0, "尊敬的 陈大文 先生/女士,你好, 您办理的工伤医疗费在2023年08月01日受理成功。\n", "")


@pytest.mark.rule("SMS-06")
@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("CZYJP；CZYJ", ["CZYJ=终", "CZYJP=中"], "中；终"),
        ("XM和CBR", ["XM=CBR", "CBR=XM"], "CBR和XM"),
        ("请用广东人社APP", [], "请用广东人社APP"),
        # A value may hold the sign that parts it from its key, and one that is not used is no fault.
        ("XM", ["XM=a=b", "DAY=3"], "a=b"),
        ("字" * 500, [], "字" * 500),
        # The limit is one of the template; a name makes the message longer.
        ("字" * 498 + "XM", ["XM=欧阳某某某"], "字" * 498 + "欧阳某某某"),
    ],
)
def test_keys_are_replaced_once_and_all_else_is_text(
    capsys: pytest.CaptureFixture[str], text: str, values: list[str], message: str
) -> None:
    assert run(capsys, text, *values) == (0, f"{message}\n", "")


@pytest.mark.rule("SMS-05", "SMS-06", "SMS-09")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["字" * 501], "模板内容有501字，不能超过500字。"),
        (["您好", "NAME=陈"], "“NAME”不是短信关键词"),
        (["您好", "xm=陈"], "“xm”不是短信关键词"),
        (["您好，XM"], "模板中的关键词XM（姓名）没有值。"),
        (["您好，XM", "XM="], "模板中的关键词XM（姓名）没有值。"),
        (["CZYJP", "CZYJ=终"], "模板中的关键词CZYJP（中止意见）没有值。"),
        (["您好", "XM"], "“XM”应写成“关键词=值”。"),
        ([""], "模板内容不能为空。"),
    ],
)
def test_what_is_refused_ends_with_1_and_the_reason(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    code, printed, complained = run(capsys, *arguments)

    assert (code, printed) == (1, "")
    assert complained.startswith(reason)


def test_programs_get_the_length_and_every_reason(capsys: pytest.CaptureFixture[str]) -> None:
    taken = json.loads(run(capsys, "--json", "字" * 71)[1])
    code, refused, _ = run(capsys, "--json", "XM", "NAME=陈")

    assert taken == {"text": "字" * 71, "characters": 71, "parts": 2}
    assert code == 1
    assert set(json.loads(refused)["fields"]) == {"XM", "NAME"}
