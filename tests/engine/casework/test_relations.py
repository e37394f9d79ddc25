"""Who was insured where on which day, and the import of the register."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casework import relations
from engine.errors import InvalidInput
from engine.models import InsuranceRelation
from engine.ports import ports
from tests.factories import identity_number, make_person, uscc
from tests.factories_intake import SHENZHEN, ZHONGSHAN, install, make_relation

HEADER = "identity_number,name,agency_code,employer_name,employer_uscc,from_on,until_on"
NUMBER = identity_number("442000", date(1985, 3, 12), 1)


@pytest.fixture(autouse=True)
def _province(session: Session) -> None:
    install(session)


def line(**others: str) -> str:
    cells = {
        "identity_number": NUMBER,
        "name": "陈测",
        "agency_code": ZHONGSHAN,
        "employer_name": "测试用人单位1",
        "employer_uscc": uscc(1),
        "from_on": "2015-01-01",
        "until_on": "",
        **others,
    }
    return ",".join(cells.values())


def load(session: Session, *lines: str, encoding: str = "utf-8") -> relations.ImportReport:
    return relations.import_csv(session, "\r\n".join([HEADER, *lines, ""]).encode(encoding))


def stored(session: Session) -> list[InsuranceRelation]:
    """What these tests imported; the demo's relations are there too."""
    imported = select(InsuranceRelation).where(InsuranceRelation.employer_name.startswith("测试用人单位"))
    return list(session.scalars(imported.order_by(InsuranceRelation.id)))


@pytest.mark.rule("ROU-01")
@pytest.mark.parametrize(
    ("on", "agency"),
    [
        (date(2014, 12, 31), None),  # the day before
        (date(2015, 1, 1), ZHONGSHAN),  # the first day
        (date(2022, 3, 31), ZHONGSHAN),  # the last day
        (date(2022, 4, 1), SHENZHEN),  # the day after, insured elsewhere
        (date(2023, 8, 1), SHENZHEN),  # still running
    ],
)
def test_the_relation_of_a_day_is_found_with_its_first_and_last_day(
    session: Session, on: date, agency: str | None
) -> None:
    person = make_person(1)
    make_relation(session, person, ZHONGSHAN, from_on=date(2015, 1, 1), until_on=date(2022, 3, 31))
    make_relation(session, person, SHENZHEN, from_on=date(2022, 4, 1))
    make_relation(session, make_person(2), ZHONGSHAN)

    found = relations.find_relations(session, ports().identity_key(person.identity_number), on)

    assert [relation.agency_code for relation in found] == ([agency] if agency else [])


def test_two_employers_at_once_are_both_found(session: Session) -> None:
    person = make_person(1)
    make_relation(session, person, ZHONGSHAN, employer=1)
    make_relation(session, person, SHENZHEN, employer=2)

    key = ports().identity_key(person.identity_number)

    assert len(relations.find_relations(session, key, date(2022, 3, 1))) == 2


def test_good_lines_are_taken_and_bad_lines_reported_with_their_number(session: Session) -> None:
    wrong = NUMBER[:17] + ("0" if NUMBER[17] != "0" else "1")

    report = load(
        session,
        line(),
        line(identity_number=wrong),
        line(identity_number=identity_number(sequence=2), agency_code="999999"),
        line(identity_number=identity_number(sequence=3), until_on="2014-12-31"),
        line(identity_number=identity_number(sequence=4), from_on="2015-02-30"),
        line(identity_number=identity_number(sequence=5), employer_uscc="91440000"),
        line(identity_number=identity_number(sequence=6), employer_name=""),
        "too,few",
        line(identity_number=identity_number(sequence=7)),
    )

    assert (report.added, report.refused) == (2, 7)
    assert [error.line for error in report.errors] == [3, 4, 5, 6, 7, 8, 9]
    said = [error.sentence for error in report.errors]
    assert said[0].startswith("证件号码：")
    assert said[1] == "没有这个经办机构编码。"
    assert said[2] == "参保结束日期早于开始日期。"
    assert said[3] == "参保开始日期：这个日期不存在。"
    assert said[4].startswith("统一社会信用代码：")
    assert said[5] == "用人单位名称：请填写此项。"
    assert said[6] == "应有7列，实有2列。"
    assert not any(wrong in sentence for sentence in said)


def test_a_second_import_changes_nothing(session: Session) -> None:
    load(session, line(), line(identity_number=identity_number(sequence=2)))

    report = load(session, line(), line(identity_number=identity_number(sequence=2)))

    assert (report.added, report.updated, report.unchanged) == (0, 0, 2)
    assert len(stored(session)) == 2


def test_a_line_twice_in_one_file_is_one_relation(session: Session) -> None:
    report = load(session, line(), line())

    assert (report.added, report.unchanged) == (1, 1)


def test_the_end_of_a_relation_is_taken_over(session: Session) -> None:
    load(session, line())

    report = load(session, line(until_on="2022-06-30"))

    assert report.updated == 1
    assert [relation.until_on for relation in stored(session)] == [date(2022, 6, 30)]


def test_overlapping_relations_are_taken_because_a_person_decides_later(session: Session) -> None:
    report = load(session, line(), line(agency_code=SHENZHEN, employer_uscc=uscc(2)))

    assert report.added == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_the_file_may_come_from_chinese_excel(session: Session, encoding: str) -> None:
    load(session, line(), encoding=encoding)

    assert [relation.employer_name for relation in stored(session)] == ["测试用人单位1"]


def test_columns_may_have_their_chinese_names_in_any_order(session: Session) -> None:
    header = "经办机构编码,证件号码,统一社会信用代码,用人单位名称,参保开始日期"
    row = f"{ZHONGSHAN},{NUMBER},{uscc(1)},测试用人单位1,2015-01-01"

    assert relations.import_csv(session, f"{header}\n{row}\n".encode()).added == 1


def test_a_number_that_a_spreadsheet_has_rounded_is_refused_with_the_remedy(session: Session) -> None:
    report = load(session, line(identity_number="4.42E+17"))

    assert "设为文本" in report.errors[0].sentence
    assert stored(session) == []


def test_a_number_kept_as_text_by_a_quote_is_understood(session: Session) -> None:
    assert load(session, line(identity_number=f"'{NUMBER}")).added == 1


def test_numbers_are_stored_as_a_keyed_hash_only(session: Session) -> None:
    load(session, line())

    (relation,) = stored(session)
    assert relation.identity_key == ports().identity_key(NUMBER)
    assert NUMBER not in relation.identity_key


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2\n", b"\x00\x01\x02", "证件号码\n1\n".encode(), b"\xff\xfe\xff", b'"unclosed'],
)
def test_what_is_no_such_file_is_refused_as_a_whole(session: Session, content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        relations.import_csv(session, content)

    assert refused.value.fields.keys() == {"file"}


def test_a_quote_that_never_closes_is_reported_where_it_begins(session: Session) -> None:
    report = load(session, line(), line(employer_name='"测试'), line(identity_number=identity_number(sequence=2)))

    assert (report.added, [error.line for error in report.errors]) == (1, [3])


def test_progress_is_told_up_to_the_last_line(session: Session) -> None:
    told: list[tuple[int, int]] = []
    lines = [
        line(identity_number=identity_number(sequence=1 + number % 998), from_on=f"20{10 + number // 998}-01-01")
        for number in range(1200)
    ]

    relations.import_csv(session, "\n".join([HEADER, *lines, ""]).encode(), lambda *step: told.append(step))

    assert told[-1] == (1201, 1201)
    assert told == sorted(told)
    assert len(stored(session)) == 1200
