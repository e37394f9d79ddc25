"""Somebody looks for keys where they must not lie, or finds a system that runs with those everybody knows."""

from __future__ import annotations

import re

import pytest

from config.settings import DEFAULT_SECRET, PROJECT, SettingsError, from_environment
from tests.source import committed_files

PRODUCTION = {"TONGBAN_MODE": "production", "TONGBAN_SECRET": "x" * 40, "TONGBAN_KEYS": f"1:{'0' * 64}"}

#: Written in halves so that this file does not find itself.
SECRETS = {
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE " + "KEY-----"),
    "a key of a cloud": re.compile(r"\bAKI" + r"A[0-9A-Z]{16}\b|\bAKI" + r"D[0-9A-Za-z]{32}\b"),
    "a token of a forge": re.compile(r"\bgh[pousr]" + r"_[0-9A-Za-z]{36}\b|\bglpat" + r"-[0-9A-Za-z_-]{20}\b"),
    "an access token": re.compile(r"\beyJ" + r"[0-9A-Za-z_-]{20,}\.eyJ[0-9A-Za-z_-]{20,}\.[0-9A-Za-z_-]{20,}"),
    "a key of ours": re.compile(r"TONGBAN_KEYS=\"?[a-z0-9-]{1,16}:[0-9a-f]{64}"),
    "a password in an address": re.compile(r"://[a-z0-9_]+:[^@\s/\"'{}<>]{3,}@(?!localhost|127\.0\.0\.1)[a-z0-9.-]+"),
}


def test_no_secret_is_committed() -> None:
    faults = []
    for path in committed_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        faults += [f"{path.relative_to(PROJECT)}: {kind}" for kind, found in SECRETS.items() if found.search(text)]
    assert not faults, faults


@pytest.mark.parametrize("name", list(SECRETS))
def test_a_secret_would_be_found(name: str) -> None:
    samples = {
        "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
        "a key of a cloud": "AKI" + "A" + "B" * 16,
        "a token of a forge": "gh" + "p_" + "a" * 36,
        "an access token": ".".join(["eyJ" + "a" * 30, "eyJ" + "b" * 30, "c" * 30]),
        "a key of ours": "TONGBAN_KEYS=" + "a:" + "0" * 64,
        "a password in an address": "postgresql://tongban:" + "hidden@db.example/x",
    }

    assert SECRETS[name].search(samples[name])


@pytest.mark.parametrize(
    "change", [{"TONGBAN_SECRET": DEFAULT_SECRET}, {"TONGBAN_SECRET": None}, {"TONGBAN_KEYS": None}]
)
def test_production_does_not_start_with_what_everybody_knows(change: dict[str, str | None]) -> None:
    environment = {name: value for name, value in {**PRODUCTION, **change}.items() if value is not None}

    assert from_environment(PRODUCTION).mode == "production"
    with pytest.raises(SettingsError):
        from_environment(environment)
