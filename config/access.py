"""How people log in: lengths of sessions, lock-out, passwords, second factor; from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, cast, get_args

from config.environment import SettingsError, count_in

SecondFactor = Literal["off", "administrators", "everyone"]


@dataclass(frozen=True, kw_only=True)
class AccessSettings:
    """Each field names its environment variable. No regulation we hold gives the numbers; these are the house's."""

    #: TONGBAN_SESSION_HOURS: how long a log-in lasts at most.
    session_hours: int = 12
    #: TONGBAN_SESSION_IDLE_MINUTES: how long it lasts without being used.
    idle_minutes: int = 30
    #: TONGBAN_LOCK_AFTER: so many wrong log-ins in a row lock the user name ...
    lock_after: int = 5
    #: TONGBAN_LOCK_MINUTES: ... for so long.
    lock_minutes: int = 15
    #: TONGBAN_ADDRESS_FAILURES: so many wrong log-ins, or wrong guesses at a receipt, from one address lock it out.
    address_failures: int = 50
    #: TONGBAN_PASSWORD_LENGTH: characters a password must have.
    password_length: int = 10
    #: TONGBAN_FIRST_PASSWORD_HOURS: how long the password that an administrator gave opens its own change.
    first_password_hours: int = 72
    #: TONGBAN_SECOND_FACTOR: who must have a second factor. Anybody may.
    second_factor: SecondFactor = "off"
    #: TONGBAN_LOG_IN_REQUESTS: how many requests a minute one log-in may send to a process (1200); 0: any number.
    requests_per_log_in: int = 0
    #: TONGBAN_ADDRESS_REQUESTS: how many one address may send (12000); 0: any number.
    requests_per_address: int = 0
    #: TONGBAN_PROXIES: proxies of ours in front, whose word about the client's address is taken.
    proxies: int = 0

    @property
    def lasts(self) -> timedelta:
        return timedelta(hours=self.session_hours)

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def locked(self) -> timedelta:
        return timedelta(minutes=self.lock_minutes)

    @property
    def first_password_lasts(self) -> timedelta:
        return timedelta(hours=self.first_password_hours)


def from_environment(env: Mapping[str, str], *, production: bool) -> AccessSettings:
    """The settings that the environment gives. Raises `SettingsError` with a sentence for the operator."""
    usual = AccessSettings()
    # Who gives others their rights must not depend on a password alone.
    factor = env.get("TONGBAN_SECOND_FACTOR", "administrators" if production else "off")
    if factor not in get_args(SecondFactor):
        raise SettingsError(
            f"TONGBAN_SECOND_FACTOR is {factor!r}; it may be one of {', '.join(get_args(SecondFactor))}."
        )
    return AccessSettings(
        session_hours=count_in(env, "TONGBAN_SESSION_HOURS", usual.session_hours, least=1, most=24),
        idle_minutes=count_in(env, "TONGBAN_SESSION_IDLE_MINUTES", usual.idle_minutes, least=1, most=24 * 60),
        lock_after=count_in(env, "TONGBAN_LOCK_AFTER", usual.lock_after, least=3, most=20),
        lock_minutes=count_in(env, "TONGBAN_LOCK_MINUTES", usual.lock_minutes, least=1, most=24 * 60),
        address_failures=count_in(env, "TONGBAN_ADDRESS_FAILURES", usual.address_failures, least=5, most=10000),
        password_length=count_in(env, "TONGBAN_PASSWORD_LENGTH", usual.password_length, least=8, most=64),
        first_password_hours=count_in(
            env, "TONGBAN_FIRST_PASSWORD_HOURS", usual.first_password_hours, least=1, most=31 * 24
        ),
        second_factor=cast(SecondFactor, factor),
        requests_per_log_in=count_in(env, "TONGBAN_LOG_IN_REQUESTS", 1200, least=0, most=10**6),
        requests_per_address=count_in(env, "TONGBAN_ADDRESS_REQUESTS", 12000, least=0, most=10**6),
        proxies=count_in(env, "TONGBAN_PROXIES", usual.proxies, least=0, most=5),
    )
