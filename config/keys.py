"""The keys that what is stored about people is encrypted with, and the cipher; from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from config.environment import SettingsError

#: 国密 SM4 where the rules on commercial cryptography ask for it, else AES.
Cipher = Literal["aes-256-gcm", "sm4-gcm"]

_ID = re.compile(r"[a-z0-9-]{1,16}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """Each field names its environment variable."""

    #: TONGBAN_CIPHER: what new values are encrypted with; values under the other cipher stay readable.
    cipher: Cipher = "aes-256-gcm"
    #: TONGBAN_KEYS ("2026b:<64 hex digits>,2026a:<...>") or TONGBAN_KEYS_FILE (one a line): the first one encrypts, all
    #: of them decrypt. Empty: one is derived from TONGBAN_SECRET, which production refuses.
    ring: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


def from_environment(env: Mapping[str, str], *, production: bool) -> KeySettings:
    """The settings that the environment gives. Raises `SettingsError` with a sentence for the operator."""
    cipher = env.get("TONGBAN_CIPHER", "aes-256-gcm")
    if cipher not in get_args(Cipher):
        raise SettingsError(f"TONGBAN_CIPHER is {cipher!r}; it may be one of {', '.join(get_args(Cipher))}.")
    ring = _ring(env)
    if production and not ring:
        raise SettingsError(
            "TONGBAN_KEYS or TONGBAN_KEYS_FILE must be set in production: `tongban keys new` makes a key."
        )
    return KeySettings(cipher=cast(Cipher, cipher), ring=ring)


def _ring(env: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    written, file = env.get("TONGBAN_KEYS", ""), env.get("TONGBAN_KEYS_FILE", "")
    if written and file:
        raise SettingsError("TONGBAN_KEYS and TONGBAN_KEYS_FILE are both set; only one of them may be.")
    if file:
        try:
            written = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"TONGBAN_KEYS_FILE cannot be read: {type(error).__name__}.") from error
    entries = [entry.strip() for entry in re.split(r"[,\n]", written)]
    keys = [_key(entry) for entry in entries if entry and not entry.startswith("#")]
    if len({name for name, _ in keys}) < len(keys):
        raise SettingsError("TONGBAN_KEYS names a key twice.")
    if file and not keys:
        raise SettingsError("TONGBAN_KEYS_FILE has no key in it.")
    return tuple(keys)


def _key(entry: str) -> tuple[str, bytes]:
    """One key. The message does not repeat what stands there: it may be the key itself."""
    name, _, key = entry.partition(":")
    if not _ID.fullmatch(name.strip()) or not _KEY.fullmatch(key.strip().lower()):
        raise SettingsError(
            "TONGBAN_KEYS has an entry that is no key: `id:` and 64 hex digits; an id has up to 16 small letters, "
            "digits and hyphens."
        )
    return name.strip(), bytes.fromhex(key.strip())
