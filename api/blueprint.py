"""The blueprint of all resources: a view declares what it reads or changes, and is one use case in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

import flask_smorest
import marshmallow as ma
import orjson
from flask import Response, current_app, g, request
from flask_smorest.utils import prepare_response
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from api import auditing, masking
from api.auth import current_party
from api.errors import PROBLEM
from api.idempotency import HEADER, REPLAYED, once
from api.parsing import Parser
from api.schemas import LARGEST_ID, Problem
from engine.audit.entries import About
from engine.casework.need import sees_in_full
from engine.db import db

View = TypeVar("View", bound=Callable[..., Any])

#: A filled-in form is some kilobytes.
USUAL_BODY = 1024 * 1024

_KEY_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 8, "maxLength": 80},
    "description": "同一个键的重复请求只办理一次，并得到第一次的答复。",
}


class IdConverter(BaseConverter):
    """An id in a path; what no database row can have does not exist."""

    regex = "[1-9][0-9]{0,9}"
    part_isolating = True

    def to_python(self, value: str) -> int:
        if int(value) > LARGEST_ID:
            # Not "no match": then a method that only longer paths know would be answered with 405.
            raise NotFound
        return int(value)


class CodeConverter(BaseConverter):
    """A code in a path: letters, digits, `_`, `-`."""

    regex = "[A-Za-z0-9_-]{1,64}"


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The API whose errors are documented as what they are: problem+json."""

    ERROR_SCHEMA = Problem

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            self._register_problem(status.name, status.phrase)
        self._register_problem("DEFAULT_ERROR", "Default error response")

    def _register_problem(self, name: str, description: str) -> None:
        response: dict[str, Any] = {"description": description, "schema": self.ERROR_SCHEMA}
        prepare_response(response, self.spec, PROBLEM)
        self.spec.components.response(name, response, lazy=True)

    def _register_error_handlers(self) -> None:
        """Left to `api.errors`, which answers everything in one shape."""


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """Views that read run on one snapshot; views that change run in one transaction, once per Idempotency-Key."""

    ARGUMENTS_PARSER = Parser()

    def route(self, rule: str, *, methods: Sequence[str]) -> Callable[[View], View]:
        """The address of the view."""
        return cast("Callable[[View], View]", super().route(rule, methods=list(methods)))

    def arguments(self, schema: type[ma.Schema], *, location: str = "json") -> Callable[[View], View]:
        """The view gets what was sent, as `schema` reads it, before the ids of the path."""
        return cast("Callable[[View], View]", super().arguments(schema, location=location))

    def reads(
        self, schema: type[ma.Schema], title: str, *, audit: str | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """The view gets a session first, reads, and its result is dumped while the session is open.

        `audit`: NOTHING, or what is on record before the answer leaves (see `api.auditing`); then it is masked, too.
        """
        shown = schema()

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Response:
                with _reading() as session:
                    result = view(session, *args, **kwargs)
                    document = shown.dump(result)
                    if audit in (None, auditing.NOTHING):
                        return _json(document)
                    abouts = auditing.abouts_of(session, result)
                    if audit != auditing.UNMASK:
                        document = _shown(session, abouts, document)
                auditing.write(str(audit), abouts)
                return _json(document)

            return self.answers(schema, title, audit=audit)(wrapper)

        return decorator

    def changes(
        self, schema: type[ma.Schema], title: str, *, status: HTTPStatus = HTTPStatus.OK
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """The view gets the session of its transaction first; it is dumped, and on record, before the commit."""
        shown = schema()

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def wrapper(*args: Any, **kwargs: Any) -> Response:
                if args and isinstance(args[0], dict):
                    auditing.note(reason=args[0].get("reason"))

                def act(session: Session) -> Any:
                    result = view(session, *args, **kwargs)
                    # What the database fills in (ids) must be known before it is dumped.
                    session.flush()
                    document = shown.dump(result)
                    return _shown(session, auditing.record(session, auditing.CHANGE, result), document)

                answer = once(current_party(), status, act)
                if REPLAYED in answer.headers:
                    auditing.write(auditing.READ, auditing.abouts_of(db.session()))
                return answer

            return self.answers(schema, title, status=status, keyed=True, audit=auditing.CHANGE)(wrapper)

        return decorator

    def answers(
        self,
        schema: type[ma.Schema] | None,
        title: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        keyed: bool = False,
        audit: str | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document what the view answers; by itself it leaves answer, transaction and record to the view.

        `keyed`: the view does its work once for an Idempotency-Key. `audit`: what it puts on record, or NOTHING.
        """

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            view.audit, view.title = audit, title  # type: ignore[attr-defined]
            documented = self.doc(summary=title)(self.response(status, schema)(view))
            return self.doc(parameters=[_KEY_PARAMETER])(documented) if keyed else documented  # type: ignore[no-any-return]

        return decorator

    def refuses(self, *statuses: HTTPStatus) -> Callable[[View], View]:
        """Document with what else the view may be refused than views of its kind."""

        def decorator(view: View) -> View:
            for status in statuses:
                view = self.alt_response(status, response=status.name)(view)
            return view

        return decorator

    def downloads(self, content_type: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document a file as the answer."""
        content = {content_type: {"schema": {"type": "string"}}}
        return self.doc(responses={200: {"description": "文件", "content": content}})  # type: ignore[no-any-return]

    def uploads(self, *names: str, **texts: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document a multipart body: files and text fields with their descriptions. The view reads them itself."""
        properties: dict[str, Any] = {name: {"type": "string", "format": "binary"} for name in names}
        properties |= {name: {"type": "string", "description": description} for name, description in texts.items()}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        return self.doc(requestBody={"required": True, "content": {"multipart/form-data": {"schema": schema}}})  # type: ignore[no-any-return]


@contextmanager
def _reading() -> Iterator[Session]:
    """A session on a fresh snapshot that writes nothing and blocks nobody."""
    session = db.session()
    session.rollback()
    try:
        yield session
    finally:
        session.rollback()


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), content_type="application/json")


def _shown(session: Session, abouts: Sequence[About], document: Any) -> Any:
    """The document as this officer may see it: in full to whom works on the business, else masked."""
    masked = masking.masked(document)
    actor, about = g.get("actor"), abouts[0]
    # Who needs what is asked only where there is something to mask.
    if actor is None or masked == document:
        return masked
    in_full = sees_in_full(session, actor, case_id=about.case_id, application_id=about.application_id)
    return document if in_full else masked


def body_limit(largest: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The view takes bodies up to `largest` bytes, instead of the usual limit."""

    def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
        view.body_limit = largest  # type: ignore[attr-defined]
        return view

    return decorator


def limit_body() -> None:
    """Before each request: how large its body may be."""
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = getattr(view, "body_limit", USUAL_BODY)
