"""`tongban sign-on`: whom the officers' identity provider means."""

from __future__ import annotations

import click
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from api.terminal import OPERATOR, json_option, say, system
from engine.accounts import identities
from engine.audit.entries import CHANGE, About, record
from engine.db import db, transaction
from engine.errors import RuleRefused
from engine.models import OfficerIdentity


@click.group("sign-on")
def sign_on_group() -> None:
    """工作人员的统一身份（OpenID Connect）与本系统账户的关联。"""


def _issuer(app: Flask) -> str:
    provider = app.config["TONGBAN"].sign_on.officers
    if provider is None:
        raise RuleRefused("没有配置统一身份认证：请设置 TONGBAN_OIDC_ISSUER 和 TONGBAN_OIDC_CLIENT_ID。")
    return str(provider.issuer)


@sign_on_group.command("bind")
@click.argument("username")
@click.argument("subject")
@json_option
def bind(username: str, subject: str, as_json: bool) -> None:
    """统一身份 SUBJECT 登录后即为用户 USERNAME。"""
    with system() as app, transaction() as session:
        identities.bind(session, _issuer(app), subject, username)
        record(session, OPERATOR, CHANGE, "command.sign_on_bind", About(subject=f"username:{username}"))
    say(as_json, {"username": username, "subject": subject}, f"已关联 {username}。")


@sign_on_group.command("unbind")
@click.argument("username")
@json_option
def unbind(username: str, as_json: bool) -> None:
    """解除用户 USERNAME 的关联；密码登录不受影响。"""
    with system() as app, transaction() as session:
        identities.unbind(session, _issuer(app), username)
        record(session, OPERATOR, CHANGE, "command.sign_on_unbind", About(subject=f"username:{username}"))
    say(as_json, {"username": username}, f"已解除 {username} 的关联。")


@sign_on_group.command("list")
@json_option
def list_identities(as_json: bool) -> None:
    """已关联的用户。"""
    with system():
        query = (
            select(OfficerIdentity).options(joinedload(OfficerIdentity.officer)).order_by(OfficerIdentity.officer_id)
        )
        rows = [
            {"username": row.officer.username, "issuer": row.issuer, "subject": row.subject}
            for row in db.session.scalars(query)
        ]
    lines = [f"{row['username']:<24}{row['subject']}  {row['issuer']}" for row in rows]
    say(as_json, {"identities": rows}, "\n".join(lines))
