"""What `config/deploy` gives to hosts is what the system takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.cli import tongban
from config.settings import PROJECT, Settings, from_environment

FOLDER = PROJECT / "config" / "deploy"
UNITS = {"tongban-web.service": "serve", "tongban-worker@.service": "worker"}


def _variables(text: str) -> dict[str, str]:
    pairs = re.findall(r"^(?:Environment=)?((?:TONGBAN|PROMETHEUS)_[A-Z_]+)=(.*)$", text, re.MULTILINE)
    return {name: value.replace("%i", "1") for name, value in pairs}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """The environment file with what an operator fills in."""
    keys = tmp_path / "keys"
    keys.write_text(f"2026a:{'ab' * 32}\n", encoding="utf-8")
    env = _variables((FOLDER / "tongban.env").read_text(encoding="utf-8"))
    assert env["TONGBAN_SECRET"] == ""
    return {**env, "TONGBAN_SECRET": "s" * 32, "TONGBAN_KEYS_FILE": str(keys)}


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_starts_a_command_that_exists_with_settings_that_are_accepted(unit: str, given: dict[str, str]) -> None:
    text = (FOLDER / unit).read_text(encoding="utf-8")
    started = re.search(r"^ExecStart=\S+/tongban (\S+)$", text, re.MULTILINE)
    assert started is not None
    assert started[1] == UNITS[unit]
    assert started[1] in tongban.commands
    assert re.search(r"^EnvironmentFile=/etc/tongban/tongban.env$", text, re.MULTILINE)

    settings: Settings = from_environment({**given, **_variables(text)})

    assert settings.mode == "production"
    assert not settings.scheduler
    assert settings.monitoring.port not in (0, settings.port)


def test_every_variable_of_the_files_is_one_that_the_system_reads() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "config").glob("*.py"))
    named = {name for path in FOLDER.iterdir() for name in _variables(path.read_text(encoding="utf-8"))}

    assert len(named) > 10
    assert not {name for name in named if f'"{name}"' not in source}


def test_the_proxy_sends_to_the_port_of_the_web_hosts_and_hides_what_is_not_public(given: dict[str, str]) -> None:
    proxy = (FOLDER / "nginx.conf").read_text(encoding="utf-8")

    assert set(re.findall(r"server \S+:(\d+)", proxy)) == {given["TONGBAN_PORT"]}
    assert "location = /metrics { return 404; }" in proxy
    assert "X-Request-ID $request_id" in proxy
