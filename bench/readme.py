"""What the README quotes of the results: every figure that has a goal, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from config.settings import PROJECT

README = PROJECT / "README.md"
BEGIN, END = "<!-- bench: written by make bench -->", "<!-- bench: end -->"
_HELD = {True: "yes", False: "**no**"}


def quote(rows: Iterable[Mapping[str, Any]], path: Path = README) -> None:
    """Put the table between its two marks; the rest of the page stays."""
    before, rest = path.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}", encoding="utf-8")


def quoted(path: Path = README) -> str:
    """The table that stands there."""
    return path.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Markdown: what was measured, goal, result, held."""
    lines = ["| measured | goal | result | held |", "|---|---|---|---|"]
    lines += [
        f"| {row['name']} | {row['goal']} | {number(row['value'])} {row['unit']}".rstrip()
        + f" | {_HELD[row['held']]} |"
        for row in rows
        if row["held"] is not None
    ]
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that say something, and no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
