"""The part of BPMN that diagrams may use (支持的元素): everything that is not named here is refused at publish."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Flow nodes by BPMN's local name. The README lists them.
SUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "startEvent": "开始事件",
        "endEvent": "结束事件",
        "userTask": "用户任务",
        "serviceTask": "服务任务",
        "businessRuleTask": "业务规则任务",
        "callActivity": "调用活动",
        "subProcess": "内嵌子流程",
        "exclusiveGateway": "排他网关",
        "parallelGateway": "并行网关",
        "inclusiveGateway": "包容网关",
        "eventBasedGateway": "事件网关",
        "intermediateCatchEvent": "中间捕获事件",
        "intermediateThrowEvent": "中间抛出事件",
        "boundaryEvent": "边界事件",
    }
)

#: What may trigger or end each kind of event; "" is the plain event without a definition.
EVENTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "startEvent": frozenset({""}),
        "endEvent": frozenset({"", "message", "error", "escalation"}),
        "intermediateCatchEvent": frozenset({"message", "timer", "signal"}),
        "intermediateThrowEvent": frozenset({"", "message", "signal", "escalation"}),
        "boundaryEvent": frozenset({"message", "timer", "signal", "error", "escalation"}),
    }
)
EVENT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "": "普通",
        "message": "消息",
        "timer": "定时",
        "signal": "信号",
        "error": "错误",
        "escalation": "升级",
        "terminate": "终止",
        "cancel": "取消",
        "compensate": "补偿",
        "conditional": "条件",
        "link": "链接",
    }
)
CATCHING = frozenset({"intermediateCatchEvent", "boundaryEvent"})
#: Messages by which diagrams and case work talk to each other. Any other needs a diagram that throws it and one that
#: waits for it.
MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "case_redispatched": "改由其他机构办理",
        "case_withdrawn": "申请人撤回",
        "case_voided": "办件作废",
        "transfer_withdrawn": "撤回移交",
        "escalation_withdrawn": "撤回上报",
        "filing_used": "备案已使用",
    }
)
#: What case work must always be able to tell a process of this name; a service must hear all of `CASE_MESSAGES`.
CASE_MESSAGES = frozenset({"case_redispatched", "case_withdrawn", "case_voided"})
LISTENERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "case_transfer": frozenset({"transfer_withdrawn"}),
        "escalation": frozenset({"escalation_withdrawn"}),
    }
)
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway"})

#: Parts of a diagram that are not flow nodes: drawing, wiring and the declaration of a procedure's data.
PARTS = frozenset(
    {
        "process", "sequenceFlow", "documentation", "extensionElements", "incoming", "outgoing", "conditionExpression",
        "messageEventDefinition", "timerEventDefinition", "signalEventDefinition", "errorEventDefinition",
        "escalationEventDefinition", "timeDate",
        "ioSpecification", "dataInput", "dataOutput", "inputSet", "outputSet", "dataInputRefs", "dataOutputRefs",
        "textAnnotation", "text", "association", "group", "category", "categoryValue",
        "laneSet", "lane", "childLaneSet", "flowNodeRef",
    }
)  # fmt: skip

#: What may stand beside the process. Whatever is drawn (BPMNDiagram) is not looked at.
TOP = frozenset({"process", "message", "signal", "error", "escalation", "collaboration", "category", "itemDefinition"})
#: Parts of `collaboration`: a pool around the process is drawing.
POOL = frozenset({"participant", "documentation", "extensionElements"})

#: Names for what is refused, in the sentence that refuses it.
UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "task": "未定类型的任务",
        "manualTask": "手工任务",
        "scriptTask": "脚本任务",
        "sendTask": "发送任务",
        "receiveTask": "接收任务",
        "transaction": "事务子流程",
        "adHocSubProcess": "临时子流程",
        "complexGateway": "复杂网关",
        "dataObject": "数据对象",
        "dataObjectReference": "数据对象",
        "dataStoreReference": "数据存储",
        "property": "流程属性",
        "dataInputAssociation": "数据输入关联",
        "dataOutputAssociation": "数据输出关联",
        "standardLoopCharacteristics": "循环标记",
        "multiInstanceLoopCharacteristics": "多实例标记",
        "timeDuration": "时长定时（timeDuration）",
        "timeCycle": "循环定时（timeCycle）",
        "script": "脚本",
        "potentialOwner": "BPMN 的办理人设置",
        "humanPerformer": "BPMN 的办理人设置",
        "performer": "BPMN 的办理人设置",
        "rendering": "BPMN 的表单设置",
        "auditing": "审计设置",
        "monitoring": "监控设置",
    }
)

#: Namespaces whose extensions other engines execute; ours does not, so they would promise what never happens.
ENGINE_NAMESPACES: Mapping[str, str] = MappingProxyType(
    {
        "http://spiffworkflow.org/bpmn/schema/1.0/core": "SpiffWorkflow",
        "http://camunda.org/schema/1.0/bpmn": "Camunda",
        "http://camunda.org/schema/zeebe/1.0": "Zeebe",
        "http://activiti.org/bpmn": "Activiti",
        "http://flowable.org/bpmn": "Flowable",
    }
)
#: Extensions that we do execute: expressions and variables of messages, errors and escalations.
PAYLOADS = frozenset({"messagePayload", "payloadExpression"})
VARIABLES = frozenset({"messageVariable", "variableName"})
SCRIPTS = frozenset({"preScript", "postScript", "script", "unitTests", "executionListener", "taskListener"})
