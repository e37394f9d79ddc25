"""What a setting in the environment may be, and the error that says which one is wrong."""

from __future__ import annotations

from collections.abc import Mapping


class SettingsError(Exception):
    """A setting that the system must not start with; the message says which variable and what it may be."""


def port_in(env: Mapping[str, str], name: str, default: int) -> int:
    """The port number that the variable gives."""
    written = env.get(name, str(default))
    if not written.isdecimal() or not 0 < int(written) < 65536:
        raise SettingsError(f"{name} is {written!r}; it must be a port number from 1 to 65535.")
    return int(written)


def count_in(env: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """The whole number that the variable gives."""
    written = env.get(name, str(default))
    if not written.isdecimal() or not least <= int(written) <= most:
        raise SettingsError(f"{name} is {written!r}; it must be a whole number from {least} to {most}.")
    return int(written)
