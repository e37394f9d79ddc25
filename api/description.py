"""What the description of the API says of every operation alike: who may ask, and with what it may be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask

from api.auth import APPLICANTS, PERMISSIONS, SCOPES, permission_of
from api.blueprint import Api


def complete(app: Flask, api: Api) -> None:
    """Add to each described operation its permission and its refusals."""
    for rule in app.url_map.iter_rules():
        described = api.spec._paths.get(api.flask_plugin.flaskpath2openapi(rule.rule), {})
        permission = permission_of(app.view_functions[rule.endpoint])
        for method in rule.methods or ():
            operation = described.get(method.lower())
            if operation is None:
                continue
            if permission is not None:
                operation["security"] = list(_ways_in(permission))
                operation["x-permission"] = permission
                if permission in SCOPES:
                    operation["x-scope"] = SCOPES[permission]
            for status in _refusals(method, operation, permission, bool(rule.arguments)):
                refusal = api.spec.components.get_ref("response", status.name)
                operation["responses"].setdefault(str(status.value), refusal)


def _ways_in(permission: str) -> Iterator[dict[str, list[str]]]:
    """Names of the security schemes by which somebody can hold the permission."""
    if permission in PERMISSIONS or permission in APPLICANTS:
        yield {"bearer": []}
        yield {"browser": []}
    if permission in SCOPES:
        yield {"channel": []}


def _refusals(method: str, operation: Mapping[str, Any], permission: str | None, has_ids: bool) -> Iterator[HTTPStatus]:
    yield from (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    if permission is not None:
        yield HTTPStatus.FORBIDDEN
    if permission is not None or method != "GET":
        # Without a permission: what is sent is itself the proof, or not.
        yield HTTPStatus.UNAUTHORIZED
    body, parameters = "requestBody" in operation, bool(operation.get("parameters"))
    if has_ids or body or parameters:
        yield HTTPStatus.NOT_FOUND
    if body or parameters:
        yield HTTPStatus.UNPROCESSABLE_ENTITY
    if body:
        yield from (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    if method != "GET":
        yield HTTPStatus.CONFLICT
