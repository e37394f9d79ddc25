"""The library's faults, each shown on the library and mended here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from SpiffWorkflow.bpmn.specs.event_definitions.base import EventDefinition
from SpiffWorkflow.specs.base import TaskSpec

from engine.process import specs
from engine.process.specs import UnfitData, merged
from tests.conftest import FixedClock
from tests.engine.process.running import DUE, Instance, build, definition, process, tasks
from tests.engine.process.stock import Stock

saved = pytest.mark.parametrize("saved", [False, True], ids=["live", "saved"])

ORDERS = [
    (process_id, first, second)
    for process_id, names in (("rounds", ("left", "right")), ("nested_rounds", ("one", "two", "three")))
    for first in permutations(names)
    for second in permutations(names)
]


def _second_round(instance: Instance | Stock, first: tuple[str, ...], second: tuple[str, ...]) -> list[list[str]]:
    for element in first:
        instance.complete(element)
    instance.complete("decide", outcome="again")
    seen = []
    for element in second:
        instance.complete(element)
        seen.append(sorted(instance.open()))
    return seen


def _expected(second: tuple[str, ...]) -> list[list[str]]:
    return [sorted(second[position:]) for position in range(1, len(second))] + [["decide"]]


# --- a parallel join fires early in a loop


@saved
@pytest.mark.parametrize(("process_id", "first", "second"), ORDERS)
def test_a_join_in_a_loop_waits_for_every_branch_of_the_new_round(
    process_id: str, first: tuple[str, ...], second: tuple[str, ...], saved: bool
) -> None:
    instance = Instance(process_id, saved=saved)

    assert _second_round(instance, first, second) == _expected(second)
    instance.complete("decide", outcome="done")
    assert instance.run.ended


def test_the_librarys_join_fires_early_in_a_loop() -> None:
    wrong = [order for order in ORDERS if _second_round(Stock(order[0]), *order[1:]) != _expected(order[2])]

    assert len(wrong) == 18


@saved
def test_tokens_of_two_passes_are_joined_with_those_of_their_own_fork(saved: bool) -> None:
    instance = Instance("two_passes", saved=saved)
    instance.send("first_call")
    instance.send("second_call")

    instance.complete("left", 0, left="first")
    instance.complete("left", 0, left="second")
    instance.complete("right", 1, right="second")

    assert [data.get("left") for data in instance.owner.data if "right" in data][-1] == "second"
    instance.complete("right", 0, right="first")
    assert instance.owner.calls() == ["alert.note", "alert.note"]
    assert [(data["left"], data["right"]) for data in instance.owner.data if {"left", "right"} <= set(data)] == [
        ("second", "second"),
        ("first", "first"),
    ]


# --- joins lose data


@saved
def test_a_join_keeps_what_one_branch_changed_though_another_arrives_later(saved: bool) -> None:
    instance = Instance("rounds", {"amount": 0, "note": "old"}, saved=saved)

    instance.complete("left", amount=500)
    instance.complete("right", note="new")

    data = instance.run.waiting()[0].data
    assert (data["amount"], data["note"]) == (500, "new")


def test_the_librarys_join_lets_the_last_branch_overwrite_what_it_never_touched() -> None:
    instance = Stock("rounds", {"amount": 0})

    instance.complete("left", amount=500)
    instance.complete("right")

    assert instance.data["amount"] == 0


@saved
def test_the_end_of_a_process_keeps_what_each_branch_changed(saved: bool) -> None:
    instance = Instance("branches", {"amount": 0}, saved=saved)
    instance.complete("begin")

    instance.complete("left", amount=500)
    instance.complete("right", right=True)
    instance.complete("middle", middle=True)

    assert instance.run.ended
    assert instance.data == {"case_id": 7, "amount": 500, "right": True, "middle": True}


def test_the_librarys_end_loses_what_a_branch_changed() -> None:
    instance = Stock("branches", {"amount": 0})
    instance.complete("begin")

    instance.complete("left", amount=500)
    instance.complete("right")
    instance.complete("middle")

    assert instance.data["amount"] == 0


@saved
def test_two_branches_that_disagree_are_remembered_and_the_later_one_counts(saved: bool) -> None:
    instance = Instance("rounds", {"amount": 0}, saved=saved)

    instance.complete("right", amount=1)
    instance.complete("left", amount=2)

    assert instance.run.waiting()[0].data["amount"] == 2
    assert [task.internal_data["conflicts"] for task in tasks(instance.run) if "conflicts" in task.internal_data] == [
        ["amount"]
    ]


@pytest.mark.parametrize(
    ("branches", "result", "conflicts"),
    [
        ([{"a": 1, "b": 1}, {"a": 1, "b": 1}], {"a": 1, "b": 1}, []),
        ([{"a": 2, "b": 1}, {"a": 1, "b": 1}], {"a": 2, "b": 1}, []),
        ([{"a": 2, "b": 1}, {"a": 1, "b": 2}], {"a": 2, "b": 2}, []),
        ([{"a": 1}, {"a": 1, "b": 1}], {"a": 1}, []),
        ([{"a": 1}, {"a": 1, "b": 2}], {"a": 1, "b": 2}, ["b"]),
        ([{"a": 1, "b": 2}, {"a": 1}], {"a": 1}, ["b"]),
        ([{"a": 1}, {"a": 1}], {"a": 1}, []),
        # None is a value; removing is something else.
        ([{"a": None, "b": 1}, {"b": 1}], {"b": 1}, ["a"]),
        ([{"a": 2, "b": 1}, {"a": 3, "b": 1}], {"a": 3, "b": 1}, ["a"]),
        ([{"a": 2, "b": 1}, {"a": 2, "b": 1}], {"a": 2, "b": 1}, []),
        # True is not 1.
        ([{"a": True, "b": 1}, {"a": 1, "b": 1}], {"a": True, "b": 1}, []),
        ([{"a": 1, "b": 1, "c": 3}, {"a": 1, "b": 1, "d": 4}], {"a": 1, "b": 1, "c": 3, "d": 4}, []),
    ],
)
def test_branches_are_merged_by_what_they_changed(
    branches: list[dict[str, Any]], result: dict[str, Any], conflicts: list[str]
) -> None:
    data, found = merged({"a": 1, "b": 1}, branches)

    assert {name: (type(value), value) for name, value in data.items()} == {
        name: (type(value), value) for name, value in result.items()
    }
    assert found == conflicts


# --- a call goes on although it was interrupted


@saved
@pytest.mark.parametrize("order", [("choose", "beside"), ("beside", "choose")])
def test_a_call_that_an_error_of_its_own_interrupts_gives_no_token_to_the_join_behind_it(
    order: tuple[str, ...], saved: bool
) -> None:
    instance = Instance("direct_join", saved=saved)

    for element in order:
        instance.complete(element, how_to="error", result=1)

    assert instance.open() == ["mend"]
    instance.complete("mend")
    instance.complete("choose", how_to="pass", result=1)
    assert instance.open() == ["after"]
    instance.complete("after")
    assert instance.run.ended


def test_the_library_gives_two_tokens_to_the_join() -> None:
    instance = Stock("direct_join")

    instance.complete("choose", how_to="error", result=1)
    instance.complete("beside")

    assert sorted(instance.open()) == ["after", "mend"]


def test_the_library_takes_another_step_inside_what_is_interrupted() -> None:
    instance = Stock("throwing")

    instance.complete("choose", how_to="stop", result=1)

    assert instance.state("never") == "COMPLETED"


# --- failed work is not done work


@saved
def test_the_boundary_events_of_a_failed_call_go_on_waiting(saved: bool) -> None:
    instance = Instance("throwing", saved=saved)
    instance.complete("choose", how_to="escalate", why="x")
    # The called process must give `result` and does not: the call fails.
    instance.complete("go_on")
    instance.complete("after_doubt")

    assert [element for element, _ in instance.failures] == ["call"]
    assert instance.send("stopped")
    assert instance.open() == ["after_message"]
    instance.complete("after_message")
    assert instance.run.ended


@saved
def test_an_alert_at_a_failed_call_does_not_end_its_other_boundary_events(saved: bool) -> None:
    instance = Instance("throwing", saved=saved)
    instance.complete("choose", how_to="pass")
    assert [element for element, _ in instance.failures] == ["call"]

    assert instance.send("asked")

    assert instance.open() == ["after_asked"]
    assert instance.send("stopped")


@saved
def test_an_error_that_nobody_catches_is_a_failure(saved: bool) -> None:
    instance = Instance("uncaught", saved=saved)

    instance.complete("choose", how_to="error", why="x")

    assert [element for element, _ in instance.failures] == ["error_end"]
    assert not instance.run.ended


@saved
def test_an_error_climbs_to_the_nearest_boundary_that_knows_it(saved: bool) -> None:
    instance = Instance("climbing", saved=saved)

    instance.complete("choose", how_to="error", why="x")

    assert instance.open() == ["after_error"]
    instance.complete("after_error")
    assert instance.run.ended


# --- time


def test_a_timer_goes_by_the_clock_of_the_house_and_not_by_the_systems(clock: FixedClock) -> None:
    long_ago, far = "2001-01-01T00:00:00+08:00", "2150-01-01T00:00:00+08:00"
    clock.set("2000-01-01")

    early = Instance("papers", results={"supplement.request": {"supplement_due_at": long_ago}})
    late = Instance("papers", results={"supplement.request": {"supplement_due_at": far}})

    assert not early.fire_due()
    clock.set("2151-01-01")
    assert late.fire_due()


def test_the_librarys_timer_goes_by_the_systems_clock_and_fires_at_any_step(clock: FixedClock) -> None:
    clock.set("2000-01-01")

    instance = Stock("papers", {"supplement_due_at": "2001-01-01T00:00:00+08:00", "received": False})

    assert instance.open() == []


@saved
def test_a_timer_fires_at_its_tick_and_not_with_an_officers_work(saved: bool, clock: FixedClock) -> None:
    instance = Instance("fragile", {"moment_at": DUE, "kind": "usual"}, saved=saved)

    clock.set("2023-09-01")
    instance.complete("beside")
    assert "fragile.noted" not in instance.owner.calls()
    assert instance.fire_due()

    assert "fragile.noted" in instance.owner.calls()


def test_a_moment_that_has_passed_already_fires_at_the_next_tick(clock: FixedClock) -> None:
    past = (clock.now() - timedelta(days=1)).isoformat()
    instance = Instance("papers", results={"supplement.request": {"supplement_due_at": past}})

    assert instance.open() == ["collect"]
    assert instance.run.due_at() == datetime.fromisoformat(past)
    assert instance.fire_due()
    assert instance.run.ended


# --- process data


@pytest.mark.parametrize("value", [None, True, False, 0, -(2**63), 2**63 - 1, "", "𠮷", "\x00"])
def test_scalars_may_stand_in_process_data(value: Any) -> None:
    assert specs.extended({}, {"name": value}) == {"name": value}


@pytest.mark.parametrize("value", [1.0, [], {}, (), b"", 2**63, -(2**63) - 1, object(), "\udc00"])
def test_nothing_else_may_stand_in_process_data(value: Any) -> None:
    with pytest.raises(UnfitData):
        specs.extended({}, {"name": value})


def test_four_kilobytes_are_the_limit_of_a_tasks_data() -> None:
    fits = {"a": "x" * (specs.MAX_DATA_BYTES - len('{"a":""}'))}

    assert specs.extended({}, fits) == fits
    with pytest.raises(UnfitData):
        specs.extended(fits, {"b": 1})


@saved
def test_branches_that_bring_too_much_together_fail_at_the_join(saved: bool) -> None:
    instance = Instance("rounds", saved=saved)

    instance.complete("left", left="x" * 3000)
    instance.complete("right", right="x" * 3000)

    assert [element for element, _ in instance.failures] == ["join"]
    assert instance.open() == []


@saved
def test_branches_that_bring_too_much_together_do_not_end_without_one_of_them(saved: bool) -> None:
    instance = Instance("branches", saved=saved)
    instance.complete("begin")

    instance.complete("left", left="x" * 3000)
    instance.complete("middle")
    instance.complete("right", right="x" * 3000)
    instance.retry()

    assert [element for element, _ in instance.failures] == ["right_end", "right_end"]
    assert not instance.run.ended


# --- one spec for all instances and threads


def _content(value: Any, seen: dict[int, int]) -> Any:
    """Everything that hangs on `value`, comparable."""
    if isinstance(value, str | int | float | bool | type(None) | type):
        return value
    if id(value) in seen:
        return f"seen {seen[id(value)]}"
    seen[id(value)] = len(seen)
    if isinstance(value, dict):
        return [(_content(key, seen), _content(item, seen)) for key, item in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [_content(item, seen) for item in value]
    if hasattr(value, "__dict__"):
        return (type(value).__name__, _content(vars(value), seen))
    return repr(value)


@contextmanager
def _sealed(monkeypatch: pytest.MonkeyPatch, shared: set[int]) -> Iterator[None]:
    """Whoever sets an attribute of a shared spec fails."""

    def refuse(self: object, name: str, value: object) -> None:
        assert id(self) not in shared, f"{type(self).__name__}.{name} is written while an instance runs"
        object.__setattr__(self, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(TaskSpec, "__setattr__", refuse, raising=False)
        patch.setattr(EventDefinition, "__setattr__", refuse, raising=False)
        yield


def _lead(instance: Instance) -> tuple[Any, ...]:
    instance.complete("first_review", outcome="supplement")
    instance.complete("collect")
    instance.send("case_redispatched")
    for outcome in ("send_back", "pass"):
        instance.complete("first_review", outcome="pass")
        instance.complete("second_review", outcome=outcome)
    instance.complete("deliver")
    assert instance.run.ended
    return (instance.data, instance.owner.log, process(instance.run).last_id)


def test_no_instance_writes_to_the_shared_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = build("service")
    parts: dict[int, int] = {}
    before = _content([shared.spec, shared.subprocess_specs], parts)

    with _sealed(monkeypatch, set(parts)):
        _lead(Instance("service", saved=True, of=shared))

    assert _content([shared.spec, shared.subprocess_specs], {}) == before


def test_many_threads_run_instances_of_one_spec_and_all_come_to_the_same_end() -> None:
    shared = build("service")

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(lambda _: _lead(Instance("service", saved=True, of=shared)), range(64)))

    assert Counter(str(end) for end in ends) == {str(ends[0]): 64}


def test_the_conditions_of_a_gateway_are_asked_in_the_order_of_the_file() -> None:
    gateway = definition("fragile").spec.task_specs["which"]

    assert [target for condition, target in gateway.cond_task_specs if condition is not None] == ["special"]
