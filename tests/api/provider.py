"""A small identity provider on a loopback port: its keys, access tokens for channel systems, and sign-on of people."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from config.sign_on import TokenIssuer
from engine import clock

AUDIENCE = "https://tongban.example"


@dataclass
class Provider:
    """What it knows, and what it was asked."""

    address: str = ""
    keys: dict[str, Key] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    #: It answers nothing but 503.
    is_down: bool = False

    def new_key(self, key_id: str, kind: str = "rsa") -> Key:
        """A key that the provider publishes from now on."""
        key = (
            RSAKey.generate_key(2048, {"kid": key_id})
            if kind == "rsa"
            else ECKey.generate_key("P-256", {"kid": key_id})
        )
        self.keys[key_id] = key
        return key

    @property
    def token_issuer(self) -> TokenIssuer:
        return TokenIssuer(issuer=self.address, audience=AUDIENCE, jwks=f"{self.address}/jwks")

    def public_keys(self) -> dict[str, Any]:
        """As it publishes them."""
        return dict(KeySet(list(self.keys.values())).as_dict(private=False))

    def access_token(self, client: str, scope: str, /, *, kid: str = "r1", alg: str = "RS256", **changes: Any) -> str:
        """A token for that channel system, `changes` made to its claims (None: left out) or to `typ`."""
        now = int(clock.now().timestamp())
        header = {"alg": alg, "kid": kid, "typ": changes.pop("typ", "at+jwt")}
        claims = {
            "iss": self.address,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "scope": scope,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_hex(8),
            **changes,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, said, self.keys[kid], algorithms=[alg])


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path.partition("?")[0])
            if provider.is_down:
                self.send_error(503)
            elif self.path == "/jwks":
                self._say(provider.public_keys())
            else:
                self.send_error(404)

        def _say(self, document: Any) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """The tests' output is not for it."""

    return Handler


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider with one RSA key, r1, and one of an elliptic curve, e1."""
    provider = Provider()
    provider.new_key("r1")
    provider.new_key("e1", "ec")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
