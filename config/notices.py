"""Notices to officers (工作通知), from `notices.yaml`: which event is told to whom, and in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from config.deadlines import LEVELS, deadline_kinds
from config.files import FOLDER, ConfigError, only_keys, read_yaml, text

OTHERS = "others"
AUDIENCES = frozenset({"holder", "supervisor", "superior"})
_FACT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class NoticeKind:
    """One kind of notice. `text` names its facts in braces."""

    code: str
    title: str
    text: str

    @property
    def facts(self) -> frozenset[str]:
        """What the text needs."""
        return frozenset(_FACT.findall(self.text))

    def words(self, facts: Mapping[str, Any]) -> str:
        """The text with its facts; what is not known stays empty."""
        return _FACT.sub(lambda fact: str(facts.get(fact[1]) or ""), self.text)


@dataclass(frozen=True, kw_only=True)
class NoticeRule:
    """One line of the table: the notice that an event makes, and for whom."""

    notice: str
    to: str
    #: Not while the same notice about the case still waits to be read.
    unless_unread: bool


@dataclass(frozen=True, kw_only=True)
class NoticeTable:
    """The whole file."""

    kinds: Mapping[str, NoticeKind]
    #: Kind of event -> its lines, in order.
    events: Mapping[str, tuple[NoticeRule, ...]]
    #: Kind of deadline, or `others` -> warning level -> holder, supervisor, superior.
    levels: Mapping[str, Mapping[str, tuple[str, ...]]]

    def concerned(self, deadline: str, level: str) -> tuple[str, ...]:
        """Whom it concerns that a deadline of this kind reaches the level."""
        return self.levels.get(deadline, self.levels[OTHERS]).get(level, ())


@cache
def notice_table() -> NoticeTable:
    """The table of `config/notices.yaml`. Raises `ConfigError` where it contradicts itself."""
    return load_notices(FOLDER / "notices.yaml")


def load_notices(path: Path) -> NoticeTable:
    """The table of `path`: every line names a kind that there is, every kind is used."""
    document = read_yaml(path)
    only_keys(path, "", document, required={"kinds", "events", "levels"})
    kinds = {code: _kind(path, code, row) for code, row in document["kinds"].items()}
    events = {kind: tuple(_rule(path, kind, row, kinds) for row in rows) for kind, rows in document["events"].items()}
    if unused := kinds.keys() - {rule.notice for rules in events.values() for rule in rules}:
        raise ConfigError(path, "kinds", f"no event makes {', '.join(sorted(unused))}")
    return NoticeTable(kinds=kinds, events=events, levels=_levels(path, document["levels"]))


def _levels(path: Path, document: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    if OTHERS not in document or not set(document) <= {OTHERS, *deadline_kinds()}:
        raise ConfigError(path, "levels", f"expected {OTHERS}, and kinds of deadlines besides")
    found = {}
    for deadline, row in document.items():
        only_keys(path, f"levels.{deadline}", row, required=set(), optional=set(LEVELS))
        found[deadline] = {level: tuple(audience) for level, audience in row.items()}
        if not AUDIENCES.issuperset(one for audience in found[deadline].values() for one in audience):
            raise ConfigError(path, f"levels.{deadline}", f"expected some of {', '.join(sorted(AUDIENCES))}")
    return found


def _kind(path: Path, code: str, row: Any) -> NoticeKind:
    only_keys(path, f"kinds.{code}", row, required={"title", "text"})
    return NoticeKind(
        code=code, title=text(path, f"{code}.title", row["title"]), text=text(path, f"{code}.text", row["text"])
    )


def _rule(path: Path, event: str, row: Any, kinds: Mapping[str, NoticeKind]) -> NoticeRule:
    only_keys(path, f"events.{event}", row, required={"notice", "to"}, optional={"unless_unread"})
    if row["notice"] not in kinds:
        raise ConfigError(path, f"events.{event}", f"there is no kind {row['notice']!r}")
    return NoticeRule(
        notice=row["notice"], to=text(path, f"{event}.to", row["to"]), unless_unread=row.get("unless_unread") is True
    )
