"""Plots of the results as plain SVG: they are looked at in the README, on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench.readme import number
from bench.rounds import SHAPES, named

WIDTH, ROW, LABEL, BAR = 760, 22, 300, 380
COLOURS = ("#3b7dd8", "#8a8f98", "#d9822b", "#2f9e6e")
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    'font-family="system-ui, sans-serif" font-size="13" fill="#7a808a" role="img"><title>{title}</title>'
)

#: A label, its value, and which of the colours.
Bar = tuple[str, float, int]


def draw(rows: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Every plot whose figures are there; the files."""
    values = {row["name"]: float(row["value"]) for row in rows}
    written = []
    for name, (title, unit, bars) in _plots(values).items():
        if bars:
            path = folder / f"{name}.svg"
            path.write_text(bar_chart(title, unit, bars), encoding="utf-8")
            written.append(path)
    return written


def _plots(values: Mapping[str, float]) -> dict[str, tuple[str, str, list[Bar]]]:
    def found(*wanted: tuple[str, str, int]) -> list[Bar]:
        return [(label, values[name], colour) for name, label, colour in wanted if name in values]

    shapes = [named(shape) for shape in SHAPES]
    return {
        "completion": (
            "Completing a task, one client, median",
            "ms",
            found(
                ("small: floor_http", "floor: a logged-in GET", 1),
                ("small: floor_db", "floor: a bare transaction", 1),
                ("small: complete p50", "small process", 0),
                ("medical: complete p50", "medical expense, all of it", 0),
                ("peer: complete p50", "nearest peer, small process", 2),
            ),
        ),
        "throughput": (
            "Finished cases a second, everything on two cores",
            "1/s",
            found(
                *((f"small: cases/s, {shape}", f"small, {shape}", 0) for shape in shapes),
                ("peer: cases/s, 1 client, 1 web", "nearest peer, 1 client", 2),
                *((f"medical: cases/s, {shape}", f"medical, {shape}", 3) for shape in shapes),
            ),
        ),
        "bytes": (
            "What a finished case leaves in the database, without indexes",
            "kB",
            found(
                ("small: kB per finished case", "small process", 0),
                ("peer: kB per finished case", "nearest peer, small process", 2),
                ("medical: kB per finished case", "medical expense, all of it", 3),
            ),
        ),
        "inbox": (
            "A page of an inbox, 95th percentile, against how many cases there are",
            "ms",
            [
                (name.removeprefix("inbox: ").replace(" p95", ""), value, 0 if " 1,000 cases" in name else 3)
                for name, value in values.items()
                if name.startswith(("inbox: my tasks, ", "inbox: pool, ", "inbox: random acquisition, "))
                and name.endswith("cases")
            ],
        ),
    }


def bar_chart(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars from zero, each with its value."""
    longest = max(value for _, value, _ in bars) or 1.0
    lines = [_HEAD.format(width=WIDTH, height=ROW * (len(bars) + 2), title=escape(title))]
    lines.append(f'<text x="0" y="16" font-weight="600">{escape(title)}</text>')
    for place, (label, value, colour) in enumerate(bars, 1):
        top, length = ROW * place + 8, max(1.0, BAR * value / longest)
        lines.append(f'<text x="{LABEL - 8}" y="{top + 13}" text-anchor="end">{escape(label)}</text>')
        lines.append(f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="16" rx="2" fill="{COLOURS[colour]}"/>')
        lines.append(f'<text x="{LABEL + length + 6:.1f}" y="{top + 13}">{number(value)} {escape(unit)}</text>')
    return "\n".join([*lines, "</svg>\n"])
