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


OIDC = {
    "TONGBAN_OIDC_ISSUER": "https://sso.example",
    "TONGBAN_OIDC_CLIENT_ID": "tongban",
    "TONGBAN_PUBLIC_ADDRESS": "https://tongban.example/",
}


def test_officers_and_applicants_have_providers_of_their_own() -> None:
    applicants = {
        "TONGBAN_APPLICANT_OIDC_ISSUER": "https://people.example",
        "TONGBAN_APPLICANT_OIDC_CLIENT_ID": "tongban",
        "TONGBAN_APPLICANT_OIDC_NUMBER_CLAIM": "id_no",
    }
    found = from_environment({**OIDC, **applicants}).sign_on

    assert found.officers is not None
    assert found.applicants is not None
    assert (found.officers.issuer, found.officers.client_secret) == ("https://sso.example", "")
    assert (found.applicants.issuer, found.applicants.number_claim) == ("https://people.example", "id_no")
    assert found.public_address == "https://tongban.example"


@pytest.mark.parametrize("missing", OIDC)
def test_half_a_provider_is_refused_by_the_name_of_what_is_missing(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        from_environment({name: value for name, value in OIDC.items() if name != missing})


@pytest.mark.parametrize("name", ["TONGBAN_OIDC_ISSUER", "TONGBAN_PUBLIC_ADDRESS"])
def test_people_are_sent_nowhere_without_tls(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({**OIDC, name: "http://sso.example"})


def test_the_secret_of_a_client_does_not_show_up_where_settings_are_printed() -> None:
    assert "very secret" not in repr(from_environment({**OIDC, "TONGBAN_OIDC_CLIENT_SECRET": "very secret"}))
