"""What must not be published is refused with file, element and a Chinese sentence; nothing makes the check crash."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.casework import cases, escalations, instances, transfers
from engine.process.check import MAX_FAULTS, check
from engine.process.diagram import MAX_BYTES, Fault
from engine.process.specs import PARSER_CLASSES
from engine.process.vocabulary import MESSAGES, SUPPORTED
from tests.engine.process.sampling import (
    END,
    OTHER,
    START,
    boundary,
    chain,
    choice,
    flow,
    node,
    process,
    register_operators,
    sample,
    sample_files,
    service,
    user,
)


@pytest.fixture(autouse=True)
def _operators(monkeypatch: pytest.MonkeyPatch) -> None:
    register_operators(monkeypatch)


def faults_of(drawn: bytes, name: str = "drawn") -> list[Fault]:
    """The faults of one diagram on its own."""
    return check({f"{name}.bpmn": drawn}, {}).faults


def faults_after(file: str, old: str, new: str, count: int = 1) -> list[Fault]:
    """The faults of the sample library after one change in one file."""
    files = sample_files()
    text = files[file].decode()
    assert old in text, f"{old!r} is not in {file}"
    return check({**files, file: text.replace(old, new, count).encode()}, {}).faults


def assert_refused(faults: list[Fault], element: str, words: str) -> None:
    assert any(fault.element == element and words in fault.message for fault in faults), faults
    assert all(re.search("[\u4e00-\u9fff]", fault.message) and fault.message.endswith("。") for fault in faults)


def test_the_samples_have_no_fault() -> None:
    assert check(sample_files(), {}).faults == []


def test_what_the_check_allows_is_what_the_runtime_can_execute() -> None:
    assert set(SUPPORTED) == {tag.partition("}")[2] for tag in PARSER_CLASSES}


# --- one change in a valid library


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        # attributes of our extension
        ('"sample.register"', '"sample.nothing"', "register", "业务操作“sample.nothing”不存在"),
        ('implementation="sample.register"', "", "register", "没有填写业务操作"),
        ('implementation="sample.register"', 'implementation="##WebService"', "register", "没有填写业务操作"),
        ('tongban:state="accepted"', 'tongban:state="lost"', "register", "办件状态“lost”不存在"),
        ('tongban:smsSlot="acceptance"', 'tongban:smsSlot="greeting"', "register", "短信类型“greeting”不存在"),
        ('tongban:smsSlot="acceptance"', 'tongban:role="acceptor"', "register", "不能写 tongban:role"),
        ('tongban:smsSlot="acceptance"', 'tongban:colour="red"', "register", "不能写 tongban:colour"),
        ('tongban:decision="sample_table"', "", "decide_level", "没有填写决策表"),
        ('tongban:decision="sample_table"', 'tongban:decision="missing"', "decide_level", "决策表“missing”不存在"),
        ('calledElement="sample_review"', 'calledElement="missing"', "review", "流程“missing”不存在"),
        ('calledElement="sample_review"', "", "review", "没有填写被调用的流程"),
        ('calledElement="sample_review"', 'calledElement="sample_service"', "sample_service", "调用了自己"),
        # names and ids
        ('name="登记受理"', "", "register", "没有中文名称"),
        ('name="登记受理"', 'name="Register"', "register", "没有中文名称"),
        ('name="登记受理"', f'name="{"登" * 61}"', "register", "名称超过"),
        ('name="样例事项"', 'name="Sample"', "sample_service", "流程没有中文名称"),
        ('id="notify"', 'id="Notify"', "Notify", "小写英文"),
        ('id="notify"', 'id="通知"', "通知", "小写英文"),
        ('id="notify"', f'id="{"n" * 65}"', "n" * 65, "不超过 64"),
        ('<bpmn:process id="sample_service"', '<bpmn:process id="other"', "other", "流程编号与文件名"),
        ('name="是否通过？"', "", "is_passed", "没有中文名称"),
        # flows and gateways
        ('default="to_refused"', "", "is_passed", "没有默认出线"),
        ('default="to_refused"', "", "is_passed", "不予办理"),
        ('default="to_refused"', 'default="to_wait"', "is_passed", "默认出线不能带条件"),
        ('default="to_refused"', 'default="to_end"', "is_passed", "没有默认出线"),
        ('outcome == "pass" and', "outcome == &quot;passed&quot; and", "to_wait", "结果“passed”"),
        ('outcome == "pass" and', "result == &quot;pass&quot; and", "to_wait", "“result”，前面没有任何环节给出"),
        ("review_levels &gt;= 1", "open('/etc/passwd')", "to_wait", "只能调用"),
        ("review_levels &gt;= 1", "().__class__", "to_wait", "不能使用"),
        ('tFormalExpression">outcome', 'tFormalExpression" language="groovy">outcome', "to_wait", "表达式语言"),
        ('="notify" targetRef="join"', '="notify" targetRef="handle_end"', "notify_to_join", "同一层"),
        ('<bpmn:sequenceFlow id="notify_to_join" sourceRef="notify" targetRef="join" />', "", "notify", "断了"),
        ('<bpmn:sequenceFlow id="back" sourceRef="redispatched" targetRef="merge" />', "", "redispatched", "断了"),
        ('<bpmn:sequenceFlow id="fork_to_notify" sourceRef="fork" targetRef="notify" />', "", "notify", "走不到这里"),
        ('sourceRef="over" targetRef="fork"', 'sourceRef="over" targetRef="join"', "fork", "走不到这里"),
        ('<bpmn:exclusiveGateway id="over" />', '<bpmn:parallelGateway id="over" />', "over", "等不齐"),
        # events
        ("timeDate", "timeDuration", "expired", "只支持 timeDate"),
        ("timeDate", "timeCycle", "expired", "只支持 timeDate"),
        (">due_at<", ">'2024-01-01T00:00:00+08:00'<", "expired", "不能写死时刻"),
        (">due_at<", ">workday_deadline(1)<", "expired", "只能调用"),
        (">due_at<", "><", "expired", "空的"),
        (">due_at<", ">due_on<", "expired", "“due_on”，前面没有任何环节给出"),
        ('messageRef="used_message"', "", "used", "要引用一个已声明的消息"),
        ('messageRef="used_message"', 'messageRef="missing"', "used", "要引用一个已声明的消息"),
        ('name="filing_used"', 'name="已使用"', "used", "要引用一个已声明的消息"),
        ('name="filing_used"', 'name="filing_usd"', "used", "没有任何地方会发出消息“filing_usd”"),
        ('messageRef="moved_message">', 'messageRef="lost_message">', "end", "没有任何地方在等待消息“case_lost”"),
        ('attachedToRef="handle"', 'attachedToRef="wait"', "redispatched", "附在"),
        ('{"case_id": case_id}', "case_id", "end", '{"名称": 值}'),
        ('{"case_id": case_id}', '{"case_id": number}', "end", "“number”，前面没有任何环节给出"),
        ('{"case_id": case_id}', '{"case_id": exit()}', "end", "只能调用"),
    ],
)  # fmt: skip
def test_one_wrong_word_in_a_service_is_refused_where_it_stands(old: str, new: str, element: str, words: str) -> None:
    assert_refused(faults_after("sample_service.bpmn", old, new, count=2 if old == "timeDate" else 1), element, words)


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        ('tongban:role="first_reviewer"', "", "first_review", "没有填写岗位"),
        ('tongban:role="first_reviewer"', 'tongban:role="king"', "first_review", "岗位“king”不存在"),
        ('tongban:agency="handling"', "", "first_review", "没有填写机构"),
        ('tongban:agency="handling"', 'tongban:agency="nearest"', "first_review", "机构“nearest”不存在"),
        ('tongban:form="review"', "", "first_review", "没有填写表单"),
        ('tongban:form="review"', 'tongban:form="poem"', "first_review", "表单“poem”不存在"),
        ('tongban:state="awaiting_first_review"', 'tongban:state=" lost "', "first_review", "办件状态“lost”不存在"),
        ('"acceptance second_review"', '"acceptance third_review"', "first_review", "“third_review”不是任何用户任务"),
        ('"acceptance second_review"', '"is_second_needed"', "first_review", "“is_second_needed”不是任何用户任务"),
        ('"acceptance second_review"', '"first_review"', "first_review", "不能写自己"),
        ('isExecutable="false"', 'isExecutable="true"', "sample_review", 'isExecutable="false"'),
        ("<bpmn:dataInputRefs>case_id</bpmn:dataInputRefs>", "", "sample_review", None),
        ("<bpmn:dataOutputRefs>outcome</bpmn:dataOutputRefs>", "", "sample_review", "不能为空"),
        ("<bpmn:dataOutputRefs>outcome</bpmn:dataOutputRefs>", "<bpmn:dataOutputRefs>nothing</bpmn:dataOutputRefs>",
         "sample_review", "不能为空"),
        ("review_levels &gt;= 2", "amount_cents &gt;= 2", "to_second_review", "“amount_cents”，前面没有任何环节给出"),
    ],
)  # fmt: skip
def test_one_wrong_word_in_a_procedure_is_refused_where_it_stands(
    old: str, new: str, element: str, words: str | None
) -> None:
    faults = faults_after("sample_review.bpmn", old, new)
    if words is None:
        assert faults == []  # a procedure may take less
    else:
        assert_refused(faults, element, words)


def test_a_procedure_says_what_goes_in_and_out() -> None:
    text = sample("sample_review.bpmn")
    bare = re.sub("<bpmn:ioSpecification.*</bpmn:ioSpecification>", "", text, flags=re.DOTALL)
    faults = check({**sample_files(), "sample_review.bpmn": bare.encode()}, {}).faults
    assert_refused(faults, "sample_review", "用 ioSpecification 说明")


def test_an_output_that_some_way_does_not_give_is_refused() -> None:
    changed = faults_after("sample_review.bpmn", 'targetRef="first_review"', 'targetRef="is_second_needed"')
    assert_refused(changed, "sample_review", "“outcome”有的结束路径上没有给出")


def test_an_input_that_the_caller_does_not_have_is_refused_at_the_call() -> None:
    faults = faults_after("sample_table.dmn", 'name="review_levels"', 'name="levels"')
    assert_refused(faults, "review", "被调用流程的输入“review_levels”，前面没有任何环节给出")


def test_a_condition_that_a_table_asks_for_must_be_known_before() -> None:
    faults = faults_after("sample_table.dmn", "<text>channel</text>", "<text>weather</text>")
    assert_refused(faults, "decide_level", "决策表的条件里“weather”")


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        ("[0..100000]", "amount &lt; 5", "row_small_amount", "第 1 行“金额（分）”的单元格“amount < 5”不受支持"),
        ('hitPolicy="FIRST"', 'hitPolicy="COLLECT"', "sample_table_rows", "命中策略“COLLECT”"),
        ('<decision id="sample_table"', '<decision id="other"', "other", "与文件名“sample_table”不同"),
        ('name="样例审核级别"', 'name="levels"', "sample_table", "没有中文名称"),
    ],
)
def test_a_table_outside_the_subset_is_refused_with_the_cell(old: str, new: str, element: str, words: str) -> None:
    assert_refused(faults_after("sample_table.dmn", old, new), element, words)


# --- what is not in the language


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ('<bpmn:scriptTask id="x" name="样例"><bpmn:script>import os</bpmn:script></bpmn:scriptTask>', "不允许脚本"),
        (node("task", "x"), "未定类型的任务"),
        (node("manualTask", "x"), "手工任务"),
        (node("sendTask", "x"), "发送任务"),
        (node("receiveTask", "x"), "接收任务"),
        (node("transaction", "x", START.replace("start", "inner") + END.replace('"end"', '"inner_end"')), "事务子流程"),
        (node("adHocSubProcess", "x"), "临时子流程"),
        (node("complexGateway", "x"), "复杂网关"),
        ('<bpmn:dataObject id="x" />', "数据对象"),
        ('<bpmn:dataObjectReference id="x" dataObjectRef="y" />', "数据对象"),
        ('<bpmn:dataStoreReference id="x" />', "数据存储"),
        (user("x").replace("></bpmn:userTask>", "><bpmn:standardLoopCharacteristics /></bpmn:userTask>"), "循环标记"),
        (
            user("x").replace("></bpmn:userTask>", "><bpmn:multiInstanceLoopCharacteristics /></bpmn:userTask>"),
            "多实例标记",
        ),
        (user("x").replace("></bpmn:userTask>", "><bpmn:ioSpecification /></bpmn:userTask>"), "ioSpecification"),
        (user("x").replace("></bpmn:userTask>", "><bpmn:potentialOwner /></bpmn:userTask>"), "办理人"),
        (user("x", isForCompensation="true"), "补偿"),
        (user("x", camunda__assignee="demo"), "Camunda 的扩展属性“assignee”"),
        (service("x", camunda__expression="${a}"), "Camunda 的扩展属性“expression”"),
        (node("subProcess", "x", START + END, triggeredByEvent="true"), "事件子流程"),
        (node("endEvent", "x", "<bpmn:signalEventDefinition />"), "信号结束事件"),
        (node("endEvent", "x", "<bpmn:terminateEventDefinition />"), "“终止”"),
        (node("endEvent", "x", "<bpmn:cancelEventDefinition />"), "“取消”"),
        (node("startEvent", "x", "<bpmn:messageEventDefinition />"), "“消息”"),
        (node("startEvent", "x", "<bpmn:timerEventDefinition />"), "“定时”"),
        (node("intermediateCatchEvent", "x"), "“普通”"),
        (node("intermediateCatchEvent", "x", "<bpmn:conditionalEventDefinition />"), "“条件”"),
        (node("intermediateThrowEvent", "x", "<bpmn:linkEventDefinition />"), "“链接”"),
        (node("intermediateThrowEvent", "x", "<bpmn:compensateEventDefinition />"), "“补偿”"),
        (
            node("intermediateCatchEvent", "x", "<bpmn:messageEventDefinition /><bpmn:timerEventDefinition />"),
            "只能有一种触发",
        ),
        (node("intermediateCatchEvent", "x", "<bpmn:timerEventDefinition />"), "只支持 timeDate"),
        (node("eventBasedGateway", "x", eventGatewayType="Parallel", instantiate="true"), "先到先走"),
        (node("boundaryEvent", "x", "<bpmn:errorEventDefinition />", attachedToRef="work"), "只能附在子流程或调用活动"),
        ("<bpmn:userTask name='样例' />", "没有编号"),
    ],
)
def test_elements_outside_the_supported_ones_are_refused_by_name(element: str, words: str) -> None:
    drawn = process(START, user("work"), element, END, chain("start", "work", "end"))
    assert any(words in fault.message for fault in faults_of(drawn)), faults_of(drawn)


SCRIPTS = [
    "<spiffworkflow:preScript>import os</spiffworkflow:preScript>",
    "<spiffworkflow:postScript>import os</spiffworkflow:postScript>",
    "<spiffworkflow:unitTests />",
    '<spiffworkflow:serviceTaskOperator id="x" />',
    "<spiffworkflow:calledDecisionId>x</spiffworkflow:calledDecisionId>",
    '<spiffworkflow:properties><spiffworkflow:property name="a" value="b" /></spiffworkflow:properties>',
    "<camunda:script scriptFormat='groovy'>1</camunda:script>",
    "<camunda:executionListener event='start' class='x' />",
    "<camunda:taskListener event='create' class='x' />",
    "<camunda:connector />",
    "<camunda:inputOutput><camunda:script /></camunda:inputOutput>",
    "<spiffworkflow:messagePayload>{}</spiffworkflow:messagePayload>",
]


@pytest.mark.parametrize("extension", SCRIPTS)
@pytest.mark.parametrize("place", ["task", "flow", "process"])
def test_no_extension_executes_anything(extension: str, place: str) -> None:
    extended = f"<bpmn:extensionElements>{extension}</bpmn:extensionElements>"
    task = node("userTask", "work", extended if place == "task" else "", **{"tongban:role": "acceptor"})
    way = flow("start", "work").replace("</", f"{extended if place == 'flow' else ''}</")
    drawn = process(extended if place == "process" else "", START, task, END, way, flow("work", "end"))
    named = re.search(r":(\w+)", extension)
    assert named is not None
    assert any(named[1] in fault.message for fault in faults_of(drawn)), faults_of(drawn)


FOREIGN = '<bpmn:extensionElements><other:x xmlns:other="urn:other">{}</other:x></bpmn:extensionElements>'


@pytest.mark.parametrize(
    "hidden",
    [
        FOREIGN.format('<bpmn:process id="evil" />'),
        FOREIGN.format("<bpmn:conditionExpression>1</bpmn:conditionExpression>"),
        '<bpmn:documentation><bpmn:message id="evil" name="other" /></bpmn:documentation>',
    ],
)
def test_nothing_can_be_hidden_where_only_the_library_looks(hidden: str) -> None:
    """SpiffWorkflow searches for processes, messages and conditions at any depth."""
    drawn = process(hidden, START, END, chain("start", "end"))
    assert any("不能写在这里" in fault.message for fault in faults_of(drawn))


@pytest.mark.parametrize(
    "beside",
    [
        '<bpmn:import namespace="a" location="http://example.com/x" importType="x" />',
        '<bpmn:dataStore id="d" name="d" />',
        '<bpmn:correlationProperty id="c" />',
    ],
)
def test_nothing_but_messages_and_their_like_stands_beside_the_process(beside: str) -> None:
    drawn = process(START, END, chain("start", "end"), beside=beside)
    assert any("不支持" in fault.message for fault in faults_of(drawn))


def test_drawing_around_the_process_is_allowed() -> None:
    participant = '<bpmn:participant id="whole" name="社保" processRef="drawn" />'
    pool = f'<bpmn:collaboration id="pool">{participant}</bpmn:collaboration>'
    lane = '<bpmn:lane id="lane_one" name="窗口"><bpmn:flowNodeRef>start</bpmn:flowNodeRef></bpmn:lane>'
    lanes = f'<bpmn:laneSet id="lanes">{lane}</bpmn:laneSet>'
    note = '<bpmn:textAnnotation id="note_one"><bpmn:text>说明</bpmn:text></bpmn:textAnnotation>'
    line = '<bpmn:association id="line_one" sourceRef="start" targetRef="note_one" />'
    drawn = process(lanes, START, END, chain("start", "end"), note, line)
    drawn = drawn.replace(b"<bpmn:process", pool.encode() + b"<bpmn:process")
    assert faults_of(drawn) == []


def test_an_element_that_breaks_the_schema_is_refused_with_its_line() -> None:
    drawn = process(START, END, chain("start", "end"), "<bpmn:sequenceFlow id='loose' sourceRef='start' />")
    assert_refused(faults_of(drawn), "loose", "不符合 BPMN 2.0 的格式")


def test_an_id_that_stands_twice_is_refused() -> None:
    drawn = process(START, END, END, chain("start", "end"))
    assert any("不符合 BPMN 2.0 的格式" in fault.message for fault in faults_of(drawn))


# --- the graph


def test_a_process_has_one_beginning_and_an_end() -> None:
    assert_refused(faults_of(process(END)), "drawn", "只有一个开始事件，这里有 0 个")
    assert_refused(faults_of(process(START, node("startEvent", "again"), END)), "drawn", "这里有 2 个")
    assert_refused(faults_of(process(START, user("work"), chain("start", "work"))), "drawn", "没有结束事件")


def test_a_task_has_one_way_out() -> None:
    drawn = process(START, user("work"), END, OTHER, chain("start", "work", "end"), flow("work", "other"))
    assert_refused(faults_of(drawn), "work", "只能有一条出线")


def test_nothing_leads_out_of_an_end_or_into_a_start() -> None:
    drawn = process(START, user("work"), END, chain("start", "work", "end", "start"))
    assert_refused(faults_of(drawn), "end", "后面不能再有连线")
    assert_refused(faults_of(drawn), "start", "前面不能有连线")


def test_a_circle_without_a_way_out_is_refused() -> None:
    nodes = [START, choice("choose", "end"), END, user("first"), user("second")]
    flows = [
        chain("start", "choose", "end"),
        flow("choose", "first", "case_id == 1"),
        chain("first", "second", "first"),
    ]
    assert_refused(faults_of(process(*nodes, *flows)), "first", "走不到结束事件")


def test_a_condition_stands_behind_a_choosing_gateway_only() -> None:
    drawn = process(START, END, flow("start", "end", "case_id == 1"))
    assert_refused(faults_of(drawn), "start_to_end", "只有排他网关和包容网关")


def test_an_inclusive_gateway_is_allowed_once_and_refused_in_a_loop() -> None:
    split = node("inclusiveGateway", "split", default="split_to_join")
    nodes = [START, split, user("work"), node("inclusiveGateway", "join"), END]
    flows = [flow("split", "work", "case_id == 1"), chain("split", "join"), chain("work", "join")]
    around = [node("exclusiveGateway", "back"), choice("again", "end"), chain("start", "back", "split")]
    around += [chain("join", "again", "end"), flow("again", "back", 'outcome == "send_back"')]

    once = faults_of(process(*nodes, *flows, chain("start", "split"), chain("join", "end")))
    looped = faults_of(process(*nodes, *flows, *around))

    assert once == []
    assert_refused(looped, "split", "循环里不能用包容网关")
    assert_refused(looped, "join", "循环里不能用包容网关")


def event_gateway(*catches: str) -> bytes:
    gate = node("eventBasedGateway", "wait")
    ids = re.findall(r'Event id="(\w+)"', "".join(catches))
    flows = [part for id_ in ids for part in (flow("wait", id_), flow(id_, "merge"))]
    messages = '<bpmn:message id="one" name="case_withdrawn" /><bpmn:message id="two" name="case_voided" />'
    nodes = [START, service("ask", "sample.register"), gate, *catches, node("exclusiveGateway", "merge"), END]
    return process(*nodes, chain("start", "ask", "wait"), *flows, flow("merge", "end"), beside=messages)


def timer(id_: str) -> str:
    inside = "<bpmn:timerEventDefinition><bpmn:timeDate>due_at</bpmn:timeDate></bpmn:timerEventDefinition>"
    return node("intermediateCatchEvent", id_, inside)


def message(id_: str, reference: str) -> str:
    return node("intermediateCatchEvent", id_, f'<bpmn:messageEventDefinition messageRef="{reference}" />')


def test_an_event_gateway_has_at_most_one_timer() -> None:
    assert faults_of(event_gateway(timer("late"), message("came", "one"), message("went", "two"))) == []
    assert_refused(faults_of(event_gateway(timer("late"), timer("later"))), "wait", "最多一个定时")


def test_an_event_gateway_waits_for_different_events_and_at_least_two() -> None:
    assert_refused(faults_of(event_gateway(message("came", "one"), message("went", "one"))), "wait", "同一个消息")
    assert_refused(faults_of(event_gateway(timer("late"))), "wait", "两个以上")


TOLD = '<bpmn:message id="one" name="case_withdrawn" />'
MESSAGE = '<bpmn:messageEventDefinition messageRef="one" />'


def test_a_join_behind_a_choice_waits_for_ever_and_a_merge_does_not() -> None:
    nodes = [START, choice("choose", "join"), user("work"), END, flow("choose", "work", "case_id == 1")]
    flows = [chain("start", "choose", "join", "end"), chain("work", "join")]
    assert_refused(faults_of(process(*nodes, node("parallelGateway", "join"), *flows)), "join", "等不齐")
    assert faults_of(process(*nodes, node("exclusiveGateway", "join"), *flows)) == []


def test_a_join_that_an_interrupting_boundary_can_rob_of_a_branch_is_refused() -> None:
    nodes = [START, node("parallelGateway", "fork"), user("work"), user("second"), node("parallelGateway", "join"), END]
    flows = [chain("start", "fork", "work", "join", "end"), chain("fork", "second", "join"), chain("left", "other")]
    robbed = process(*nodes, OTHER, *flows, boundary("left", "work", MESSAGE), beside=TOLD)
    beside_it = process(*nodes, OTHER, *flows, boundary("left", "work", MESSAGE, cancelActivity="false"), beside=TOLD)
    assert_refused(faults_of(robbed), "join", "等不齐")
    assert faults_of(beside_it) == []


def test_parallel_branches_that_are_merged_without_a_join_are_refused() -> None:
    nodes = [START, node("parallelGateway", "fork"), user("work"), user("second"), user("deliver"), END]
    flows = [chain("start", "fork", "work", "merge", "deliver", "end"), chain("fork", "second", "merge")]
    assert_refused(faults_of(process(*nodes, node("exclusiveGateway", "merge"), *flows)), "deliver", "重复办理")
    assert faults_of(process(*nodes, node("parallelGateway", "merge"), *flows)) == []


def test_a_side_branch_may_start_again_while_the_work_goes_round() -> None:
    reminded = boundary("late", "work", MESSAGE, cancelActivity="false")
    nodes = [START, node("exclusiveGateway", "back"), user("work"), choice("again", "end"), END, user("remind"), OTHER]
    flows = [chain("start", "back", "work", "again", "end"), chain("late", "remind", "other")]
    flows += [flow("again", "back", 'outcome == "send_back"')]
    assert faults_of(process(*nodes, reminded, *flows, beside=TOLD)) == []


def test_the_known_messages_are_those_of_case_work_and_of_the_transfer() -> None:
    sent = {cases.WITHDRAWN, cases.VOIDED, transfers.WITHDRAWN, escalations.WITHDRAWN, instances.FILING_USED}
    assert sent | {"case_redispatched"} == set(MESSAGES)


def test_an_error_must_be_caught_around_the_process_that_throws_it() -> None:
    declared = '<bpmn:error id="failed" name="失败" errorCode="examination_failed" />'
    error = '<bpmn:errorEventDefinition errorRef="failed" />'
    inner = node("startEvent", "inner_start") + node("endEvent", "inner_end", error) + chain("inner_start", "inner_end")
    nodes = [START, node("subProcess", "examine", inner), END, chain("start", "examine", "end")]
    caught = [boundary("caught", "examine", error), OTHER, chain("caught", "other")]
    assert_refused(faults_of(process(*nodes, beside=declared)), "inner_end", "没有任何外层边界事件接住")
    assert faults_of(process(*nodes, *caught, beside=declared)) == []


def test_an_escalation_in_a_procedure_must_be_caught_by_everyone_who_calls_it() -> None:
    declared = '<bpmn:escalation id="raised" name="升级" escalationCode="help_wanted" />'
    thrown = node("intermediateThrowEvent", "ask", '<bpmn:escalationEventDefinition escalationRef="raised" />')
    text = sample("sample_review.bpmn").replace('targetRef="first_review" />', f'targetRef="ask" />{thrown}')
    text = text.replace("</bpmn:process>", f"{chain('ask', 'first_review')}</bpmn:process>{declared}")
    faults = check({**sample_files(), "sample_review.bpmn": text.encode()}, {}).faults
    assert [fault.element for fault in faults] == ["ask"]
    assert_refused(faults, "ask", "没有任何外层边界事件接住")


# --- the data


def test_a_name_given_on_one_way_only_cannot_be_read_behind_the_merge() -> None:
    nodes = [START, choice("choose", "merge"), service("ask", "sample.register"), node("exclusiveGateway", "merge")]
    nodes += [choice("decide", "end"), END, OTHER]
    flows = [chain("start", "choose", "merge", "decide", "end"), chain("ask", "merge")]
    flows += [flow("choose", "ask", "case_id == 1")]

    read = faults_of(process(*nodes, *flows, flow("decide", "other", 'channel == "bank"')))
    guarded = faults_of(process(*nodes, *flows, flow("decide", "other", 'case_id == 1 and channel == "bank"')))

    assert_refused(read, "decide_to_other", "“channel”，前面有的路径上没有给出")
    assert guarded == []


def test_what_both_branches_of_a_fork_give_is_there_behind_the_join() -> None:
    nodes = [START, node("parallelGateway", "fork"), service("ask", "sample.register"), user("work"), END, OTHER]
    flows = [chain("start", "fork", "ask", "join", "decide", "end"), chain("fork", "work", "join")]
    condition = flow("decide", "other", 'channel == "bank" and outcome == "pass"')
    drawn = process(*nodes, node("parallelGateway", "join"), choice("decide", "end"), *flows, condition)
    assert faults_of(drawn) == []


def test_what_an_interrupted_sub_process_gave_is_not_there_behind_its_boundary() -> None:
    inner = node("startEvent", "inner_start") + service("ask", "sample.register") + node("endEvent", "inner_end")
    inner += chain("inner_start", "ask", "inner_end")
    nodes = [START, node("subProcess", "examine", inner), boundary("left", "examine", MESSAGE), END, OTHER]
    nodes += [choice("decide", "end"), flow("decide", "other", 'channel == "bank"')]

    behind_boundary = [chain("start", "examine", "end"), chain("left", "decide", "end")]
    behind_sub_process = [chain("start", "examine", "decide", "end"), chain("left", "end")]

    faults = faults_of(process(*nodes, *behind_boundary, beside=TOLD))
    assert_refused(faults, "decide_to_other", "“channel”，前面没有任何环节给出")
    assert faults_of(process(*nodes, *behind_sub_process, beside=TOLD)) == []


# --- several files


def test_a_change_in_a_procedure_is_checked_against_those_that_call_it() -> None:
    files = sample_files()
    changed = files["sample_review.bpmn"].replace(b'id="review_levels"', b'id="weather"').replace(
        b">review_levels<", b">weather<").replace(b"review_levels &gt;= 2", b"weather == 2")  # fmt: skip
    faults = check({"sample_review.bpmn": changed}, files).faults
    assert [(fault.file, fault.element) for fault in faults] == [("sample_service.bpmn", "review")]


def test_faults_of_diagrams_that_have_nothing_to_do_with_the_files_are_not_reported() -> None:
    known = {**sample_files(), "broken.bpmn": process(START, name="broken")}
    assert check({"sample_review.bpmn": sample_files()["sample_review.bpmn"]}, known).faults == []


def test_processes_that_call_each_other_are_refused() -> None:
    sets = (
        "<bpmn:inputSet><bpmn:dataInputRefs>case_id</bpmn:dataInputRefs></bpmn:inputSet>"
        "<bpmn:outputSet><bpmn:dataOutputRefs>case_id</bpmn:dataOutputRefs></bpmn:outputSet>"
    )
    data = f'<bpmn:ioSpecification><bpmn:dataInput id="case_id" />{sets}</bpmn:ioSpecification>'

    def calling(name: str, other: str) -> bytes:
        call = node("callActivity", "call", calledElement=other)
        drawn = process(data, START, call, END, chain("start", "call", "end"), name=name)
        return drawn.replace(b'isExecutable="true"', b'isExecutable="false"')

    faults = check({"one.bpmn": calling("one", "two"), "two.bpmn": calling("two", "one")}, {}).faults
    assert_refused(faults, "one", "直接或间接调用了自己")
    assert_refused(faults, "two", "直接或间接调用了自己")


def test_two_sub_processes_of_one_definition_cannot_have_the_same_id() -> None:
    faults = faults_after("sample_service.bpmn", '"handle"', '"sample_review"', count=9)
    assert_refused(faults, "sample_review", "相同")


def test_two_files_of_one_definition_cannot_mean_different_messages_by_one_id() -> None:
    declared = '</bpmn:process><bpmn:message id="used_message" name="case_voided" />'
    assert_refused(faults_after("sample_review.bpmn", "</bpmn:process>", declared), "used_message", "请改编号")
    same = declared.replace("case_voided", "filing_used")
    assert faults_after("sample_review.bpmn", "</bpmn:process>", same) == []


def test_a_file_holds_one_process() -> None:
    two = process(START, END, chain("start", "end"), beside='<bpmn:process id="second" />')
    assert [fault.message for fault in faults_of(two)] == ["一个文件只能有一个流程，这里有 2 个。"]


@pytest.mark.parametrize(
    "name", ["Drawn.bpmn", "流程.bpmn", "drawn.xml", "drawn", "", "drawn.bpmn.txt", "../drawn.exe", "a" * 65 + ".dmn"]
)
def test_a_file_is_named_after_its_process(name: str) -> None:
    faults = check({name: process(START, END, chain("start", "end"))}, {}).faults
    assert any("文件名应为" in fault.message for fault in faults)


def test_a_process_and_a_table_cannot_share_an_id() -> None:
    table = sample_files()["sample_table.dmn"].replace(b'"sample_table"', b'"sample_review"')
    assert check({"sample_review.dmn": table}, sample_files()).faults
    assert check({"x/sample_review.bpmn": b"", "sample_review.bpmn": b""}, {}).faults


# --- files that are no diagram


BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;">]><bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL">
&lol3;</bpmn:definitions>"""
NAMESPACE = b'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BILLION_LAUGHS, "DOCTYPE、实体声明或外部引用"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "DOCTYPE"),
        (b'<!DOCTYPE a PUBLIC "a" "http://example.com/a.dtd"><a/>', "DOCTYPE"),
        (b"<!DOCTYPE a><a/>", "DOCTYPE"),
        (b"<a>&undeclared;</a>", "不是完整的 XML"),
        (b"", "不是完整的 XML"),
        (b"not xml", "不是完整的 XML"),
        (b"<a>", "不是完整的 XML"),
        (b"<a></b>", "不是完整的 XML"),
        (b'<a b="1" b="2"/>', "不是完整的 XML"),
        (b"<a/><a/>", "不是完整的 XML"),
        (b"<a>\x00</a>", "不是完整的 XML"),
        (b"<a/>", "没有 BPMN 2.0 流程"),
        (b"<definitions/>", "没有 BPMN 2.0 流程"),
        (b"<definitions " + NAMESPACE + b"/>", "没有 BPMN 2.0 流程"),
        (b"<definitions " + NAMESPACE + b"><process/></definitions>", "流程没有编号"),
        (b"<process " + NAMESPACE + b"/>", "没有 BPMN 2.0 流程"),
        (process(START).decode().encode("utf-16"), "不是 UTF-8"),
        (process(START).decode().encode("gbk"), "不是 UTF-8"),
        (b"\xff\xfe\x00\x00", "不是 UTF-8"),
        (b'<?xml version="1.0" encoding="GBK"?><a/>', "声明的编码是 GBK"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "声明的编码是 UTF-7"),
        (b"<a>" * 61 + b"</a>" * 61, "嵌套超过 60 层"),
        (b"<a>" * 300_000, "嵌套超过 60 层"),
        (b"<a>" + b"<b/>" * 30_000 + b"</a>", "元素超过 20000 个"),
        (b" " * (MAX_BYTES + 1), "超过 1 MB"),
        (b"<a " + b" ".join(b'a%d="1"' % number for number in range(50_000)) + b"/>", "没有 BPMN 2.0 流程"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_not_read(content: bytes, words: str) -> None:
    for name in ("drawn.bpmn", "drawn.dmn"):
        faults = check({name: content}, {}).faults
        assert [fault.file for fault in faults] == [name]
        assert words in faults[0].message or name == "drawn.dmn"


def test_a_byte_order_mark_is_no_fault() -> None:
    assert faults_of(b"\xef\xbb\xbf" + process(START, END, chain("start", "end"))) == []


def test_a_diagram_of_bearable_size_only_is_looked_at() -> None:
    many = process(START, END, chain("start", "end"), *(user(f"work_{number}") for number in range(250)))
    assert any("超过 200 个节点" in fault.message for fault in faults_of(many))


def test_a_long_chain_of_nodes_is_built() -> None:
    ids = [f"work_{number}" for number in range(190)]
    assert faults_of(process(START, END, *map(user, ids), chain("start", *ids, "end"))) == []


def test_sub_processes_are_nested_a_few_levels_deep_only() -> None:
    inner = ""
    for depth in range(6):
        names = (f"start_{depth}", f"inside_{depth}", f"end_{depth}")
        middle = node("subProcess", names[1], inner) if inner else user(names[1])
        inner = node("startEvent", names[0]) + middle + node("endEvent", names[2]) + chain(*names)
    assert any("嵌套超过" in fault.message for fault in faults_of(process(inner)))


def test_a_file_with_countless_faults_is_answered_briefly() -> None:
    objects = "".join(f'<bpmn:dataObject id="object_{number}" />' for number in range(900))
    drawn = process(START, END, chain("start", "end"), objects)
    faults = faults_of(drawn)
    assert len(faults) <= MAX_FAULTS + 1
    assert "没有列出" in faults[-1].message


def test_too_many_files_at_once_are_refused() -> None:
    assert any("一次最多" in fault.message for fault in check({f"a{n}.bpmn": b"" for n in range(101)}, {}).faults)


# --- whatever the bytes are


def mutations(seed: int, file: str) -> Iterator[bytes]:
    """Valid files with a few things broken: bytes, tags, attributes, pieces moved elsewhere."""
    chance = random.Random(seed)
    text = sample(file)
    for _ in range(10):
        yield _mutated(text, chance).encode("utf-8", "surrogatepass")


WORDS = [
    "userTask", "serviceTask", "scriptTask", "callActivity", "subProcess", "startEvent", "endEvent", "boundaryEvent",
    "exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "intermediateCatchEvent",
    "intermediateThrowEvent", "sequenceFlow", "process", "definitions", "message", "timerEventDefinition", "timeDate",
    "timeDuration", "messageEventDefinition", "errorEventDefinition", "ioSpecification", "dataInput",
    "extensionElements", "businessRuleTask", "conditionExpression", "start", "end", "handle", "review", "sample_review",
    "sample_service",
    "merge", "join", "fork", "outcome", "", "\x00", "&", "<", "]]>", "../../etc/passwd", "𠮷", "9" * 50, "'", "urn:x",
    "inputEntry", "outputEntry", "rule", "decisionTable", "input", "output", "text", "-", "[1..", "null",
]  # fmt: skip


def _mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 6)):
        match chance.randrange(6):
            case 0:  # another word for a word
                found = list(re.finditer(r"[A-Za-z_]+", text))
                if found:
                    old = chance.choice(found)
                    text = text[: old.start()] + chance.choice(WORDS) + text[old.end() :]
            case 1:  # an element less
                text = re.sub(r"<bpmn:\w+[^<>]*/>", lambda m: "" if chance.random() < 0.1 else m[0], text)
            case 2:  # an element twice, somewhere else
                found = list(re.finditer(r"<(\w+:?\w+)[^<>]*/>|<(\w+:?\w+)[^<>]*>[^<>]*</\2>", text))
                if found:
                    at = chance.choice(found).end()
                    text = text[:at] + chance.choice(found)[0] + text[at:]
            case 3:  # an attribute less
                text = re.sub(r' [\w:]+="[^"]*"', lambda m: "" if chance.random() < 0.05 else m[0], text)
            case 4:  # one word everywhere
                old_word = chance.choice(re.findall(r"\w+", text) or ["a"])
                text = text.replace(old_word, chance.choice(WORDS))
            case 5:  # a piece lost
                start = chance.randrange(len(text) or 1)
                text = text[:start] + text[start + chance.randrange(200) :]
    return text


@given(st.integers(min_value=0, max_value=2**32), st.sampled_from(sorted(sample_files())))
@settings(max_examples=30)
def test_no_broken_diagram_makes_the_check_raise(seed: int, file: str) -> None:
    for content in mutations(seed, file):
        assert_answered(check({file: content}, sample_files()).faults)


@given(st.binary(max_size=300), st.sampled_from(["sample_service.bpmn", "sample_table.dmn", "x.bpmn"]))
def test_no_bytes_make_the_check_raise(content: bytes, name: str) -> None:
    assert_answered(check({name: content}, sample_files()).faults)


@given(st.data())
@settings(max_examples=60)
def test_no_byte_put_into_a_valid_diagram_makes_the_check_raise(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(sorted(sample_files())))
    content = bytearray(sample_files()[file])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    assert_answered(check({file: bytes(content)}, sample_files()).faults)


@given(st.text(max_size=40))
def test_no_file_name_makes_the_check_raise(name: str) -> None:
    assert_answered(check({name: b"<a/>"}, sample_files()).faults)


def assert_answered(faults: list[Fault]) -> None:
    for fault in faults:
        assert re.search("[\u4e00-\u9fff]", fault.message)
        assert len(fault.message) <= 400
