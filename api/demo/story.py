"""A story of the demo: one application file and what the officers do with it, written down as data.

title         what it shows, in Chinese
application   a file of `applications/`; `changes` replaces top-level entries of it
at            when it begins; only the demo's own system can be set to it
steps         a list of acts, each with `by`, the officer's user name (see `api.demo.steps.ACTS`);
              `refused: code` says that the system must refuse it with that code
end           what the case must look like at last, by path ("handling_agency.code")
end_dated     the same for days, which are compared only where the clock was set
events        kinds of events that must have happened in this order, others between them
second        true: the story begins with what another one left, named in `after`
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


class StoryFault(Exception):
    """A story file that cannot be meant."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One act: its kind, what it needs, and the code with which it must be refused (None: it must succeed)."""

    act: str
    what: Mapping[str, Any]
    refused: str | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """One story, read."""

    name: str
    title: str
    at: datetime
    application: Mapping[str, Any]
    steps: Sequence[Step]
    end: Mapping[str, Any]
    end_dated: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[str] = ()
    once: bool = False
    #: The files of a story that hands in more than once, by name.
    further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def needs_clock(self) -> bool:
        """It is told over days: a running system, whose clock stands for itself, cannot show it."""
        return any(step.act == "clock" for step in self.steps)


def stories() -> list[Story]:
    """All stories in the order of their days."""
    return sorted((_read(path) for path in (FOLDER / "stories").glob("*.yaml")), key=lambda story: story.at)


def application(name: str) -> dict[str, Any]:
    """A filled-in application of `applications/`."""
    loaded: dict[str, Any] = json.loads((FOLDER / "applications" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


_KEYS = {"title", "at", "application", "further", "steps", "end", "end_dated", "events", "once"}


def injured_on_another_day(handed_in: Mapping[str, Any], days: int) -> dict[str, Any]:
    """The same application for an injury that many days earlier."""
    stated = str(handed_in["injured_on"])
    earlier = (date.fromisoformat(stated) - timedelta(days=days)).isoformat()
    changed: dict[str, Any] = json.loads(json.dumps(handed_in, ensure_ascii=False).replace(stated, earlier))
    return changed


def _read(path: Path) -> Story:
    content = _as_sent(yaml.safe_load(path.read_text(encoding="utf-8")))
    unknown = set(content) - _KEYS
    if unknown:
        raise StoryFault(f"{path.name}: {', '.join(sorted(unknown))}?")
    return Story(
        name=path.stem,
        title=content["title"],
        at=datetime.fromisoformat(content["at"]),
        application=application(content["application"]),
        further={name: application(name) for name in content.get("further", ())},
        steps=[_step(path, entry) for entry in content["steps"]],
        end=content["end"],
        end_dated=content.get("end_dated") or {},
        events=content.get("events") or (),
        once=content.get("once", False),
    )


def _as_sent(node: Any) -> Any:
    """Days as text, the way JSON has them."""
    if isinstance(node, Mapping):
        return {name: _as_sent(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_as_sent(value) for value in node]
    return node.isoformat() if isinstance(node, date) else node


def _step(path: Path, entry: Mapping[str, Any]) -> Step:
    acts = [key for key in entry if key != "refused"]
    if len(acts) != 1:
        raise StoryFault(f"{path.name}: one act for each step, not {', '.join(acts)}")
    what = entry[acts[0]]
    return Step(act=acts[0], what=what if isinstance(what, Mapping) else {"value": what}, refused=entry.get("refused"))
