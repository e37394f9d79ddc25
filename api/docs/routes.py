"""Routes of the documentation page."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from api.auth import public

blueprint = Blueprint("docs", __name__, url_prefix="/api")

_FOLDER = Path(__file__).parent / "static"


@blueprint.get("/docs")
@public
def show_page() -> Response:
    """The page; it reads /api/openapi.json."""
    return send_from_directory(_FOLDER, "index.html")


@blueprint.get("/docs/<any('docs.js', 'docs.css'):file>")
@public
def show_file(file: str) -> Response:
    """Its script and its style."""
    return send_from_directory(_FOLDER, file)
