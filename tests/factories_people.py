"""Invented people whose documents are unusual, each with a valid check digit, and numbers that must be refused."""

from __future__ import annotations

from datetime import date

from tests.factories import Person, identity_number

#: A name with a character beyond the basic plane; its number, like every number here, belongs to nobody we know.
RARE_NAME = Person(name="𠮷田㛃", identity_number=identity_number("440106", date(1990, 2, 28), 14), phone="13800138001")

#: A resident of 香港 (81), 澳门 (82), 台湾 (83) with a residence permit, and a foreigner (9).
RESIDENCE_PERMITS = tuple(
    identity_number(prefix, date(1979, 11, 5), 21) for prefix in ("810000", "820000", "830000", "944840")
)

#: Counties that were abolished and that people still carry: 番禺, 顺德, 南海, 新会, 清新, and cities without districts.
ABOLISHED_COUNTIES = tuple(
    identity_number(county, date(1968, 7, 30), 7)
    for county in ("440181", "440681", "440682", "440782", "441827", "440520", "442527", "441901", "442001", "449999")
)

#: The sample of the notice's own annex 4: masked data that fails the check digit.
SAMPLE_OF_THE_NOTICE = "253082196504262669"
