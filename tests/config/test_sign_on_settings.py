"""Whose word is taken: the settings are complete, or the system does not start."""

from __future__ import annotations

import pytest

from config.settings import SettingsError, from_environment

TOKENS = {
    "TONGBAN_TOKEN_ISSUER": "https://sso.example",
    "TONGBAN_TOKEN_AUDIENCE": "https://tongban.example",
    "TONGBAN_TOKEN_JWKS": "https://sso.example/jwks",
}
PRODUCTION = {"TONGBAN_MODE": "production", "TONGBAN_SECRET": "x" * 40, "TONGBAN_KEYS": "k1:" + "0" * 64}


def test_nobody_s_word_is_taken_unless_the_settings_say_so() -> None:
    assert from_environment({}).sign_on.tokens is None
    found = from_environment(TOKENS).sign_on.tokens
    assert found is not None
    assert (found.issuer, found.audience, found.jwks) == tuple(TOKENS.values())


@pytest.mark.parametrize("missing", TOKENS)
def test_half_an_issuer_is_refused_by_the_name_of_what_is_missing(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        from_environment({name: value for name, value in TOKENS.items() if name != missing})


@pytest.mark.parametrize("address", ["sso.example/jwks", "http://sso.example/jwks", "file:///etc/keys", "https://"])
def test_keys_are_fetched_over_tls_alone(address: str) -> None:
    with pytest.raises(SettingsError, match="TONGBAN_TOKEN_JWKS"):
        from_environment({**TOKENS, "TONGBAN_TOKEN_JWKS": address})


def test_this_machine_s_own_address_will_do_for_trying_out() -> None:
    local = {**TOKENS, "TONGBAN_TOKEN_JWKS": "http://127.0.0.1:9000/jwks"}

    assert from_environment(local).sign_on.tokens is not None
    with pytest.raises(SettingsError, match="TONGBAN_TOKEN_JWKS"):
        from_environment({**PRODUCTION, **local})
