"""Hashing and verifying passwords, a few at a time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import RetryLater

#: An argon2 hash costs 64 MiB and a tenth of a second: no more than two at a time, others wait their turn.
_working = BoundedSemaphore(2)
_PATIENCE_SECONDS = 20
_hasher = PasswordHasher()
#: What is stored for an account without a password yet. Verified against, too, when there is no such officer, so that
#: the answer takes as long.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$PAN3mfPqK7+8PwgzrTda8g$8PWTj+siu4ocCl8kn7memXc3FHmykkA0tKpm7Qjr1Uo"


#: Signs that nobody takes for another when they are read from paper.
_CLEAR = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 4, 4


def first_password() -> str:
    """A password to be typed once, from paper: 90 bits in four groups."""
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(_GROUP)) for _ in range(_GROUPS))


def hashed(password: str) -> str:
    """What is stored of a password."""
    with _turn():
        return _hasher.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """The password is the stored one; None: nobody has it, which takes as long to find out."""
    with _turn(), suppress(VerificationError, InvalidHashError):
        return _hasher.verify(stored or NOBODYS, password) and stored not in (None, NOBODYS)
    return False


@contextmanager
def _turn() -> Iterator[None]:
    if not _working.acquire(timeout=_PATIENCE_SECONDS):
        raise RetryLater("登录的人较多，请稍后再试。", code="log_in_busy")
    try:
        yield
    finally:
        _working.release()
