"""The SMPP gateway against a real server: parts, receipts, sessions that end."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engine.errors import CannotProceed, RetryLater
from engine.ports import DeliveryReceipt
from handlers.sms.smpp import Smpp
from tests.handlers.sms.stand_in import TIMEOUT, SmppFace, outgoing

#: A name that UCS-2 cannot write in one place, right where the first part ends.
RARE = "𠮷"


def hear(face: SmppFace, count: int, keep: Callable[[DeliveryReceipt], None] | None = None) -> list[DeliveryReceipt]:
    """Take receipts until there are so many."""
    heard: list[DeliveryReceipt] = []
    deadline = time.monotonic() + 5
    while len(heard) < count and time.monotonic() < deadline:
        face.gateway.take_receipts(keep or heard.append)
        time.sleep(0.01)
    return heard


def test_a_message_goes_to_the_mainland_number_in_ucs2_and_asks_for_a_receipt(smpp_face: SmppFace) -> None:
    smpp_face.gateway.hand_over(outgoing(70_000, text="您好"))

    said = smpp_face.server.hear("submitted")
    assert (said["source"], said["destination"], said["ton"]) == ("10690001", "8613800138000", 1)
    assert (said["coding"], said["registered"], said["text"]) == (8, 1, "您好")
    assert said["reference"] == 70_000 % 65_536


def test_70_characters_are_one_part_and_71_are_two_of_67_and_4(smpp_face: SmppFace) -> None:
    smpp_face.gateway.hand_over(outgoing(1, text="字" * 70))
    smpp_face.gateway.hand_over(outgoing(2, text="字" * 71))

    said = smpp_face.server.take("submitted", 3)
    assert [len(one["text"]) for one in said] == [70, 67, 4]
    assert said[0]["header"] == []
    assert ["".join(one["header"]) for one in said[1:]] == ["0003020201", "0003020202"]


def test_a_rare_character_is_never_cut_in_two(smpp_face: SmppFace) -> None:
    smpp_face.gateway.hand_over(outgoing(text="字" * 66 + RARE + "字" * 10))

    said = smpp_face.server.take("submitted", 2)
    assert [one["text"] for one in said] == ["字" * 66, RARE + "字" * 10]


def test_parts_that_were_taken_are_not_submitted_again(smpp_face: SmppFace) -> None:
    text = "字" * 67 + "句" * 67 + "段" * 10
    smpp_face.server.behave("accept", {"how": "refuse", "status": 0x58})

    with pytest.raises(RetryLater) as refused:
        smpp_face.gateway.hand_over(outgoing(text=text))
    accepted = smpp_face.gateway.hand_over(outgoing(text=text, accepted=tuple(refused.value.details["accepted"])))

    said = smpp_face.server.take("submitted", 3)
    assert refused.value.details["accepted"] == ["m1"]
    assert accepted.ids == ("m1", "m2", "m3")
    assert [one["text"] for one in said] == ["字" * 67, "句" * 67, "段" * 10]


@pytest.mark.parametrize("status", [0x01, 0x0B, 0x65, 0x66])
def test_a_number_or_text_that_the_gateway_refuses_for_good_is_not_tried_again(
    smpp_face: SmppFace, status: int
) -> None:
    smpp_face.server.behave({"how": "refuse", "status": status})

    with pytest.raises(CannotProceed) as refused:
        smpp_face.gateway.hand_over(outgoing())

    assert refused.value.code == "gateway_refused"
    assert f"0x{status:08X}" in refused.value.message


def test_a_wrong_password_delays_until_an_operator_has_mended_it(smpp_face: SmppFace) -> None:
    wrong = Smpp(smpp_face.settings(password="wrong"), TIMEOUT)

    with pytest.raises(RetryLater):
        wrong.hand_over(outgoing())

    assert smpp_face.server.hear("bound") == {"event": "bound", "right": False}


def test_a_gateway_that_is_not_there_delays(smpp_face: SmppFace) -> None:
    with pytest.raises(RetryLater) as refused:
        Smpp(smpp_face.settings(port=1), TIMEOUT).hand_over(outgoing())

    assert refused.value.code == "gateway_unreachable"


def test_a_session_that_ended_while_idle_costs_no_message_its_time(smpp_face: SmppFace) -> None:
    smpp_face.gateway.hand_over(outgoing(1))
    smpp_face.server.tell(do="hang_up")

    smpp_face.gateway.hand_over(outgoing(2))

    assert [said["reference"] for said in smpp_face.server.take("submitted", 2)] == [1, 2]


@pytest.mark.parametrize("form", ["tlv", "text"])
@pytest.mark.parametrize(
    ("state", "delivered"), [("DELIVRD", True), ("UNDELIV", False), ("EXPIRED", False), ("REJECTD", False)]
)
def test_a_receipt_names_the_part_and_says_what_became_of_it(
    smpp_face: SmppFace, form: str, state: str, delivered: bool
) -> None:
    smpp_face.server.tell(do="receipts", **{"with": {"state": state, "form": form}})

    accepted = smpp_face.gateway.hand_over(outgoing())
    (receipt,) = hear(smpp_face, 1)

    assert receipt == DeliveryReceipt(gateway_id=accepted.ids[0], delivered=delivered, reason=state)


def test_a_message_that_is_still_on_its_way_is_no_news(smpp_face: SmppFace) -> None:
    smpp_face.server.tell(do="receipts", **{"with": {"state": "ACCEPTD"}})
    smpp_face.gateway.hand_over(outgoing())
    smpp_face.server.tell(do="receipt", id="m1", state="DELIVRD")

    heard = hear(smpp_face, 1)

    assert [receipt.reason for receipt in heard] == ["DELIVRD"]
    assert [said["status"] for said in smpp_face.server.take("receipt_answered", 2)] == [0, 0]


def test_a_receipt_is_acknowledged_once_it_is_kept_and_comes_again_until_then(
    smpp_face: SmppFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(receipt: DeliveryReceipt) -> None:
        raise ArithmeticError(receipt.gateway_id)

    monkeypatch.setattr("handlers.sms.smpp._REST_SECONDS", 0)
    smpp_face.gateway.hand_over(outgoing())
    smpp_face.server.tell(do="nothing")
    with pytest.raises(ArithmeticError):
        hear(smpp_face, 1, full_disk)
    smpp_face.server.tell(do="nothing")
    unanswered = smpp_face.server.heard("receipt_answered")

    heard = hear(smpp_face, 1)

    assert unanswered == []
    assert [receipt.gateway_id for receipt in heard] == ["m1"]
    assert smpp_face.server.hear("receipt_answered")["status"] == 0


def test_the_silence_of_an_idle_gateway_ends_the_session(smpp_face: SmppFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.sms.smpp_session._IDLE_SECONDS", -1)
    smpp_face.gateway.hand_over(outgoing(1))

    smpp_face.gateway.hand_over(outgoing(2))

    assert len(smpp_face.server.take("submitted", 2)) == 2
