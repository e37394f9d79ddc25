"""Accounts: who keeps them, which roles he may give, and how soon that counts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from engine.db import db, transaction
from engine.models import AuditEntry, Officer, OfficerSession
from tests.api.conftest import ZHONGSHAN, is_problem, make_officer
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock
from tests.stories.telling import Telling

ACCOUNTS = "/api/v1/accounts"
WHY = {"reason": "新到岗。"}


@pytest.fixture
def admin(app: Flask) -> OfficerClient:
    """The administrator of 中山."""
    return log_in(app, f"admin-{ZHONGSHAN}")


@pytest.fixture
def province(app: Flask) -> OfficerClient:
    """The administrator of the province."""
    return log_in(app, "admin-440099")


def _body(username: str = "zhong-xin", *roles: Any, agency: str = ZHONGSHAN) -> dict[str, Any]:
    given = [{"role": role} if isinstance(role, str) else role for role in roles]
    return {"username": username, "name": "钟新", "agency_code": agency, "roles": given}


def _account(client: OfficerClient, username: str) -> dict[str, Any]:
    with db.session() as session:
        officer_id = session.scalars(select(Officer.id).where(Officer.username == username)).one()
        session.rollback()
    found: dict[str, Any] = client.get(f"{ACCOUNTS}/{officer_id}").json
    return found


def _log_in(client: FlaskClient, username: str, password: str) -> Any:
    return client.post("/api/v1/sessions", json={"username": username, "password": password})


@pytest.mark.rule("PER-01")
def test_somebody_new_gets_an_account_a_role_and_a_password_that_opens_only_its_own_change(
    admin: OfficerClient, client: FlaskClient
) -> None:
    made = admin.post(ACCOUNTS, _body("zhong-xin", "first_reviewer")).json
    issued = admin.post(f"{ACCOUNTS}/{made['id']}/password", WHY)
    opened = _log_in(client, "zhong-xin", issued.json["password"]).json
    bearer = {"Authorization": f"Bearer {opened['token']}"}

    assert issued.status_code == 201
    assert opened["officer"]["due"] == "password_change_due"
    assert is_problem(client.get("/api/v1/tasks", headers=bearer), 403, "password_change_due")
    changed = client.post(
        "/api/v1/sessions/current/password",
        json={"password": issued.json["password"], "new_password": "Mei-ren-zhi-dao-7"},
        headers=bearer,
    )
    assert changed.status_code == 204
    assert client.get("/api/v1/tasks", headers=bearer).status_code == 200
    assert _log_in(client, "zhong-xin", issued.json["password"]).status_code == 401


def test_a_new_account_without_a_password_opens_for_nobody(admin: OfficerClient, client: FlaskClient) -> None:
    admin.post(ACCOUNTS, _body("zhong-xin", "acceptor"))

    assert is_problem(_log_in(client, "zhong-xin", "anything-at-all"), 401, "wrong_credentials")


def test_a_first_password_that_nobody_used_in_three_days_is_worth_nothing(
    admin: OfficerClient, client: FlaskClient, clock: FixedClock
) -> None:
    made = admin.post(ACCOUNTS, _body()).json
    password = admin.post(f"{ACCOUNTS}/{made['id']}/password", WHY).json["password"]

    clock.advance(hours=73)

    assert is_problem(_log_in(client, "zhong-xin", password), 401, "wrong_credentials")


def test_another_password_throws_out_whoever_is_logged_in(app: Flask, admin: OfficerClient) -> None:
    account = _account(admin, f"first-{ZHONGSHAN}")
    log_in(app, f"first-{ZHONGSHAN}")

    admin.post(f"{ACCOUNTS}/{account['id']}/password", {"reason": "本人遗忘。"})

    with transaction() as session:
        assert not session.scalars(select(OfficerSession).where(OfficerSession.officer_id == account["id"])).all()


# Roles


@pytest.mark.rule("PER-04")
def test_a_live_session_loses_a_role_at_once(
    app: Flask, admin: OfficerClient, accepted: Telling, client: FlaskClient
) -> None:
    reviewer = log_in(app, f"first-{ZHONGSHAN}")
    task = accepted.open_task("assess_expense_lines")["id"]
    account = _account(admin, f"first-{ZHONGSHAN}")
    assert reviewer.get("/api/v1/tasks").json["items"]

    admin.put(f"{ACCOUNTS}/{account['id']}/roles", {"version": account["version"], "roles": [{"role": "archivist"}]})

    assert reviewer.get("/api/v1/tasks").json["items"] == []
    assert is_problem(reviewer.post(f"/api/v1/tasks/{task}/claim"), 403, "role_missing")
    assert reviewer.get("/api/v1/sessions/current").json["roles"] == ["archivist"]


@pytest.mark.rule("PER-01")
def test_a_role_is_held_on_its_days_alone(
    app: Flask, admin: OfficerClient, accepted: Telling, clock: FixedClock
) -> None:
    account = _account(admin, f"archivist-{ZHONGSHAN}")
    roles = [{"role": "archivist"}, {"role": "first_reviewer", "from_on": "2023-08-02", "until_on": "2023-08-03"}]
    answer = admin.put(f"{ACCOUNTS}/{account['id']}/roles", {"version": account["version"], "roles": roles})
    officer = log_in(app, f"archivist-{ZHONGSHAN}")

    held = {}
    for day in ("01", "02", "03", "04"):
        clock.set(f"2023-08-{day}T10:00")
        held[day] = "first_reviewer" in officer.get("/api/v1/sessions/current").json["roles"]

    assert answer.json["roles_today"] == ["archivist"]
    assert held == {"01": False, "02": True, "03": True, "04": False}


@pytest.mark.rule("PER-02")
@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        (["auditor", "first_reviewer"], "不能与其他岗位兼任"),
        (["city_administrator", "acceptor"], "不能与其他岗位兼任"),
        (["business_analyst"], "不能设在市级"),
        ([{"role": "acceptor", "from_on": "2023-08-02", "until_on": "2023-08-01"}], "早于开始日期"),
        (["acceptor", "acceptor"], "只能写一次"),
    ],
)
def test_nobody_holds_roles_that_do_not_go_together(province: OfficerClient, roles: list[Any], sentence: str) -> None:
    answer = province.post(ACCOUNTS, _body("zhong-xin", *roles))

    assert is_problem(answer, 422, "invalid_input")
    assert sentence in "".join(answer.json["fields"]["roles"])


@pytest.mark.rule("PER-02", "PER-01")
def test_a_city_gives_the_roles_that_are_its_own_to_give_and_the_province_the_others(
    admin: OfficerClient, province: OfficerClient
) -> None:
    assert is_problem(admin.post(ACCOUNTS, _body("zhong-shen", "auditor")), 403, "role_not_yours_to_give")
    assert is_problem(province.post(ACCOUNTS, _body("zhong-shou", "acceptor")), 403, "role_not_yours_to_give")

    assert admin.post(ACCOUNTS, _body("zhong-shou", "acceptor")).status_code == 201
    assert province.post(ACCOUNTS, _body("zhong-shen", "auditor")).status_code == 201
    # What the province gave, the city does not take away.
    auditor = _account(province, "zhong-shen")
    change = {"version": auditor["version"], "roles": []}
    assert is_problem(admin.put(f"{ACCOUNTS}/{auditor['id']}/roles", change), 403, "account_of_province")


@pytest.mark.rule("PER-02")
def test_nobody_defines_a_role_that_the_province_does_not_have(admin: OfficerClient) -> None:
    answer = admin.post(ACCOUNTS, _body("zhong-xin", "chief_of_everything"))

    assert is_problem(answer, 422, "invalid_input")


def test_nobody_changes_his_own_account(admin: OfficerClient) -> None:
    account = _account(admin, f"admin-{ZHONGSHAN}")
    change = {"version": account["version"], "roles": [{"role": "second_reviewer"}]}

    assert is_problem(admin.put(f"{ACCOUNTS}/{account['id']}/roles", change), 403, "own_account")


@pytest.mark.rule("PER-03")
def test_advanced_scanning_is_given_at_one_agency_and_nowhere_else(
    app: Flask, admin: OfficerClient, accepted: Telling
) -> None:
    assert admin.post(ACCOUNTS, _body("zhong-sao", "advanced_scanner")).status_code == 201
    assert is_problem(admin.post(ACCOUNTS, _body("s", "advanced_scanner", agency="440305")), 422, "invalid_input")
    elsewhere = _body("zhong-sao-2", "advanced_scanner", agency="440305")
    assert is_problem(admin.post(ACCOUNTS, elsewhere), 403, "other_agency")

    scanner = log_in(app, "zhong-sao")

    assert "case.scan" in scanner.get("/api/v1/sessions/current").json["permissions"]


@pytest.mark.rule("PER-02")
def test_the_roles_are_listed_with_who_gives_them(admin: OfficerClient) -> None:
    roles = {one["code"]: one for one in admin.get("/api/v1/roles").json["items"]}

    assert roles["acceptor"]["bound_by"] == "city_administrator"
    assert roles["auditor"] == {
        "code": "auditor",
        "title": "审计员",
        "bound_by": "province_administrator",
        "levels": ["province", "city"],
        "alone": True,
    }


# Changes


def test_of_two_administrators_who_change_one_account_the_second_is_told_who_was_first(
    app: Flask, admin: OfficerClient
) -> None:
    second = log_in(app, make_officer("admin-two", ZHONGSHAN, "city_administrator"))
    account = _account(admin, f"first-{ZHONGSHAN}")
    roles = {"version": account["version"], "roles": [{"role": "acceptor"}]}

    assert admin.put(f"{ACCOUNTS}/{account['id']}/roles", roles).status_code == 200
    answer = second.put(f"{ACCOUNTS}/{account['id']}/roles", roles)

    assert is_problem(answer, 409, "stale_version")
    assert answer.json["details"]["by"] == admin.get("/api/v1/sessions/current").json["name"]
    assert answer.json["details"]["at"].startswith("2023-08-01T09:00")


@pytest.mark.postgres
def test_two_changes_at_the_same_instant_leave_one_of_them(postgres_app: Flask, clock: FixedClock) -> None:
    clients = [log_in(postgres_app, f"admin-{ZHONGSHAN}")]
    clients.append(log_in(postgres_app, make_officer("admin-two", ZHONGSHAN, "city_administrator")))
    account = _account(clients[0], f"first-{ZHONGSHAN}")

    def rename(client: OfficerClient) -> int:
        body = {"version": account["version"], "name": f"钟{client.username[-1]}", "agency_code": ZHONGSHAN}
        return client.put(f"{ACCOUNTS}/{account['id']}", body).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(rename, clients)) == [200, 409]


def test_a_user_name_is_given_once_in_the_province(admin: OfficerClient) -> None:
    assert is_problem(admin.post(ACCOUNTS, _body("first-440305")), 409, "username_taken")


def test_an_account_with_open_tasks_is_not_ended_before_they_are_handed_over(
    app: Flask, admin: OfficerClient, accepted: Telling
) -> None:
    reviewer = log_in(app, f"first-{ZHONGSHAN}")
    task = accepted.open_task("assess_expense_lines")["id"]
    reviewer.post(f"/api/v1/tasks/{task}/claim")
    account = _account(admin, f"first-{ZHONGSHAN}")
    end = {"version": account["version"], "reason": "离职。"}

    answer = admin.post(f"{ACCOUNTS}/{account['id']}/deactivation", end)
    assert is_problem(answer, 409, "open_tasks")
    assert answer.json["details"]["tasks"] == [task]
    move = {"version": account["version"], "name": "钟调", "agency_code": "442000001"}
    assert is_problem(admin.put(f"{ACCOUNTS}/{account['id']}", move), 409, "open_tasks")

    reviewer.post(f"/api/v1/tasks/{task}/release")
    ended = admin.post(f"{ACCOUNTS}/{account['id']}/deactivation", end)

    assert ended.json["active"] is False
    # Not through OfficerClient, which would open another session.
    bearer = {"Authorization": f"Bearer {reviewer.token}"}
    assert app.test_client().get("/api/v1/tasks", headers=bearer).status_code == 401


def test_a_locked_account_is_unlocked_and_a_lost_second_factor_removed_both_on_record(
    app: Flask, admin: OfficerClient, client: FlaskClient
) -> None:
    username = f"first-{ZHONGSHAN}"
    for _ in range(5):
        _log_in(client, username, "wrong")
    assert is_problem(_log_in(client, username, "tongban-demo"), 429, "locked")
    account = _account(admin, username)
    with transaction() as session:
        officer = session.get_one(Officer, account["id"])
        officer.second_factor, officer.second_factor_confirmed = "A" * 32, True

    admin.post(f"{ACCOUNTS}/{account['id']}/unlocking", {"reason": "本人来电，已核实。"})
    admin.post(f"{ACCOUNTS}/{account['id']}/second-factor-removal", {"reason": "手机遗失。"})

    assert _log_in(client, username, "tongban-demo").status_code == 201
    with transaction() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.subject == f"officer:{account['id']}")).all()
        reasons = {row.action: row.reason for row in rows if row.kind == "change" and row.reason}
    assert reasons == {
        "accounts.unlock_account": "本人来电，已核实。",
        "accounts.remove_second_factor": "手机遗失。",
    }


def test_each_role_given_or_taken_has_a_line_of_its_own_in_the_log(admin: OfficerClient) -> None:
    account = _account(admin, f"first-{ZHONGSHAN}")
    term = {"role": "second_reviewer", "from_on": "2023-08-02", "until_on": None}

    admin.put(f"{ACCOUNTS}/{account['id']}/roles", {"version": 1, "roles": [term], "reason": "岗位调整。"})

    with transaction() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "accounts.bind_roles")).all()
        assert {row.subject for row in rows} == {
            f"officer:{account['id']} -first_reviewer",
            f"officer:{account['id']} +second_reviewer 2023-08-02~",
        }


@pytest.mark.parametrize("query", ["?agency_code=442099", "?role=first_reviewer", "?active=false", "?limit=100"])
def test_an_administrator_lists_the_accounts_of_his_city_alone(
    admin: OfficerClient, province: OfficerClient, officer: Callable[..., OfficerClient], query: str
) -> None:
    made = admin.post(ACCOUNTS, _body("zhong-xin", "first_reviewer")).json
    admin.post(f"{ACCOUNTS}/{made['id']}/deactivation", {"version": 1, "reason": "误设。"})

    seen, after = [], ""
    while after is not None:
        page = admin.get(f"{ACCOUNTS}{query}{f'&after={after}' if after else ''}").json
        seen += page["items"]
        after = page["next_after"]

    assert "zhong-xin" in {one["username"] for one in seen}
    assert all(one["agency"]["code"].startswith("4420") for one in seen)
    assert len({one["id"] for one in seen}) == len(seen)
