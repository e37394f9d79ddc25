"""What every gateway for text messages promises, asked of each of them in the same words."""

from __future__ import annotations

import time

import pytest
from structlog.testing import capture_logs

from engine.errors import RetryLater
from engine.ports import DeliveryReceipt
from tests.handlers.sms.stand_in import LONG, TIMEOUT, Face, OutboxFace, SmppFace, TencentFace, outgoing

FACES = {"outbox": OutboxFace, "smpp": SmppFace, "tencent": TencentFace}
FAULTS = [(name, fault) for name, face in FACES.items() for fault in face.faults]

OPINION = "本次申请的材料与工伤认定决定书所载不一致，" * 6
LONG_TEXT = f"尊敬的陈大文先生/女士，您办理的工伤医疗费已终止办理，终止意见：{OPINION}。"


@pytest.fixture(params=sorted(FACES))
def face(request: pytest.FixtureRequest) -> Face:
    return request.getfixturevalue(f"{request.param}_face")


def test_a_message_is_taken_and_arrives_as_it_was_written(face: Face) -> None:
    message = outgoing(text="尊敬的陈大文先生/女士，您办理的工伤医疗费已办结。")

    accepted = face.gateway.hand_over(message)

    assert accepted.ids
    assert face.received() == [face.expected(message)]


def test_a_long_message_arrives_whole(face: Face) -> None:
    message = outgoing(template=LONG, text=LONG_TEXT, parameters=("陈大文", "工伤医疗费", OPINION))

    accepted = face.gateway.hand_over(message)

    assert len(set(accepted.ids)) == len(accepted.ids)
    assert face.received() == [face.expected(message)]


def test_a_hand_over_that_is_repeated_after_a_crash_has_the_same_reference(face: Face) -> None:
    message = outgoing(4711)

    face.gateway.hand_over(message)
    face.gateway.hand_over(message)

    assert [reference for reference, _ in face.received()] == [face.expected(message)[0]] * 2


def test_what_an_officer_sends_again_has_a_reference_of_its_own(face: Face) -> None:
    face.gateway.hand_over(outgoing(4711))
    face.gateway.hand_over(outgoing(4711, round=2))

    first, second = (reference for reference, _ in face.received())
    assert first != second


def test_one_hears_that_a_message_was_delivered(face: Face) -> None:
    accepted = face.gateway.hand_over(outgoing(template=LONG, text=LONG_TEXT, parameters=("陈大文", "工伤", OPINION)))

    heard: list[DeliveryReceipt] = []
    deadline = time.monotonic() + 5
    while not accepted.delivered and len(heard) < len(accepted.ids) and time.monotonic() < deadline:
        face.gateway.take_receipts(heard.append)
        time.sleep(0.01)

    assert accepted.delivered or {one.gateway_id for one in heard if one.delivered} == set(accepted.ids)


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_fault_of_the_gateway_delays_the_message_and_loses_nothing(
    request: pytest.FixtureRequest, name: str, fault: str
) -> None:
    face: Face = request.getfixturevalue(f"{name}_face")
    message = outgoing()
    face.fail(fault)

    began = time.monotonic()
    with pytest.raises(RetryLater) as refused:
        face.gateway.hand_over(message)
    lasted = time.monotonic() - began
    face.mend()
    face.gateway.hand_over(message)

    assert refused.value.details == {"accepted": []}
    # It waited once, not for ever; the rest is what a busy machine takes.
    assert lasted < TIMEOUT * 10
    assert face.received() == [face.expected(message)]


def test_a_gateway_that_was_left_is_found_again(face: Face) -> None:
    face.gateway.hand_over(outgoing(1))
    face.gateway.close()

    face.gateway.hand_over(outgoing(2))

    assert len(face.received()) == 2


@pytest.mark.rule("SMS-09")
def test_the_log_shows_no_number_and_no_words(face: Face) -> None:
    message = outgoing(text="尊敬的陈大文先生/女士，您办理的工伤医疗费已办结。")

    with capture_logs() as lines:
        face.gateway.hand_over(message)

    assert [line["event"] for line in lines] == ["sms_handed_over"]
    assert lines[0]["phone"] == "138****8000"
    assert message.phone not in str(lines)
    assert "陈大文" not in str(lines)
