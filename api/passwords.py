"""Hashing and verifying passwords, a few at a time."""

from __future__ import annotations

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
#: Verified against when there is no such officer, so that the answer takes as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$PAN3mfPqK7+8PwgzrTda8g$8PWTj+siu4ocCl8kn7memXc3FHmykkA0tKpm7Qjr1Uo"


def hashed(password: str) -> str:
    """What is stored of a password."""
    with _turn():
        return _hasher.hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """The password is the stored one; None: nobody has it, which takes as long to find out."""
    with _turn(), suppress(VerificationError, InvalidHashError):
        return _hasher.verify(stored or _NOBODY, password) and stored is not None
    return False


@contextmanager
def _turn() -> Iterator[None]:
    if not _working.acquire(timeout=_PATIENCE_SECONDS):
        raise RetryLater("登录的人较多，请稍后再试。", code="log_in_busy")
    try:
        yield
    finally:
        _working.release()
