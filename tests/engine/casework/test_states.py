"""The words that applicants read instead of the officers' (AH-07)."""

from __future__ import annotations

import pytest

from engine.casework.states import CASE_STATES, PLAIN_WORDS, RESULTS, plain_words


@pytest.mark.rule("AH-07")
def test_every_state_has_its_plain_words_and_none_promises_an_outcome() -> None:
    assert PLAIN_WORDS.keys() == CASE_STATES.keys()
    # A first review may have proposed to refuse: that it was passed is not for the system to say.
    assert not [words for words in PLAIN_WORDS.values() if "通过" in words]


@pytest.mark.rule("AH-07")
@pytest.mark.parametrize("state", ["awaiting_delivery", "delivered", "awaiting_archiving", "archived"])
@pytest.mark.parametrize("result", list(RESULTS))
def test_only_a_decided_case_is_called_finished(state: str, result: str) -> None:
    assert ("办结" in plain_words(state, result)) == (result in ("approved", "not_approved"))
