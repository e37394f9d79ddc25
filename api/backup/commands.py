"""`tongban backup` and `tongban restore`."""

from __future__ import annotations

from pathlib import Path

import click
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text
from tqdm import tqdm

from api.app import create_app
from api.backup import archive
from api.terminal import OPERATOR, json_option, say, system
from config.settings import Settings, from_environment
from engine.audit.entries import EXPORT, About, record
from engine.db import db, transaction
from engine.privacy.keyring import keyring

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command("backup")
@_file
@json_option
def backup(file: Path, as_json: bool) -> None:
    """把数据库和影像备份到 FILE（系统可以继续运行）。密钥不在备份中，须另行保管。"""
    with system() as app, tqdm(unit=" 个文件", disable=as_json, leave=False) as bar:
        settings: Settings = app.config["TONGBAN"]
        with transaction() as session:
            # Before it is made, so that the backup itself tells of it.
            record(session, OPERATOR, EXPORT, "command.backup", About())
        revision = db.session.scalar(text("SELECT version_num FROM alembic_version"))
        db.session.rollback()
        manifest = archive.backup(settings, keyring(), str(revision), file, lambda done: _forward(bar, done))
        files = int(bar.n)
    keys = "、".join(manifest.keys)
    say(
        as_json,
        {"file": str(file), "files": files, "revision": manifest.revision, "keys": list(manifest.keys)},
        f"已备份到 {file}：数据库和 {files} 个影像文件。密钥（{keys}）和 TONGBAN_SECRET 不在备份中，请另行保管。",
    )


@click.command("restore")
@_file
@json_option
def restore(file: Path, as_json: bool) -> None:
    """从 FILE 恢复到空的数据库和文件夹。密钥和 TONGBAN_SECRET 须与备份时相同。"""
    if not file.is_file():
        raise click.UsageError(f"没有找到 {file}。")
    settings = from_environment()
    app = create_app(settings)
    with tqdm(unit=" 个文件", disable=as_json, leave=False) as bar:
        manifest = archive.restore(settings, keyring(), _revisions(app), file, lambda done: _forward(bar, done))
        files = int(bar.n)
    say(
        as_json,
        {"made_at": manifest.made_at, "files": files, "revision": manifest.revision},
        f"已恢复 {manifest.made_at} 的备份：数据库和 {files} 个影像文件。"
        "启动前请运行 tongban audit verify 核验审计日志。",
    )


def _forward(bar: tqdm, done: int) -> None:  # type: ignore[type-arg]
    # Counted even where no bar is shown.
    bar.n += done
    bar.refresh()


def _revisions(app: Flask) -> set[str]:
    folder = app.extensions["migrate"].directory
    return {script.revision for script in ScriptDirectory(folder).walk_revisions()}
