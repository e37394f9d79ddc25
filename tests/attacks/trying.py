"""How the attackers find their way: every route, filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask

from api.auth import permission_of

LOG_IN = "/api/v1/sessions"
OWN_LOG_IN = f"{LOG_IN}/current"


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    method: str
    rule: str
    endpoint: str
    permission: str | None

    @property
    def ids(self) -> list[str]:
        """Names of the ids in the path."""
        return re.findall(r"<id:([a-z_]+)>", self.rule)

    @property
    def changes(self) -> bool:
        """It is no plain question."""
        return self.method not in ("GET", "HEAD", "OPTIONS")

    def path(self, ids: dict[str, int] | None = None) -> str:
        """The address, about these ids, or about the first row of everything."""
        path = re.sub(r"<id:([a-z_]+)>", lambda name: str((ids or {}).get(name[1], 1)), self.rule)
        return re.sub(r"<[^>]+>", "x", path)

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def routes_of(app: Flask) -> list[Route]:
    """Every route of the application."""
    return [
        Route(method, rule.rule, rule.endpoint, permission_of(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
