"""The outbox: after the commit, once, in order, delayed by faults, rules and the night, and never lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import time, timedelta
from itertools import count
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from config.sms import SendingRules
from engine import clock as house_clock
from engine.casework import outbox
from engine.casework.messages import emit
from engine.db import transaction
from engine.models import CaseEvent, Message, MessagePart, MessageReceipt
from engine.ports import ports
from tests.conftest import FixedClock
from tests.gateways import Killed, RecognisingGateway, plug_in

PHONE, OTHER_PHONE = "13800138000", "13900139000"
_numbers = count(1)


@pytest.fixture
def gateway(any_app: Flask) -> RecognisingGateway:
    return plug_in(RecognisingGateway())


def make(phone: str | None = PHONE, template: str | None = "您好，XM。", **more: Any) -> int:
    """The id of a message in the outbox, its transaction committed."""
    with transaction() as session:
        message = emit(
            session,
            slot=more.pop("slot", "completion"),
            occasion=f"test-{next(_numbers)}",
            sender_agency_code="442099",
            template=template,
            values=more.pop("values", {"XM": "陈大文"}),
            phone=phone,
            at=more.pop("at", None) or house_clock.now(),
            **more,
        )
        session.flush()
        return message.id


def look(message_id: int) -> Message:
    """The message as it is stored."""
    with transaction() as session:
        message = session.get_one(Message, message_id)
        session.expunge(message)
        return message


def events() -> list[tuple[str, dict[str, Any]]]:
    with transaction() as session:
        rows = session.scalars(select(CaseEvent).where(CaseEvent.kind.like("message_%")).order_by(CaseEvent.id))
        return [(row.kind, row.details) for row in rows]


# --- the ordinary way


@pytest.mark.rule("SMS-08")
def test_a_message_is_handed_over_once_however_often_the_tick_comes(gateway: RecognisingGateway) -> None:
    message_id = make()

    sent = [outbox.send_due() for _ in range(3)]

    assert sent == [1, 0, 0]
    assert gateway.given == {str(message_id): 1}
    message = look(message_id)
    assert (message.state, message.gateway, message.attempts) == ("delivered", "test", 1)
    assert message.handed_over_at is not None


@pytest.mark.rule("SMS-08")
def test_what_is_rolled_back_is_not_sent(gateway: RecognisingGateway) -> None:
    with suppress(ZeroDivisionError), transaction() as session:
        emit(
            session,
            slot="completion",
            occasion="never",
            sender_agency_code="442099",
            template="您好。",
            values={},
            phone=PHONE,
            at=house_clock.now(),
        )
        session.flush()
        raise ZeroDivisionError

    assert outbox.send_due() == 0
    assert gateway.given == {}


@pytest.mark.postgres
@pytest.mark.rule("SMS-08")
def test_a_message_waits_for_the_commit_and_no_lock_on_its_case_stops_another(postgres_app: Flask) -> None:
    gateway = plug_in(RecognisingGateway())
    ready, go_on = threading.Event(), threading.Event()

    def slow_use_case() -> None:
        with postgres_app.app_context(), transaction() as session:
            emit(
                session,
                slot="completion",
                occasion="slow",
                sender_agency_code="442099",
                template="您好。",
                values={},
                phone=OTHER_PHONE,
                at=house_clock.now(),
            )
            session.flush()
            ready.set()
            go_on.wait(10)

    thread = threading.Thread(target=slow_use_case)
    thread.start()
    ready.wait(10)
    quick = make()

    before = (outbox.send_due(), dict(gateway.given))
    go_on.set()
    thread.join()
    after = outbox.send_due()

    assert before == (1, {str(quick): 1})
    assert after == 1


# --- what is never handed over


@pytest.mark.rule("SMS-02")
@pytest.mark.parametrize(
    ("phone", "template", "state", "failure"),
    [
        ("0760-88881234", "您好。", "failed", "no_mobile"),
        ("+85291234567", "您好。", "failed", "no_mobile"),
        ("", "您好。", "failed", "no_mobile"),
        (None, "您好。", "failed", "no_mobile"),
        (PHONE, "您好，转出地ZCDADDRESS。", "failed", "missing_value"),
        (PHONE, None, "not_configured", None),
        (None, None, "not_configured", None),
    ],
)
def test_what_cannot_be_sent_is_on_record_with_its_reason_and_is_never_handed_over(
    gateway: RecognisingGateway, phone: str | None, template: str | None, state: str, failure: str | None
) -> None:
    message_id = make(phone, template)

    outbox.send_due()

    message = look(message_id)
    assert (message.state, message.failure) == (state, failure)
    assert gateway.messages == []
    assert events() == ([("message_failed", {"slot": "completion", "reason": failure})] if failure else [])


@pytest.mark.rule("SMS-09")
def test_a_text_without_a_value_gives_way_to_the_text_of_the_province(gateway: RecognisingGateway) -> None:
    message_id = make(template="XM的业务由ZCDADDRESS转来。", standard="XM的业务已办结。")

    outbox.send_due()

    assert look(message_id).text == "陈大文的业务已办结。"
    assert [(one.text, one.template, one.parameters) for one in gateway.messages] == [
        ("陈大文的业务已办结。", "XM的业务已办结。", ("陈大文",))
    ]


# --- faults


def test_a_gateway_that_is_down_delays_by_1_2_4_minutes_and_at_last_by_an_hour(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    message_id = make()
    gateway.script = ["down"] * 9
    pauses = []

    for _ in range(9):
        outbox.send_due()
        due_at = look(message_id).next_attempt_at
        assert due_at is not None
        pauses.append((due_at - clock.now()) // timedelta(minutes=1))
        clock.set(due_at - timedelta(seconds=1))
        outbox.send_due()
        clock.set(due_at)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert outbox.send_due() == 1
    assert look(message_id).failure is None


def test_while_it_waits_a_message_says_why(gateway: RecognisingGateway) -> None:
    message_id = make()
    gateway.script = ["down"]

    outbox.send_due()

    message = look(message_id)
    assert (message.state, message.failure) == ("made", "gateway_unreachable")
    assert message.failure_reason == "短信网关没有应答，稍后自动重发。"


def test_after_the_last_attempt_the_message_has_failed_and_officers_see_it(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    message_id = make()
    gateway.script = ["down"] * outbox.MOST_ATTEMPTS

    for _ in range(outbox.MOST_ATTEMPTS + 1):
        outbox.send_due()
        clock.advance(hours=1)

    message = look(message_id)
    assert (message.state, message.failure, message.attempts) == ("failed", "gateway_unreachable", 72)
    assert events() == [("message_failed", {"slot": "completion", "reason": "gateway_unreachable"})]
    assert gateway.given == {}


def test_what_the_gateway_refuses_for_good_has_failed_at_once(gateway: RecognisingGateway) -> None:
    message_id = make()
    gateway.script = ["refuse"]

    outbox.send_due()

    message = look(message_id)
    assert (message.state, message.failure) == ("failed", "gateway_refused")
    assert message.failure_reason == "短信网关拒收：空号。"


def test_a_broken_client_delays_too_and_the_log_has_no_number(gateway: RecognisingGateway) -> None:
    message_id = make()
    gateway.script = ["fault"]

    with capture_logs() as lines:
        outbox.send_due()

    assert look(message_id).failure == "gateway_fault"
    assert [line["event"] for line in lines] == ["hand_over_failed"]
    assert PHONE not in str(lines)


def test_the_first_fault_ends_the_round_and_the_other_messages_go_at_the_next_tick(
    gateway: RecognisingGateway,
) -> None:
    make(PHONE)
    other = make(OTHER_PHONE)
    gateway.script = ["down"]

    first, second = outbox.send_due(), outbox.send_due()

    assert (first, second) == (0, 1)
    assert gateway.given == {str(other): 1}


def test_parts_that_were_taken_before_a_fault_are_told_at_the_next_attempt(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    message_id = make()
    with transaction() as session:
        session.add(MessagePart(message_id=message_id, number=1, gateway_id="first"))

    outbox.send_due()

    assert gateway.messages[0].accepted == ("first",)


# --- a process that dies


def test_a_hand_over_that_nobody_finished_is_repeated_under_the_same_reference(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    message_id = make()
    gateway.script = ["killed"]
    with suppress(Killed):
        outbox.send_due()

    while_claimed = outbox.send_due()
    clock.advance(minutes=15)
    afterwards = outbox.send_due()

    assert (while_claimed, afterwards) == (0, 1)
    assert gateway.given == {str(message_id): 2}
    assert look(message_id).state == "delivered"


def test_whoever_comes_back_after_its_claim_ended_changes_nothing(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    message_id = make()
    slow = outbox._claim(None)
    assert slow is not None
    clock.advance(minutes=15)
    outbox.send_due()
    gateway.script = ["refuse"]

    outbox._hand_over(slow)

    message = look(message_id)
    assert (message.state, message.attempts, message.failure) == ("delivered", 2, None)


# --- order, rules, night


def test_messages_to_one_number_keep_their_order_and_hold_up_nobody_else(
    gateway: RecognisingGateway, clock: FixedClock
) -> None:
    first, second, other = make(PHONE), make(PHONE), make(OTHER_PHONE)
    gateway.script = ["down"]

    outbox.send_due()
    outbox.send_due()
    clock.advance(minutes=1)
    outbox.send_due()

    assert gateway.order == [str(other), str(first), str(second)]


@pytest.fixture
def rules(gateway: RecognisingGateway) -> Iterator[None]:
    ports().sending = SendingRules(hours=(time(8), time(21)), hourly_limit=2)
    yield
    ports().sending = SendingRules()


def test_at_night_messages_wait_for_the_morning(gateway: RecognisingGateway, rules: None, clock: FixedClock) -> None:
    clock.set("2023-08-01T21:00")
    message_id = make()

    at_night = [outbox.send_due()]
    clock.set("2023-08-02T07:59:59")
    at_night.append(outbox.send_due())
    clock.set("2023-08-02T08:00")
    in_the_morning = outbox.send_due()

    assert at_night == [0, 0]
    assert in_the_morning == 1
    assert look(message_id).state == "delivered"


def test_a_number_gets_its_share_of_an_hour_and_the_rest_later(
    gateway: RecognisingGateway, rules: None, clock: FixedClock
) -> None:
    mine = [make(PHONE) for _ in range(5)]
    other = make(OTHER_PHONE)

    first = outbox.send_due()
    clock.advance(minutes=59, seconds=59)
    too_early = outbox.send_due()
    clock.advance(seconds=1)
    second = outbox.send_due()
    clock.advance(hours=1)
    third = outbox.send_due()

    assert (first, too_early, second, third) == (3, 0, 2, 1)
    assert gateway.order == [str(one) for one in (*mine[:2], other, *mine[2:])]


# --- receipts


def test_a_message_is_delivered_once_all_its_parts_are(gateway: RecognisingGateway) -> None:
    gateway.delivers_at_once, gateway.parts = False, 2
    message_id = make()
    outbox.send_due()

    gateway.report(f"{message_id}/1")
    outbox.send_due()
    after_one = look(message_id).state
    gateway.report(f"{message_id}/2", f"{message_id}/2")
    outbox.send_due()

    assert after_one == "handed_over"
    assert look(message_id).state == "delivered"
    assert look(message_id).delivered_at is not None


def test_a_part_that_did_not_arrive_makes_the_message_fail(gateway: RecognisingGateway) -> None:
    gateway.delivers_at_once, gateway.parts = False, 2
    message_id = make()
    outbox.send_due()

    gateway.report(f"{message_id}/1")
    gateway.report(f"{message_id}/2", delivered=False)
    outbox.send_due()

    message = look(message_id)
    assert (message.state, message.failure) == ("failed", "undelivered")
    assert message.failure_reason == "短信未能送达（UNDELIV）。"


def test_a_receipt_that_comes_before_the_hand_over_is_on_record_counts(gateway: RecognisingGateway) -> None:
    gateway.delivers_at_once = False
    other = make(OTHER_PHONE)
    outbox.send_due()
    message_id = make()
    gateway.report(f"{message_id}/1")
    outbox.take_receipts()

    outbox.send_due()

    assert look(message_id).state == "delivered"
    assert look(other).state == "handed_over"


def test_a_receipt_for_nothing_of_ours_is_kept_and_disturbs_nobody(gateway: RecognisingGateway) -> None:
    gateway.delivers_at_once = False
    message_id = make()
    outbox.send_due()

    gateway.report("somebody-else")
    outbox.send_due()

    with transaction() as session:
        assert session.get(MessageReceipt, ("test", "somebody-else")) is not None
    assert look(message_id).state == "handed_over"


# --- everything at once


@pytest.mark.rule("SMS-08")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    phones=some.lists(some.sampled_from([PHONE, OTHER_PHONE, "13700137000"]), min_size=1, max_size=8),
    script=some.lists(some.sampled_from(["take", "down", "lost", "fault", "killed"]), max_size=25),
    pauses=some.lists(some.integers(min_value=0, max_value=90), min_size=1, max_size=12),
)
def test_every_message_is_taken_and_no_confirmed_one_is_handed_over_again(
    gateway: RecognisingGateway, clock: FixedClock, phones: list[str], script: list[str], pauses: list[int]
) -> None:
    with transaction() as session:
        for table in (MessagePart, Message):
            session.execute(delete(table))
    told = replace(gateway, script=list(script))
    told.given, told.order, told.answered, told.messages = type(told.given)(), [], type(told.given)(), []
    plug_in(told)
    made = [make(phone) for phone in phones]

    for minutes in pauses:
        with suppress(Killed):
            outbox.send_due()
        clock.advance(minutes=minutes)
    while any(look(one).state == "made" for one in made):
        clock.advance(hours=1)
        with suppress(Killed):
            outbox.send_due()

    assert set(told.given) == {str(one) for one in made}
    assert all(times == 1 for times in told.answered.values())
    for one in made:
        # Only what was lost on the way, or taken from a process that died, was ever given twice.
        assert told.given[str(one)] == look(one).attempts - _never_arrived(told, one)
    by_number = {phone: [str(one) for one, to in zip(made, phones, strict=True) if to == phone] for phone in phones}
    for mine in by_number.values():
        confirmed = [reference for reference in dict.fromkeys(told.order) if reference in mine]
        assert confirmed == mine


def _never_arrived(gateway: RecognisingGateway, message_id: int) -> int:
    begun = sum(1 for message in gateway.messages if message.message_id == message_id)
    return begun - gateway.given[str(message_id)]


@pytest.mark.postgres
@pytest.mark.rule("SMS-08")
def test_four_workers_hand_over_each_message_once_and_in_order(postgres_app: Flask) -> None:
    gateway = plug_in(RecognisingGateway())
    phones = [f"138001380{number:02d}" for number in range(40)]
    made = [(phone, make(phone)) for _ in range(5) for phone in phones]

    def work() -> None:
        with postgres_app.app_context():
            idle = 0
            while idle < 5:
                idle = 0 if outbox.send_due() else idle + 1

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert gateway.given == {str(message_id): 1 for _, message_id in made}
    for phone in phones:
        mine = [str(message_id) for to, message_id in made if to == phone]
        assert [reference for reference in gateway.order if reference in mine] == mine


@pytest.mark.postgres
def test_a_message_that_somebody_holds_is_passed_over(postgres_app: Flask) -> None:
    gateway = plug_in(RecognisingGateway())
    held, free = make(PHONE), make(OTHER_PHONE)
    ready, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with postgres_app.app_context(), transaction() as session:
            session.get_one(Message, held, with_for_update=True)
            ready.set()
            go_on.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(10)
    outbox.send_due()
    meanwhile = dict(gateway.given)
    go_on.set()
    thread.join()

    assert meanwhile == {str(free): 1}


@pytest.mark.postgres
def test_four_workers_never_give_a_number_more_than_its_share(postgres_app: Flask) -> None:
    gateway = plug_in(RecognisingGateway())
    ports().sending = SendingRules(hourly_limit=3)
    for _ in range(20):
        make(PHONE)

    def work() -> None:
        with postgres_app.app_context():
            for _ in range(20):
                outbox.send_due()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(gateway.order) == 3
