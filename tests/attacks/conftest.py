"""What the attackers have at hand: logged-in officers, a case of somebody else, the list of all routes."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.api.conftest import accepted, everybody, officer, story  # noqa: F401  fixtures
from tests.applications import OfficerClient, log_in
from tests.attacks.trying import Route, routes_of


@pytest.fixture
def analyst(app: Flask) -> OfficerClient:
    """Whoever may upload diagrams."""
    return log_in(app, "analyst-440099")


@pytest.fixture
def routes(app: Flask) -> list[Route]:
    """Everything that the system answers."""
    return routes_of(app)
