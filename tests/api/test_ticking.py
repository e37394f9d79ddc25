"""The ticks of a process: they go on whatever fails and however the clock is set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import apscheduler.schedulers.base
import pytest
from flask import Flask

from api.ticking import Stopped, Ticker

PATIENCE = 30.0


class Act:
    """Counts how often it was called; a test waits for the next call."""

    def __init__(self, does: Callable[[Stopped], object] = lambda stopped: None) -> None:
        self.does = does
        self.calls = 0
        self._called = threading.Condition()

    def __call__(self, stopped: Stopped) -> None:
        with self._called:
            self.calls += 1
            self._called.notify_all()
        self.does(stopped)

    def called(self, more: int) -> bool:
        """It was called so many times more."""
        with self._called:
            wanted = self.calls + more
            return self._called.wait_for(lambda: self.calls >= wanted, timeout=PATIENCE)


@pytest.fixture
def ticker(app: Flask) -> Iterator[Ticker]:
    found = Ticker(app)
    yield found
    if found.running:
        found.stop()


def test_an_act_is_called_at_once_and_again_and_again(ticker: Ticker) -> None:
    act = Act()
    ticker.every("act", 0.05, act)
    ticker.start()

    assert act.called(3)


@pytest.mark.parametrize("error", [ValueError("weird"), SystemExit(1)], ids=["an error", "the end of the thread"])
def test_an_act_that_fails_is_called_again_and_stops_no_other(ticker: Ticker, error: BaseException) -> None:
    def fail(stopped: Stopped) -> None:
        raise error

    failing, sound = Act(fail), Act()
    ticker.every("failing", 0.05, failing)
    ticker.every("sound", 0.05, sound)
    ticker.start()

    assert failing.called(3)
    assert sound.called(3)


def test_an_act_is_never_called_twice_at_once_and_holds_up_no_other(ticker: Ticker) -> None:
    go_on = threading.Event()
    slow, quick = Act(lambda stopped: go_on.wait(PATIENCE)), Act()
    ticker.every("slow", 0.05, slow)
    ticker.every("quick", 0.05, quick)
    ticker.start()

    assert quick.called(5)
    assert slow.calls == 1
    go_on.set()
    assert slow.called(1)


def test_an_act_that_is_told_to_stop_ends_and_is_waited_for(ticker: Ticker) -> None:
    ended = threading.Event()
    began = threading.Event()

    def work(stopped: Stopped) -> None:
        began.set()
        while not stopped():
            ended.wait(0.01)
        ended.set()

    ticker.every("work", 0.05, work)
    ticker.start()
    assert began.wait(PATIENCE)

    ticker.stop()

    assert ended.is_set()


@pytest.mark.parametrize(
    "jump", [timedelta(hours=-3), timedelta(days=-400), timedelta(days=4000)], ids=["back", "far back", "far ahead"]
)
def test_the_ticks_go_on_when_the_clock_of_the_machine_is_set(
    ticker: Ticker, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    class Moved(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + jump

    act = Act()
    ticker.every("act", 0.05, act)
    ticker.start()
    assert act.called(1)

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Moved)

    assert act.called(3)
