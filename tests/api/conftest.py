"""What the tests of the API share: an officer who may do everything, and a case at its first review."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from api.auth import EVERYONE
from engine.db import transaction
from engine.models import Officer
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

ZHONGSHAN, SHENZHEN = "442099", "440305"


@pytest.fixture
def everybody(app: Flask) -> OfficerClient:
    """An officer of 中山 who holds every role: whatever is refused is not refused for want of a role."""
    return log_in(app, make_officer("everybody", ZHONGSHAN, *EVERYONE))


@pytest.fixture
def officer(app: Flask) -> Callable[..., OfficerClient]:
    """`officer("440305", "auditor")`: a new officer with these roles, logged in."""

    def make(agency: str, *roles: str) -> OfficerClient:
        return log_in(app, make_officer(f"{'-'.join(roles)}-{agency}", agency, *roles))

    return make


@pytest.fixture
def story(app: Flask, clock: FixedClock) -> Telling:
    """A medical claim of 中山 that a bank outlet in 深圳 took in, before it is handed in."""
    return telling(app, clock, "medical_expense", {})


@pytest.fixture
def accepted(story: Telling) -> Telling:
    """The same, accepted: the expense lines wait to be assessed in 中山."""
    story.through_intake(f"acceptor-{SHENZHEN}")
    return story


def make_officer(username: str, agency: str, *roles: str) -> str:
    """The user name of a new officer with these roles."""
    with transaction() as session:
        session.add(Officer(username=username, name="钟试", agency_code=agency, roles=sorted(roles), password_hash="-"))
    return username


def is_problem(answer: Any, status: int, code: str) -> bool:
    """The answer is a refusal in the one shape. Fails with what it is where it is not."""
    assert answer.content_type == "application/problem+json", answer.data
    body = answer.json
    assert set(body) == {"type", "title", "status", "code", "detail", "because", "fields", "details"}
    assert body["type"] == f"urn:tongban:problem:{body['code']}"
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["title"]
    assert body["detail"]
    return True
