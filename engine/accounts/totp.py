"""Time-based one-time passwords (second factor): RFC 6238 over RFC 4226, SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP_SECONDS = 30
DIGITS = 6
#: A phone's clock may be half a minute off, and typing takes time.
_STEPS_AROUND = 1


def new_secret() -> str:
    """A fresh secret, as authenticator apps take it (base32, 160 bits)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int, *, digits: int = DIGITS) -> str:
    """The code of one time step."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(at: datetime) -> int:
    """The time step of an instant."""
    return int(at.timestamp()) // STEP_SECONDS


def accepted_step(secret: str, code: str, at: datetime, *, after: int | None) -> int | None:
    """The step the code is right for, later than `after`, the step used last; None: it is wrong or was used before."""
    now = step_of(at)
    found = None
    for step in range(now - _STEPS_AROUND, now + _STEPS_AROUND + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()) and (after is None or step > after):
            found = step
    return found


def address(secret: str, username: str) -> str:
    """What an authenticator app reads from a picture."""
    query = urlencode({"secret": secret, "issuer": "通办", "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote('通办:' + username)}?{query}"
