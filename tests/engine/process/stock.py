"""The unmodified library on our samples: shows that a fault which our classes mend is really there."""

from __future__ import annotations

from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import full_tag
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.spiff.parser.process import SpiffBpmnParser
from SpiffWorkflow.util.task import TaskState

from engine.process.specs import PARSER_CLASSES
from tests.engine.process.running import library


class _Parser(SpiffBpmnParser):  # type: ignore[misc]
    """The library's, except that our service tasks can be read (they do nothing here)."""

    OVERRIDE_PARSER_CLASSES = {
        **SpiffBpmnParser.OVERRIDE_PARSER_CLASSES,
        full_tag("serviceTask"): PARSER_CLASSES[full_tag("serviceTask")],
    }


class Stock:
    """A sample run by the library alone."""

    def __init__(self, process_id: str, data: dict[str, Any] | None = None) -> None:
        parser = _Parser()
        for diagram in library().part(library().closure(process_id)).diagrams.values():
            root = etree.fromstring(etree.tostring(diagram.root))
            for process in root.iter(full_tag("process")):
                process.set("isExecutable", "true")
            parser.add_bpmn_xml(root)
        self.workflow = BpmnWorkflow(parser.get_spec(process_id), parser.get_subprocess_specs(process_id))
        self.workflow.task_tree.set_data(**{"case_id": 7, **(data or {})})
        self.workflow.do_engine_steps()

    def open(self) -> list[str]:
        return [task.task_spec.name for task in self._open()]

    def complete(self, element: str, position: int = 0, **data: Any) -> None:
        task = [task for task in self._open() if task.task_spec.name == element][position]
        task.data.update(data)
        task.run()
        self.workflow.do_engine_steps()

    def state(self, element: str) -> str:
        task = self.workflow.get_next_task(spec_name=element)
        return str(TaskState.get_name(task.state))

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.workflow.last_task.data)

    def _open(self) -> list[Any]:
        return list(self.workflow.get_tasks(state=TaskState.READY, manual=True))
