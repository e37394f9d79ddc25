"""The `tongban` command: what operators type. Each command has --help, and --json for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

import api.demo
from api import server, trace
from api.accounts.commands import officers_group
from api.app import create_app, register_operators
from api.audit.commands import audit_group, keys_group
from api.backup.commands import backup, restore
from api.channels.commands import channels_group
from api.readiness.commands import show_readiness
from api.sign_on.commands import sign_on_group
from api.terminal import OPERATOR, json_option, say, system
from config.files import ConfigError
from config.official_years import OfficialYear, read_official_year
from config.settings import PROJECT, Settings, SettingsError, from_environment
from engine import clock
from engine.audit.entries import CHANGE, About, record
from engine.casework import calendar_entries, calendars, message_texts, relations
from engine.db import db, transaction
from engine.errors import InvalidInput, TongbanError
from engine.process import check, definitions
from engine.process.diagram import ROLES, Fault
from handlers.rules import jurisdiction, workdays

#: Exit codes that others build on (design, section 7).
REFUSED = 1
NO_SUPERIOR = 2
NO_CALENDAR = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def tongban() -> None:
    """通办：工伤保险经办业务全省通办系统。

    设置来自环境变量：TONGBAN_MODE、TONGBAN_HOME、TONGBAN_PORT、TONGBAN_DATABASE_URL 等。
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    try:
        result = tongban.main(args=arguments, prog_name="tongban", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except (SettingsError, server.CannotStart) as error:
        click.echo(str(error), err=True)
        return REFUSED
    except InvalidInput as error:
        click.echo(error.message, err=True)
        for field, sentences in error.fields.items():
            click.echo(f"  {field}：{'；'.join(sentences)}", err=True)
        return REFUSED
    except TongbanError as error:
        click.echo(error.message, err=True)
        return REFUSED
    return result if isinstance(result, int) else 0


# The system


@tongban.command()
@json_option
def serve(as_json: bool) -> None:
    """建立或更新数据库，启动系统，显示地址和演示账号。"""
    settings = from_environment()
    server.configure_logs()
    server.require_free_port(settings.host, settings.port)
    if settings.monitoring.port:
        server.require_free_port(settings.monitoring.host, settings.monitoring.port)
    app = create_app(settings)
    server.prepare(app)
    logins = [] if settings.mode == "production" else server.demo_logins(app)
    server.serve(settings, lambda: _announce(settings, logins, as_json))


@tongban.command()
@json_option
def worker(as_json: bool) -> None:
    """只处理到期事项，不提供网页服务（生产环境的工作进程）。"""
    server.configure_logs()
    with system() as app:
        say(as_json, {"worker": "started"}, "工作进程已启动，按 Ctrl+C 停止。")
        server.work(app)


@tongban.command()
@json_option
def init(as_json: bool) -> None:
    """建立或更新数据库，装入全省机构、流程图和演示人员；已有的内容不变。"""
    settings = from_environment()
    server.prepare(create_app(settings))
    say(as_json, {"home": str(settings.home), "initialised": True}, f"数据库已就绪：{settings.home}")


# Numbers and places


class _Day(click.ParamType[date]):
    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        with suppress(ValueError):
            if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
                return date.fromisoformat(value)
        raise click.BadParameter(f"“{value}”不是日期，格式为 2023-09-28。", ctx, param)


@tongban.command()
@click.argument("day", type=_Day())
@click.argument("workdays_", metavar="WORKDAYS", type=click.IntRange(0, 10000))
@json_option
def workday(day: date, workdays_: int, as_json: bool) -> int:
    """DAY 之后第 WORKDAYS 个工作日（当日不计）。没有官方日历的年份：退出码 3。"""
    try:
        found = workdays.WorkCalendar(_entered_years()).add_workdays(day, workdays_)
    except workdays.CalendarUnknown as error:
        return _refuse(as_json, NO_CALENDAR, error.message, {"year": error.year})
    except OverflowError:
        return _refuse(as_json, NO_CALENDAR, "9999年之后没有日历，无法计算工作日。", {"year": date.max.year})
    say(as_json, {"day": day.isoformat(), "workdays": workdays_, "date": found.isoformat()}, found.isoformat())
    return 0


@tongban.command()
@click.argument("first")
@click.argument("second")
@json_option
def superior(first: str, second: str, as_json: bool) -> int:
    """两个机构（机构编码或行政区划代码）的共同上级。没有共同上级：退出码 2。"""
    try:
        found = jurisdiction.common_superior_in_province(first, second)
    except jurisdiction.NoCommonSuperior as error:
        return _refuse(as_json, NO_SUPERIOR, error.message, {})
    say(as_json, {"first": first, "second": second, "superior": found}, found)
    return 0


@tongban.group("calendar")
def calendar_group() -> None:
    """放假安排。"""


@calendar_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_year(file: Path, as_json: bool) -> int:
    """录入 FILE 中一个年度的放假安排（YAML：year、notice、off_days、work_days）；有错误时退出码 1，不作任何修改。"""
    try:
        row = read_official_year(file)
    except ConfigError as error:
        return _refuse(as_json, REFUSED, str(error), {})
    with system(), transaction() as session:
        calendar_entries.enter_year(session, None, **row)
        record(session, OPERATOR, CHANGE, "command.calendar_import", About(subject=f"year:{row['year']}"))
    say(as_json, {"year": row["year"]}, f"已录入{row['year']}年的放假安排，相关期限将重新计算。")
    return 0


@calendar_group.command("list")
@json_option
def list_years(as_json: bool) -> None:
    """已录入的年度，以及还没有放假安排的年度。"""
    with system():
        found = calendar_entries.overview(db.session())
        years = [{"year": one.year, "notice": one.notice} for one in found["years"]]
        missing = [alarm.year for alarm in found["alarms"]]
    lines = [f"{row['year']}  {row['notice']}" for row in years] + [f"{year}  尚无放假安排" for year in missing]
    say(as_json, {"years": years, "missing": missing}, "\n".join(lines))


# Diagrams


@tongban.group("definitions")
def definitions_group() -> None:
    """流程图和决策表。"""


_files = click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))


@definitions_group.command("list")
@json_option
def list_definitions(as_json: bool) -> None:
    """流程库中的流程图和决策表及其最新发布的版本。"""
    with system():
        rows = [
            {
                "name": row.name,
                "kind": row.kind,
                "title": row.title,
                "version": row.version,
                "hash": row.hash,
                "published_at": row.published_at.isoformat() if row.published_at else None,
                "published_by": row.published_by,
            }
            for row in definitions.listing(db.session())
        ]
    lines = [f"{row['name']:<28}{row['version'] or '-':>4}  {row['title']}" for row in rows]
    say(as_json, {"definitions": rows}, "\n".join(lines))


@definitions_group.command("check")
@_files
@click.option("--all", "all_", is_flag=True, help="检查随系统提供的全部流程图（bpmn/），不需要数据库。")
@json_option
def check_definitions(files: tuple[Path, ...], all_: bool, as_json: bool) -> int:
    """检查 FILES 能否发布；有问题时逐条列出，退出码 1。"""
    if all_ == bool(files):
        raise click.UsageError("请指明要检查的文件，或使用 --all。")
    if all_:
        register_operators()
        stock = [path for path in sorted(server.DIAGRAMS.rglob("*")) if path.suffix in (".bpmn", ".dmn")]
        faults = check.check(_read(stock), {}).faults
    else:
        with system():
            faults = definitions.check_files(db.session(), _read(files))
    return _report_faults(faults, as_json)


@definitions_group.command("publish")
@_files
@click.option("--by", default="command_line", show_default=True, help="发布人的用户名。")
@json_option
def publish_definitions(files: tuple[Path, ...], by: str, as_json: bool) -> int:
    """发布 FILES；已受理的办件继续使用原版本。"""
    if not files:
        raise click.UsageError("请指明要发布的文件。")
    with system():
        contents = _read(files)
        faults = definitions.check_files(db.session(), contents)
        if faults:
            return _report_faults(faults, as_json)
        with transaction() as session:
            record(session, OPERATOR, CHANGE, "command.definitions_publish", About(subject=f"by:{by}"[:128]))
            published = [
                {"process": row.process_id, "version": row.version, "hash": row.hash}
                for row in definitions.publish(session, contents, by=by, at=clock.now())
            ]
    lines = [f"{row['process']} 第 {row['version']} 版" for row in published]
    say(as_json, {"published": published}, "\n".join(lines) or "内容没有变化，未产生新版本。")
    return 0


@definitions_group.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@json_option
def export_definitions(folder: Path, as_json: bool) -> None:
    """把流程库写到 FOLDER。"""
    with system():
        written = [str(path) for path in definitions.export(db.session(), folder)]
    say(as_json, {"written": written}, "\n".join(written))


# People


@tongban.group("relations")
def relations_group() -> None:
    """参保关系。"""


@relations_group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def import_relations(file: Path, as_json: bool) -> int:
    """从 CSV 文件导入参保关系，逐行报告错误；有错误时退出码 1。"""
    with system(), tqdm(unit=" 行", disable=as_json, leave=False) as bar, transaction() as session:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = relations.import_csv(session, file.read_bytes(), progress)
        about = About(rows=report.added + report.updated)
        record(session, OPERATOR, CHANGE, "command.relations_import", about)
    lines = [f"新增 {report.added}，更新 {report.updated}，未变 {report.unchanged}，未收 {report.refused}。"]
    lines += [f"第 {error.line} 行：{error.sentence}" for error in report.errors]
    document = {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "errors": [{"line": error.line, "sentence": error.sentence} for error in report.errors],
    }
    say(as_json, document, "\n".join(lines))
    return REFUSED if report.refused else 0


tongban.add_command(officers_group)
tongban.add_command(show_readiness)


# Messages


@tongban.group("sms")
def sms_group() -> None:
    """短信。"""


@sms_group.command("render")
@click.argument("text")
@click.argument("values", nargs=-1, metavar="KEY=VALUE ...")
@json_option
def render_message(text: str, values: tuple[str, ...], as_json: bool) -> int:
    """以关键词的值生成短信 TEXT。超过 500 字、KEY 不是关键词、关键词没有值：退出码 1。"""
    given = [value.partition("=") for value in values]
    try:
        for key, sign, _ in given:
            if not sign:
                raise InvalidInput(fields={key: [f"“{key}”应写成“关键词=值”。"]})
        message = message_texts.render_strictly(text, {key: value for key, _, value in given})
    except InvalidInput as error:
        sentences = [sentence for field in error.fields.values() for sentence in field]
        return _refuse(as_json, REFUSED, "\n".join(sentences), {"fields": error.fields})
    parts = len(message_texts.split(message))
    say(as_json, {"text": message, "characters": len(message), "parts": parts}, message)
    return 0


# Audit, keys, channels

tongban.add_command(audit_group)
tongban.add_command(keys_group)
tongban.add_command(backup)
tongban.add_command(restore)
tongban.add_command(channels_group)
tongban.add_command(sign_on_group)


# The rest


@tongban.command("trace")
@json_option
def trace_rules(as_json: bool) -> None:
    """逐条列出规则对应的流程图元素、代码和测试，以及没有落实的必须规则。"""
    found = trace.trace(PROJECT)
    say(as_json, trace.as_json(found), trace.as_text(found))


@tongban.command(name="demo", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> int:
    """通过接口办理演示办件并核对结果。"""
    return api.demo.run(list(arguments))


# Helpers


def _entered_years() -> Mapping[int, OfficialYear]:
    """The years that were entered by hand; none where there is no database."""
    try:
        with system():
            return calendars.entered_years(db.session())
    except server.CannotStart:
        return {}


def _read(files: Sequence[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in files}


def _report_faults(faults: Sequence[Fault], as_json: bool) -> int:
    rows = [{"file": fault.file, "element": fault.element, "message": fault.message} for fault in faults]
    lines = [f"{row['file']}#{row['element']}：{row['message']}" for row in rows]
    say(as_json, {"publishable": not rows, "faults": rows}, "\n".join(lines) or "没有发现问题，可以发布。")
    return REFUSED if faults else 0


def _announce(settings: Settings, logins: Sequence[server.DemoLogin], as_json: bool) -> None:
    address = f"http://{settings.host}:{settings.port}"
    rows = [{"role": one.role, "username": one.username, "agency": one.agency} for one in logins]
    lines = [f"通办已启动：{address}", f"接口文档：{address}/api/docs"]
    if logins:
        lines.append(f"演示账号（密码均为 {server.DEMO_PASSWORD}）：")
        lines += [f"  {one.username:<20}{ROLES.get(one.role, one.role)}，{one.agency}" for one in logins]
    document = {"address": address, "logins": rows, "password": server.DEMO_PASSWORD if logins else None}
    say(as_json, document, "\n".join(lines))


def _refuse(as_json: bool, code: int, message: str, details: Mapping[str, Any]) -> int:
    if as_json:
        click.echo(json.dumps({"error": message, **details}, ensure_ascii=False))
    else:
        click.echo(message, err=True)
    return code
