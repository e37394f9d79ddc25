"""Load in rounds: each goes through every number of clients and processes.

Each begins with one client that calls the floors between its cases, so whatever the machine does meanwhile meets both
alike. A figure is the median of the rounds', a ratio the median of the ratios of each round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Never, Protocol

from tqdm import tqdm

from bench.database import Database
from bench.floors import Floors
from bench.load import Run, Times, median, together, work_side_by_side
from bench.results import Results
from bench.system import Cpu, System, running

#: Clients and web processes.
Shape = tuple[int, int]
SHAPES: tuple[Shape, ...] = tuple((clients, processes) for processes in (1, 2) for clients in (1, 4, 16))
ONE: Shape = (1, 1)
COMPLETE = "complete"
WARM_UP_SECONDS = 2.0
#: Calls of each floor after each case.
FLOOR_CALLS = 3


class Crew(Protocol):
    """The clients of a run, and the cases that they finished."""

    @property
    def finished(self) -> list[int]: ...

    def case(self, number: int, times: Times) -> None:
        """Client `number` does one whole case."""

    def close(self) -> None:
        """Leave the connections."""


#: That many clients of a system.
Hire = Callable[[System, int], Crew]


@dataclass
class Round:
    """What one round measured: one client with the floors between its cases (`paired`), then the load."""

    paired: Times
    #: Medians, in seconds.
    floor_http: float
    floor_db: float
    runs: dict[Shape, tuple[Run, Cpu]]

    @property
    def completion(self) -> float:
        """A completion against the two floors."""
        return self.paired.milliseconds(COMPLETE, 0.5) / 1000 / (self.floor_http + self.floor_db)

    @property
    def spread(self) -> float:
        """How much faster four clients on two processes are than one on one."""
        return self.runs[4, 2][0].rate / self.runs[ONE][0].rate


@dataclass
class Measured:
    """All rounds, and the cases that one client finished on one process."""

    rounds: list[Round]
    finished: list[int]

    def median(self, figure: Callable[[Round], float]) -> float:
        """The middle one of the rounds."""
        return median([figure(one) for one in self.rounds])

    def times(self, shape: Shape) -> Times:
        """What all rounds asked for in that shape."""
        return together([one.runs[shape][0].times for one in self.rounds])

    @property
    def paired(self) -> Times:
        """What one client asked for between the floors."""
        return together([one.paired for one in self.rounds])


def measure(database: Database, hire: Hire, *, part: str, runs: int, seconds: float) -> Measured:
    """Warm up and load, `runs` times, until every entry of the audit log is sealed and every message has gone."""
    measured = Measured([], [])
    bar: tqdm[Never]
    with (
        running(database, web=2, workers=1) as system,
        tqdm(total=runs * (len(SHAPES) + 1), desc=part, leave=False, disable=None) as bar,
    ):
        for shape in ((16, 2), ONE):
            _load(hire, system, shape, min(WARM_UP_SECONDS, seconds))
        for number in range(1, runs + 1):
            bar.set_description(f"{part} {number}/{runs}: floors")
            one = _paired(database, hire, system.part(1), seconds)
            bar.update()
            for shape in SHAPES:
                bar.set_description(f"{part} {number}/{runs}: {named(shape)}")
                crew, run, cpu = _load(hire, system, shape, seconds)
                one.runs[shape] = run, cpu
                if shape == ONE:
                    measured.finished += crew.finished
                bar.update()
            measured.rounds.append(one)
        bar.set_description(f"{part}: what is left over")
        system.settle()
    return measured


def _paired(database: Database, hire: Hire, system: System, seconds: float) -> Round:
    crew, floors, times = hire(system, 1), Floors(database, system), Times()
    floors.call(FLOOR_CALLS)
    started = perf_counter()
    while perf_counter() - started < seconds:
        crew.case(0, times)
        floors.call(FLOOR_CALLS)
    crew.close()
    floors.close()
    return Round(times, median(floors.http), median(floors.db), {})


def _load(hire: Hire, system: System, shape: Shape, seconds: float) -> tuple[Crew, Run, Cpu]:
    clients, processes = shape
    crew = hire(system.part(processes), clients)
    with system.measured() as cpu:
        run = work_side_by_side(crew.case, clients=clients, seconds=seconds)
    crew.close()
    return crew, run, cpu


def report(measured: Measured, results: Results, part: str) -> None:
    """The figures that every kind of case has, and their goals."""
    for shape in SHAPES:
        cpu = sum((one.runs[shape][1] for one in measured.rounds), start=Cpu())
        rate = measured.median(lambda one, shape=shape: one.runs[shape][0].rate)  # type: ignore[misc]
        results.add(part, f"{part}: cases/s, {named(shape)}", rate, "1/s", note=cpu.shares())
        p95 = measured.times(shape).milliseconds(COMPLETE, 0.95)
        results.add(part, f"{part}: complete p95, {named(shape)}", p95, "ms")
    results.judge(part, f"{part}: 4 clients on 2 processes / 1 on 1", measured.median(lambda one: one.spread), "",
                  least=1.3)  # fmt: skip
    times = measured.paired
    results.add(part, f"{part}: floor_http", 1000 * measured.median(lambda one: one.floor_http), "ms")
    results.add(part, f"{part}: floor_db", 1000 * measured.median(lambda one: one.floor_db), "ms")
    results.add(part, f"{part}: complete p50", times.milliseconds(COMPLETE, 0.5), "ms")
    results.add(part, f"{part}: complete p95", times.milliseconds(COMPLETE, 0.95), "ms")
    results.judge(part, f"{part}: complete / (floor_http + floor_db)", measured.median(lambda one: one.completion), "",
                  most=2.5)  # fmt: skip
    results.judge(part, f"{part}: statements per completion", times.mean_statements(COMPLETE), "", most=12)
    results.judge(part, f"{part}: commits per completion", times.mean_commits(COMPLETE), "", most=1)
    for name in sorted(times.seconds.keys() - {COMPLETE}):
        note = f"{times.mean_statements(name):.1f} statements, {times.mean_commits(name):.1f} commits"
        results.add(part, f"{part}: {name} p50", times.milliseconds(name, 0.5), "ms", note=note)


def named(shape: Shape) -> str:
    """As the figures name it."""
    clients, processes = shape
    return f"{clients} {'client' if clients == 1 else 'clients'}, {processes} web"
