"""`tongban channels`: the channel systems and their keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from api.terminal import OPERATOR, json_option, say, system
from engine import clock
from engine.accounts import channels
from engine.accounts.channels import ONLINE_CHANNELS, SCOPES, Issued
from engine.audit.entries import CHANGE, About, record
from engine.db import db, transaction
from engine.models import ChannelClient, ChannelKey

_DAYS = click.option(
    "--days", type=click.IntRange(1, channels.LONGEST.days), default=channels.KEY_LASTS.days, show_default=True,
    help="密钥的有效天数。",
)  # fmt: skip


@click.group("channels")
def channels_group() -> None:
    """渠道系统（网上大厅、自助终端、粤省事、广东人社APP）及其密钥。"""


@channels_group.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--channel", type=click.Choice(list(ONLINE_CHANNELS)), required=True, help="渠道，即办件的数据来源。")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(list(SCOPES)), help="授权范围，可多次；默认全部。")
@_DAYS
@json_option
def add(code: str, name: str, channel: str, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """登记渠道系统 CODE，并显示它的第一个密钥（只显示这一次）。"""
    with system(), transaction() as session:
        client = channels.add_client(session, code=code, name=name, channel=channel, scopes=scopes or tuple(SCOPES))
        issued = channels.issue_key(session, client, timedelta(days=days))
        record(session, OPERATOR, CHANGE, "command.channels_add", About(subject=f"channel:{code}"))
    _show(as_json, code, issued)


@channels_group.command("list")
@json_option
def list_clients(as_json: bool) -> None:
    """渠道系统、授权范围和密钥。"""
    with system():
        query = select(ChannelClient).order_by(ChannelClient.code).options(selectinload(ChannelClient.keys))
        rows = [_row(client) for client in db.session.scalars(query)]
    say(as_json, {"channels": rows}, "\n".join(line for row in rows for line in _lines(row)))


@channels_group.command("rotate")
@click.argument("code")
@click.option("--overlap-hours", type=click.IntRange(0, 2160), default=24, show_default=True, help="旧密钥还能用多久。")
@_DAYS
@json_option
def rotate(code: str, overlap_hours: int, days: int, as_json: bool) -> None:
    """给渠道系统 CODE 新的密钥（只显示这一次）；旧密钥在重叠期之后失效。"""
    with system(), transaction() as session:
        client = channels.find_client(session, code)
        overlap, lasts = timedelta(hours=overlap_hours), timedelta(days=days)
        issued = channels.rotate(session, client, overlap=overlap, lasts=lasts)
        record(session, OPERATOR, CHANGE, "command.channels_rotate", About(subject=f"channel:{code}"))
    _show(as_json, code, issued)


@channels_group.command("revoke")
@click.argument("code")
@click.option("--key", "prefix", help="只吊销这个前缀的密钥；不填则停用整个系统。")
@json_option
def revoke(code: str, prefix: str | None, as_json: bool) -> None:
    """立即吊销渠道系统 CODE 的密钥。"""
    with system(), transaction() as session:
        client = channels.find_client(session, code)
        ended = channels.revoke(session, client, prefix)
        about = About(subject=f"channel:{code}", rows=ended)
        record(session, OPERATOR, CHANGE, "command.channels_revoke", about)
        active = client.active
    words = f"已吊销 {ended} 个密钥" + ("。" if active else "，系统已停用。")
    say(as_json, {"channel": code, "revoked": ended, "active": active}, words)


def _show(as_json: bool, code: str, issued: Issued) -> None:
    until = issued.expires_at
    document = {"channel": code, "key": issued.key, "prefix": issued.prefix, "expires_at": until.isoformat()}
    say(as_json, document, f"{issued.key}\n密钥只显示这一次，请妥善保存；有效期至 {until:%Y-%m-%d}。")


def _row(client: ChannelClient) -> dict[str, Any]:
    return {
        "code": client.code,
        "name": client.name,
        "channel": client.channel,
        "scopes": client.scopes,
        "active": client.active,
        "keys": [
            {
                "prefix": key.prefix,
                "state": _state(key),
                "expires_at": key.expires_at.isoformat(),
                "used_at": key.used_at.isoformat() if key.used_at else None,
            }
            for key in client.keys
        ],
    }


def _state(key: ChannelKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "good" if key.expires_at > clock.now() else "expired"


_STATES = {"good": "有效", "expired": "过期", "revoked": "吊销"}


def _lines(row: dict[str, Any]) -> list[str]:
    ended = "" if row["active"] else "（已停用）"
    head = f"{row['code']:<24}{ONLINE_CHANNELS[row['channel']]}  {row['name']}{ended}  {','.join(row['scopes'])}"
    return [head, *(f"  {key['prefix']}  {_STATES[key['state']]}  至 {key['expires_at'][:10]}" for key in row["keys"])]
