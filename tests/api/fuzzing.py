"""Requests that nobody thought of: schemathesis makes them from the description, officers of every role send them.

`FUZZ_EXAMPLES` is how many requests each operation gets, `FUZZ_SEED` which ones; `make fuzz` asks for many.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
)

from api.auth import EVERYONE, PERMISSIONS
from tests.api import matrix

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
SEED = int(os.environ.get("FUZZ_SEED", "2023"))

#: Would end the log-in of whoever asks.
ENDS_THE_LOG_IN = ("DELETE", "/api/v1/sessions/current")

CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance, negative_data_rejection)
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
_METHODS = ("get", "post", "put", "patch", "delete")

#: What somebody may put where something else was expected.
ODDITIES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**53, 1.5, 1e300, "", " ", "0", "-1", "null", "甲" * 300, "x" * 5000, "2023-08-01",
    "2023-02-30", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59+08:00", "440106", "65000.00", "1e9", "％", "%", "_",
    "\\", "'; --", "{{7*7}}", "../..", "\x00", "\u202e", "𠮷", [], {}, [[]], [None], {"a": {}}, ["x"] * 300,
)  # fmt: skip


class Going(matrix.Scene):
    """The business in one database whose changes stay, as every database's do but a copied file's."""

    def keep(self, stage: str, **ids: int) -> None:
        self.ids[stage] = ids

    def put_back(self, stage: str) -> None:
        self.stage = stage


@dataclass(frozen=True)
class Sent:
    """One request and who sent it."""

    case: Case
    role: str
    agency: str
    response: Response

    def __str__(self) -> str:
        return f"{self.role} at {self.agency}: {self.case.as_curl_command()}"


def operations(app: Flask) -> list[Any]:
    """Every described operation. Who asks is ours to say, so the ways to log in are taken out of the description."""
    description = app.test_client().get("/api/openapi.json").json
    description["components"].pop("securitySchemes")
    for path in description["paths"].values():
        for method in _METHODS:
            path.get(method, {}).pop("security", None)
    schema = schemathesis.openapi.from_dict(description)
    schema.app = app
    found = [operation.ok() for operation in schema.get_all_operations()]
    return [operation for operation in found if (operation.method.upper(), operation.path) != ENDS_THE_LOG_IN]


def permission(operation: Any) -> str | None:
    """The permission that the operation asks for; None: it is public."""
    return operation.definition.raw.get("x-permission")


def stage_of(path: str) -> str:
    """The stage of the business in which this path has a row to find."""
    if "{escalation_id}" in path:
        return "decided"
    if "{transfer_id}" in path:
        return "transferring"
    return "handed_in" if path.startswith("/api/v1/applications/") else "accepted"


def requests_to(operation: Any, scene: matrix.Scene, body: Any = None) -> st.SearchStrategy[Case]:
    """Requests that keep to the description, such that do not, and good ones of which one thing was changed.

    `body`: a good one, where the matrix of officers has none.
    """
    ids = {**matrix.CODES, **scene.ids[scene.stage]}
    there = {part: value for part, value in ids.items() if f"{{{part}}}" in operation.path}
    made = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=there or None)]
    if operation.body or operation.query or operation.headers:
        made.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, path_parameters=there or None))
    if there:
        made += [operation.as_strategy(generation_mode=mode) for mode in MODES]
    rule = re.sub(r"{([a-z_]+)}", r"<\1>", operation.path)
    body = body or matrix.ask_for(scene, operation.method.upper(), rule).body
    if body:
        usual = operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=there or None)
        made.append(st.builds(_with_body, usual, spoiled(body)))
    return st.one_of(made)


def _with_body(case: Case, body: Any) -> Case:
    case.body = body
    return case


@st.composite
def spoiled(draw: st.DrawFn, body: Any) -> Any:
    """A good body with something odd in one place, without one entry, with one too many, or as it was."""
    body = copy.deepcopy(body)
    # Often enough that a sample reaches what lies behind a body that is right.
    place = {} if draw(st.integers(0, 3)) == 0 else body
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
            match draw(st.sampled_from(["odd", "odd", "odd", "gone", "more", "same"])):
                case "odd":
                    place[key] = draw(st.sampled_from(ODDITIES))
                case "gone":
                    del place[key]
                case "more" if isinstance(place, dict):
                    place[draw(st.sampled_from(["id", "state", "version", "officer_id", "__class__"]))] = inner
            break
        place = inner
    return body


def send(scene: matrix.Scene, operation: Any, askers: Sequence[tuple[str, str]], examples: int) -> list[Sent]:
    """Make `examples` requests and let the officers send them in turn."""
    sent: list[Sent] = []

    def send_one(case: Case) -> None:
        role, agency = askers[len(sent) % len(askers)]
        headers = {"Authorization": f"Bearer {scene.tokens[role, agency]}"}
        sent.append(Sent(case, role, agency, case.call(headers=headers)))

    _for_each(requests_to(operation, scene), examples, send_one)
    return sent


def send_as(party: str, credential: str, requests: st.SearchStrategy[Case]) -> list[Sent]:
    """Make the usual number of requests and let one party, who is no officer, send them all."""
    sent: list[Sent] = []
    headers = {"Authorization": f"Bearer {credential}"}
    _for_each(requests, EXAMPLES, lambda case: sent.append(Sent(case, party, "-", case.call(headers=headers))))
    return sent


def _for_each(requests: st.SearchStrategy[Case], examples: int, send_one: Callable[[Case], None]) -> None:
    @seed(SEED)
    @settings(
        max_examples=examples,
        database=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests)
    def make(case: Case) -> None:
        send_one(case)

    make()


def faults(sent: Sent) -> list[str]:
    """What is wrong with the answer: a fault of ours, or one that the description does not know."""
    found = []
    if str(sent.response.status_code) not in sent.case.operation.definition.raw["responses"]:
        found.append(f"{sent}: {sent.response.status_code} is not described")
    try:
        sent.case.validate_response(sent.response, checks=list(CHECKS))
    except BaseExceptionGroup as group:
        found += [f"{sent}: {error}" for error in group.exceptions]
    except AssertionError as error:
        found.append(f"{sent}: {error}")
    return found


def askers(scene: matrix.Scene, operation: Any) -> list[tuple[str, str]]:
    """Who sends the requests in turn: those who may, where the business is and everywhere else; then the others."""
    needed = permission(operation)
    holders = sorted(PERMISSIONS.get(str(needed), ("acceptor",)))
    agencies = matrix.STAGES[scene.stage]
    here = [(role, agencies[place]) for role in holders for place in ("handling", "accepting")]
    elsewhere = [(holders[0], agency) for agency in agencies.values()]
    return [*here, *elsewhere, *((role, agencies["handling"]) for role in sorted(EVERYONE - set(holders)))]
