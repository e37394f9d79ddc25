"""Every refusal and every fault in one shape: application/problem+json, with a Chinese sentence and the legal basis.

    {"type", "title", "status", "code", "detail", "because": [{"document", "article", "quote"}], "fields", "details"}

`code` is stable and for programs; `detail` is for people; `fields` names each wrong field with its sentences;
`because` is filled where a rule refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from flask import Flask, Response, json, request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api import auditing
from engine.errors import (
    CannotProceed,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RetryLater,
    RuleRefused,
    TongbanError,
    TooOften,
)

log = structlog.get_logger()

#: The narrowest class of the tree that an error belongs to decides.
STATUSES: Mapping[type[TongbanError], int] = {
    InvalidInput: 422,
    RuleRefused: 422,
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooOften: 429,
    RetryLater: 503,
    CannotProceed: 409,
    TongbanError: 500,
}

#: Status -> stable code of what HTTP itself refuses, title, sentence.
HTTP: Mapping[int, tuple[str, str, str]] = {
    400: ("malformed_request", "请求格式有误", "请求无法读取，请检查格式后重新提交。"),
    401: ("not_authenticated", "需要登录", "请先登录。"),
    403: ("not_allowed", "无权操作", "您没有这项操作的权限。"),
    404: ("not_found", "没有找到", "没有找到您要的内容。"),
    405: ("method_not_allowed", "不支持的方法", "这个地址不支持所用的请求方法。"),
    408: ("request_timeout", "请求超时", "请求没有及时发完，请重新提交。"),
    409: ("conflict", "发生冲突", "内容已被他人改动，请刷新后再操作。"),
    411: ("length_required", "缺少长度", "请求须注明内容长度。"),
    413: ("too_large", "内容过大", "提交的内容过大，请减小后重新提交。"),
    414: ("address_too_long", "地址过长", "请求地址过长。"),
    415: ("unsupported_media_type", "不支持的内容类型", "提交的内容类型不受支持。"),
    422: ("invalid_input", "内容有误", "提交的内容有误，请按提示修改后重新提交。"),
    429: ("too_many_requests", "请求过多", "请求过多，请稍后再试。"),
    431: ("headers_too_large", "请求头过大", "请求头过大。"),
    500: ("internal_error", "系统错误", "系统出现错误，已经记录，请稍后再试或联系管理员。"),
    503: ("busy", "系统繁忙", "系统繁忙，请稍后再试。"),
}

PROBLEM = "application/problem+json"
#: How much of a refused body is still read, so that the client gets to see the answer instead of a broken connection.
_DRAIN_BYTES = 64 * 1024 * 1024


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    because: Sequence[Mapping[str, str]] = (),
    fields: Mapping[str, Sequence[str]] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Response:
    """The answer to a request that was refused or failed."""
    body = {
        "type": f"urn:tongban:problem:{code}",
        "title": HTTP.get(status, HTTP[500 if status >= 500 else 400])[1],
        "status": status,
        "code": code,
        "detail": detail,
        "because": list(because),
        "fields": dict(fields or {}),
        "details": dict(details or {}),
    }
    return Response(json.dumps(body, ensure_ascii=False), status=status, content_type=PROBLEM)


def status_of(error: TongbanError) -> int:
    """The HTTP status of an error of the house."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def register_error_handlers(app: Flask) -> None:
    """Let every error leave the application in the one shape."""
    app.register_error_handler(TongbanError, _refused)
    app.register_error_handler(HTTPException, _refused_by_http)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(DataError, _unstorable)
    app.register_error_handler(IntegrityError, _overtaken)
    app.register_error_handler(OperationalError, _database_busy)
    app.register_error_handler(NoConnectionLeft, _database_busy)
    app.register_error_handler(Exception, _failed)


def _refused(error: TongbanError) -> Response:
    auditing.refused(error)
    status = status_of(error)
    fields = error.fields if isinstance(error, InvalidInput) else {}
    answer = problem(status, error.code, error.message, because=error.because, fields=fields, details=error.details)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        answer.headers["Retry-After"] = str(error.details.get("seconds", 5))
    return answer


def _refused_by_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        # A redirect, or an answer that was made by hand.
        return error.get_response()  # type: ignore[return-value]
    code, _, sentence = HTTP.get(error.code, HTTP[500 if error.code >= 500 else 400])
    answer = problem(error.code, code, sentence)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _too_large(error: RequestEntityTooLarge) -> Response:
    if request.content_length is not None:
        stream, left = request.environ["wsgi.input"], min(request.content_length, _DRAIN_BYTES)
        while left > 0 and (chunk := stream.read(min(left, 65536))):
            left -= len(chunk)
    code, _, sentence = HTTP[413]
    limit = request.max_content_length
    return problem(413, code, sentence, fields={"body": [sentence]}, details={"largest_bytes": limit})


def _unstorable(error: DataError) -> Response:
    # The schemas refuse such values by name; this is the net below them.
    _log_fault("value_refused_by_database", error)
    code, _, sentence = HTTP[422]
    return problem(422, code, sentence)


def _overtaken(error: IntegrityError) -> Response:
    # Two requests made the same thing at once, and the other one was first.
    _log_fault("constraint_refused", error)
    code, _, sentence = HTTP[409]
    return problem(409, code, sentence)


def _database_busy(error: OperationalError | NoConnectionLeft) -> Response:
    _log_fault("database_busy", error)
    code, _, sentence = HTTP[503]
    answer = problem(503, code, sentence)
    answer.headers["Retry-After"] = "5"
    return answer


def _failed(error: Exception) -> Response:
    _log_fault("request_failed", error)
    code, _, sentence = HTTP[500]
    return problem(500, code, sentence)


def _log_fault(event: str, error: Exception) -> None:
    """Log what failed with the ids in the path: never the values of a statement, which may be personal."""
    log.error(
        event,
        method=request.method,
        endpoint=request.endpoint,
        ids={name: value for name, value in (request.view_args or {}).items() if name.endswith("_id")},
        error=type(error).__name__,
        exc_info=not isinstance(error, DataError | IntegrityError),
    )
