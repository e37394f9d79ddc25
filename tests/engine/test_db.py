"""Connections: what the server knows of those who may vanish."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from engine.db import db


@pytest.mark.postgres
def test_the_server_takes_back_what_a_vanished_process_was_doing(postgres_app: Flask) -> None:
    with db.engine.connect() as connection:
        given_up_after = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
        connection.rollback()
        assert given_up_after == "5min"
