"""The state as bytes: whatever is saved and restored, and however often, goes on as if it had never been."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SpiffWorkflow.util.task import TaskState

from config.settings import PROJECT
from engine.process import codec, expressions
from engine.process.decisions import DecisionTable
from engine.process.diagram import BPMN, Definition, local_name
from engine.process.library import Library
from engine.process.operators import Scalar
from engine.process.runtime import Run
from engine.process.specs import UnfitData
from tests.conftest import FixedClock
from tests.engine.process.running import (
    DUE,
    Instance,
    Owner,
    build,
    definition,
    library,
    picture,
    process,
    tasks,
)

SHIPPED = PROJECT / "bpmn"

#: Sample -> what it starts with, besides `case_id`.
STARTS: Mapping[str, dict[str, Scalar]] = {
    "service": {},
    "papers": {},
    "examination": {},
    "filing": {},
    "rounds": {},
    "nested_rounds": {},
    "two_passes": {},
    "branches": {},
    "throwing": {},
    "direct_join": {},
    "climbing": {},
    "uncaught": {},
    "announcing": {"topic_said": "holiday"},
    "choosing": {"amount": 500},
    "fragile": {"moment_at": DUE, "kind": "special"},
    "endless": {"endless": False},
}
MESSAGES = (
    "case_redispatched",
    "case_withdrawn",
    "transfer_withdrawn",
    "filing_used",
    "announced",
    "first_call",
    "second_call",
    "asked",
    "stopped",
)
OUTCOMES = ("pass", "not_passed", "send_back", "supplement", "again")
VALUES: tuple[Scalar, ...] = (None, True, False, 0, 1, -1, "", "1", "文字", 2**53 + 1)


class Walk:
    """One instance, led by random choices: the same seed makes the same choices, whatever they meet."""

    def __init__(self, process_id: str, seed: int, *, saved: bool) -> None:
        self.choices = random.Random(seed)
        self.instance = Instance(process_id, STARTS[process_id], saved=saved, results={"fragile.operate": self._flaky})
        self.instance.owner.results["transfer.execute"] = self._flaky

    def _flaky(self, data: Mapping[str, Any]) -> Mapping[str, Scalar]:
        if self.choices.random() < 0.4:
            raise OSError("the line is down")
        return {"done_by": self.choices.randint(1, 9)}

    def step(self, clock: FixedClock) -> str:
        """Do one thing that is possible now, and say what."""
        instance, choose = self.instance, self.choices
        act = choose.choices(("complete", "send", "tick", "retry"), (8, 1, 2, 1))[0]
        if act == "send":
            message = choose.choice(self.messages())
            return f"send {message} {instance.send(message, {'used_by': 3, 'topic': 't'})}"
        if act == "tick":
            due_at = instance.run.due_at()
            clock.set(due_at) if due_at and choose.random() < 0.5 else clock.advance(hours=choose.randint(1, 20))
            return f"tick {instance.fire_due()}"
        if act == "retry":
            failed = instance.failed()
            if failed:
                instance.retry(choose.randrange(len(failed)))
            return f"retry {len(failed)}"
        return self._complete()

    def messages(self) -> Sequence[str]:
        return MESSAGES

    def result(self) -> dict[str, Scalar]:
        choose = self.choices
        return {
            "outcome": choose.choice(OUTCOMES),
            "how_to": choose.choice(("error", "escalate", "stop", "pass")),
            "why": "so",
            "looked": True,
            "result": None,
            choose.choice(("one", "two", "three")): choose.choice(VALUES),
        }

    def _complete(self) -> str:
        waiting = self.instance.run.waiting()
        if not waiting:
            return "nothing to complete"
        task = self.choices.choice(waiting)
        task_id, result = task.task_id, self.result()
        self.instance.step(lambda run: run.complete(task_id, result))
        return f"complete {task.element.id}"


@pytest.mark.parametrize("process_id", STARTS)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_a_walk_saved_before_every_step_is_the_walk_in_memory(process_id: str, seed: int) -> None:
    _walk(Walk, process_id, seed)


def _walk(kind: type[Walk], process_id: str, seed: int) -> None:
    clock = FixedClock()
    clock.set("2023-08-01T09:00")
    try:
        live, restored = kind(process_id, seed, saved=False), kind(process_id, seed, saved=True)
        _assert_same(live.instance, restored.instance)
        for _ in range(25):
            now = clock.now()
            did = live.step(clock)
            clock.set(now)
            assert restored.step(clock) == did
            _assert_same(live.instance, restored.instance)
    finally:
        clock.close()


def _assert_same(live: Instance, restored: Instance) -> None:
    assert picture(restored.run) == picture(live.run)
    assert restored.owner.log == live.owner.log
    assert restored.owner.data == live.owner.data
    assert restored.thrown == live.thrown
    assert [(element, str(error)) for element, error in restored.failures] == [
        (element, str(error)) for element, error in live.failures
    ]
    assert restored.run.due_at() == live.run.due_at()
    assert restored.run.ended is live.run.ended
    _assert_at_rest(restored)
    again = Run.restore(restored.definition, restored.run.dump(), restored.owner)
    assert picture(again) == picture(restored.run)
    assert again.dump() == restored.run.dump()


# --- the diagrams that are really used


class Guess:
    """Answers every question of a library's diagrams at random, so that all their ways are gone."""

    def __init__(self, shipped: Library, seed: int) -> None:
        self.choices = random.Random(seed)
        self.answers: dict[str, set[Scalar]] = {}
        for diagram in shipped.diagrams.values():
            for name in (*(diagram.inputs or ()), *(diagram.outputs or ())):
                self.answers.setdefault(name, set())
            for node in diagram.root.iter(f"{{{BPMN}}}timeDate", f"{{{BPMN}}}conditionExpression"):
                self._learn_from_expression(local_name(node), node.text or "")
        for table in shipped.tables.values():
            self._learn_from_table(table)
        self.messages = sorted(
            {str(node.get("name")) for one in shipped.diagrams.values() for node in one.root.iter(f"{{{BPMN}}}message")}
        )

    def _learn_from_expression(self, kind: str, text: str) -> None:
        for name in expressions.names_in(text):
            known = self.answers.setdefault(name, set())
            known |= expressions.literals_compared_with(text, name)
            if kind == "timeDate":
                known |= {f"2023-08-{day:02}T17:00:00+08:00" for day in range(1, 6)}
            elif any(sign in text for sign in "<>"):
                known |= {0, 1, 2, 3, 5}

    def _learn_from_table(self, table: DecisionTable) -> None:
        for position, column in enumerate(table.inputs):
            known = self.answers.setdefault(column.text, set())
            if column.kind == "number":
                known |= {0, 1, 5}
            for row in table.rows:
                cell = row.conditions[position]
                for tests in cell.alternatives if cell is not None else ():
                    known |= {test.value for test in tests if not isinstance(test.value, float)}

    def answer(self) -> dict[str, Scalar]:
        return {
            name: self.choices.choice(sorted(known, key=str) or [True, False])
            for name, known in sorted(self.answers.items())
            if name != "case_id"
        }


class ShippedWalk(Walk):
    def __init__(self, process_id: str, seed: int, *, saved: bool) -> None:
        self.guess = Guess(library(SHIPPED), seed)
        self.choices = self.guess.choices
        start = {"transfer_id": 1, "escalation_id": 2, "application_id": 3, **self.guess.answer()}
        self.instance = Instance(
            process_id, start, saved=saved, answer=self._answer, of=_shipped_definition(process_id)
        )

    def _answer(self, data: Mapping[str, Any]) -> dict[str, Scalar]:
        if self.choices.random() < 0.02:
            raise OSError("the line is down")
        return self.guess.answer()

    def messages(self) -> Sequence[str]:
        return self.guess.messages

    def result(self) -> dict[str, Scalar]:
        return self.guess.answer()


@cache
def _shipped_definition(process_id: str) -> Definition:
    return build(process_id, SHIPPED)


@pytest.mark.parametrize("process_id", sorted(library(SHIPPED).roots()))
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_a_walk_over_a_shipped_diagram_saved_before_every_step_is_the_walk_in_memory(
    process_id: str, seed: int
) -> None:
    _walk(ShippedWalk, process_id, seed)


def _assert_at_rest(instance: Instance) -> None:
    """Nothing can run without people; every human task was announced; an ended instance waits for nothing."""
    run = instance.run
    assert not process(run).ready
    assert not process(run).arrived
    assert [task for task in tasks(run) if task._state == TaskState.READY and not task.task_spec.manual] == []
    assert set(instance.open()) <= set(instance.owner.entries())
    if run.ended:
        assert (run.waiting(), run.due_at(), instance.failed()) == ([], None, [])
    else:
        assert run.waiting() or run.due_at() or instance.failed() or process(run).event_manager.tasks


def test_reading_and_looking_changes_nothing() -> None:
    case = Instance("service")
    state = case.run.dump()

    restored = Run.restore(case.definition, state, Owner())
    restored.waiting()
    restored.due_at()
    assert restored.ended is False

    assert restored.dump() == state


def test_the_names_of_the_process_data_keep_their_order() -> None:
    case = Instance("branches", {"z": 1, "a": 2, "m": 3})
    case.complete("begin", b=1, y=2, c=3)

    restored = Run.restore(case.definition, case.run.dump(), Owner())

    assert [list(waiting.data) for waiting in restored.waiting()] == [list(w.data) for w in case.run.waiting()]
    assert list(restored.waiting()[0].data) == ["case_id", "z", "a", "m", "b", "y", "c"]


def test_truth_values_and_numbers_stay_apart() -> None:
    case = Instance("rounds", {"flag": 1, "other": True})
    case.complete("left", flag=True, other=1)
    case.complete("right")

    restored = Run.restore(case.definition, case.run.dump(), Owner())

    data = restored.waiting()[0].data
    assert data["flag"] is True
    assert type(data["other"]) is int


def test_finished_calls_are_not_kept_and_nothing_misses_them() -> None:
    case = Instance("service", saved=True)
    case.complete("first_review", outcome="supplement")
    case.complete("collect")
    inside = [scope.spec.name for scope in process(case.run).scopes()]
    case.complete("first_review", outcome="pass")
    case.complete("second_review", outcome="pass")

    assert inside == ["service", "handle", "inspection"]
    assert [scope.spec.name for scope in process(case.run).scopes()] == ["service"]
    case.complete("deliver")
    assert case.run.ended


def test_a_case_with_a_hundred_steps_stays_small() -> None:
    case = Instance("service")
    sizes = [len(case.run.dump())]
    for _ in range(10):
        case.complete("first_review", outcome="pass")
        case.complete("second_review", outcome="send_back")
        sizes.append(len(case.run.dump()))

    assert sizes[0] < 1000
    assert max(after - before for before, after in pairwise(sizes)) < 200


def test_what_only_a_wait_needs_is_not_kept_after_it(clock: FixedClock) -> None:
    case = Instance("filing")
    waiting = zlib.decompress(case.run.dump()[1:])
    clock.set(DUE)
    case.fire_due()

    assert b"event_value" in waiting
    assert b"event_" not in zlib.decompress(case.run.dump()[1:])


def test_every_task_of_the_tree_is_kept_also_the_predicted_ones() -> None:
    case = Instance("service")

    restored = Run.restore(case.definition, case.run.dump(), Owner())

    assert len(tasks(restored)) == len(tasks(case.run))
    assert any(task._state < 8 for task in tasks(restored))


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}, object()])
def test_data_that_is_not_plain_is_never_written(value: object) -> None:
    case = Instance("service")
    process(case.run).task_tree.data["smuggled"] = value

    with pytest.raises(UnfitData):
        case.run.dump()


def test_more_data_than_a_task_may_have_is_never_written() -> None:
    case = Instance("service")
    process(case.run).task_tree.data |= {f"name_{number}": "x" * 100 for number in range(50)}

    with pytest.raises(UnfitData):
        case.run.dump()


def test_a_state_is_refused_by_another_definition() -> None:
    case = Instance("service")

    with pytest.raises(codec.UnreadableState):
        Run.restore(definition("papers"), case.run.dump(), Owner())


@given(st.binary(max_size=200))
def test_bytes_that_are_no_state_are_refused(state: bytes) -> None:
    for content in (state, bytes([codec.FORMAT]) + state, bytes([codec.FORMAT]) + zlib.compress(state)):
        with pytest.raises(codec.UnreadableState):
            Run.restore(definition("service"), content, Owner())


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_state_is_refused_or_read_but_never_breaks(data: st.DataObject) -> None:
    content = bytearray(zlib.decompress(Instance("papers").run.dump()[1:]))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        Run.restore(definition("papers"), bytes([codec.FORMAT]) + zlib.compress(content), Owner())
    except codec.UnreadableState as error:
        assert "流程状态" in str(error)


def test_a_state_written_by_the_first_format_can_be_read() -> None:
    """Stored instances outlive the code: this one was written when the format was made."""
    state = bytes.fromhex(FIRST)

    run = Run.restore(build("papers"), state, Owner())

    assert [waiting.element.id for waiting in run.waiting()] == ["collect"]
    run.complete(run.waiting()[0].task_id, {})
    assert run.ended


FIRST = (
    "0178018d90cb6ac3301045ff45db8e835e96222f0bd9749bee8c31aa3d690c8aecca0f1a42ffbdb295d06e0a1562e648f7ea32a824831d308c"
    "597fcaa63301d230c1b579534a71699494049880921c271ba6288ff71ef063c671bd697ae7b09976cffdec5b1bae8705fd741c5cf74b8c36fc"
    "1cba70fdcbffd2773e6a011bec168c74c1f0be76f46dac69c6ddc1b777e39686a482b2f4b37370b26e4490f1c84003851b69ec8875d792427f"
    "4517032e80c12db1302b93711e068797386eddce58db891484532e32bacf287f65baa034ee27ba8f95a4a779fe13a3b69874bf97c0633c9455"
    "0cc6f50beac5ba19ff11690cf06d44c672108904039648aa0729fe20ad416daad1a0ab757d03258184fd"
)
