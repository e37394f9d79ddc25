"""The harness itself: a filled database of one's own, on both kinds, and no network."""

from __future__ import annotations

import socket

import pytest
from flask import Flask
from sqlalchemy import func, select

from engine import clock as house_clock
from engine.db import db
from engine.models import Agency, DefinitionRow, InsuranceRelation, Officer
from tests.conftest import FixedClock


def test_a_fresh_database_has_the_province_its_officers_and_the_diagrams(any_app: Flask) -> None:
    def count(model: type) -> int:
        return db.session.scalar(select(func.count()).select_from(model)) or 0

    assert count(Agency) > 140
    assert count(Officer) > 1000
    assert count(DefinitionRow) == 14
    assert count(InsuranceRelation) > 10


def test_the_clock_stands_where_it_was_set(clock: FixedClock) -> None:
    clock.set("2024-02-09T08:30")
    clock.advance(days=1)
    assert house_clock.now().isoformat() == "2024-02-10T08:30:00+08:00"


def test_an_officer_is_logged_in_also_after_the_clock_moved(app: Flask, clock: FixedClock, login) -> None:
    officer = login("first-442099")
    clock.advance(days=30)
    answer = officer.get("/api/v1/sessions/current")
    assert (answer.status_code, answer.json["username"]) == (200, "first-442099")


def test_nothing_beyond_this_machine_can_be_reached() -> None:
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
