"""The catalogue: services, agencies, outlets, forms, operators."""

from __future__ import annotations

import pytest
from flask import Flask

from engine.process.operators import operators
from tests.api.conftest import is_problem
from tests.applications import OfficerClient, log_in


@pytest.fixture
def acceptor(app: Flask) -> OfficerClient:
    return log_in(app, "acceptor-440305")


@pytest.mark.rule("SCO-01", "SCO-02")
def test_the_eleven_services_map_to_nine_functions(acceptor: OfficerClient) -> None:
    found = acceptor.get("/api/v1/services").json["items"]

    assert [one["number"] for one in found] == list(range(1, 12))
    assert len({one["function_point"] for one in found}) == 9


def test_agencies_come_with_their_superior_and_outlets_with_their_agency(acceptor: OfficerClient) -> None:
    agencies = {one["code"]: one for one in acceptor.get("/api/v1/agencies").json["items"]}
    outlets = acceptor.get("/api/v1/outlets?agency_code=440305").json["items"]

    assert agencies["440305"]["superior_code"] == "440399"
    assert agencies["440399"]["superior_code"] == "440099"
    assert "440305-B1" in {one["code"] for one in outlets}
    assert {one["agency_code"] for one in outlets} == {"440305"}
    assert len(acceptor.get("/api/v1/outlets").json["items"]) > 300


@pytest.mark.parametrize("number", range(1, 9))
def test_each_printed_form_is_described(acceptor: OfficerClient, number: int) -> None:
    form = acceptor.get(f"/api/v1/forms/1-{number}").json["form"]

    assert form["title"]
    assert all(field["id"] and field["label"] and field["type"] for field in form["fields"])


def test_the_facts_of_a_service_are_described(acceptor: OfficerClient) -> None:
    form = acceptor.get("/api/v1/facts/medical_expense").json["form"]

    assert "lines" in {field["id"] for field in form["fields"]}
    assert is_problem(acceptor.get("/api/v1/facts/miracles"), 404, "not_found")


def test_task_forms_roles_and_operators_are_listed(acceptor: OfficerClient) -> None:
    forms = acceptor.get("/api/v1/task-forms").json["items"]
    roles = {one["code"]: one["title"] for one in acceptor.get("/api/v1/roles").json["items"]}
    listed = [one["name"] for one in acceptor.get("/api/v1/operators").json["items"]]

    assert {one["code"] for one in forms["review"]["outcomes"]} >= {"pass", "not_passed", "send_back", "not_ours"}
    assert roles["first_reviewer"] == "初审人"
    assert listed == sorted(operators())


def test_a_supervisor_sees_the_officers_below_and_nobody_elses(app: Flask) -> None:
    supervisor = log_in(app, "supervisor-440399")

    own = supervisor.get("/api/v1/officers").json["items"]
    below = supervisor.get("/api/v1/officers?agency_code=440305").json["items"]
    elsewhere = supervisor.get("/api/v1/officers?agency_code=442099").json["items"]

    assert {one["agency_code"] for one in own} == {"440399"}
    assert {one["agency_code"] for one in below} == {"440305"}
    assert elsewhere == []
