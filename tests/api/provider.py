"""A small identity provider on a loopback port: its keys, access tokens for channel systems, and sign-on of people."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from config.sign_on import IdentityProvider, TokenIssuer
from engine import clock

AUDIENCE = "https://tongban.example"
CLIENT, SECRET = "tongban", "a secret between the two"


@dataclass
class Provider:
    """What it knows, and what it was asked."""

    address: str = ""
    keys: dict[str, Key] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    #: It answers nothing but 503.
    is_down: bool = False
    #: Who signs on there next: claims of the ID token beside the usual ones. `sub` names the person.
    person: dict[str, Any] = field(default_factory=dict)
    #: What else the ID token says, or does not (None), and how it is signed: kid, alg.
    odd: dict[str, Any] = field(default_factory=dict)
    #: Codes that were given out -> what belongs to them; each is taken once.
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

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

    @property
    def sign_on(self) -> IdentityProvider:
        return IdentityProvider(issuer=self.address, client_id=CLIENT, client_secret=SECRET)

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code for the person."""
        assert query["response_type"] == "code"
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT, "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def tokens(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The tokens for a code, if whoever brings it is the client and has the verifier; it is worth nothing after."""
        query = self.codes.pop(form["code"], {})
        known = authorization == f"Basic {b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
        challenge = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode()
        if not known or query.get("code_challenge") != challenge.rstrip("=") or self.is_other(query, form):
            return None
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": self.id_token(query["nonce"])}

    @staticmethod
    def is_other(query: dict[str, str], form: dict[str, str]) -> bool:
        return query["redirect_uri"] != form.get("redirect_uri")

    def id_token(self, nonce: str) -> str:
        """What it says of the person, with what is odd about it."""
        # The library goes by the machine's own clock.
        now = int(time.time())
        odd = dict(self.odd)
        kid, alg, key = odd.pop("kid", "r1"), odd.pop("alg", "RS256"), odd.pop("key", None)
        usual = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in {**usual, **self.person, **odd}.items() if value is not None}
        if alg == "none":
            parts = [{"alg": "none", "kid": kid}, claims]
            return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."
        return jwt.encode({"alg": alg, "kid": kid}, claims, key or self.keys[kid], algorithms=[alg])

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
            elif self.path == "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
                addresses = {name: f"{provider.address}/{path}" for name, path in names.items()}
                self._say({"issuer": provider.address, **addresses})
            elif self.path.startswith("/authorize?"):
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(self.path.partition("?")[2]))))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            answer = provider.tokens(form, self.headers.get("Authorization", ""))
            self._say(answer or {"error": "invalid_grant"}, 200 if answer else 400)

        def _say(self, document: Any, status: int = 200) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
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
