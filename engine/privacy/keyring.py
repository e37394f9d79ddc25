"""The key ring: encrypts what is stored about people, and gives the audit log its keys.

A stored value is `!a.<key id>.<base64>` (AES-256-GCM) or `!s.<key id>.<base64>` (SM4-GCM): nonce, ciphertext, tag. Each
column has a key of its own, derived from the ring's, and its name is authenticated with the value: a value moved to
another column does not decrypt. Long values are compressed first: afterwards the database cannot.
"""

from __future__ import annotations

import os
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from collections.abc import Iterable
from functools import cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.settings import Settings

_MARK = "!"
_NONCE, _TAG = 12, 16
#: Begins what was compressed; no text about a person begins with it.
_PACKED = b"\0"
_WORTH_PACKING = 256
#: Letter of a stored value -> name of the cipher in the settings.
CIPHERS = {"a": "aes-256-gcm", "s": "sm4-gcm"}
#: The id of the key that is derived where none is given.
DERIVED = "default"


class Undecipherable(Exception):
    """A stored value that no key of the ring opens: altered, moved from elsewhere, or its key was taken away."""


class UnknownKey(Undecipherable):
    """The key that the value names is not in the ring."""


class _Sealer(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...


class _SM4GCM:
    """SM4 in Galois/Counter mode (GM/T 0002, RFC 8998), in the manner of the library's AESGCM."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        encryptor = Cipher(self._algorithm, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, modes.GCM(nonce, data[-_TAG:])).decryptor()
        decryptor.authenticate_additional_data(associated_data)
        return decryptor.update(data[:-_TAG]) + decryptor.finalize()


class Keyring:
    """Keys by id; the first one is used for what is new."""

    def __init__(self, keys: Iterable[tuple[str, bytes]], cipher: str) -> None:
        self._keys = dict(keys)
        self.current = next(iter(self._keys))
        self._letter = next(letter for letter, name in CIPHERS.items() if name == cipher)
        # Not lru_cache on the methods: it would keep a ring alive, and share nothing between two of them anyway.
        self._sealer = cache(self._make_sealer)
        self.derive = cache(self._derive)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, the one in use first."""
        return tuple(self._keys)

    @property
    def prefix(self) -> str:
        """How values begin that are encrypted as new ones are."""
        return f"{_MARK}{self._letter}.{self.current}."

    def encrypt(self, column: str, plain: bytes) -> str:
        """What is stored of `plain` in `column` ("table.column")."""
        nonce = os.urandom(_NONCE)
        sealed = self._sealer(self._letter, self.current, column).encrypt(nonce, _packed(plain), column.encode())
        return self.prefix + urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, column: str, stored: str) -> bytes:
        """What was encrypted for `column`. Raises Undecipherable; its text says where, and not what."""
        letter, key_id, body = _parts(column, stored)
        if key_id not in self._keys:
            raise UnknownKey(f"{column}: no key {key_id!r} in the ring")
        try:
            sealed = urlsafe_b64decode(body)
            opened = self._sealer(letter, key_id, column).decrypt(sealed[:_NONCE], sealed[_NONCE:], column.encode())
        except (InvalidTag, NoBase64, ValueError) as error:
            raise Undecipherable(f"{column}: a value does not open with key {key_id!r}") from error
        return zlib.decompress(opened[1:]) if opened[:1] == _PACKED else opened

    def _make_sealer(self, letter: str, key_id: str, column: str) -> _Sealer:
        name = CIPHERS[letter]
        if name == "sm4-gcm":
            return _SM4GCM(self.derive(f"{name} {column}", key_id, 16))
        return AESGCM(self.derive(f"{name} {column}", key_id, 32))

    def _derive(self, purpose: str, key_id: str, length: int = 32) -> bytes:
        """A key of its own for `purpose`. Raises UnknownKey."""
        if key_id not in self._keys:
            raise UnknownKey(f"{purpose}: no key {key_id!r} in the ring")
        return _stretched(self._keys[key_id], purpose, length)


def _stretched(key: bytes, purpose: str, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"tongban {purpose}".encode()).derive(key)


def _packed(plain: bytes) -> bytes:
    if len(plain) < _WORTH_PACKING and plain[:1] != _PACKED:
        return plain
    return _PACKED + zlib.compress(plain)


def _parts(column: str, stored: str) -> tuple[str, str, str]:
    mark, _, rest = stored.partition(".")
    key_id, _, body = rest.partition(".")
    if mark[:1] != _MARK or mark[1:] not in CIPHERS or not body:
        raise Undecipherable(f"{column}: a value is not in the form of an encrypted one")
    return mark[1:], key_id, body


def is_encrypted(stored: str) -> bool:
    """The value was encrypted; what was stored before there was encryption was not."""
    return len(stored) > 2 and stored[0] == _MARK and stored[1] in CIPHERS and stored[2] == "."


def ring_of(settings: Settings) -> Keyring:
    """The ring that the settings give; without keys of its own, one that is derived from the secret."""
    keys = settings.keys.ring or ((DERIVED, _stretched(settings.secret.encode(), "keys", 32)),)
    return Keyring(keys, settings.keys.cipher)


_rings: list[Keyring] = []


def use(ring: Keyring) -> None:
    """Encrypt and decrypt with this ring from now on."""
    _rings[:] = [ring]


def keyring() -> Keyring:
    """The ring in use. Raises RuntimeError before `use`."""
    if not _rings:
        raise RuntimeError("there is no key ring: use api.app.create_app()")
    return _rings[0]
