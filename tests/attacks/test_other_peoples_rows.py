"""An officer of a strange agency puts other people's ids into paths, bodies and filters (IDOR).

For whoever has no part in it, a row that is there answers exactly as one that is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.auth import EVERYONE
from tests import databases
from tests.api import matrix
from tests.attacks.trying import Route, routes_of
from tests.conftest import MORNING, FixedClock, running

#: No row has this id.
NOBODYS = 2_000_000
STAGES = ("handed_in", "accepted", "transferring", "decided")


@pytest.fixture(scope="module")
def scene(
    sqlite_template: databases.SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[matrix.Scene]:
    clock = FixedClock()
    clock.set(MORNING)
    home = tmp_path_factory.mktemp("others")
    with running(sqlite_template, home) as app:
        yield matrix.build(app, home, clock)
    clock.close()


def _comparable(answer: TestResponse, number: int) -> Any:
    body = re.sub(rf"\b{number}\b", "ID", answer.get_data(as_text=True))
    headers = {name: value for name, value in answer.headers if name not in ("Content-Length", "X-Request-ID")}
    return answer.status_code, body, headers


def _asked(scene: matrix.Scene, route: Route, stage: str, role: str, ids: dict[str, int]) -> TestResponse:
    path = matrix.route(route.rule)
    ask = matrix.ask_for(scene, route.method, path)
    agency = matrix.STAGES[stage]["stranger"]
    for name, value in {**matrix.CODES, **ids}.items():
        path = path.replace(f"<{name}>", str(value))
    headers = {"Authorization": f"Bearer {scene.tokens[role, agency]}"}
    client = scene.app.test_client()
    if ask.files is not None:
        return client.open(
            path, method=route.method, data=ask.files(), content_type="multipart/form-data", headers=headers
        )
    return client.open(path + ask.query, method=route.method, headers=headers, json=ask.body)


@pytest.mark.rule("PER-04")
@pytest.mark.parametrize("stage", STAGES)
def test_a_row_of_somebody_else_answers_as_if_it_did_not_exist(scene: matrix.Scene, stage: str) -> None:
    scene.put_back(stage)
    ids, asked, differing = scene.ids[stage], 0, []
    for route in routes_of(scene.app):
        if not route.ids or not set(route.ids) <= set(ids):
            continue
        for role in sorted(EVERYONE):
            there = _asked(scene, route, stage, role, ids)
            nowhere = _asked(scene, route, stage, role, dict.fromkeys(route.ids, NOBODYS))
            asked += 1
            assert there.status_code in (403, 404), (str(route), role, there.get_data(as_text=True))
            if _comparable(there, ids[route.ids[0]]) != _comparable(nowhere, NOBODYS):
                told = [answer.get_data(as_text=True)[:150] for answer in (there, nowhere)]
                differing.append(f"{route} {role}: {told}")

    assert asked > 12
    assert not differing, "\n".join(differing)


def _bodies(scene: matrix.Scene, ids: dict[str, int]) -> list[tuple[str, str, str, Any]]:
    """(role, method, path, body) for every place where an id stands in a body or a filter."""
    template = {**matrix.TEMPLATE, "function_code": "BJ77"}
    reason = {"officer_id": 1, "reason": "专长"}
    case, message = ids.get("case_id", 1), ids.get("message_id", 1)
    return [
        ("supervisor", "POST", "/api/v1/incidents/retries", {"ids": [ids["incident_id"]]}),
        ("supervisor", "POST", "/api/v1/messages/retry", {"ids": [message]}),
        ("city_administrator", "POST", "/api/v1/sms/templates", {"category_id": ids["category_id"], **template}),
        ("supervisor", "POST", f"/api/v1/tasks/{ids['task_id']}/assignment", reason),
        ("auditor", "GET", f"/api/v1/messages?case_id={case}", None),
        ("city_administrator", "GET", f"/api/v1/sms/templates?category_id={ids['category_id']}", None),
    ]


def test_an_id_in_a_body_or_a_filter_leads_no_further(scene: matrix.Scene) -> None:
    scene.put_back("accepted")
    ids = scene.ids["accepted"]
    there, nowhere = (_bodies(scene, some) for some in (ids, dict.fromkeys(ids, NOBODYS)))
    numbers = sorted({*ids.values(), NOBODYS}, key=lambda number: -number)

    for (role, method, path, body), (_, _, other_path, other_body) in zip(there, nowhere, strict=True):
        answers = []
        for address, sent in ((path, body), (other_path, other_body)):
            token = scene.tokens[role, matrix.STAGES["accepted"]["stranger"]]
            answer = scene.app.test_client().open(
                address, method=method, json=sent, headers={"Authorization": f"Bearer {token}"}
            )
            text = answer.get_data(as_text=True)
            for number in numbers:
                text = re.sub(rf"\b{number}\b", "ID", text)
            answers.append((answer.status_code, text))
        assert answers[0] == answers[1], (method, path, answers)


def test_the_own_row_is_told_apart_so_the_answers_above_mean_something(scene: matrix.Scene) -> None:
    scene.put_back("accepted")
    token = scene.tokens["auditor", matrix.STAGES["accepted"]["handling"]]
    own = {"Authorization": f"Bearer {token}"}

    statuses = [
        scene.app.test_client().get(f"/api/v1/cases/{number}", headers=own).status_code
        for number in (scene.ids["accepted"]["case_id"], NOBODYS)
    ]

    assert statuses == [200, 404]
