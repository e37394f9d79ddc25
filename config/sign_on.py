"""Whose word about people and systems is taken: issuers of access tokens and of sign-on, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from config.environment import SettingsError

#: Asymmetric signatures alone: who can check a token cannot make one.
ALGORITHMS = ("RS256", "ES256", "PS256")
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, kw_only=True)
class TokenIssuer:
    """Who signs the access tokens of channel systems (RFC 9068)."""

    #: TONGBAN_TOKEN_ISSUER: `iss`, exactly.
    issuer: str
    #: TONGBAN_TOKEN_AUDIENCE: what `aud` must name.
    audience: str
    #: TONGBAN_TOKEN_JWKS: where the issuer's public keys are.
    jwks: str


@dataclass(frozen=True, kw_only=True)
class IdentityProvider:
    """Where people sign on by OpenID Connect: TONGBAN_OIDC_..., for applicants TONGBAN_APPLICANT_OIDC_..."""

    #: ..._ISSUER: its metadata are at /.well-known/openid-configuration below it.
    issuer: str
    #: ..._CLIENT_ID
    client_id: str
    #: ..._CLIENT_SECRET; empty: this system is a public client there, and PKCE alone proves it.
    client_secret: str = field(default="", repr=False)
    #: ..._NUMBER_CLAIM: the claim with the identity number, for applicants.
    number_claim: str = "identity_number"


@dataclass(frozen=True, kw_only=True)
class SignOnSettings:
    """Each field names its environment variables."""

    tokens: TokenIssuer | None = None
    officers: IdentityProvider | None = None
    applicants: IdentityProvider | None = None
    #: TONGBAN_PUBLIC_ADDRESS: how browsers reach this system, for the way back from an identity provider.
    public_address: str = ""


def from_environment(env: Mapping[str, str], *, production: bool) -> SignOnSettings:
    """The settings that the environment gives. Raises `SettingsError` with a sentence for the operator."""
    settings = SignOnSettings(
        tokens=_tokens(env, production),
        officers=_provider(env, "TONGBAN_OIDC", production),
        applicants=_provider(env, "TONGBAN_APPLICANT_OIDC", production),
        public_address=_public_address(env, production),
    )
    if (settings.officers or settings.applicants) and not settings.public_address:
        raise SettingsError("TONGBAN_PUBLIC_ADDRESS is missing: an identity provider sends people back to it.")
    return settings


def _public_address(env: Mapping[str, str], production: bool) -> str:
    name = "TONGBAN_PUBLIC_ADDRESS"
    return address_in(env, name, production).rstrip("/") if env.get(name) else ""


def _provider(env: Mapping[str, str], prefix: str, production: bool) -> IdentityProvider | None:
    issuer, client_id = f"{prefix}_ISSUER", f"{prefix}_CLIENT_ID"
    if not _all_or_none(env, (issuer, client_id)):
        return None
    return IdentityProvider(
        issuer=address_in(env, issuer, production),
        client_id=env[client_id],
        client_secret=env.get(f"{prefix}_CLIENT_SECRET", ""),
        number_claim=env.get(f"{prefix}_NUMBER_CLAIM", "identity_number"),
    )


def _tokens(env: Mapping[str, str], production: bool) -> TokenIssuer | None:
    names = ("TONGBAN_TOKEN_ISSUER", "TONGBAN_TOKEN_AUDIENCE", "TONGBAN_TOKEN_JWKS")
    if not _all_or_none(env, names):
        return None
    return TokenIssuer(issuer=env[names[0]], audience=env[names[1]], jwks=address_in(env, names[2], production))


def _all_or_none(env: Mapping[str, str], names: tuple[str, ...]) -> bool:
    missing = [name for name in names if not env.get(name)]
    if missing and len(missing) < len(names):
        raise SettingsError(f"{missing[0]} is missing: {', '.join(names)} belong together.")
    return not missing


def address_in(env: Mapping[str, str], name: str, production: bool) -> str:
    """The address that the variable gives: https, or this machine's own while nothing is at stake."""
    written = env[name]
    parts = urlsplit(written)
    local = parts.scheme == "http" and parts.hostname in _LOCAL and not production
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise SettingsError(f"{name} is {written!r}; it must be an https address.")
    return written
