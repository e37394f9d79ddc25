"""`tongban audit` and `tongban keys`: checking the audit log, its anchors, and the keys."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

import click
from tqdm import tqdm

from api.terminal import OPERATOR, json_option, say, system
from engine.audit import anchors, sealing, verifying
from engine.audit.entries import CHANGE, About, record
from engine.db import db, transaction
from engine.privacy import rotation
from engine.privacy.keyring import keyring

#: Exit code of a log that is not as it was written.
NOT_VALID = 1


@click.group("audit")
def audit_group() -> None:
    """审计日志。"""


@audit_group.command("verify")
@click.option(
    "--anchor", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="先前导出的锚点；可以给出多个。",
)  # fmt: skip
@json_option
def verify(files: tuple[Path, ...], as_json: bool) -> int:
    """核验审计日志：逐条指出被改动、删除、调换、截去、插入的记录；有问题时退出码 1。"""
    with system():
        known = [anchors.read(file.read_bytes()) for file in files]
        with tqdm(total=verifying.count(db.session()), unit=" 条", disable=as_json, leave=False) as bar:

            def progress(done: int) -> None:
                bar.update(done)

            report = verifying.verify(db.session(), known, progress)
    chains = [{"chain": chain, "sealed": tail.number, "mac": tail.mac} for chain, tail in report.tails.items()]
    findings = [
        {"chain": one.chain, "number": one.number, "entry_id": one.entry_id, "code": one.code, "message": one.sentence}
        for one in report.findings
    ]
    document = {
        "valid": report.valid,
        "chains": chains,
        "unsealed": report.unsealed,
        "anchors": len(known),
        "findings": findings,
    }
    lines = [f"{one['chain'] or '-'}：{one['message']}" for one in findings]
    sealed = sum(tail.number for tail in report.tails.values())
    lines.append(
        f"{len(chains)} 条链，已封存 {sealed} 条，待封存 {report.unsealed} 条，核对锚点 {len(known)} 个："
        + ("没有发现问题。" if report.valid else f"发现 {len(findings)} 处问题。")
    )
    say(as_json, document, "\n".join(lines))
    return 0 if report.valid else NOT_VALID


@audit_group.command("anchor")
@json_option
def anchor(as_json: bool) -> None:
    """封存待封存的记录，输出各链末尾的签名锚点；请保存到本系统之外，供日后核验。锚点本身就是 JSON。"""
    with system():
        sealing.seal()
        document = anchors.take(db.session())
    say(as_json, document, json.dumps(document, ensure_ascii=False, indent=2))


@audit_group.command("seal")
@json_option
def seal(as_json: bool) -> None:
    """立即封存待封存的记录（运行中的系统会自动封存）。"""
    with system():
        sealed = sealing.seal()
    say(as_json, {"sealed": sealed}, f"已封存 {sealed} 条。")


@click.group("keys")
def keys_group() -> None:
    """个人信息加密密钥。"""


@keys_group.command("new")
@click.argument("key_id", metavar="ID")
@json_option
def new_key(key_id: str, as_json: bool) -> None:
    """生成一个新密钥，输出可写入 TONGBAN_KEYS_FILE 的一行；先加在末尾，各处都能读取后再移到首行。"""
    key = secrets.token_hex(32)
    say(as_json, {"id": key_id, "key": key}, f"{key_id}:{key}")


@keys_group.command("status")
@json_option
def status(as_json: bool) -> None:
    """各列的内容由哪个密钥加密；不再被任何内容使用的密钥才可以移除。"""
    with system():
        current, ids = keyring().current, keyring().ids
        states = list(rotation.states(db.session()))
    needed = {key_id for state in states for key_id in state.keys}
    spare = [key_id for key_id in ids if key_id not in needed and key_id != current]
    rows = [{"column": one.column, "keys": one.keys, "fixed": one.fixed} for one in states]
    lines = [f"{one.column:<32}{'，'.join(f'{key} {number}' for key, number in one.keys.items())}" for one in states]
    lines.append(f"使用中的密钥：{current}；可以移除：{'、'.join(spare) or '无'}。")
    say(as_json, {"current": current, "columns": rows, "removable": spare}, "\n".join(lines))


@keys_group.command("rotate")
@json_option
def rotate(as_json: bool) -> None:
    """用首行的密钥和当前算法重新加密全部个人信息；可以随时中断，再次运行时接着做。"""
    with system():
        with transaction() as session:
            record(session, OPERATOR, CHANGE, "command.keys_rotate", About(subject=f"key:{keyring().current}"))
        pieces = 0
        with tqdm(unit=" 批", disable=as_json, leave=False) as bar:
            while (came_to := _step()) is not rotation.Step.FINISHED:
                pieces += 1
                bar.update(1)
                if came_to is rotation.Step.HELD_UP:
                    time.sleep(1)
    say(as_json, {"current": keyring().current, "pieces": pieces}, "全部个人信息已由使用中的密钥加密。")


def _step() -> rotation.Step:
    with transaction() as session:
        return rotation.step(session)
