"""`tongban channels` and `tongban sign-on`: whose word is taken, and how that ends."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from sqlalchemy import select

from engine.db import db
from engine.models import AuditEntry
from tests.api.test_cli import Run, run, system

__all__ = ["run", "system"]

ADD = ("channels", "add", "web-hall", "网上办事大厅", "--channel", "web_hall")


def _asks(app: Flask, key: str) -> int:
    return app.test_client().get("/api/v1/services", headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_channel_gets_a_key_that_the_list_does_not_show_again(run: Run, system: Flask) -> None:
    code, output, _ = run(*ADD, "--scope", "catalogue:read", "--json")
    issued = json.loads(output)
    listed = run("channels", "list")[1]

    assert code == 0
    assert _asks(system, issued["key"]) == 200
    assert issued["prefix"] in listed
    assert "网上大厅" in listed
    assert issued["key"] not in listed
    assert json.loads(run("channels", "list", "--json")[1])["channels"][0]["keys"][0]["state"] == "good"


def test_the_first_answer_to_a_person_is_the_key(run: Run, system: Flask) -> None:
    key = run(*ADD)[1].splitlines()[0]

    assert _asks(system, key) == 200


def test_a_channel_changes_over_to_a_new_key_and_loses_the_old_one(run: Run, system: Flask) -> None:
    first = json.loads(run(*ADD, "--json")[1])["key"]
    second = json.loads(run("channels", "rotate", "web-hall", "--overlap-hours", "0", "--json")[1])["key"]

    assert [_asks(system, first), _asks(system, second)] == [401, 200]
    assert run("channels", "revoke", "web-hall")[1] == "已吊销 2 个密钥，系统已停用。\n"
    assert _asks(system, second) == 401
    actions = db.session.scalars(select(AuditEntry.action).where(AuditEntry.subject == "channel:web-hall")).all()
    assert {"command.channels_add", "command.channels_rotate", "command.channels_revoke"} <= set(actions)


def test_what_cannot_be_is_refused_with_a_sentence(run: Run, system: Flask) -> None:
    run(*ADD)

    assert run(*ADD) == (1, "", "渠道系统“web-hall”已经登记。\n")
    assert run("channels", "rotate", "nobody") == (1, "", "没有登记渠道系统“nobody”。\n")
    assert run("channels", "revoke", "web-hall", "--key", "deadbeef")[0] == 1
    assert "小写字母" in run("channels", "add", "Web Hall", "x", "--channel", "app")[2]
    assert run("channels", "add", "other", "x", "--channel", "counter")[0] == 2


def test_an_officer_is_bound_to_whom_the_provider_names_and_unbound_again(
    run: Run, system: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sign-on", "bind", "first-442099", "u-1")[0] == 1
    monkeypatch.setenv("TONGBAN_OIDC_ISSUER", "https://sso.example")
    monkeypatch.setenv("TONGBAN_OIDC_CLIENT_ID", "tongban")
    monkeypatch.setenv("TONGBAN_PUBLIC_ADDRESS", "https://tongban.example")

    assert run("sign-on", "bind", "first-442099", "u-1") == (0, "已关联 first-442099。\n", "")
    assert json.loads(run("sign-on", "list", "--json")[1])["identities"] == [
        {"username": "first-442099", "issuer": "https://sso.example", "subject": "u-1"}
    ]
    assert run("sign-on", "bind", "second-442099", "u-1")[2] == "这个统一身份或这个用户名已经关联。\n"
    assert run("sign-on", "bind", "nobody", "u-2")[0] == 1
    assert run("sign-on", "unbind", "first-442099")[0] == 0
    assert run("sign-on", "unbind", "first-442099")[0] == 1
    assert run("sign-on", "list")[1] == "\n"
