"""Routes of the documentation page."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as ResponseBase

from api.auth import public

blueprint = Blueprint("docs", __name__)

_FOLDER = Path(__file__).parent / "static"
_TYPES = {"docs.js": "text/javascript", "docs.css": "text/css"}


@blueprint.get("/", strict_slashes=False)
@public
def show_entrance() -> ResponseBase:
    """Whoever opens the printed address sees what there is."""
    return redirect("/api/docs")


@blueprint.get("/api/docs")
@public
def show_page() -> Response:
    """The page; it reads /api/openapi.json."""
    return _static("index.html", "text/html")


@blueprint.get("/api/docs/<any('docs.js', 'docs.css'):file>")
@public
def show_file(file: str) -> Response:
    """Its script and its style."""
    return _static(file, _TYPES[file])


def _static(file: str, kind: str) -> Response:
    return Response((_FOLDER / file).read_bytes(), content_type=f"{kind}; charset=utf-8")
