"""Invented workers and where they are insured."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert

from bench.database import Database
from engine.db import transaction
from engine.models import InsuranceRelation
from engine.ports import ports
from tests.factories import Person, make_person, uscc


def worker(number: int) -> Person:
    """The invented worker with this number; the first hundred thousand are different people."""
    return make_person(number)


def import_people(database: Database, count: int, agency: str) -> None:
    """The first `count` workers have been insured with the agency since 2015."""
    rows = [
        {
            "identity_key": ports().identity_key(worker(number).identity_number),
            "agency_code": agency,
            "employer_name": "测试用人单位1",
            "employer_uscc": uscc(1),
            "from_on": date(2015, 1, 1),
            "until_on": None,
        }
        for number in range(count)
    ]
    with database.app.app_context(), transaction() as session:
        session.execute(insert(InsuranceRelation), rows)
