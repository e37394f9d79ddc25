"""How text messages leave the house: which gateway, when, how many, from the environment.

    TONGBAN_SMS                outbox (a page and a log, nothing is sent), smpp or tencent
    TONGBAN_SMS_TIMEOUT        seconds that a gateway may take for one answer, 1 to 30
    TONGBAN_SMS_HOURS          08:00-21:00: messages made outside wait for the morning; empty: any time
    TONGBAN_SMS_HOURLY_LIMIT   messages to one number within an hour, others wait; 0: no limit
    TONGBAN_SMPP_HOST, _PORT, _SYSTEM_ID, _PASSWORD, _SOURCE, _SYSTEM_TYPE
    TONGBAN_TENCENT_SECRET_ID, _SECRET_KEY, _APP_ID, _SIGN_NAME, _TEMPLATES, _REGION, _URL

Tencent Cloud sends approved texts only and knows them by number: TONGBAN_TENCENT_TEMPLATES names a YAML file with
a list of `{text: ..., template_id: "..."}`, `text` exactly as it stands in the slot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from config.environment import SettingsError, count_in, port_in
from config.files import ConfigError, only_keys, read_yaml, text

Gateway = Literal["outbox", "smpp", "tencent"]

_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
#: What fits into the fields of an SMPP bind and submission (SMPP 3.4, 5.2).
_SMPP_LENGTHS = {"SYSTEM_ID": 15, "PASSWORD": 8, "SOURCE": 20, "SYSTEM_TYPE": 12}
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class SendingRules:
    """When messages may go out, and how many to one number. They delay a message and never drop it."""

    #: From (included) and until (excluded); None: at any time.
    hours: tuple[time, time] | None = None
    #: Messages to one number within sixty minutes; 0: no limit.
    hourly_limit: int = 0

    def allow(self, moment: datetime) -> bool:
        """Messages may go out at this time of the day."""
        return self.hours is None or self.hours[0] <= moment.time() < self.hours[1]


@dataclass(frozen=True, kw_only=True)
class SmppSettings:
    """An SMPP 3.4 gateway."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    #: The number or short code that messages come from.
    source: str
    system_type: str = ""


@dataclass(frozen=True, kw_only=True)
class TencentSettings:
    """An account of Tencent Cloud SMS."""

    secret_id: str
    secret_key: str = field(repr=False)
    app_id: str
    sign_name: str
    #: Our text -> the number under which Tencent approved it.
    templates: Mapping[str, str]
    region: str = "ap-guangzhou"
    url: str = "https://sms.tencentcloudapi.com"


@dataclass(frozen=True, kw_only=True)
class SmsSettings:
    """The chosen gateway with what it needs, and the sending rules."""

    gateway: Gateway = "outbox"
    timeout_seconds: int = 10
    rules: SendingRules = SendingRules()
    smpp: SmppSettings | None = None
    tencent: TencentSettings | None = None


def from_environment(env: Mapping[str, str]) -> SmsSettings:
    """The settings that the environment gives. Raises `SettingsError`, also for a choice that is incomplete."""
    gateway = env.get("TONGBAN_SMS", "outbox")
    if gateway not in get_args(Gateway):
        raise SettingsError(f"TONGBAN_SMS is {gateway!r}; it may be one of {', '.join(get_args(Gateway))}.")
    return SmsSettings(
        gateway=cast(Gateway, gateway),
        timeout_seconds=count_in(env, "TONGBAN_SMS_TIMEOUT", 10, least=1, most=30),
        rules=SendingRules(
            hours=_hours(env.get("TONGBAN_SMS_HOURS", "")),
            hourly_limit=count_in(env, "TONGBAN_SMS_HOURLY_LIMIT", 0, least=0, most=1000),
        ),
        smpp=_smpp(env) if gateway == "smpp" else None,
        tencent=_tencent(env) if gateway == "tencent" else None,
    )


def _hours(written: str) -> tuple[time, time] | None:
    if not written:
        return None
    found = _HOURS.fullmatch(written)
    hours = (time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))) if found else None
    if hours is None or hours[0] >= hours[1]:
        raise SettingsError(f"TONGBAN_SMS_HOURS is {written!r}; it must be like 08:00-21:00, or empty for any time.")
    return hours


def _smpp(env: Mapping[str, str]) -> SmppSettings:
    _require(env, "smpp", "TONGBAN_SMPP_", ("HOST", "SYSTEM_ID", "PASSWORD", "SOURCE"))
    for name, most in _SMPP_LENGTHS.items():
        value = env.get(f"TONGBAN_SMPP_{name}", "")
        if not value.isascii() or len(value) > most:
            raise SettingsError(f"TONGBAN_SMPP_{name} must be at most {most} ASCII characters, as SMPP 3.4 has it.")
    return SmppSettings(
        host=env["TONGBAN_SMPP_HOST"],
        port=port_in(env, "TONGBAN_SMPP_PORT", 2775),
        system_id=env["TONGBAN_SMPP_SYSTEM_ID"],
        password=env["TONGBAN_SMPP_PASSWORD"],
        source=env["TONGBAN_SMPP_SOURCE"],
        system_type=env.get("TONGBAN_SMPP_SYSTEM_TYPE", ""),
    )


def _tencent(env: Mapping[str, str]) -> TencentSettings:
    names = ("SECRET_ID", "SECRET_KEY", "APP_ID", "SIGN_NAME", "TEMPLATES")
    _require(env, "tencent", "TONGBAN_TENCENT_", names)
    url = env.get("TONGBAN_TENCENT_URL", TencentSettings.url)
    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOCAL):
        raise SettingsError(f"TONGBAN_TENCENT_URL is {url!r}; it must begin with https://, or lie on this machine.")
    return TencentSettings(
        secret_id=env["TONGBAN_TENCENT_SECRET_ID"],
        secret_key=env["TONGBAN_TENCENT_SECRET_KEY"],
        app_id=env["TONGBAN_TENCENT_APP_ID"],
        sign_name=env["TONGBAN_TENCENT_SIGN_NAME"],
        templates=_templates(Path(env["TONGBAN_TENCENT_TEMPLATES"])),
        region=env.get("TONGBAN_TENCENT_REGION", TencentSettings.region),
        url=url,
    )


def _templates(path: Path) -> dict[str, str]:
    try:
        rows = read_yaml(path)
        if not isinstance(rows, list) or not rows:
            raise ConfigError(path, "", "expected a list of texts with their template_id")
        for number, row in enumerate(rows, 1):
            only_keys(path, str(number), row, required={"text", "template_id"})
        found = {
            text(path, f"{number}.text", row["text"]): text(path, f"{number}.template_id", row["template_id"])
            for number, row in enumerate(rows, 1)
        }
    except (ConfigError, OSError) as error:
        raise SettingsError(f"TONGBAN_TENCENT_TEMPLATES cannot be used: {error}") from error
    if len(found) != len(rows):
        raise SettingsError(f"TONGBAN_TENCENT_TEMPLATES cannot be used: {path.name} has a text twice.")
    return found


def _require(env: Mapping[str, str], gateway: str, prefix: str, names: tuple[str, ...]) -> None:
    missing = [prefix + name for name in names if not env.get(prefix + name)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise SettingsError(f"TONGBAN_SMS is {gateway}, and {', '.join(missing)} {verb} not set.")
