"""OpenID Connect through Authlib: authorization code with PKCE (S256), state and nonce.

Between the way out and the way back the browser keeps state, nonce and code verifier in a signed cookie of its own.
What comes back is believed only where it is signed with a key of the configured issuer, for this system, just now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import requests
import structlog
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Response, current_app, session
from joserfc.errors import JoseError

from config.settings import Settings
from config.sign_on import ALGORITHMS, IdentityProvider, SignOnSettings
from engine.errors import NotAuthenticated, NotFound, RetryLater

log = structlog.get_logger()

_PATIENCE = 5.0
_CLIENTS = "tongban_sign_on"
_UNREACHABLE = "统一身份认证暂时无法连接，请稍后再试。"


def settings() -> SignOnSettings:
    """Whose word is taken here."""
    return cast(Settings, current_app.config["TONGBAN"]).sign_on


def require(provider: IdentityProvider | None) -> IdentityProvider:
    """The provider. Raises NotFound where the settings name none."""
    if provider is None:
        raise NotFound("本系统没有配置这种统一身份认证。", code="sign_on_not_configured")
    return provider


def way_out(provider: IdentityProvider, way_back: str) -> Response:
    """Send the browser to the provider, from where it comes back to the path `way_back`. Raises RetryLater."""
    try:
        client = _client(provider)
        return cast(Response, client.authorize_redirect(f"{settings().public_address}{way_back}"))
    except (requests.RequestException, ValueError, RuntimeError, KeyError) as error:
        raise _unreachable(error) from error


def claims_of(provider: IdentityProvider) -> Mapping[str, Any]:
    """What the provider says of who has come back. Raises NotAuthenticated for whatever does not fit, RetryLater."""
    try:
        client = _client(provider)
        options = {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": provider.client_id},
        }
        said = client.authorize_access_token(claims_options=options).get("userinfo")
    except requests.RequestException as error:
        raise _unreachable(error) from error
    except (OAuthError, JoseError, ValueError, RuntimeError, KeyError, TypeError) as error:
        # Never its text: it may be what somebody has put into the address.
        log.warning("sign_on_failed", error=type(error).__name__)
        said = None
    finally:
        session.clear()
    if not said or not isinstance(said.get("sub"), str) or not 1 <= len(said["sub"]) <= 255:
        raise NotAuthenticated("统一身份认证没有成功，请重新登录。", code="sign_on_failed")
    return cast(Mapping[str, Any], said)


def _client(provider: IdentityProvider) -> Any:
    """Authlib's client of the provider, with its metadata. Raises ValueError where they are another issuer's."""
    clients: dict[IdentityProvider, Any] = current_app.extensions.setdefault(_CLIENTS, {})
    if provider not in clients:
        clients[provider] = OAuth(current_app).register(
            # The same in every process: the browser's cookie is kept under it.
            hashlib.sha256(f"{provider.issuer} {provider.client_id}".encode()).hexdigest()[:16],
            client_id=provider.client_id,
            client_secret=provider.client_secret or None,
            server_metadata_url=f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile phone",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic" if provider.client_secret else "none",
                "default_timeout": _PATIENCE,
            },
        )
    client = clients[provider]
    metadata = client.load_server_metadata()
    if metadata.get("issuer") != provider.issuer:
        raise ValueError("the metadata are another issuer's")
    # Ours to say, not the provider's: none, and nothing that a public key could be taken for a secret with.
    metadata["id_token_signing_alg_values_supported"] = list(ALGORITHMS)
    return client


def _unreachable(error: Exception) -> RetryLater:
    log.warning("identity_provider_unreachable", error=type(error).__name__)
    return RetryLater(_UNREACHABLE, code="provider_unreachable")
