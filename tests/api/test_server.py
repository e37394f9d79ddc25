"""`tongban serve` and `tongban worker` as processes: they start, tell where, tick, and stop when they are told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from api import server
from api.cli import main
from config.settings import PROJECT
from tests import databases
from tests.workers import wait_for

COMMAND = [sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> int:
    return _free_port()


@contextmanager
def _process(
    home: Path, port: int, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    own = {
        "TONGBAN_HOME": str(home),
        "TONGBAN_PORT": str(port),
        "TONGBAN_DATABASE_URL": "",
        "TONGBAN_MODE": "development",
        **(environment or {}),
    }
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=PROJECT,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _stop(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=20)
    return process.returncode, complaint


def _ask(port: int, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_first_start_makes_a_province_and_a_second_keeps_what_is_there(tmp_path: Path, port: int) -> None:
    with _process(tmp_path, port, "serve", "--json") as process:
        sign = json.loads(process.stdout.readline())
        analyst = next(one for one in sign["logins"] if one["role"] == "business_analyst")
        credentials = {"username": analyst["username"], "password": sign["password"]}
        status, session = _ask(port, "POST", "/api/v1/sessions", credentials)
        # A body that is far too large gets its answer too, instead of a broken connection.
        large = _ask(port, "POST", "/api/v1/sessions", b" " * 10_000_000)
        first = _stop(process)

    with _process(tmp_path, port, "serve") as process:
        lines = [process.stdout.readline() for _ in range(3)]
        again = _ask(port, "GET", "/api/v1/sessions/current", token=session["token"])
        second = _stop(process)

    assert sign["address"] == f"http://127.0.0.1:{port}"
    assert len({one["role"] for one in sign["logins"]}) == 12
    assert (status, large[0], large[1]["code"]) == (201, 413, "too_large")
    assert again[0] == 200
    assert str(port) in lines[0]
    assert "tongban-demo" in lines[2]
    assert first == second == (0, "")


def test_a_worker_ticks_without_a_web_server_until_it_is_told_to_stop(tmp_path: Path, port: int) -> None:
    with _process(tmp_path, port, "init") as process:
        assert process.wait(timeout=60) == 0
    with _process(tmp_path, port, "worker") as process:
        assert "工作进程已启动" in process.stdout.readline()
        # A tick is due every second.
        time.sleep(1.5)
        assert process.poll() is None
        assert _stop(process) == (0, "")


def _text(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_worker_shows_on_its_port_for_watching_whether_it_is_ready_and_nothing_else(
    tmp_path: Path, port: int
) -> None:
    watched = _free_port()
    with _process(tmp_path, port, "init") as process:
        assert process.wait(timeout=60) == 0
    with _process(tmp_path, port, "worker", environment={"TONGBAN_METRICS_PORT": str(watched)}) as process:
        process.stdout.readline()
        wait_for(lambda: _answers(watched), "the port for watching")
        readiness, figures = _text(watched, "/readyz"), _text(watched, "/metrics")
        other = _text(watched, "/api/v1/cases")
        assert _stop(process) == (0, "")

    assert (readiness[0], json.loads(readiness[1])["status"]) == (200, "ready")
    assert figures[0] == 200
    assert 'tongban_ticks_total{outcome="done",tick="timers"}' in figures[1]
    assert other[0] == 404


def _answers(port: int) -> bool:
    with suppress(OSError):
        return _text(port, "/readyz")[0] == 200
    return False


@pytest.mark.postgres
def test_what_processes_on_one_port_count_is_added_up(
    postgres_template: databases.PostgresTemplate, tmp_path: Path, port: int
) -> None:
    watched = _free_port()
    with postgres_template.copy(tmp_path) as url:
        environment = {
            "TONGBAN_DATABASE_URL": url,
            "TONGBAN_PROCESSES": "2",
            "TONGBAN_SCHEDULER": "off",
            "TONGBAN_METRICS_PORT": str(watched),
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        }
        with _process(tmp_path, port, "serve", environment=environment) as process:
            process.stdout.readline()
            wait_for(lambda: _answers(watched), "the port for watching")
            for _ in range(40):
                assert _text(port, "/nowhere")[0] == 404
            hidden, shown = _text(port, "/metrics"), _text(watched, "/metrics")
            assert _stop(process) == (0, "")

    assert hidden[0] == 404
    assert 'tongban_http_requests_total{method="GET",route="unknown",status="404"} 40.0' in shown[1]
    assert "tongban_database_up 1.0" in shown[1]


def test_a_taken_port_is_a_plain_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("TONGBAN_HOME", str(tmp_path))
        monkeypatch.setenv("TONGBAN_PORT", str(taken.getsockname()[1]))

        code = main(["serve"])

    complaint = capsys.readouterr().err
    assert code == 1
    assert "已被其他程序占用" in complaint
    assert "TONGBAN_PORT" in complaint
    assert not (tmp_path / "tongban.sqlite3").exists()


def test_an_address_that_this_machine_does_not_have_is_a_plain_sentence() -> None:
    with pytest.raises(server.CannotStart, match="本机没有这个地址"):
        server.require_free_port("192.0.2.1", 8000)
