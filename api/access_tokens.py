"""JWT access tokens of channel systems (RFC 9068): signed by the province's issuer, checked with its public keys.

The keys are fetched when they are needed first, kept for a while, and fetched again for a key that is not among them.
An issuer that cannot be reached stops nobody whose key is known already.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

import requests
import structlog
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.sign_on import ALGORITHMS, TokenIssuer
from engine import clock
from engine.errors import NotAuthenticated, RetryLater

log = structlog.get_logger()

TYPES = ("at+jwt", "application/at+jwt")
#: Clocks differ by some seconds.
_LEEWAY = 30
_KEYS_LAST = 600.0
#: Keys that nobody has heard of make us ask no more often than this.
_ASK_AGAIN = 30.0
_PATIENCE = 5.0
_LONGEST = 8192


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """What a good token says."""

    client: str
    scopes: frozenset[str]


class KeySource:
    """The public keys of an issuer, fetched over HTTP."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._asked = float("-inf")

    def keys(self, key_id: str) -> KeySet:
        """Keys among which is the one with this id, if there is one. Raises RetryLater where none were ever got."""
        with self._lock:
            age = time.monotonic() - self._asked
            unknown = self._keys is None or all(key.kid != key_id for key in self._keys.keys)
            if age > _KEYS_LAST or (unknown and (self._keys is None or age > _ASK_AGAIN)):
                self._fetch()
            if self._keys is None:
                raise RetryLater("暂时无法核对访问令牌，请稍后重试。", code="issuer_unreachable")
            return self._keys

    def _fetch(self) -> None:
        try:
            answer = requests.get(self._address, timeout=_PATIENCE, allow_redirects=False)
            answer.raise_for_status()
            self._keys = KeySet.import_key_set(answer.json())
            self._asked = time.monotonic()
        except (requests.RequestException, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("issuer_keys_not_fetched", error=type(error).__name__)
            if self._keys is not None:
                # The next try waits; meanwhile the keys at hand count.
                self._asked = time.monotonic()


def read(token: str, issuer: TokenIssuer, source: KeySource) -> AccessToken:
    """What the token says, if it is good. Raises NotAuthenticated, the same for every fault, and RetryLater."""
    try:
        if len(token) > _LONGEST:
            raise ValueError("too long")
        claims = _verified(token, issuer, source)
        return AccessToken(client=_text(claims, "client_id"), scopes=frozenset(_text(claims, "scope").split()))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        log.info("access_token_refused", error=type(error).__name__)
        raise NotAuthenticated("访问令牌无效或已过期。", code="invalid_token") from None


def _verified(token: str, issuer: TokenIssuer, source: KeySource) -> dict[str, Any]:
    header = jws.extract_compact(token.encode()).headers()
    if str(header.get("typ", "")).lower() not in TYPES or header.get("alg") not in ALGORITHMS:
        raise ValueError("not an access token that we take")
    keys = source.keys(_text(header, "kid"))
    claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()),
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer.issuer},
        aud={"essential": True, "value": issuer.audience},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        jti={"essential": True},
    ).validate(claims)
    return claims


def _text(values: dict[str, Any], name: str) -> str:
    if not isinstance(values[name], str):
        raise TypeError(name)
    return str(values[name])
