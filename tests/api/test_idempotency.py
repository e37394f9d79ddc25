"""A POST with an Idempotency-Key is done once, however often and however simultaneously it is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from api.idempotency import KEPT, forget_old_keys
from engine.db import db, transaction
from engine.models import Application, Case, IdempotencyKey, Task
from tests.api.conftest import SHENZHEN, ZHONGSHAN, is_problem
from tests.applications import OfficerClient, log_in, token_of
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

KEY = {"Idempotency-Key": "7c0a9a52-5a1f-4c0e-9d6f-1c2b3a4d5e6f"}


def _count(model: type) -> int:
    counted = db.session.scalar(select(func.count()).select_from(model)) or 0
    db.session.rollback()
    return counted


@pytest.fixture
def acceptor(app: Flask) -> OfficerClient:
    return log_in(app, f"acceptor-{SHENZHEN}")


def test_a_repetition_gets_the_first_answer_and_does_nothing(acceptor: OfficerClient, story: Telling) -> None:
    first = acceptor.post("/api/v1/applications", story.story.application, headers=KEY)
    second = acceptor.post("/api/v1/applications", story.story.application, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert _count(Application) == 1


def test_without_a_key_the_same_request_is_done_again(acceptor: OfficerClient, story: Telling) -> None:
    for _ in range(2):
        acceptor.post("/api/v1/applications", story.story.application)

    assert _count(Application) == 2


def test_a_double_click_on_acceptance_makes_one_case_and_one_receipt(acceptor: OfficerClient, story: Telling) -> None:
    for act in ("hand_in", "collect", "check"):
        story.act(act, by=f"acceptor-{SHENZHEN}")
    path = f"/api/v1/applications/{story.application_id}/acceptance"

    answers = [acceptor.post(path, headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert _count(Case) == 1


def test_the_same_key_for_another_request_is_refused(acceptor: OfficerClient, story: Telling) -> None:
    acceptor.post("/api/v1/applications", story.story.application, headers=KEY)

    answer = acceptor.post("/api/v1/applications", {**story.story.application, "channel": "web_hall"}, headers=KEY)

    assert is_problem(answer, 409, "idempotency_key_reused")
    assert _count(Application) == 1


def test_the_same_key_of_another_officer_is_another_key(app: Flask, story: Telling) -> None:
    for name in ("acceptor", "acceptor2"):
        answer = log_in(app, f"{name}-{SHENZHEN}").post("/api/v1/applications", story.story.application, headers=KEY)
        assert answer.status_code == 201

    assert _count(Application) == 2


def test_a_refusal_is_not_remembered_so_that_it_can_be_corrected(acceptor: OfficerClient, story: Telling) -> None:
    refused = acceptor.post("/api/v1/applications", {**story.story.application, "channel": "pigeon"}, headers=KEY)
    corrected = acceptor.post("/api/v1/applications", story.story.application, headers=KEY)

    assert (refused.status_code, corrected.status_code) == (422, 201)


@pytest.mark.parametrize("key", ["", "short", "x" * 81, "with a blank", "schlüssel"])
def test_a_key_that_is_none_is_refused(acceptor: OfficerClient, story: Telling, key: str) -> None:
    answer = acceptor.post("/api/v1/applications", story.story.application, headers={"Idempotency-Key": key})

    assert is_problem(answer, 422, "invalid_input")
    assert list(answer.json["fields"]) == ["Idempotency-Key"]
    assert _count(Application) == 0


def test_the_same_upload_with_another_boundary_is_the_same_request(acceptor: OfficerClient, story: Telling) -> None:
    story.act("hand_in", by=f"acceptor-{SHENZHEN}")
    path = f"/api/v1/applications/{story.application_id}/images"

    def send(boundary: str, page: bytes) -> int:
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="material"\r\n\r\ndiagnosis\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        ).encode() + page
        body += f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return acceptor.open("POST", path, data=body, content_type=kind, headers=KEY).status_code

    page = b"\x89PNG\r\n\x1a\n" + b"page"
    assert [send("one", page), send("two", page), send("three", page + b"!")] == [201, 201, 409]


def test_keys_are_forgotten_when_nobody_sends_them_any_more(
    acceptor: OfficerClient, story: Telling, clock: FixedClock
) -> None:
    acceptor.post("/api/v1/applications", story.story.application, headers=KEY)

    clock.advance(days=KEPT.days)
    with transaction() as session:
        forget_old_keys(session)
    assert _count(IdempotencyKey) == 1
    clock.advance(seconds=1)
    with transaction() as session:
        forget_old_keys(session)
    assert _count(IdempotencyKey) == 0


def test_simultaneous_twins_do_it_once_and_get_one_answer(any_app: Flask, clock: FixedClock) -> None:
    telling(any_app, clock, "medical_expense", {}).through_intake(f"acceptor-{SHENZHEN}")
    reviewer = f"first-{ZHONGSHAN}"
    clients = [OfficerClient(any_app, reviewer, token_of(any_app, reviewer)) for _ in range(8)]
    together = Barrier(len(clients))

    def press(client: OfficerClient) -> tuple[int, int]:
        together.wait(timeout=30)
        answer = client.post("/api/v1/tasks/acquisitions", headers=KEY)
        return answer.status_code, answer.json.get("id", 0)

    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        answers = set(pool.map(press, clients))

    taken = db.session.scalars(select(Task.id).where(Task.state == "claimed")).all()
    db.session.rollback()
    assert len(taken) == 1
    assert answers == {(201, taken[0])}
