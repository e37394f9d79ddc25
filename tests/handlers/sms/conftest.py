"""The three gateways, each with what stands at its other end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.handlers.sms.stand_in import Face, OutboxFace, SmppFace, TencentFace
from tests.smpp_server import NoServer


@pytest.fixture
def outbox_face(tmp_path: Path) -> Face:
    return OutboxFace(tmp_path)


@pytest.fixture
def smpp_face() -> Iterator[SmppFace]:
    try:
        face = SmppFace()
    except NoServer as error:
        pytest.fail(str(error), pytrace=False)
    yield face
    face.stop()


@pytest.fixture
def tencent_face(monkeypatch: pytest.MonkeyPatch) -> Iterator[TencentFace]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    face = TencentFace()
    yield face
    face.stop()
