"""Tencent Cloud SMS: the signature as published, what is sent, what its answers mean."""

from __future__ import annotations

import pytest

from engine.errors import CannotProceed, RetryLater
from engine.ports import DeliveryReceipt
from handlers.sms.tencent import Tencent, authorization
from tests.handlers.sms.stand_in import SHORT, TIMEOUT, TencentFace, outgoing


def test_the_signature_is_that_of_the_published_example() -> None:
    # The example of "签名方法 v3" in the provider's documentation, its masked key taken as it is printed.
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'

    signed = authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        "Gu5t9xGARNpq86cd98joQYCN3*******",
        "cvm",
        "cvm.tencentcloudapi.com",
        body,
        1551113065,
    )

    assert signed.endswith("Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c")


def test_a_message_names_its_approved_text_the_values_and_the_reference(tencent_face: TencentFace) -> None:
    tencent_face.gateway.hand_over(outgoing(4711, parameters=("陈大文", "工伤医疗费")))

    assert tencent_face.stand_in.sent == [
        {
            "PhoneNumberSet": ["+8613800138000"],
            "SmsSdkAppId": "1400006666",
            "SignName": "中山社保",
            "TemplateId": "1110",
            "TemplateParamSet": ["陈大文", "工伤医疗费"],
            "SessionContext": "4711",
        }
    ]


def test_a_text_that_is_not_registered_waits_and_is_not_sent(tencent_face: TencentFace) -> None:
    with pytest.raises(RetryLater) as refused:
        tencent_face.gateway.hand_over(outgoing(template="尊敬的XM，您好。"))

    assert refused.value.code == "text_not_registered"
    assert tencent_face.stand_in.sent == []


def test_a_wrong_key_delays_until_an_operator_has_mended_it(tencent_face: TencentFace) -> None:
    wrong = Tencent(tencent_face.settings(secret_key="wrong"), TIMEOUT)

    with pytest.raises(RetryLater) as refused:
        wrong.hand_over(outgoing())

    assert "AuthFailure.SignatureFailure" in refused.value.message
    assert tencent_face.stand_in.sent == []


@pytest.mark.parametrize(
    "code",
    [
        "FailedOperation.PhoneNumberInBlacklist",
        "FailedOperation.ContainSensitiveWord",
        "InvalidParameterValue.IncorrectPhoneNumber",
    ],
)
def test_a_number_or_text_that_the_gateway_refuses_for_good_is_not_tried_again(
    tencent_face: TencentFace, code: str
) -> None:
    tencent_face.fail(code)

    with pytest.raises(CannotProceed) as refused:
        tencent_face.gateway.hand_over(outgoing())

    assert refused.value.code == "gateway_refused"
    assert code in refused.value.message


def test_a_message_that_did_not_arrive_is_reported(tencent_face: TencentFace) -> None:
    tencent_face.stand_in.report_as = "FAIL"
    accepted = tencent_face.gateway.hand_over(outgoing())

    heard: list[DeliveryReceipt] = []
    tencent_face.gateway.take_receipts(heard.append)

    assert [(receipt.gateway_id, receipt.delivered) for receipt in heard] == [(accepted.ids[0], False)]


def test_receipts_are_asked_for_at_intervals(tencent_face: TencentFace) -> None:
    patient = Tencent(tencent_face.settings(), TIMEOUT, receipts_every=60)
    tencent_face.gateway.hand_over(outgoing(template=SHORT))
    heard: list[DeliveryReceipt] = []

    patient.take_receipts(heard.append)
    tencent_face.gateway.hand_over(outgoing(template=SHORT))
    patient.take_receipts(heard.append)

    assert len(heard) == 1
