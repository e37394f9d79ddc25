"""Whatever is sent in place of any part of an application: it is read, or it is refused with fields. Never a crash."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.catalogue import services
from engine.casework import intake
from engine.errors import InvalidInput, RuleRefused
from tests.factories_intake import make_command

TODAY = date(2023, 8, 1)
COMMAND = make_command(*services(), outlet="442099-H1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in the command."""
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from places(one, (*at, name))


PLACES = list(places(COMMAND))


def replaced(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    command = copy.deepcopy(COMMAND)
    *way, last = place
    inner: Any = command
    for step in way:
        inner = inner[step]
    inner[last] = value
    return command


def test_all_eleven_services_in_one_application_are_read(app: Flask) -> None:
    read = intake.read(COMMAND, TODAY)

    assert read.services == list(services())
    assert read.content["facts"]["medical_expense"]["lines"][1]["amount"] == "800.00"
    assert read.content["forms"]["1-1"]["injured_on"] == "2022-03-01"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_anything_in_any_place_is_read_or_refused(app: Flask, place: tuple[Any, ...], value: Any) -> None:
    try:
        read = intake.read(replaced(place, value), TODAY)
    except InvalidInput as refused:
        assert all(field and sentences for field, sentences in refused.fields.items())
    except RuleRefused as refused:
        assert refused.because
    else:
        # What is read once is read again as it is: it is in the form that is kept.
        again = {**COMMAND, "forms": read.content["forms"], "facts": read.content["facts"], "services": read.services}
        parties = {name: read.content[name] for name in ("worker", "applicant", "agent", "employer")}
        assert intake.read({**again, **parties}, TODAY).content["facts"] == read.content["facts"]


@pytest.mark.parametrize("name", sorted({str(place[0]) for place in PLACES}))
@pytest.mark.parametrize(
    "value", [None, 0, 2**63, 1.5, "", "\x00", "\ud800", "长" * 100_000, [], [[]], {}, {"": None}, True]
)
def test_a_part_that_is_no_such_part_is_read_or_refused(app: Flask, name: str, value: Any) -> None:
    try:
        intake.read(replaced((name,), value), TODAY)
    except (InvalidInput, RuleRefused):
        return
    # Only what may be left out can be empty.
    assert name in ("agent", "application_items", "auxiliary", "advance_payment")


def test_an_empty_command_names_everything_that_is_missing(app: Flask) -> None:
    with pytest.raises(InvalidInput) as refused:
        intake.read({}, TODAY)

    assert refused.value.fields.keys() >= {
        "services",
        "channel",
        "outlet",
        "injured_on",
        "applicant",
        "worker",
        "employer",
    }
