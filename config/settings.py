"""Where and how the system runs: development, test, training or production, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from config import access, keys, monitoring, sign_on, sms
from config.access import AccessSettings
from config.environment import SettingsError, count_in, port_in
from config.keys import KeySettings
from config.monitoring import MonitoringSettings
from config.sign_on import SignOnSettings
from config.sms import SmsSettings

__all__ = ["DEFAULT_SECRET", "PROJECT", "Mode", "Settings", "SettingsError", "from_environment"]

Mode = Literal["development", "test", "training", "production"]
Jobs = Literal["embedded", "procrastinate"]

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_SECRET = "development-only"  # noqa: S105  refused in production


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field names its environment variable."""

    #: TONGBAN_MODE. `training` alone has a movable clock; `production` refuses the default secret.
    mode: Mode = "development"
    #: TONGBAN_HOME: the embedded database and the files.
    home: Path = PROJECT / "var"
    #: TONGBAN_DATABASE_URL; empty: SQLite under `home`.
    database_url: str = ""
    #: TONGBAN_PORT
    port: int = 8000
    #: TONGBAN_HOST: the address to listen on.
    host: str = "127.0.0.1"
    #: TONGBAN_SECRET: key of the search hashes of personal data.
    secret: str = DEFAULT_SECRET
    #: TONGBAN_SCHEDULER: `on` runs the tick in the web process (embedded), `off` leaves it to workers.
    scheduler: bool = True
    #: Seconds between two ticks.
    tick_seconds: int = 1
    #: TONGBAN_SMS and what belongs to it: see `config.sms`.
    sms: SmsSettings = field(default_factory=SmsSettings)
    #: TONGBAN_SESSION_HOURS and what else is about log-in: see `config.access`.
    access: AccessSettings = field(default_factory=AccessSettings)
    #: TONGBAN_KEYS, TONGBAN_CIPHER: see `config.keys`.
    keys: KeySettings = field(default_factory=KeySettings)
    #: TONGBAN_TOKEN_ISSUER and what else is about other systems' word: see `config.sign_on`.
    sign_on: SignOnSettings = field(default_factory=SignOnSettings)
    #: TONGBAN_JOBS: where jobs wait, in the embedded table or, on PostgreSQL, with procrastinate.
    jobs: Jobs = "embedded"
    #: TONGBAN_PROCESSES: web processes that share the port; more than one needs PostgreSQL.
    processes: int = 1
    #: TONGBAN_METRICS_PORT and what else is about watching: see `config.monitoring`.
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'tongban.sqlite3'}"

    @property
    def files(self) -> Path:
        return self.home / "files"


def from_environment(environ: dict[str, str] | None = None) -> Settings:
    """The settings that the environment gives. Raises `SettingsError` with a sentence for the operator."""
    env = dict(os.environ if environ is None else environ)
    mode = env.get("TONGBAN_MODE", "development")
    if mode not in get_args(Mode):
        raise SettingsError(f"TONGBAN_MODE is {mode!r}; it may be one of {', '.join(get_args(Mode))}.")
    url = env.get("TONGBAN_DATABASE_URL", "")
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    port = port_in(env, "TONGBAN_PORT", 8000)
    settings = Settings(
        mode=cast(Mode, mode),
        home=Path(env.get("TONGBAN_HOME", str(PROJECT / "var"))).absolute(),
        database_url=url,
        port=port,
        host=env.get("TONGBAN_HOST", "127.0.0.1"),
        secret=env.get("TONGBAN_SECRET", DEFAULT_SECRET),
        scheduler=env.get("TONGBAN_SCHEDULER", "on") != "off",
        sms=sms.from_environment(env),
        access=access.from_environment(env, production=mode == "production"),
        keys=keys.from_environment(env, production=mode == "production"),
        sign_on=sign_on.from_environment(env, production=mode == "production"),
        jobs=_jobs(env.get("TONGBAN_JOBS", "embedded"), url, mode),
        processes=_processes(env, url, mode),
        monitoring=monitoring.from_environment(env, production=mode == "production", port=port),
    )
    if mode == "production" and settings.secret == DEFAULT_SECRET:
        raise SettingsError("TONGBAN_SECRET must be set in production: at least 32 random characters.")
    if mode == "training" and settings.sms.gateway != "outbox":
        raise SettingsError("TONGBAN_SMS must be outbox in training mode: nobody gets messages about invented cases.")
    return settings


def _jobs(chosen: str, url: str, mode: str) -> Jobs:
    if chosen not in get_args(Jobs):
        raise SettingsError(f"TONGBAN_JOBS is {chosen!r}; it may be one of {', '.join(get_args(Jobs))}.")
    if chosen == "procrastinate" and not url.startswith("postgresql"):
        raise SettingsError("TONGBAN_JOBS=procrastinate needs PostgreSQL: set TONGBAN_DATABASE_URL.")
    if chosen == "procrastinate" and mode == "training":
        raise SettingsError("TONGBAN_JOBS=procrastinate reckons by the database's clock, which training cannot move.")
    return cast(Jobs, chosen)


def _processes(env: dict[str, str], url: str, mode: str) -> int:
    processes = count_in(env, "TONGBAN_PROCESSES", 1, least=1, most=64)
    if processes > 1 and not url.startswith("postgresql"):
        raise SettingsError("TONGBAN_PROCESSES above 1 needs PostgreSQL: set TONGBAN_DATABASE_URL.")
    if processes > 1 and mode == "training":
        raise SettingsError("TONGBAN_PROCESSES must be 1 in training mode: each process has a clock of its own.")
    if processes > 1 and env.get("TONGBAN_METRICS_PORT", "0") != "0" and not env.get("PROMETHEUS_MULTIPROC_DIR"):
        raise SettingsError(
            "PROMETHEUS_MULTIPROC_DIR must name a folder where several processes add up their metrics; it is emptied."
        )
    return processes
