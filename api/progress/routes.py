"""Routes for applicants."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, jsonify

from api import auditing
from api.auditing import READ
from api.auth import public
from api.blueprint import Blueprint
from api.log_in import access, of_address
from api.progress.schemas import ProgressQuery, ProgressView
from engine.accounts import attempts
from engine.accounts.attempts import Guess
from engine.casework import cases
from engine.db import transaction
from engine.errors import NotFound

blueprint = Blueprint("progress", __name__, url_prefix="/api/v1/progress", description="办理进度查询")

#: Whoever holds the receipt mistypes the identity number a few times, not more.
_GUESSES_AT_A_RECEIPT = 10


@blueprint.route("", methods=["POST"])
@public
@blueprint.arguments(ProgressQuery)
@blueprint.answers(ProgressView, "查询办理进度", audit=READ)
def show_progress(query: dict[str, str]) -> Response:
    """Where the case is, for whoever knows its receipt number and the worker's identity number.

    Wrong pairs are counted, by address and by receipt: neither can be found out by trying.
    """
    return answer(query, [of_address("progress"), of_receipt(query["receipt_number"])])


def of_receipt(receipt_number: str) -> Guess:
    """Guesses at the identity number that belongs to a receipt, whoever makes them."""
    return Guess("receipt", receipt_number, _GUESSES_AT_A_RECEIPT, access().locked)


def answer(query: dict[str, str], guesses: Sequence[Guess]) -> Response:
    """The progress, on record; or NotFound, which counts as a wrong guess."""
    refusal: NotFound | None = None
    with transaction() as session:
        auditing.note(case_id=cases.id_of_receipt(session, query["receipt_number"]))
        for guess in guesses:
            attempts.count(session, guess)
        try:
            found = jsonify(
                ProgressView().dump(cases.progress(session, query["receipt_number"], query["identity_number"]))
            )
            for guess in guesses:
                attempts.take_back(session, guess)
            auditing.record(session, READ)
        except NotFound as error:
            refusal = error
    if refusal is not None:
        raise refusal
    return found
