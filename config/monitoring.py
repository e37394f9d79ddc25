"""How a process can be watched: where it shows its figures, what it logs; from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.environment import SettingsError, count_in, port_in


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """Each field names its environment variable."""

    #: TONGBAN_METRICS_PORT: a port of its own for /metrics, which no other port answers; 0: none.
    port: int = 0
    #: TONGBAN_METRICS_HOST: the address for it, one that the public does not reach.
    host: str = "127.0.0.1"
    #: TONGBAN_ACCESS_LOG: one line for each request.
    access_log: bool = False
    #: TONGBAN_READY_SECONDS: a tick that has shown no sign of life for so long makes its process not ready.
    silence_seconds: int = 90


def from_environment(env: Mapping[str, str], *, production: bool, port: int) -> MonitoringSettings:
    """The settings that the environment gives; `port`: the public one. Raises `SettingsError`."""
    usual = MonitoringSettings()
    own = port_in(env, "TONGBAN_METRICS_PORT", 0) if env.get("TONGBAN_METRICS_PORT", "0") != "0" else 0
    if own == port:
        raise SettingsError("TONGBAN_METRICS_PORT is TONGBAN_PORT; it must be another one, because it is not public.")
    written = env.get("TONGBAN_ACCESS_LOG", "on" if production else "off")
    if written not in ("on", "off"):
        raise SettingsError(f"TONGBAN_ACCESS_LOG is {written!r}; it may be on or off.")
    return MonitoringSettings(
        port=own,
        host=env.get("TONGBAN_METRICS_HOST", usual.host),
        access_log=written == "on",
        silence_seconds=count_in(env, "TONGBAN_READY_SECONDS", usual.silence_seconds, least=5, most=3600),
    )
