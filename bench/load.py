"""Clients at work side by side, and the times of what they asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter

from bench.http import Answer
from bench.serve import COMMITS, STATEMENTS


@dataclass
class Times:
    """What was asked for by name, each with seconds, statements and commits; shared by the clients of a run."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statements: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    commits: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _lock: Lock = field(default_factory=Lock)

    def note(self, name: str, answer: Answer) -> Answer:
        """Remember the answer's cost under that name."""
        with self._lock:
            self.seconds[name].append(answer.seconds)
            self.statements[name].append(int(answer.headers.get(STATEMENTS.lower(), 0)))
            self.commits[name].append(int(answer.headers.get(COMMITS.lower(), 0)))
        return answer

    def milliseconds(self, name: str, share: float) -> float:
        """The time within which that share of the answers came."""
        return 1000 * percentile(self.seconds[name], share)

    def mean_statements(self, name: str) -> float:
        """Statements for one answer, on average."""
        return mean(self.statements[name])

    def mean_commits(self, name: str) -> float:
        """Commits for one answer, on average."""
        return mean(self.commits[name])


@dataclass(frozen=True)
class Run:
    """So many cases finished in so many seconds."""

    cases: int
    seconds: float
    times: Times

    @property
    def rate(self) -> float:
        """Finished cases a second."""
        return self.cases / self.seconds


#: Does one whole case as client `number` and notes the times.
Work = Callable[[int, Times], None]


def work_side_by_side(work: Work, *, clients: int, seconds: float) -> Run:
    """That many clients, each doing one case after the other until the time is over; what was begun is finished."""
    times = Times()
    started = perf_counter()

    def client(number: int) -> int:
        done = 0
        while perf_counter() - started < seconds:
            work(number, times)
            done += 1
        return done

    with ThreadPoolExecutor(clients) as pool:
        cases = sum(pool.map(client, range(clients)))
    return Run(cases, perf_counter() - started, times)


def together(parts: Iterable[Times]) -> Times:
    """All of them as one."""
    whole = Times()
    for part in parts:
        for name in part.seconds:
            whole.seconds[name] += part.seconds[name]
            whole.statements[name] += part.statements[name]
            whole.commits[name] += part.commits[name]
    return whole


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def mean(values: Sequence[float]) -> float:
    """The average; 0 where there are none."""
    return sum(values) / len(values) if values else 0.0


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return percentile(values, 0.5)
