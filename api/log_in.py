"""Log-in and what is proved by it: user name and password, and a code of the second factor where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from flask import current_app, request
from sqlalchemy import select

from api.passwords import is_right
from config.access import AccessSettings
from config.settings import Settings
from engine import clock
from engine.accounts import attempts, totp
from engine.accounts.attempts import Guess
from engine.db import db, transaction
from engine.errors import InvalidInput, NotAuthenticated
from engine.models import Officer


def access() -> AccessSettings:
    """How people log in here."""
    return cast(Settings, current_app.config["TONGBAN"]).access


def prove(username: str, password: str, code: str | None) -> int:
    """Id of the active officer with this name, password and code.

    Raises NotAuthenticated, the same for every reason (but for a code that is asked for once the password was right),
    and TooOften after too many wrong ones.
    """
    guesses = [of_name(username), of_address()]
    _count(guesses)
    officer = _find(username)
    # The check is slow: nobody else shall wait for the connection meanwhile.
    right = is_right(officer.password_hash if officer is not None else None, password)
    if officer is None or not right or not officer.active or _is_over(officer):
        raise NotAuthenticated("用户名或密码不正确。", code="wrong_credentials")
    if officer.second_factor_confirmed and code is None:
        # The password was right: that was no guess. The name's earlier ones still count.
        _take_back(guesses)
        raise NotAuthenticated("请输入动态验证码。", code="second_factor_required")
    with transaction() as session:
        # Locked: a code must not be taken twice, not even at once.
        known = session.get_one(Officer, officer.id, with_for_update={"of": Officer})
        if known.second_factor_confirmed:
            _require_code(known, str(code))
        attempts.forgive(session, guesses[0])
        attempts.take_back(session, guesses[1])
    return officer.id


def confirm_password(officer_id: int, password: str) -> None:
    """Somebody who is logged in shows that it is still he. Raises InvalidInput; wrong ones count like at log-in."""
    officer = db.session().get_one(Officer, officer_id)
    stored, guess = officer.password_hash, of_name(officer.username)
    db.session().rollback()
    _count([guess])
    if not is_right(stored, password):
        raise InvalidInput(fields={"password": ["密码不正确。"]}, code="wrong_password")
    with transaction() as session:
        attempts.forgive(session, guess)


def of_name(username: str) -> Guess:
    """Guesses at a user name, whoever has it or nobody."""
    return Guess("log_in", username, access().lock_after, access().locked)


def of_address(kind: str = "address") -> Guess:
    """Guesses from where this request comes from."""
    return Guess(kind, request.remote_addr or "", access().address_failures, access().locked)


def _count(guesses: Sequence[Guess]) -> None:
    with transaction() as session:
        for guess in guesses:
            attempts.count(session, guess)


def _take_back(guesses: Sequence[Guess]) -> None:
    with transaction() as session:
        for guess in guesses:
            attempts.take_back(session, guess)


def _find(username: str) -> Officer | None:
    session = db.session()
    officer = session.scalar(select(Officer).where(Officer.username == username))
    if officer is not None:
        session.expunge(officer)
    session.rollback()
    return officer


def _is_over(officer: Officer) -> bool:
    """The password was given by an administrator, and too long ago."""
    return officer.password_expires_at is not None and officer.password_expires_at <= clock.now()


def _require_code(officer: Officer, code: str) -> None:
    step = totp.accepted_step(str(officer.second_factor), code, clock.now(), after=officer.second_factor_step)
    if step is None:
        raise NotAuthenticated("用户名、密码或动态验证码不正确。", code="wrong_credentials")
    officer.second_factor_step = step
