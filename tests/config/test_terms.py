"""The glossary covers the words that officers read."""

from __future__ import annotations

import csv

from config.catalogue import services
from config.files import FOLDER
from engine.casework.states import CASE_STATES, RESULTS
from engine.process.diagram import ROLES


def glossary() -> dict[str, set[str]]:
    """Chinese term -> the English words for it."""
    with (FOLDER / "terms.csv").open(encoding="utf-8", newline="") as file:
        return {
            term: {row["code"], *row["forms"].split()}
            for row in csv.DictReader(file)
            for term in row["term"].split("/")
        }


def test_every_service_state_and_role_is_in_the_glossary_under_its_own_code() -> None:
    known = glossary()
    labels = {service.title: code for code, service in services().items()}
    labels |= {label: code for code, label in (*CASE_STATES.items(), *ROLES.items())}

    assert not {label: code for label, code in labels.items() if code not in known.get(label, ())}


def test_every_case_result_is_in_the_glossary() -> None:
    known = {word for words in glossary().values() for word in words}

    assert set(RESULTS) <= known
