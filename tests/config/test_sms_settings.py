"""The gateway for text messages as the environment chooses it: complete, or the system does not start."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import pytest

from config.settings import SettingsError, from_environment
from config.sms import SendingRules

SMPP = {
    "TONGBAN_SMS": "smpp",
    "TONGBAN_SMPP_HOST": "smsc.example",
    "TONGBAN_SMPP_SYSTEM_ID": "tongban",
    "TONGBAN_SMPP_PASSWORD": "secret",
    "TONGBAN_SMPP_SOURCE": "10690001",
}


@pytest.fixture
def tencent(tmp_path: Path) -> dict[str, str]:
    texts = tmp_path / "texts.yaml"
    texts.write_text('- {text: "尊敬的XM，您好。", template_id: "1110"}\n', encoding="utf-8")
    return {
        "TONGBAN_SMS": "tencent",
        "TONGBAN_TENCENT_SECRET_ID": "AKIDsample",
        "TONGBAN_TENCENT_SECRET_KEY": "sample-key",
        "TONGBAN_TENCENT_APP_ID": "1400006666",
        "TONGBAN_TENCENT_SIGN_NAME": "中山社保",
        "TONGBAN_TENCENT_TEMPLATES": str(texts),
    }


def test_without_a_choice_messages_stay_in_the_outbox_page() -> None:
    sms = from_environment({}).sms

    assert (sms.gateway, sms.timeout_seconds, sms.rules) == ("outbox", 10, SendingRules())


def test_an_smpp_gateway_has_the_usual_port_unless_another_is_named() -> None:
    assert from_environment(SMPP).sms.smpp is not None
    usual, other = (from_environment({**SMPP, **more}).sms.smpp for more in ({}, {"TONGBAN_SMPP_PORT": "2776"}))

    assert usual is not None
    assert other is not None
    assert (usual.host, usual.port, usual.source) == ("smsc.example", 2775, "10690001")
    assert other.port == 2776


def test_tencent_reads_its_texts_from_a_file(tencent: dict[str, str]) -> None:
    found = from_environment(tencent).sms.tencent

    assert found is not None
    assert found.templates == {"尊敬的XM，您好。": "1110"}
    assert found.url == "https://sms.tencentcloudapi.com"


def test_no_password_is_shown_where_settings_are_printed(tencent: dict[str, str]) -> None:
    assert "secret'" not in repr(from_environment(SMPP))
    assert "sample-key" not in repr(from_environment(tencent))


@pytest.mark.parametrize("name", [name for name in SMPP if name != "TONGBAN_SMS"])
def test_an_incomplete_smpp_gateway_is_refused(name: str) -> None:
    incomplete = {key: value for key, value in SMPP.items() if key != name}

    with pytest.raises(SettingsError, match=f"TONGBAN_SMS is smpp, and {name} is not set."):
        from_environment(incomplete)


@pytest.mark.parametrize("name", ["SECRET_ID", "SECRET_KEY", "APP_ID", "SIGN_NAME", "TEMPLATES"])
def test_an_incomplete_account_of_tencent_is_refused(tencent: dict[str, str], name: str) -> None:
    del tencent[f"TONGBAN_TENCENT_{name}"]

    with pytest.raises(SettingsError, match=f"TONGBAN_TENCENT_{name} is not set."):
        from_environment(tencent)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TONGBAN_SMS", "pigeon"),
        ("TONGBAN_SMS_TIMEOUT", "0"),
        ("TONGBAN_SMS_TIMEOUT", "31"),
        ("TONGBAN_SMS_TIMEOUT", "ten"),
        ("TONGBAN_SMS_HOURS", "8-21"),
        ("TONGBAN_SMS_HOURS", "21:00-08:00"),
        ("TONGBAN_SMS_HOURS", "08:00-24:00"),
        ("TONGBAN_SMS_HOURLY_LIMIT", "-1"),
        ("TONGBAN_SMPP_PORT", "70000"),
        ("TONGBAN_SMPP_PASSWORD", "ninechars"),
        ("TONGBAN_SMPP_SOURCE", "中山"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({**SMPP, name: value})


@pytest.mark.parametrize(
    "content", ["", "text: a", "- {text: a}", "- {text: a, template_id: 1}", "- {text: a, template_id: '1'}\n" * 2, "["]
)
def test_a_file_of_texts_that_cannot_be_used_is_refused(tencent: dict[str, str], content: str) -> None:
    Path(tencent["TONGBAN_TENCENT_TEMPLATES"]).write_text(content, encoding="utf-8")

    with pytest.raises(SettingsError, match="TONGBAN_TENCENT_TEMPLATES cannot be used"):
        from_environment(tencent)


def test_a_file_of_texts_that_is_not_there_is_refused(tencent: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TONGBAN_TENCENT_TEMPLATES cannot be used"):
        from_environment({**tencent, "TONGBAN_TENCENT_TEMPLATES": str(tmp_path / "none.yaml")})


@pytest.mark.parametrize("url", ["http://sms.example", "ftp://sms.example", "sms.example"])
def test_personal_data_goes_over_tls_or_stays_on_this_machine(tencent: dict[str, str], url: str) -> None:
    with pytest.raises(SettingsError, match="TONGBAN_TENCENT_URL"):
        from_environment({**tencent, "TONGBAN_TENCENT_URL": url})


def test_who_learns_in_training_mode_writes_to_nobody() -> None:
    with pytest.raises(SettingsError, match="TONGBAN_SMS must be outbox in training mode"):
        from_environment({**SMPP, "TONGBAN_MODE": "training"})


@pytest.mark.parametrize(
    ("at", "allowed"), [("07:59:59", False), ("08:00", True), ("20:59:59", True), ("21:00", False), ("00:00", False)]
)
def test_messages_go_out_from_the_first_hour_until_before_the_last(at: str, allowed: bool) -> None:
    rules = from_environment({"TONGBAN_SMS_HOURS": "08:00-21:00"}).sms.rules

    assert rules.hours == (time(8), time(21))
    assert rules.allow(datetime.fromisoformat(f"2023-08-01T{at}+08:00")) is allowed
