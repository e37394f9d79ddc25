"""Insurance relations (参保关系): who was insured where on which day (ROU-01), and the import of the register.

The import takes a CSV file in UTF-8 or GB 18030 with the columns identity_number, agency_code, employer_name,
employer_uscc, from_on, until_on (and name, which is not kept); their Chinese names will do as well. Good lines are
taken, bad lines are reported with their number and a sentence; a second import of the same file changes nothing, a
line with another `until_on` ends or reopens the relation it names.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine import clock
from engine.casework.forms import day
from engine.errors import InvalidInput
from engine.models import Agency, InsuranceRelation
from engine.ports import ports

T = TypeVar("T")

_COLUMNS = {
    "identity_number": "证件号码",
    "name": "姓名",
    "agency_code": "经办机构编码",
    "employer_name": "用人单位名称",
    "employer_uscc": "统一社会信用代码",
    "from_on": "参保开始日期",
    "until_on": "参保结束日期",
}
_OPTIONAL = {"name", "until_on"}
_CHUNK = 500
#: What is reported in full; a file full of rubbish does not fill the memory.
_MOST_ERRORS = 10_000


@dataclass(frozen=True)
class LineError:
    """A line that was not taken. The sentence does not repeat what stands in the line."""

    line: int
    sentence: str


@dataclass
class ImportReport:
    """What became of a file."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[LineError] = field(default_factory=list)

    def refuse(self, line: int, sentence: str) -> None:
        self.refused += 1
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append(LineError(line, sentence))


@dataclass(frozen=True, kw_only=True)
class _Line:
    number: int
    identity_key: str
    agency_code: str
    employer_name: str
    employer_uscc: str
    from_on: date
    until_on: date | None

    @property
    def key(self) -> tuple[str, str, str, date]:
        return self.identity_key, self.agency_code, self.employer_uscc, self.from_on


def find_relations(session: Session, identity_key: str, on: date) -> list[InsuranceRelation]:
    """The person's relations that were running on that day, first and last day included."""
    return list(
        session.scalars(
            select(InsuranceRelation)
            .where(
                InsuranceRelation.identity_key == identity_key,
                InsuranceRelation.from_on <= on,
                or_(InsuranceRelation.until_on.is_(None), InsuranceRelation.until_on >= on),
            )
            .order_by(InsuranceRelation.from_on, InsuranceRelation.id)
        )
    )


def import_csv(session: Session, content: bytes, progress: Callable[[int, int], None] | None = None) -> ImportReport:
    """Take the relations of a CSV file; `progress` is told lines done and lines in all.

    Raises InvalidInput for a file that is no such CSV at all; then nothing is taken.
    """
    text = _decoded(content)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = _header(rows)
    agencies = set(session.scalars(select(Agency.code)))
    report, total = ImportReport(), max(text.count("\n"), 1)
    lines = _lines(rows, columns, agencies, report)
    while chunk := list(itertools.islice(lines, _CHUNK)):
        _take(session, chunk, report)
        if progress:
            progress(min(chunk[-1].number, total), total)
    if progress:
        progress(total, total)
    return report


def _decoded(content: bytes) -> str:
    """UTF-8 with or without a mark, else what Chinese Excel writes."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InvalidInput(fields={"file": ["文件应为UTF-8或GB18030编码的CSV文本。"]})


def _header(rows: Any) -> list[str]:
    names = {title: name for name, title in _COLUMNS.items()} | {name: name for name in _COLUMNS}
    try:
        header = [names.get(cell.strip(), "") for cell in next(rows, [])]
    except csv.Error:
        header = []
    missing = [name for name in _COLUMNS if name not in header and name not in _OPTIONAL]
    if missing:
        raise InvalidInput(fields={"file": [f"首行缺少列：{'、'.join(missing)}。"]})
    return header


def _lines(rows: Any, columns: list[str], agencies: set[str], report: ImportReport) -> Iterator[_Line]:
    """The good lines; the others go to the report under the line on which they begin."""
    while True:
        number = rows.line_num + 1
        try:
            cells = next(rows)
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                raise ValueError(f"应有{len(columns)}列，实有{len(cells)}列。")
            line = _line(number, dict(zip(columns, (cell.strip() for cell in cells), strict=True)), agencies)
        except StopIteration:
            return
        except csv.Error:
            report.refuse(number, "引号不成对或内容过长，从这一行起的一段无法读取。")
        except ValueError as error:
            report.refuse(number, str(error))
        else:
            yield line


def _line(number: int, row: dict[str, str], agencies: set[str]) -> _Line:
    identity = ports().identity
    if row["agency_code"] not in agencies:
        raise ValueError("没有这个经办机构编码。")
    from_on = _read("参保开始日期", day, row["from_on"])
    until_on = _read("参保结束日期", day, row["until_on"]) if row.get("until_on") else None
    if until_on and until_on < from_on:
        raise ValueError("参保结束日期早于开始日期。")
    employer = _read("用人单位名称", lambda value: identity.text(value, 128), row["employer_name"])
    if not employer:
        raise ValueError("用人单位名称：请填写此项。")
    return _Line(
        number=number,
        identity_key=ports().identity_key(_identity_number(row["identity_number"])),
        agency_code=row["agency_code"],
        employer_name=employer,
        employer_uscc=_read("统一社会信用代码", identity.uscc, row["employer_uscc"]),
        from_on=from_on,
        until_on=until_on,
    )


def _identity_number(cell: str) -> str:
    # A spreadsheet that took the number for a quantity has lost its last digits for good.
    if "E+" in cell.upper() or cell.endswith(".0"):
        raise ValueError("证件号码：被表格软件转成了数字，已失真，请把该列设为文本后重新导出。")
    # A number that Excel was made to keep as text may carry its mark.
    return _read(
        "证件号码",
        lambda value: ports().identity.social_security_number(value, clock.today()),
        cell.removeprefix("'").strip('="\t'),
    )


def _read(title: str, check: Callable[[str], T], value: str) -> T:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{title}：{error}") from None


def _take(session: Session, lines: Iterable[_Line], report: ImportReport) -> None:
    chunk = list(lines)
    keys = {line.identity_key for line in chunk}
    known = {
        (row.identity_key, row.agency_code, row.employer_uscc, row.from_on): row
        for row in session.scalars(select(InsuranceRelation).where(InsuranceRelation.identity_key.in_(keys)))
    }
    for line in chunk:
        row = known.get(line.key)
        if row is None:
            row = InsuranceRelation(
                identity_key=line.identity_key,
                agency_code=line.agency_code,
                employer_name=line.employer_name,
                employer_uscc=line.employer_uscc,
                from_on=line.from_on,
                until_on=line.until_on,
            )
            session.add(row)
            known[line.key] = row
            report.added += 1
        elif (row.until_on, row.employer_name) != (line.until_on, line.employer_name):
            row.until_on, row.employer_name = line.until_on, line.employer_name
            report.updated += 1
        else:
            report.unchanged += 1
    session.flush()
