"""What channel systems and applicants may ask for, against the table that a person can read (`party_matrix.csv`).

The words are those of `matrix`: yes, empty, no, hidden. `ended` acted for the worker until yesterday, `without_papers`
is on record and has shown none, `unscoped` is a channel system with another scope than the route's.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.auth import APPLICANTS, SCOPES, permission_of
from api.demo.steps import picture
from tests import databases
from tests.api import fuzzing, matrix, online
from tests.api.online import CHECKED, COUNTER, handed_in
from tests.applications import token_of
from tests.conftest import MORNING, FixedClock, running
from tests.factories import identity_number
from tests.stories.telling import telling

STAGE = "online"
ENDED = {"name": "梁国华", "identity_number": identity_number("440605", sequence=3), "phone": "13800010055"}
WITHOUT = {"name": "谢丽平", "identity_number": identity_number("440705", sequence=4), "phone": "13800010066"}
PEOPLE = {
    "worker": online.WORKER,
    "relative": online.RELATIVE,
    "ended": ENDED,
    "without_papers": WITHOUT,
    "stranger": online.STRANGER,
}

with Path(__file__).with_name("party_matrix.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
PARTIES = [name for name in ROWS[0] if name not in ("method", "path")]


@dataclass
class Parties(matrix.Scene):
    """The same business with those who come without a counter."""

    credentials: dict[str, str] = field(default_factory=dict)
    receipt_number: str = ""

    def ask_as(self, party: str, row: Mapping[str, str]) -> TestResponse:
        """What this party is answered."""
        method, path = row["method"], row["path"]
        name = "unscoped_catalogue" if party == "unscoped" and "/channels/" not in path else party
        ids = dict(self.ids[STAGE])
        ids["application_id"] = ids["handed_in_by_channel" if "/channels/" in path else "handed_in_by_worker"]
        options = self.options(party, method, path)
        for part, value in {**matrix.CODES, **ids}.items():
            path = path.replace(f"<{part}>", str(value))
        headers = {"Authorization": f"Bearer {self.credentials[name]}"}
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def options(self, party: str, method: str, path: str) -> dict[str, Any]:
        """What is sent so that nothing but permission stands in the way."""
        if path.endswith("/images"):
            page = {"material": "diagnosis", "file": (BytesIO(picture("a page")), "x.png")}
            return {"data": page, "content_type": "multipart/form-data"}
        if path.endswith("/channels/applications"):
            return {"json": {**handed_in(), **CHECKED}}
        if path.endswith("/my/applications"):
            relative = {} if party == "worker" else {"applicant": {"kind": "relative", "relation": "配偶"}}
            return {"json": handed_in(**relative)}
        if path.endswith("/progress"):
            number = online.WORKER["identity_number"]
            return {"json": {"receipt_number": self.receipt_number, "identity_number": number}}
        if path.endswith("/identity"):
            # All of them are known already: nobody becomes somebody else.
            return {"json": {part: online.WORKER[part] for part in ("name", "identity_number")}}
        return {"json": {}} if method == "POST" else {}


def _in_list(row: Mapping[str, str], answer: TestResponse, scene: Parties) -> bool:
    kind = {"/api/v1/my/cases": "case_id", "/api/v1/my/representations": "representation_id"}.get(row["path"])
    return kind is None or scene.ids[STAGE][kind] in [item["id"] for item in answer.json["items"]]


@pytest.fixture(scope="module")
def scene(sqlite_template: databases.SqliteTemplate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    clock, home = FixedClock(), tmp_path_factory.mktemp("parties")
    clock.set("2023-07-31T09:00")
    with running(sqlite_template, home) as app:
        online.record_representation(app, representative=ENDED, from_on="2023-07-01", until_on="2023-07-31")
        clock.set(MORNING)
        story = telling(app, clock, "medical_expense", {})
        story.through_intake(COUNTER)
        online.record_representation(app, representative=WITHOUT, papers=False)
        representation = online.record_representation(app)
        hall = online.channel(app)
        clients = {name: online.applicant(app, who) for name, who in PEOPLE.items()}
        scene = Parties(app, home, receipt_number=story.case()["receipt_number"])
        scene.credentials = {
            **{name: client.credential for name, client in clients.items()},
            "channel": hall.credential,
            "unscoped": online.channel(app, "reads", "app", "catalogue:read").credential,
            "unscoped_catalogue": online.channel(app, "asks", "app", "progress:read").credential,
            "officer": token_of(app, COUNTER),
        }
        scene.keep(
            STAGE,
            case_id=story.case_id,
            representation_id=representation,
            handed_in_by_worker=clients["worker"].post(f"{online.MY}/applications", handed_in()).json["id"],
            handed_in_by_channel=hall.post("/api/v1/channels/applications", {**handed_in(), **CHECKED}).json["id"],
        )
        yield scene
    clock.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['method']} {row['path']}")
def test_each_party_gets_what_the_table_says(scene: Parties, row: dict[str, str]) -> None:
    got = {}
    for party in PARTIES:
        scene.put_back(STAGE)
        answer = scene.ask_as(party, row)
        told = matrix.outcome(answer, matrix.Ask(), scene)
        got[party] = "empty" if told == "yes" and not _in_list(row, answer, scene) else told

    assert got == {party: row[party] for party in PARTIES}


def test_the_table_knows_every_route_that_a_channel_or_an_applicant_may_ask(scene: Parties) -> None:
    routes = {
        (method, matrix.route(rule.rule))
        for rule in scene.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if permission_of(scene.app.view_functions[rule.endpoint]) in SCOPES.keys() | APPLICANTS
    }

    assert routes == {(row["method"], row["path"]) for row in ROWS}


def test_whatever_they_send_the_answer_is_one_that_the_description_knows(scene: Parties) -> None:
    statuses: Counter[int] = Counter()
    wrong = []
    for operation in fuzzing.operations(scene.app):
        method, party = operation.method.upper(), "channel" if "/channels/" in operation.path else "worker"
        if not operation.path.startswith(("/api/v1/channels/", "/api/v1/my/")) or method == "DELETE":
            continue
        scene.put_back(STAGE)
        scene.ids[STAGE]["application_id"] = scene.ids[STAGE][f"handed_in_by_{party}"]
        body = scene.options(party, method, operation.path).get("json")
        sent = fuzzing.send_as(party, scene.credentials[party], fuzzing.requests_to(operation, scene, body))
        wrong += [fault for one in sent for fault in fuzzing.faults(one)]
        statuses.update(one.response.status_code for one in sent)

    assert not wrong, "\n".join([f"{len(wrong)} answers:", *wrong[:20]])
    assert {200, 201, 404, 422} <= set(statuses)
