"""Stories told to the application in this process: the demo's own acts, without a socket between."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from api.demo.client import Client, Refused
from api.demo.steps import ACTS, Cast, Scene
from api.demo.story import Story, application
from engine.casework import timers
from tests.applications import OfficerClient, log_in
from tests.conftest import FixedClock


@dataclass(frozen=True)
class InProcess(Client):
    """One officer's way to the API of an application in this process."""

    officer: OfficerClient | None = None

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        assert self.officer is not None
        own = {name: value for name, value in (headers or {}).items() if name not in ("Authorization", "Content-Type")}
        content = {} if body is None else {"data": body, "content_type": (headers or {})["Content-Type"]}
        answer = self.officer.open(method, path, headers=own, **content)
        return answer.status_code, json.loads(answer.data) if answer.data else None


@dataclass
class InProcessCast(Cast):
    """The officers of that application, and the test's clock."""

    app: Flask | None = None
    clock: FixedClock | None = None
    _officers: dict[str, InProcess] = field(default_factory=dict)

    def officer(self, username: str) -> InProcess:
        if username not in self._officers:
            assert self.app is not None
            self._officers[username] = InProcess("http://localhost", officer=log_in(self.app, username))
        return self._officers[username]

    def set_clock(self, moment: str) -> None:
        assert self.clock is not None
        self.clock.set(moment)
        while timers.tick():
            pass

    def today(self) -> str:
        assert self.clock is not None
        return self.clock.now().date().isoformat()


class Telling(Scene):
    """A story as a test tells it: `scene.accept(by=...)`, `scene.task("first_review", by=...)`."""

    def act(self, kind: str, /, **what: Any) -> None:
        """Do what a story file calls `kind`. Raises `Refused`."""
        ACTS[kind](self, what)

    def refusal(self, kind: str, /, **what: Any) -> Refused:
        """What the system says against it; a test fails where it says nothing."""
        with pytest.raises(Refused) as refused:
            self.act(kind, **what)
        return refused.value

    def client(self, username: str) -> InProcess:
        """The officer's client, for what no act does."""
        found: InProcess = self.cast.officer(username)  # type: ignore[assignment]
        return found

    def timeline(self) -> list[str]:
        """The kinds of what happened to the case, in order."""
        entries = self.cast.officer("auditor-440099").get(f"/cases/{self.case_id}/timeline")["items"]
        return [entry["kind"] for entry in entries]

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The timeline's entries of one kind."""
        entries = self.cast.officer("auditor-440099").get(f"/cases/{self.case_id}/timeline")["items"]
        return [entry for entry in entries if entry["kind"] == kind]

    def open_task(self, element: str) -> dict[str, Any]:
        """The open task with this element id."""
        return next(task for task in self.case()["tasks"] if task["element_id"] == element)

    def open_tasks(self) -> set[str]:
        """Element ids of the work the case waits for."""
        return {task["element_id"] for task in self.case()["tasks"]}

    def clock(self, moment: str) -> None:
        """Let it be `moment`, and let what is due happen."""
        self.cast.set_clock(moment)

    # What many stories share

    def through_intake(self, acceptor: str, **changes: Any) -> None:
        """Handed in, collected, checked and accepted by this acceptor."""
        self.act("at_the_counter", by=acceptor, **changes)

    def assess(self, officer: str, *allowed: str) -> None:
        """The first reviewer answers every line of a medical claim, all inside the catalogue."""
        lines = [{"line": number, "allowed": amount, "catalogue": "inside"} for number, amount in enumerate(allowed, 1)]
        self.act("task", by=officer, task="assess_expense_lines", fields={"lines": lines})


Tell = Callable[..., Telling]


def telling(app: Flask, clock: FixedClock, name: str, changes: Mapping[str, Any]) -> Telling:
    """A story about the demo's application `name`, some of its top-level entries changed."""
    handed_in = {**copy.deepcopy(application(name)), **changes}
    story = Story(
        name=name,
        title=name,
        at=datetime(2023, 8, 1),
        application=handed_in,
        steps=(),
        end={},
    )
    return Telling(InProcessCast("http://localhost", own_system=True, app=app, clock=clock), story)


def dated(name: str, *, injured: str, signed: str) -> dict[str, Any]:
    """The application `name` with another day of injury; everything else in it happened on `signed`."""
    stated = application(name)
    first = stated["injured_on"]
    text = json.dumps(stated, ensure_ascii=False)
    changed: dict[str, Any] = json.loads(
        re.sub(r'"(\d{4}-\d{2}-\d{2})"', lambda day: f'"{injured if day[1] == first else signed}"', text)
    )
    return changed
