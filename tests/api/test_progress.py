"""The applicant's question: how far is my case? (AH-07)"""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import is_problem
from tests.stories.telling import Telling

WORKER = "442000198405170316"


@pytest.mark.rule("AH-07")
def test_both_numbers_together_show_where_the_case_is_in_plain_words(client: FlaskClient, accepted: Telling) -> None:
    receipt = accepted.case()["receipt_number"]

    answer = client.post("/api/v1/progress", json={"receipt_number": receipt, "identity_number": WORKER})

    assert answer.status_code == 200
    assert answer.json["service"] == "工伤医疗费"
    assert answer.json["words"].startswith("您的")
    assert "中山" in answer.json["handling_agency"]
    assert answer.json["due_on"] == "2023-08-22"


@pytest.mark.parametrize("wrong", ["receipt", "identity", "both"])
def test_a_wrong_pair_is_not_told_which_of_them_is_wrong(client: FlaskClient, accepted: Telling, wrong: str) -> None:
    receipt = accepted.case()["receipt_number"] if wrong == "identity" else "2308010900009999"
    identity = WORKER if wrong == "receipt" else "440106199001010017"

    answer = client.post("/api/v1/progress", json={"receipt_number": receipt, "identity_number": identity})

    assert is_problem(answer, 404, "no_such_progress")
    assert answer.json["details"] == {}


def test_the_answer_names_no_officer_and_no_identity_number(client: FlaskClient, accepted: Telling) -> None:
    body = {"receipt_number": accepted.case()["receipt_number"], "identity_number": WORKER}

    answer = client.post("/api/v1/progress", json=body)

    assert WORKER not in answer.get_data(as_text=True)
    assert accepted.case()["accepted_by"]["name"] not in answer.get_data(as_text=True)
