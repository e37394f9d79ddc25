"""What lies in other agencies' cases is looked for in every answer that a stranger can get.

Strangers: officers of every role at an agency that has no part in the case, an applicant who is somebody else, a
channel system. They ask as one should, and then send what nobody thought of (`tests/api/fuzzing.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from api.auth import EVERYONE, PERMISSIONS
from api.demo.story import application
from engine.db import Base, Personal, db, transaction
from engine.models import Case, Incident
from tests import databases
from tests.api import fuzzing, matrix, online
from tests.conftest import FixedClock, running

#: Receipt numbers carry the time, and those of the usual morning stand in the catalogue as examples.
MORNING = "2023-08-02T10:20"
REMARK = "甲㊙乙"
#: Columns in which officers, and the system for them, write about somebody.
WORDS = {"opinion", "reason", "guidance", "note", "text", "label", "duplicate_reason"}
SECRET = {"identity_number", "phone", "account", "hospital", "card_account", "worker_name"}
#: Whoever hands the same worker's claim in, or records who acts for him, is shown what he wrote himself.
OWN_WORDS = {("POST", "/api/v1/applications"), ("POST", "/api/v1/representations")}
APPLICANT, CHANNEL = ("applicant", "online"), ("channel", "online")


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "employer":
                yield from _texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif name in SECRET and isinstance(value, str) and len(value) > 2:
        yield value


def _plant() -> None:
    """Put the mark into everything that was written about somebody."""
    with transaction() as session:
        for mapper in Base.registry.mappers:
            columns = [
                column.key
                for column in mapper.column_attrs
                if column.key in WORDS
                and isinstance(kind := column.columns[0].type, Personal)
                # A row of the audit log cannot be changed.
                and not kind.fixed
            ]
            for row in session.scalars(select(mapper.class_)) if columns else ():
                for name in columns:
                    setattr(row, name, REMARK)
        for incident in session.scalars(select(Incident)):
            incident.message = REMARK


@pytest.fixture(scope="module")
def scene(
    sqlite_template: databases.SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[matrix.Scene]:
    """The business with the mark in it, at each stage, and those who come without a counter."""
    clock = FixedClock()
    clock.set(MORNING)
    home = tmp_path_factory.mktemp("markers")
    with running(sqlite_template, home) as app:
        credentials = {
            APPLICANT: online.applicant(app, online.STRANGER).credential,
            CHANNEL: online.channel(app).credential,
        }
        built = matrix.build(app, home, clock)
        built.tokens.update(credentials)
        for stage, ids in built.ids.items():
            built.put_back(stage)
            _plant()
            built.keep(stage, **ids)
        yield built
    clock.close()


def _markers(scene: matrix.Scene) -> set[str]:
    scene.put_back("decided")
    case = db.session.scalars(select(Case)).one()
    numbers = {case.receipt_number, case.serial_number}
    db.session.rollback()
    people = {text for who in (online.WORKER, online.RELATIVE) for text in who.values()}
    return {REMARK, *numbers, *people, *_texts(application("medical_expense"))}


def _plain(content: bytes) -> str:
    """The answer as a person reads it, however its JSON is escaped."""
    told = content.decode("utf-8", "replace")
    try:
        return told + json.dumps(json.loads(told), ensure_ascii=False)
    except ValueError:
        return told


def _strangers(scene: matrix.Scene, operation: Any) -> list[tuple[str, str]]:
    """Who asks: whose role may, somebody whose role may not, and those who are no officers."""
    agency = matrix.STAGES[scene.stage]["stranger"]
    holders = sorted(PERMISSIONS.get(str(fuzzing.permission(operation)), frozenset()))
    others = sorted(EVERYONE - set(holders))[:1]
    return [*((role, agency) for role in [*holders, *others]), APPLICANT, CHANNEL]


Told = tuple[str, int, str]


def _asked(scene: matrix.Scene, operation: Any, strangers: list[tuple[str, str]]) -> Iterator[Told]:
    """What strangers are told who ask as one should."""
    method, rule = operation.method.upper(), operation.path.replace("{", "<").replace("}", ">")
    ask = matrix.ask_for(scene, method, rule)
    for role, agency in strangers:
        if ask.before is None or (role, agency) in scene.officers:
            answer = scene.ask(method, rule, ask, role, agency)
            yield f"{role}: {method} {rule}", answer.status_code, _plain(answer.data) + str(answer.headers)


def _tried(scene: matrix.Scene, operation: Any, strangers: list[tuple[str, str]]) -> Iterator[Told]:
    """What they are told who send anything else."""
    for sent in fuzzing.send(scene, operation, strangers, len(strangers)):
        yield str(sent), sent.response.status_code, _plain(sent.response.content) + str(sent.response.headers)


@pytest.mark.rule("PER-04")
def test_no_answer_to_a_stranger_has_anything_of_the_case_in_it(scene: matrix.Scene) -> None:
    markers, told = _markers(scene), list[Told]()
    for operation in fuzzing.operations(scene.app):
        method, path = operation.method.upper(), operation.path
        if (method, path) in OWN_WORDS:
            continue
        if method == "GET":
            # Most has been written by then.
            scene.put_back("decided")
            told += _asked(scene, operation, _strangers(scene, operation))
        scene.put_back(fuzzing.stage_of(path))
        strangers = _strangers(scene, operation)
        told += [*_asked(scene, operation, strangers), *_tried(scene, operation, strangers)]
    found = [f"{who}: {marker}" for who, _, text in told for marker in markers if marker in text]
    statuses = Counter(status for _, status, _ in told)

    assert not found, "\n".join(found[:20])
    # Otherwise nobody got far enough to be told anything.
    assert min(statuses[200], statuses[403], statuses[404]) > 100, statuses


def test_the_markers_are_seen_by_those_who_may(scene: matrix.Scene) -> None:
    # Otherwise nothing would have been looked for.
    markers = _markers(scene)
    scene.put_back("transferred")
    token = scene.tokens["first_reviewer", matrix.STAGES["transferred"]["handling"]]
    case = scene.ids["transferred"]["case_id"]
    own = {"Authorization": f"Bearer {token}"}

    told = "".join(
        _plain(scene.app.test_client().get(f"/api/v1/cases/{case}{part}", headers=own).data)
        for part in ("", "/timeline")
    )

    assert REMARK in told
    assert len({marker for marker in markers if marker in told}) >= 3
