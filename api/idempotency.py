"""Doing a thing once, however often it is sent: the Idempotency-Key header.

A request with a key writes key and answer as the last thing in the transaction of its change. Who finds the key there
already, or is refused because the first request has changed what it was about, takes back whatever it did and gives
the first answer; of two that come at once, the second waits at the key for the commit of the first. The same key with
another request is refused. A refusal (4xx) stores nothing: corrected, it may be sent again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
from flask import Response, request
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine import clock
from engine.actor import Actor, Party
from engine.db import Base, db, use_case
from engine.errors import InvalidInput, KeyReused, TongbanError
from engine.models import IdempotencyKey

HEADER = "Idempotency-Key"
#: Tells a repeated answer from the first one.
REPLAYED = "Idempotency-Replayed"
#: Long enough for a client that was offline over a long holiday.
KEPT = timedelta(days=30)

#: In place of an officer's id, for keys of anybody else.
_NO_OFFICER = 0
_KEYS = Base.metadata.tables[IdempotencyKey.__tablename__]
_KEY = re.compile(r"[!-~]{8,80}", re.ASCII)


def once(party: Party, status: int, act: Callable[[Session], Any]) -> Response:
    """The answer of `act` (JSON, with `status`), done in one transaction, and only once for one key.

    Raises `KeyReused` where the key belongs to another request.
    """
    key = _key()
    if key is None:
        return _answer(status, use_case(act))
    owned = _owned(key, party)
    request_hash = _request_hash()

    def act_and_remember(session: Session) -> Any:
        answer = act(session)
        if not _remember(session, owned, request_hash, status, answer):
            raise _DoneBefore
        return answer

    try:
        return _answer(status, use_case(act_and_remember))
    except (_DoneBefore, TongbanError, IntegrityError):
        known = _find(db.session(), owned)
        if known is None:
            raise
        return _repeated(known, request_hash)


class _DoneBefore(Exception):
    """The key is there: whatever this request has done is to be taken back."""


def forget_old_keys(session: Session) -> None:
    """Delete the keys that nobody will send again."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.at < clock.now() - KEPT))


def _key() -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput(fields={HEADER: ["应当是 8 到 80 个字母、数字或符号，不含空格。"]})
    return key


def _owned(key: str, party: Party) -> tuple[str, int]:
    """The key with the id of its officer; of anybody else, hashed together with whose it is, and no officer's id."""
    if isinstance(party, Actor):
        return key, party.officer_id
    return hashlib.sha256(f"{party.party} {key}".encode()).hexdigest(), _NO_OFFICER


def _remember(session: Session, owned: tuple[str, int], request_hash: str, status: int, answer: Any) -> bool:
    """Write the key with its answer; False where it is there already, after waiting for whoever is writing it."""
    session.flush()
    connection = session.connection()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    written = connection.scalar(
        insert(_KEYS)
        .values(
            key=owned[0],
            officer_id=owned[1],
            request_hash=request_hash,
            status=status,
            answer=answer,
            at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(_KEYS.c.key)
    )
    return written is not None


def _find(session: Session, owned: tuple[str, int]) -> IdempotencyKey | None:
    key, officer_id = owned
    return session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.key == key, IdempotencyKey.officer_id == officer_id)
    )


def _repeated(known: IdempotencyKey, request_hash: str) -> Response:
    if known.request_hash != request_hash:
        raise KeyReused(
            "这个 Idempotency-Key 已用于另一个请求，请换一个。",
            details={"at": known.at.isoformat(), "what": "idempotency_key"},
        )
    answer = _answer(known.status, known.answer)
    answer.headers[REPLAYED] = "true"
    return answer


def _answer(status: int, body: Any) -> Response:
    return Response(orjson.dumps(body), status=status, content_type="application/json")


def _request_hash() -> str:
    digest = hashlib.sha256(f"{request.method} {request.full_path}\n".encode("utf-8", "surrogatepass"))
    if request.mimetype != "multipart/form-data":
        digest.update(request.get_data(cache=True))
        return digest.hexdigest()
    # The boundary between the parts differs each time the same form is sent.
    for name, value in sorted(request.form.items(multi=True)):
        digest.update(repr((name, value)).encode("utf-8", "surrogatepass"))
    for name, file in sorted(request.files.items(multi=True), key=lambda item: item[0]):
        content = file.stream.read()
        file.stream.seek(0)
        digest.update(repr((name, hashlib.sha256(content).hexdigest())).encode())
    return digest.hexdigest()
