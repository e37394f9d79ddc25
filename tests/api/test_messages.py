"""The outbox through HTTP: who sees what, and sending again with the outcome in the answer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from flask import Flask

from engine import clock as house_clock
from engine.casework import outbox
from engine.casework.messages import emit
from engine.db import transaction
from engine.ports import OutgoingMessage
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in
from tests.gateways import RecognisingGateway, plug_in
from tests.stories.telling import Telling

_numbers = count(1)


@pytest.fixture
def gateway(app: Flask) -> RecognisingGateway:
    return plug_in(RecognisingGateway())


@pytest.fixture
def supervisor(app: Flask) -> OfficerClient:
    return log_in(app, f"supervisor-{ZHONGSHAN}")


def make(sender: str = ZHONGSHAN, phone: str = "13800138000", slot: str = "completion") -> int:
    """The id of a message of this agency."""
    with transaction() as session:
        message = emit(
            session,
            slot=slot,
            occasion=f"test-{next(_numbers)}",
            sender_agency_code=sender,
            template="尊敬的XM，您好。",
            values={"XM": "陈大文"},
            phone=phone,
            at=house_clock.now(),
        )
        session.flush()
        return message.id


def failed(gateway: RecognisingGateway, **what: Any) -> int:
    """The id of a message that the gateway refused."""
    message_id = make(**what)
    gateway.script = ["refuse"]
    outbox.send_due()
    return message_id


# --- reading


def test_a_message_shows_its_sender_its_state_and_the_number_without_its_middle(
    gateway: RecognisingGateway, supervisor: OfficerClient
) -> None:
    message_id = make()
    before = supervisor.get(f"/api/v1/messages/{message_id}").json
    outbox.send_due()

    after = supervisor.get(f"/api/v1/messages/{message_id}").json

    assert (before["state"], before["state_name"]) == ("made", "未发送")
    assert (after["state"], after["state_name"], after["parts"]) == ("delivered", "已送达", 1)
    assert after["sender_agency_code"] == ZHONGSHAN
    assert after["text"] == "尊敬的陈大文，您好。"
    assert after["phone"] == "138****8000"
    assert after["reference"] == str(message_id)
    assert after["slot_name"] == "办结短信"


def test_an_agency_sees_what_it_sends_and_what_those_below_it_send(
    app: Flask, gateway: RecognisingGateway, officer: Callable[..., OfficerClient]
) -> None:
    ours, of_shenzhen = make(ZHONGSHAN), make(SHENZHEN)

    def seen(client: OfficerClient) -> list[int]:
        return [row["id"] for row in client.get("/api/v1/messages").json["items"]]

    assert seen(log_in(app, f"supervisor-{ZHONGSHAN}")) == [ours]
    assert seen(log_in(app, "supervisor-440399")) == [of_shenzhen]
    assert seen(log_in(app, "auditor-440099")) == [of_shenzhen, ours]
    other = log_in(app, "supervisor-440399").get(f"/api/v1/messages/{ours}")
    assert is_problem(other, 404, "not_found")


def test_messages_are_found_by_state_slot_and_page(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    broken = failed(gateway)
    waiting = make(slot="suspension", phone="13900139000")

    def found(query: str) -> list[int]:
        return [row["id"] for row in supervisor.get(f"/api/v1/messages?{query}").json["items"]]

    assert found("state=failed") == [broken]
    assert found("slot=suspension") == [waiting]
    first = supervisor.get("/api/v1/messages?limit=1").json
    assert [row["id"] for row in first["items"]] == [waiting]
    assert found(f"after={first['next_after']}") == [broken]
    assert is_problem(supervisor.get("/api/v1/messages?after=x"), 422, "invalid_input")


def test_a_message_that_waits_for_its_gateway_says_why(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    message_id = make()
    gateway.script = ["down"]
    outbox.send_due()

    shown = supervisor.get(f"/api/v1/messages/{message_id}").json

    assert (shown["state"], shown["failure"], shown["attempts"]) == ("made", "gateway_unreachable", 1)
    assert shown["next_attempt_at"].startswith("2023-08-01T09:01")


# --- sending again


def test_a_failed_message_is_sent_again_and_the_answer_says_what_came_of_it(
    gateway: RecognisingGateway, supervisor: OfficerClient
) -> None:
    message_id = failed(gateway)

    answer = supervisor.post(f"/api/v1/messages/{message_id}/retry")

    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["failure"]) == ("delivered", None)
    # Not the reference of before: what an officer sends again is no repetition.
    assert gateway.order == [f"{message_id}.2"]


def test_a_message_that_is_refused_again_says_so(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    message_id = failed(gateway)
    gateway.script = ["refuse"]

    answer = supervisor.post(f"/api/v1/messages/{message_id}/retry")

    assert (answer.json["state"], answer.json["failure_reason"]) == ("failed", "短信网关拒收：空号。")


def test_only_a_failed_message_can_be_sent_again(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    message_id = make()
    outbox.send_due()

    answer = supervisor.post(f"/api/v1/messages/{message_id}/retry")

    assert is_problem(answer, 409, "message_not_failed")
    assert gateway.order == [str(message_id)]


def test_a_repeated_request_sends_once(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    message_id = failed(gateway)
    key = {"Idempotency-Key": "retry-of-a-message"}

    first = supervisor.post(f"/api/v1/messages/{message_id}/retry", headers=key)
    second = supervisor.post(f"/api/v1/messages/{message_id}/retry", headers=key)

    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(gateway.order) == 1


def test_without_a_mobile_number_there_is_nobody_to_send_to(
    gateway: RecognisingGateway, supervisor: OfficerClient
) -> None:
    message_id = make(phone="0760-88881234")

    answer = supervisor.post(f"/api/v1/messages/{message_id}/retry")

    assert is_problem(answer, 422, "no_mobile")
    assert gateway.messages == []


def test_many_are_sent_again_and_each_has_its_outcome(gateway: RecognisingGateway, supervisor: OfficerClient) -> None:
    again = failed(gateway)
    refused = failed(gateway, phone="13900139000")
    no_mobile, of_shenzhen = make(phone="12345"), failed(gateway, sender=SHENZHEN)
    fine = make(phone="13700137000")
    outbox.send_due()
    gateway.script = ["take", "refuse"]

    answer = supervisor.post(
        "/api/v1/messages/retry", {"ids": [again, refused, no_mobile, of_shenzhen, fine, 999_999, again]}
    )

    assert [(row["id"], row["outcome"]) for row in answer.json["items"]] == [
        (again, "delivered"),
        (refused, "failed"),
        (no_mobile, "no_mobile"),
        (of_shenzhen, "not_found"),
        (fine, "message_not_failed"),
        (999_999, "not_found"),
    ]
    assert answer.json["items"][1]["words"] == "短信网关拒收：空号。"
    assert answer.json["items"][0]["message"]["state"] == "delivered"


def test_while_the_gateway_is_down_the_messages_wait_in_the_queue(
    gateway: RecognisingGateway, supervisor: OfficerClient
) -> None:
    first, second = failed(gateway), failed(gateway, phone="13900139000")
    gateway.script = ["down"]

    answer = supervisor.post("/api/v1/messages/retry", {"ids": [first, second]})

    assert [row["outcome"] for row in answer.json["items"]] == ["waiting", "waiting"]
    assert [row["words"] for row in answer.json["items"]] == [
        "短信网关没有应答，稍后自动重发。",
        "已排队，稍后发送。",
    ]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["1"]}, {"ids": list(range(1, 52))}])
def test_what_is_to_be_sent_again_is_named_one_by_one(
    gateway: RecognisingGateway, supervisor: OfficerClient, body: Any
) -> None:
    assert is_problem(supervisor.post("/api/v1/messages/retry", body), 422, "invalid_input")


def test_a_process_that_does_not_tick_leaves_the_gateway_afterwards(app: Flask, supervisor: OfficerClient) -> None:
    class Leaving(RecognisingGateway):
        left = 0

        def hand_over(self, message: OutgoingMessage) -> Any:
            assert self.left == 0
            return super().hand_over(message)

        def close(self) -> None:
            self.left += 1

    gateway = Leaving()
    plug_in(gateway)
    message_id = failed(gateway)

    supervisor.post(f"/api/v1/messages/{message_id}/retry")

    assert gateway.left == 1


@pytest.mark.rule("SMS-08")
def test_the_file_of_a_case_shows_whether_a_message_went_out(
    app: Flask, gateway: RecognisingGateway, accepted: Telling
) -> None:
    before = accepted.case()
    outbox.send_due()

    after = accepted.case()

    assert (before["message_sent"], after["message_sent"]) == ("未发送", "已发送")
    assert [(message["slot"], message["state"]) for message in after["messages"]] == [("acceptance", "delivered")]
