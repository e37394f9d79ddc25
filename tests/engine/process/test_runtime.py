"""The runtime: until only people, messages or moments are waited for, live and with every step saved and restored."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.errors import CannotProceed
from engine.process import runtime
from engine.process.runtime import MAX_STEPS, MAX_VISITS, NotWaiting, Run
from engine.process.specs import UnfitData
from tests.conftest import FixedClock
from tests.engine.process.running import DUE, WARNING, Instance, Owner, changed, definition, process, tasks

saved = pytest.mark.parametrize("saved", [False, True], ids=["live", "saved"])


# --- the way of a case


@saved
def test_a_case_runs_to_its_first_human_task_and_from_there_to_its_end(saved: bool) -> None:
    case = Instance("service", saved=saved)

    case.complete("first_review", outcome="pass")
    case.complete("second_review", outcome="pass")
    case.complete("deliver")

    assert case.run.ended
    assert case.data["outcome"] == "pass"
    assert case.owner.calls() == ["acceptance.register", "dispatch.assign", "case.complete"]
    assert case.run.waiting() == []


@saved
def test_the_owner_hears_of_each_human_task_exactly_once(saved: bool) -> None:
    case = Instance("service", saved=saved)

    case.complete("first_review", outcome="pass")
    case.complete("second_review", outcome="send_back")
    case.complete("first_review", outcome="pass")

    assert case.owner.entries() == ["first_review", "second_review", "first_review", "second_review"]
    assert len({case.task_id("second_review")}) == 1


def test_the_owner_hears_of_a_finished_task_when_its_results_are_in_the_process_data() -> None:
    case = Instance("papers")

    assert case.owner.log[:2] == [("call", "supplement.request"), ("finished", "request")]
    assert case.owner.data[0]["supplement_due_at"] == DUE
    case.complete("collect", handed_in=3)
    assert case.owner.data[1]["handed_in"] == 3


@saved
def test_a_task_that_is_not_open_cannot_be_completed(saved: bool) -> None:
    case = Instance("service", saved=saved)
    first = case.task_id("first_review")
    case.complete("first_review", outcome="pass")

    for task_id in (first, "0123456789abcdef-5", first.split("-")[0] + "-999", "", "-", "x-y", first + "²"):
        with pytest.raises(NotWaiting):
            case.run.complete(task_id, {"outcome": "pass"})
    assert case.open() == ["second_review"]


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}, datetime(2023, 8, 1), b"x", 2**63, "x" * 5000, "\ud800"])
def test_a_result_that_may_not_stand_in_process_data_is_refused_and_the_task_stays_open(value: object) -> None:
    case = Instance("service")
    before = case.run.dump()

    with pytest.raises(UnfitData):
        case.run.complete(case.task_id("first_review"), {"outcome": value})  # type: ignore[dict-item]

    assert case.run.dump() == before


def test_an_instance_cannot_begin_with_data_that_may_not_stand_in_process_data() -> None:
    with pytest.raises(UnfitData):
        Run.start(definition("service"), {"case_id": 7, "lines": []}, Owner())  # type: ignore[dict-item]


def test_two_instances_of_one_definition_never_share_a_task_id() -> None:
    one, other = Instance("service"), Instance("service")

    assert one.task_id("first_review") != other.task_id("first_review")
    with pytest.raises(NotWaiting):
        other.run.complete(one.task_id("first_review"), {})


@saved
def test_a_called_process_gets_its_inputs_and_gives_back_its_outputs_alone(saved: bool) -> None:
    case = Instance("service", {"reason": "kept outside"}, saved=saved)

    inside = case.run.waiting()[0].data
    case.complete("first_review", outcome="pass", note="stays inside")
    case.complete("second_review", outcome="pass")

    assert dict(inside) == {"case_id": 7}
    assert case.data == {"case_id": 7, "reason": "kept outside", "outcome": "pass"}


# --- messages that interrupt


@saved
def test_a_transferred_case_comes_back_to_dispatch_each_time_whichever_task_is_open(saved: bool) -> None:
    case = Instance("service", saved=saved)
    case.complete("first_review", outcome="pass")
    assert case.open() == ["second_review"]

    assert case.send("case_redispatched")
    assert case.open() == ["first_review"]
    case.complete("first_review", outcome="supplement")
    assert case.open() == ["collect"]
    assert case.run.due_at() == datetime.fromisoformat(DUE)
    assert case.send("case_redispatched")
    assert [scope.spec.name for scope in process(case.run).scopes()] == ["service", "handle", "inspection"]
    assert case.run.due_at() is None
    assert case.open() == ["first_review"]
    assert case.send("case_redispatched")
    case.complete("first_review", outcome="pass")
    case.complete("second_review", outcome="pass")
    case.complete("deliver")

    assert case.run.ended
    assert case.owner.calls().count("dispatch.assign") == 4
    assert case.owner.calls()[-1] == "case.complete"
    assert not case.failures


@saved
def test_what_an_interrupted_call_wrote_is_discarded(saved: bool) -> None:
    case = Instance("service", saved=saved)
    case.complete("first_review", outcome="pass", note="of the first agency")

    case.send("case_redispatched")

    assert "outcome" not in case.run.waiting()[0].data
    assert case.data == {"case_id": 7}


@saved
def test_a_withdrawn_case_leaves_review_for_good(saved: bool) -> None:
    case = Instance("service", saved=saved)

    assert case.send("case_withdrawn")
    assert case.open() == ["deliver"]
    assert not case.send("case_withdrawn")
    assert not case.send("case_redispatched")
    case.complete("deliver")

    assert case.run.ended
    assert case.owner.calls() == ["acceptance.register", "dispatch.assign", "case.withdraw"]


@saved
def test_a_message_nobody_waits_for_changes_nothing(saved: bool) -> None:
    case = Instance("service", saved=saved)
    before = case.run.dump()

    assert case.send("transfer_withdrawn") is False

    assert case.run.dump() == before


@saved
def test_a_message_brings_only_the_names_that_its_catcher_declares(saved: bool) -> None:
    case = Instance("filing", saved=saved)
    case.complete("deliver")

    assert case.send("filing_used", {"used_by": 12, "case_id": 99})

    assert case.run.ended
    assert case.data["used_by"] == 12
    assert case.data["case_id"] == 7
    assert case.owner.calls()[-1] == "filing.mark_used"


def test_a_message_with_unfit_content_is_refused() -> None:
    case = Instance("filing")

    with pytest.raises(UnfitData):
        case.run.send("filing_used", {"used_by": [1]})  # type: ignore[dict-item]

    assert case.run.due_at() == datetime.fromisoformat(DUE)


# --- timers


@saved
def test_a_timer_interrupts_a_human_task_when_its_moment_has_come(saved: bool, clock: FixedClock) -> None:
    case = Instance("papers", saved=saved)

    clock.set("2023-08-02T16:59:59")
    assert not case.fire_due()
    assert case.open() == ["collect"]
    clock.set("2023-08-02T17:00")
    assert case.fire_due()

    assert case.run.ended
    assert case.data["received"] is False
    assert case.run.due_at() is None
    assert not case.fire_due()


@saved
def test_a_task_completed_after_its_moment_but_before_the_tick_counts(saved: bool, clock: FixedClock) -> None:
    case = Instance("papers", saved=saved)

    clock.set("2023-08-03T09:00")
    case.complete("collect")

    assert case.owner.calls() == ["supplement.request", "supplement.receive"]
    assert case.run.ended


@saved
def test_two_alerts_on_one_sub_process_fire_once_each_and_do_not_disturb_it(saved: bool, clock: FixedClock) -> None:
    transfer = Instance("examination", saved=saved)
    assert transfer.run.due_at() == datetime.fromisoformat(WARNING)

    clock.set(WARNING)
    assert transfer.fire_due()
    assert transfer.run.due_at() == datetime.fromisoformat(DUE)
    clock.set("2023-08-04T09:00")
    assert transfer.fire_due()
    assert not transfer.fire_due()
    transfer.complete("first")
    transfer.complete("second")

    assert transfer.owner.calls() == ["transfer.register", "transfer.warn", "transfer.alert", "transfer.execute"]
    assert transfer.owner.entries() == ["first", "second"]
    assert transfer.run.ended


@saved
def test_alerts_that_are_due_together_come_in_the_order_of_their_moments(saved: bool, clock: FixedClock) -> None:
    transfer = Instance("examination", saved=saved)

    clock.set("2023-08-04T09:00")
    assert transfer.fire_due()

    assert transfer.owner.calls() == ["transfer.register", "transfer.warn", "transfer.alert"]
    assert transfer.open() == ["first"]


@saved
def test_alerts_stop_waiting_when_the_sub_process_is_left(saved: bool) -> None:
    transfer = Instance("examination", saved=saved)

    assert transfer.send("transfer_withdrawn")

    assert transfer.run.due_at() is None
    assert transfer.run.ended
    assert transfer.owner.calls() == ["transfer.register", "transfer.give_back"]
    assert transfer.thrown == []


@saved
@pytest.mark.parametrize("first", ["message", "timer"])
def test_an_event_gateway_takes_what_comes_first_and_forgets_the_other(
    saved: bool, first: str, clock: FixedClock
) -> None:
    filing = Instance("filing", saved=saved)

    if first == "message":
        assert filing.send("filing_used")
        clock.set("2023-09-01")
        assert not filing.fire_due()
    else:
        clock.set(DUE)
        assert filing.fire_due()
        assert not filing.send("filing_used")
    filing.complete("deliver")

    assert filing.run.ended
    marked = "filing.mark_used" if first == "message" else "filing.expire"
    assert filing.owner.calls() == ["filing.register", "case.complete", marked]
    assert filing.run.due_at() is None


@saved
def test_one_branch_ends_while_the_other_waits_for_its_moment(saved: bool, clock: FixedClock) -> None:
    filing = Instance("filing", saved=saved)

    filing.complete("deliver")
    assert not filing.run.ended
    assert filing.open() == []
    assert filing.run.due_at() == datetime.fromisoformat(DUE)
    clock.set("2023-09-01")
    assert filing.fire_due()

    assert filing.run.ended


@saved
def test_a_moment_is_computed_when_the_wait_begins_and_stays(saved: bool, clock: FixedClock) -> None:
    moments = iter([DUE, "2024-01-01T00:00:00+08:00"])
    case = Instance(
        "papers", saved=saved, results={"supplement.request": lambda _: {"supplement_due_at": next(moments)}}
    )

    clock.set("2023-08-02T10:00")

    assert case.run.due_at() == datetime.fromisoformat(DUE)


def test_the_due_moment_is_told_in_the_time_of_the_house() -> None:
    case = Instance("papers", results={"supplement.request": {"supplement_due_at": "2023-08-02T09:00:00Z"}})

    due_at = case.run.due_at()

    assert due_at is not None
    assert due_at.isoformat() == DUE


# --- throwing


@saved
def test_a_message_thrown_at_the_end_is_handed_to_the_owner_for_others(saved: bool) -> None:
    transfer = Instance("examination", saved=saved)

    transfer.complete("first")
    transfer.complete("second")

    assert transfer.thrown == [("case_redispatched", {})]
    assert transfer.run.ended


@saved
def test_a_message_that_somebody_inside_waits_for_stays_inside(saved: bool) -> None:
    case = Instance("announcing", {"topic_said": "holiday"}, saved=saved)

    case.complete("announce")

    assert case.open() == ["after_heard"]
    assert case.run.waiting()[0].data["topic"] == "holiday"
    assert case.thrown == []
    assert case.owner.calls() == ["announce.signalled"]
    case.complete("after_heard")
    assert case.run.ended


@saved
def test_a_message_that_nobody_inside_waits_for_any_more_goes_to_others_with_its_content(saved: bool) -> None:
    case = Instance("announcing", {"topic_said": "holiday"}, saved=saved)
    case.complete("listen")

    case.complete("announce")

    assert case.thrown == [("announced", {"topic": "holiday", "case_id": 7})]
    assert case.run.ended


@saved
def test_an_error_at_the_end_of_a_called_process_goes_on_at_its_boundary_alone(saved: bool) -> None:
    case = Instance("throwing", saved=saved)

    case.complete("choose", how_to="error")

    assert case.open() == ["after_error"]
    case.complete("after_error")
    assert case.run.ended
    assert case.thrown == []


@saved
def test_an_escalation_tells_the_outside_and_goes_on(saved: bool) -> None:
    case = Instance("throwing", saved=saved)

    case.complete("choose", how_to="escalate", why="two homes")

    assert sorted(case.open()) == ["after_doubt", "go_on"]
    told = next(waiting.data for waiting in case.run.waiting() if waiting.element.id == "after_doubt")
    assert told["doubt"] == "two homes"
    assert "secret" not in told


@saved
def test_what_is_interrupted_by_its_own_message_does_not_take_another_step(saved: bool) -> None:
    case = Instance("throwing", saved=saved)

    case.complete("choose", how_to="stop")

    assert case.open() == ["after_message"]
    assert "thrower.never" not in case.owner.calls()
    case.complete("after_message")
    assert case.run.ended


@saved
def test_what_is_interrupted_does_not_take_the_step_that_stood_ready(saved: bool) -> None:
    case = Instance("racing", saved=saved)

    assert case.owner.calls() == ["racing.clear"]
    assert case.run.ended


def test_the_owner_never_hears_of_human_work_that_was_interrupted_at_once() -> None:
    service = '<serviceTask id="beside" name="beside" implementation="racing.beside" />'
    case = Instance("racing", of=changed("racing", (service, '<userTask id="beside" name="beside" />')))

    assert case.owner.entries() == []
    assert case.run.ended


def test_a_signal_that_nobody_waits_for_is_no_message_for_others() -> None:
    signal, message = (
        '<signalEventDefinition signalRef="all_signal" />',
        '<messageEventDefinition messageRef="announced_message" />',
    )
    deaf = changed("announcing", (f'"signalled">{signal}', f'"signalled">{message}'))
    case = Instance("announcing", {"topic_said": "holiday"}, of=deaf)

    case.complete("announce")

    assert case.thrown == []
    assert case.owner.calls() == ["announce.signalled"]
    case.complete("after_heard")
    assert case.run.ended


@pytest.mark.parametrize("payload", ["[1]", "topic_said", '{"share": 1 / 2}', '{"topics": [topic_said]}', "nowhere"])
def test_an_event_whose_content_may_not_be_thrown_fails(payload: str) -> None:
    odd = changed("announcing", ('{"topic": topic_said, "case_id": case_id}', payload))
    case = Instance("announcing", {"topic_said": "holiday"}, of=odd)

    case.complete("announce")

    assert [element for element, _ in case.failures] == ["say"]
    assert case.thrown == []
    assert case.open() == ["listen"]


# --- failures


@saved
def test_a_failing_operator_stops_its_branch_and_no_other(saved: bool) -> None:
    broken = CannotProceed("没有账户。")
    case = Instance("fragile", {"moment_at": DUE, "kind": "usual"}, saved=saved, results={"fragile.operate": broken})

    assert case.failures == [("operate", broken)]
    assert sorted(case.open()) == ["beside", "guarded"]
    case.complete("beside")
    case.complete("guarded")
    case.complete("look", looked=True)
    assert not case.run.ended
    case.owner.results["fragile.operate"] = {"mended": True}
    case.retry()

    assert case.run.ended
    assert case.data["mended"] is True
    assert case.owner.calls() == ["fragile.operate", "fragile.operate"]
    assert case.failures == [("operate", broken)]


@saved
def test_a_retry_that_fails_again_is_reported_again(saved: bool) -> None:
    case = Instance("fragile", {"moment_at": DUE, "kind": "usual"}, saved=saved, results={"fragile.operate": OSError()})

    case.retry()

    assert [element for element, _ in case.failures] == ["operate", "operate"]
    assert isinstance(case.failures[0][1], OSError)


@saved
def test_only_what_is_in_error_can_be_retried(saved: bool) -> None:
    case = Instance("fragile", {"moment_at": DUE, "kind": "usual"}, saved=saved, results={"fragile.operate": OSError()})
    failed = case.failed()[0]

    with pytest.raises(NotWaiting):
        case.run.retry(case.task_id("beside"))
    case.owner.results["fragile.operate"] = {}
    case.retry()
    with pytest.raises(NotWaiting):
        case.run.retry(failed)


@saved
@pytest.mark.parametrize("result", [{"amount": 1.5}, {"lines": []}, {"text": "x" * 5000}, {1: "x"}])
def test_an_operator_that_returns_unfit_data_fails_and_leaves_none_of_it(saved: bool, result: object) -> None:
    case = Instance("fragile", {"moment_at": DUE, "kind": "usual"}, saved=saved, results={"fragile.operate": result})

    ((element, error),) = case.failures

    assert element == "operate"
    assert isinstance(error, UnfitData)
    assert all(set(task.data) <= {"case_id", "kind", "moment_at"} for task in tasks(case.run))


@saved
def test_a_gateway_that_cannot_decide_fails_until_it_can(saved: bool) -> None:
    case = Instance("fragile", {"moment_at": DUE}, saved=saved)
    case.complete("beside")
    case.complete("guarded")
    case.complete("look", looked=True)

    assert [element for element, _ in case.failures] == ["which"]
    assert case.failures[0][1].code == "expression_error"  # type: ignore[attr-defined]
    assert not case.run.ended


@saved
@pytest.mark.parametrize("moment", [None, "soon", "2023-08-02", "2023-08-02T17:00", 5, True])
def test_a_timer_without_a_moment_fails_alone_and_is_dropped_with_its_task(saved: bool, moment: object) -> None:
    case = Instance("fragile", {"moment_at": moment, "kind": "usual"}, saved=saved)  # type: ignore[dict-item]

    assert [element for element, _ in case.failures] == ["moment"]
    assert sorted(case.open()) == ["beside", "guarded"]
    assert case.run.due_at() is None
    case.complete("beside")
    case.complete("guarded")
    case.complete("look", looked=True)

    assert case.run.ended
    assert case.failed() == []


@saved
def test_a_called_process_that_does_not_give_its_output_fails_at_the_call(saved: bool) -> None:
    case = Instance("fragile", {"moment_at": DUE, "kind": "special"}, saved=saved)
    case.complete("beside")
    case.complete("guarded")

    case.complete("look")

    assert [element for element, _ in case.failures] == ["check"]
    assert "looked" in str(case.failures[0][1])
    case.retry()
    assert [element for element, _ in case.failures] == ["check", "check"]
    assert case.owner.entries().count("look") == 1


def test_a_called_process_without_its_input_fails_at_the_call() -> None:
    run = Run.start(definition("choosing"), {"amount": 50}, Owner())

    assert [failure.element.id for failure in run.failures] == ["check"]
    assert run.waiting() == []


@saved
def test_a_call_that_brings_back_too_much_fails(saved: bool) -> None:
    case = Instance("throwing", {"note": "x" * 3000}, saved=saved)

    case.complete("choose", how_to="pass", result="x" * 3000)

    ((element, error),) = case.failures
    assert element == "call"
    assert isinstance(error, UnfitData)


@saved
def test_leaving_a_failed_call_leaves_nothing_of_it(saved: bool) -> None:
    case = Instance("service", saved=saved, results={"supplement.receive": {}})
    case.complete("first_review", outcome="supplement")
    case.complete("collect")
    assert [element for element, _ in case.failures] == ["papers"]

    assert case.send("case_redispatched")

    assert [scope.spec.name for scope in process(case.run).scopes()] == ["service", "handle", "inspection"]
    assert case.failed() == []
    assert case.open() == ["first_review"]


@saved
def test_leaving_a_place_through_its_boundary_leaves_its_failures_behind(saved: bool) -> None:
    case = Instance("service", saved=saved, results={"dispatch.assign": CannotProceed("没有人员。")})
    failed = case.failed()

    assert case.send("case_withdrawn")

    assert case.open() == ["deliver"]
    assert case.failed() == []
    with pytest.raises(NotWaiting):
        case.run.retry(failed[0])
    case.complete("deliver")
    assert case.run.ended


# --- loops


@saved
def test_a_loop_without_an_end_stops_with_a_failure(saved: bool) -> None:
    case = Instance("endless", {"endless": True}, saved=saved)

    case.complete("ask", outcome="begin")

    ((_, error),) = case.failures
    assert error.code == "too_many_visits"  # type: ignore[attr-defined]
    assert case.owner.calls().count("endless.work") == MAX_VISITS
    assert not case.run.ended


@saved
def test_a_human_task_is_entered_fifty_times_and_then_once_for_each_retry(saved: bool) -> None:
    case = Instance("endless", {"endless": False}, saved=saved)
    for _ in range(MAX_VISITS):
        case.complete("ask", outcome="again")

    assert case.open() == []
    assert [element for element, _ in case.failures] == ["ask"]
    case.retry()
    assert case.open() == ["ask"]
    assert case.owner.entries().count("ask") == MAX_VISITS + 1


def test_loops_within_loops_stop_after_so_many_steps() -> None:
    case = Instance("counting_often", results={"counting.count": lambda data: {"count": data.get("count", 0) + 1}})

    ((_, error),) = case.failures
    assert error.code == "too_many_visits"  # type: ignore[attr-defined]
    assert str(MAX_STEPS) in str(error)
    assert not case.run.ended


def test_a_tree_deeper_than_pythons_stack_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "MAX_VISITS", 1000)
    case = Instance("rounds")
    for _ in range(200):
        case.complete("left", left=1)
        case.complete("right", right=1)
        case.complete("decide", outcome="again")

    case.saved = True
    case.complete("right", right=2)
    case.complete("left", left=2)
    case.complete("decide", outcome="done")

    assert case.run.ended
    assert len(list(process(case.run).last_task.ancestors())) > 1000  # type: ignore[union-attr]
    assert (case.data["left"], case.data["right"]) == (2, 2)


def test_a_process_that_calls_itself_stops_with_a_failure() -> None:
    case = Instance("recursion")

    assert [element for element, _ in case.failures] == ["again"]
    assert not case.run.ended


# --- choices


@saved
def test_a_decision_table_puts_its_result_into_the_process_data(saved: bool) -> None:
    small = Instance("choosing", {"amount": 5}, saved=saved)

    assert small.open() == ["usual"]
    small.complete("usual")
    assert small.run.ended
    assert small.data["eligible"] is False


@saved
def test_all_ways_whose_condition_holds_are_taken_and_waited_for(saved: bool) -> None:
    for first, second in (("look", "ask"), ("ask", "look")):
        large = Instance("choosing", {"amount": 500}, saved=saved)
        assert sorted(large.open()) == ["ask", "look"]
        large.complete(first, looked=True)
        assert not large.run.ended
        assert large.owner.calls() == []
        large.complete(second, looked=True)
        assert large.owner.calls() == ["choosing.record"]
        assert large.run.ended


@saved
def test_ways_that_bring_too_much_together_fail_where_they_meet(saved: bool) -> None:
    case = Instance("choosing", {"amount": 500}, saved=saved)
    case.complete("look", looked="x" * 3000)
    case.complete("ask", answer="x" * 3000)

    failed = case.failed()
    case.retry()

    assert [element for element, _ in case.failures] == ["together", "together"]
    assert case.failed() == failed
    assert case.owner.calls() == []


@saved
def test_a_failed_branch_is_waited_for_where_ways_come_together(saved: bool) -> None:
    case = Instance("choosing", {"amount": 500}, saved=saved)

    # The call must bring back `looked`.
    case.complete("look")
    case.complete("ask")

    assert [element for element, _ in case.failures] == ["check"]
    assert case.owner.calls() == []
    assert not case.run.ended


# --- the owner


def test_an_owner_that_breaks_is_not_taken_for_a_failing_operator() -> None:
    owner = Owner()
    owner.entered = lambda element, task_id: 1 / 0  # type: ignore[assignment,method-assign,return-value]

    with pytest.raises(ZeroDivisionError):
        Run.start(definition("service"), {"case_id": 7}, owner)
