"""From the outbox through a real SMPP session and back, also when workers are killed on the way."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.settings import Settings
from engine import clock as house_clock
from engine.casework import outbox
from engine.casework.messages import emit
from engine.db import db, transaction
from engine.models import Message
from engine.ports import ports
from tests import smpp_server
from tests.conftest import FixedClock
from tests.handlers.sms.stand_in import SmppFace
from tests.workers import wait_for, workers


def make(number: int, phone: str, words: str = "您好") -> int:
    """The id of a message."""
    with transaction() as session:
        message = emit(
            session,
            slot="completion",
            occasion=f"test-{number}",
            sender_agency_code="442099",
            template=words,
            values={},
            phone=phone,
            at=house_clock.now(),
        )
        session.flush()
        return message.id


def state(message_id: int) -> tuple[str, str | None]:
    with transaction() as session:
        message = session.get_one(Message, message_id)
        return message.state, message.failure


def tick_until(message_id: int, wanted: str) -> None:
    """Let the tick come until the message is in this state."""

    def ticked() -> bool:
        outbox.send_due()
        return state(message_id)[0] == wanted

    wait_for(ticked, f"the message to be {wanted}", 10)


def waiting() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Message).where(Message.state != "delivered")) or 0


@pytest.mark.rule("SMS-08")
def test_a_long_message_is_delivered_once_the_receipts_of_all_its_parts_have_come(
    app: Flask, smpp_face: SmppFace
) -> None:
    ports().sms = smpp_face.gateway
    smpp_face.server.tell(do="receipts", **{"with": {"state": None}})
    message_id = make(1, "13800138000", "字" * 140)
    outbox.send_due()
    parts = [said["id"] for said in smpp_face.server.take("submitted", 3)]

    handed_over = state(message_id)
    for part in parts:
        smpp_face.server.tell(do="receipt", id=part, state="DELIVRD")
        smpp_face.server.tell(do="nothing")
    tick_until(message_id, "delivered")

    assert handed_over == ("handed_over", None)


@pytest.mark.rule("SMS-08")
def test_a_gateway_that_stops_in_the_middle_gets_the_rest_and_nothing_twice(
    app: Flask, smpp_face: SmppFace, clock: FixedClock
) -> None:
    ports().sms = smpp_face.gateway
    smpp_face.server.behave("accept", {"how": "refuse", "status": 0x58})
    message_id = make(1, "13800138000", "字" * 140)
    outbox.send_due()
    stopped = state(message_id)
    clock.advance(minutes=1)

    tick_until(message_id, "delivered")

    assert stopped == ("made", "gateway_not_now")
    assert [len(said["text"]) for said in smpp_face.server.take("submitted", 3)] == [67, 67, 6]
    assert smpp_face.server.heard("submitted") == []


def test_a_part_that_is_lost_makes_the_message_fail(app: Flask, smpp_face: SmppFace) -> None:
    ports().sms = smpp_face.gateway
    smpp_face.server.tell(do="receipts", **{"with": {"state": "UNDELIV"}})
    message_id = make(1, "13800138000")

    tick_until(message_id, "failed")

    assert state(message_id) == ("failed", "undelivered")


@pytest.mark.postgres
@pytest.mark.rule("SMS-08")
def test_workers_that_are_killed_lose_no_message_and_repeat_at_most_what_they_were_at(
    postgres_app: Flask, smpp_face: SmppFace, tmp_path: Path
) -> None:
    settings: Settings = postgres_app.config["TONGBAN"]
    made = [make(number, f"138001380{number % 40:02d}") for number in range(240)]
    environment = {
        "TONGBAN_SMS": "smpp",
        "TONGBAN_SMPP_HOST": "127.0.0.1",
        "TONGBAN_SMPP_PORT": str(smpp_face.server.port),
        "TONGBAN_SMPP_SYSTEM_ID": smpp_server.SYSTEM_ID,
        "TONGBAN_SMPP_PASSWORD": smpp_server.PASSWORD,
        "TONGBAN_SMPP_SOURCE": "10690001",
    }
    db.session.remove()
    chance = random.Random(7)

    with workers(settings.sqlalchemy_url, tmp_path, "tests.handlers.sms.worker", environment) as processes:
        processes.start(3)
        for left in (200, 140, 80):
            wait_for(lambda left=left: waiting() <= left, f"{left} messages to be left")
            processes.kill(chance.randrange(3))
            processes.start()
        wait_for(lambda: waiting() == 0, "every message to be delivered")
        processes.stop()

    smpp_face.server.tell(do="nothing")
    taken = Counter(said["reference"] for said in smpp_face.server.heard("submitted"))
    assert set(taken) == set(made)
    assert sum(taken.values()) - len(made) <= processes.killed
    assert max(taken.values()) <= 2
