"""The box of notices: whose they are, how they are paged, and reading one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as listened
from sqlalchemy import select, text

from engine import clock
from engine.casework import notice_box
from engine.casework.events import record_event
from engine.db import db, transaction
from engine.models import Agency, Officer, OfficerNotice
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.promises.history import actor_of

NOTICES = "/api/v1/notices"
ZHONGSHAN = "442099"


def raise_incidents(count: int, agency: str = ZHONGSHAN) -> None:
    """As many notices to the supervisors of the agency."""
    with transaction() as session:
        for number in range(count):
            record_event(session, "incident_raised", at=clock.now(), actor=None, step=f"第{number}步", agency=agency)


Login = Callable[[str], OfficerClient]


def test_a_notice_to_a_role_is_read_once_and_the_second_reader_sees_by_whom(
    app: Flask, clock: FixedClock, login: Login
) -> None:
    with transaction() as session:
        session.add(
            Officer(username="deputy", name="钟副", agency_code=ZHONGSHAN, roles=["supervisor"], password_hash="-")
        )
    raise_incidents(1)
    first, second = login(f"supervisor-{ZHONGSHAN}"), log_in(app, "deputy")
    notice = first.get(NOTICES).json["items"][0]
    assert notice["words"] == "“第0步”未能自动办理（不属于某一办件），须由人员处理，请查看异常列表。"

    read = first.post(f"{NOTICES}/{notice['id']}/reading").json
    clock.advance(hours=1)
    again = second.post(f"{NOTICES}/{notice['id']}/reading").json
    once_more = first.post(f"{NOTICES}/{notice['id']}/reading").json

    assert read["read_at"] == "2023-08-01T09:00:00+08:00"
    assert again == read == once_more
    assert again["read_by"]["id"] == first.get("/api/v1/sessions/current").json["id"]
    assert second.get(NOTICES, query_string={"unread": "true"}).json["items"] == []
    assert [item["id"] for item in second.get(NOTICES, query_string={"unread": "false"}).json["items"]] == [read["id"]]


def test_a_page_goes_on_where_the_last_one_ended_while_new_ones_come_in(app: Flask, login: Login) -> None:
    supervisor = login(f"supervisor-{ZHONGSHAN}")
    raise_incidents(5)
    seen: list[str] = []
    after = None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = supervisor.get(NOTICES, query_string=query).json
        seen += [item["facts"]["step"] for item in page["items"]]
        raise_incidents(1)
        after = page["next_after"]
        if after is None:
            break

    assert seen == ["第4步", "第3步", "第2步", "第1步", "第0步"]


def test_what_waits_is_counted_as_far_as_a_badge_shows(
    app: Flask, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = login(f"supervisor-{ZHONGSHAN}")
    monkeypatch.setattr(notice_box, "MOST_COUNTED", 3)
    counts = []
    for _ in range(4):
        raise_incidents(1)
        counts.append(supervisor.get(f"{NOTICES}/unread").json)

    assert counts == [
        {"count": 1, "more": False},
        {"count": 2, "more": False},
        {"count": 3, "more": False},
        {"count": 3, "more": True},
    ]


@pytest.mark.parametrize("username", ["first-442099", "supervisor-440605", "supervisor-440099"])
def test_a_notice_of_somebody_else_is_neither_listed_nor_read_nor_counted(login: Login, username: str) -> None:
    raise_incidents(1)
    with transaction() as session:
        notice_id = session.scalars(select(OfficerNotice.id)).one()
    somebody = login(username)

    refused = somebody.post(f"{NOTICES}/{notice_id}/reading")

    assert (refused.status_code, refused.json["code"]) == (404, "not_found")
    assert somebody.get(NOTICES).json["items"] == []
    assert somebody.get(f"{NOTICES}/unread").json == {"count": 0, "more": False}
    with transaction() as session:
        assert session.get_one(OfficerNotice, notice_id).read_at is None


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "9" * 19}, {"unread": "maybe"}, {"limit": "0"}])
def test_a_question_that_makes_no_sense_is_refused_with_a_sentence(login: Login, query: dict[str, str]) -> None:
    answer = login(f"supervisor-{ZHONGSHAN}").get(NOTICES, query_string=query)

    assert answer.status_code == 422
    assert list(answer.json["fields"]) == list(query)


@pytest.mark.postgres
def test_the_box_is_read_by_its_indexes_however_many_notices_there_are(postgres_app: Flask) -> None:
    raise_incidents(1)
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO case_event (kind, at, details, because)"
                " SELECT 'incident_raised', now(), '{}', '[]' FROM generate_series(1, 20000)"
            )
        )
        session.execute(
            text(
                "INSERT INTO officer_notice (kind, event_id, agency_code, role, facts, made_at, read_at)"
                " SELECT 'incident', id, '440605', 'supervisor', '{}', now(), now()"
                " FROM case_event WHERE details::text = '{}'"
            )
        )
    with transaction() as session:
        session.execute(text("ANALYZE officer_notice"))
        agency = session.get_one(Agency, ZHONGSHAN)
        officer = session.scalars(select(Officer).where(Officer.username == f"supervisor-{ZHONGSHAN}")).one()
        actor = actor_of(session, officer)
        assert agency.code == actor.agency_code
        plans: list[str] = []

        def explain(connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool) -> None:
            if "officer_notice" in sql and not sql.startswith("EXPLAIN"):
                rows = connection.exec_driver_sql(f"EXPLAIN {sql}", parameters)
                plans.append("\n".join(row[0] for row in rows))

        listened.listen(db.engine, "before_cursor_execute", explain)
        try:
            assert len(notice_box.listing(session, actor, unread=True).items) == 1
            assert len(notice_box.listing(session, actor).items) == 1
            assert notice_box.unread(session, actor).count == 1
        finally:
            listened.remove(db.engine, "before_cursor_execute", explain)

    assert len(plans) == 3
    assert not [plan for plan in plans if "Seq Scan on officer_notice" in plan], plans
