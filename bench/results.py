"""What was measured: a table for people, JSON for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from config.settings import PROJECT

FOLDER = PROJECT / "bench" / "results"
LATEST = "latest.json"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. `goal` is the sentence of the goal, `held` whether it was reached; None: nothing was asked of it."""

    name: str
    value: float
    unit: str
    part: str
    scale: str
    goal: str | None = None
    held: bool | None = None
    note: str | None = None


@dataclass
class Results:
    """The figures of this run; those of parts that were not run stay what they were."""

    scale: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, part: str, name: str, value: float, unit: str, *, note: str | None = None) -> float:
        """A figure that nothing is asked of."""
        self.figures.append(Figure(name=name, value=_short(value), unit=unit, part=part, scale=self.scale, note=note))
        return value

    def judge(self, part: str, name: str, value: float, unit: str, *, most: float | None = None,
              least: float | None = None, note: str | None = None) -> float:  # fmt: skip
        """A figure with a goal: at most `most`, or at least `least`."""
        held = value <= most if most is not None else value >= (least or 0.0)
        goal = f"≤ {most:g} {unit}" if most is not None else f"≥ {least:g} {unit}"
        self.figures.append(
            Figure(
                name=name,
                value=_short(value),
                unit=unit,
                part=part,
                scale=self.scale,
                goal=goal.strip(),
                held=held,
                note=note,
            )
        )
        return value

    def save(self, folder: Path) -> Path:
        """Write the figures, those of other parts kept."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / LATEST
        mine = {figure.part for figure in self.figures}
        kept = [row for row in load(folder) if row["part"] not in mine]
        rows = kept + [asdict(figure) for figure in self.figures]
        path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")
        return path

    def table(self) -> str:
        """The figures as people read them: name, value, unit, goal, held; part by part."""
        width = max((len(figure.name) for figure in self.figures), default=0)
        lines = [f"{'name':<{width}} {'value':>10}  {'unit':<4} {'goal':<9} held"]
        for part, figures in groupby(self.figures, key=lambda figure: figure.part):
            lines += [f"-- {part}", *(_line(figure, width) for figure in figures)]
        return "\n".join(lines)


def load(folder: Path) -> list[dict[str, Any]]:
    """The figures as they were saved last."""
    path = folder / LATEST
    rows: list[dict[str, Any]] = orjson.loads(path.read_bytes()) if path.is_file() else []
    return rows


def _line(figure: Figure, width: int) -> str:
    held = {None: "", True: "yes", False: "NO"}[figure.held]
    note = f"  ({figure.note})" if figure.note else ""
    line = f"{figure.name:<{width}} {figure.value:>10,.2f}  {figure.unit:<4} {figure.goal or '':<9} {held:<4}{note}"
    return line.rstrip()


def _short(value: float) -> float:
    return round(float(value), 4)
