"""Tasks as they are sent and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.cases.schemas import CaseBrief, OfficerBrief, warning_of
from api.paging import PageQuery, page_of
from api.schemas import Choice, Code, Free, Items, Number, Schema, Text, yuan
from config.task_forms import Field, TaskForm, task_forms
from engine.casework import deadlines
from engine.casework.handovers import MOST_AT_ONCE
from engine.process.diagram import ROLES


class TaskQuery(PageQuery):
    """Which tasks."""

    scope = Choice(["pool", "mine", "done", "agency"], load_default="pool", metadata={"description": "任务范围"})
    role = Choice(list(ROLES), metadata={"description": "只列出该岗位的任务（仅任务池）"})
    service = Code(metadata={"description": "只列出该事项的任务（仅任务池）"})


class Acquisition(Schema):
    """A random task, of one role if that is said."""

    role = Choice(list(ROLES), metadata={"description": "岗位"})


class Assignment(Schema):
    """Who shall do the task, and why."""

    officer_id = Number(required=True, metadata={"description": "人员"})
    reason = Text(1000, required=True, metadata={"description": "指派理由"})


class HandOver(Schema):
    """Whose tasks go to whom, and why."""

    from_officer_id = Number(allow_none=True, load_default=None, metadata={"description": "移交人；不填为本人"})
    task_ids = Items(
        Number(), least=1, most=MOST_AT_ONCE, load_default=None, metadata={"description": "任务；不填为全部在办任务"}
    )
    to_officer_id = Number(allow_none=True, load_default=None, metadata={"description": "接收人；不填为退回任务池"})
    reason = Text(1000, required=True, metadata={"description": "移交理由"})


class HandedOverView(ma.Schema):
    """What came of one task."""

    task_id = fields.Integer(required=True)
    outcome = fields.String(required=True, metadata={"enum": ["handed_over", "refused"]})
    code = fields.String(allow_none=True, required=True)
    message = fields.String(allow_none=True, required=True)


class HandOverOutcomes(ma.Schema):
    """What came of each task, in the order of their ids."""

    outcomes = fields.List(fields.Nested(HandedOverView), required=True)


class Completion(Schema):
    """What the task ends with. `version` is the one the officer saw."""

    outcome = Code(required=True, metadata={"description": "办理结论"})
    opinion = Text(2000, allow_none=True, load_default=None, metadata={"description": "办理意见"})
    fields_ = Free(
        load_default=dict, data_key="fields", attribute="fields", metadata={"description": "表单内容，见任务的 form"}
    )
    version = Number(allow_none=True, load_default=None, metadata={"description": "打开任务时的版本"})


class TaskView(ma.Schema):
    """One task in a list."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    element_id = fields.String(required=True)
    form = fields.String(required=True)
    role = fields.String(required=True)
    agency_code = fields.String(required=True)
    also_agency_code = fields.String(allow_none=True)
    state = fields.String(required=True)
    held_because = fields.String(allow_none=True)
    priority = fields.Integer(required=True)
    due_on = fields.Date(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    claimed_by = fields.Nested(OfficerBrief, allow_none=True)
    claimed_how = fields.String(allow_none=True)
    claimed_at = fields.AwareDateTime(allow_none=True)
    completed_by = fields.Nested(OfficerBrief, allow_none=True)
    completed_for = fields.Nested(OfficerBrief, allow_none=True, metadata={"description": "由其代理的人员（代）"})
    completed_at = fields.AwareDateTime(allow_none=True)
    outcome = fields.String(allow_none=True)
    case = fields.Nested(CaseBrief, allow_none=True)
    application_id = fields.Integer(allow_none=True)
    transfer_id = fields.Integer(allow_none=True)
    escalation_id = fields.Integer(allow_none=True)
    warning = fields.Method("_warning", metadata={"type": ["object", "null"], "description": "预警；已办结的为空"})

    def _warning(self, task: Any) -> dict[str, Any] | None:
        return warning_of(deadlines.standing_of_task(task))


TaskPage = page_of(TaskView)


class TaskDetail(TaskView):
    """One task with what was entered and the form to fill in."""

    opinion = fields.String(allow_none=True)
    fields_ = fields.Function(
        lambda task: as_entered(task_forms()[task.form].fields, task.fields) if task.fields is not None else None,
        data_key="fields",
        metadata={"type": ["object", "null"]},
    )
    form_spec = fields.Function(lambda task: form_spec(task_forms()[task.form]), metadata={"type": "object"})


def as_entered(form: Sequence[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as an officer wrote them: amounts in yuan, which are kept in cents."""
    types = {field.name: field for field in form}
    return {name: _as_entered(types.get(name), value) for name, value in values.items()}


def _as_entered(field: Field | None, value: Any) -> Any:
    if field is not None and field.type == "money" and isinstance(value, int):
        return yuan(value)
    if field is not None and field.type == "list" and isinstance(value, list):
        return [as_entered(field.fields, row) for row in value]
    return value


def form_spec(form: TaskForm) -> dict[str, Any]:
    """The form as a client draws it: outcomes, and fields with their types and limits."""
    return {
        "key": form.key,
        "title": form.title,
        "outcomes": [
            {"code": one.code, "title": one.title, "opinion_required": one.opinion_required} for one in form.outcomes
        ],
        "fields": [_field_spec(one) for one in form.fields],
        "spans": [list(pair) for pair in form.spans],
        "one_of": [list(group) for group in form.one_of],
    }


def _field_spec(field: Field) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "required": field.required,
        "outcomes": sorted(field.outcomes),
    }
    if field.when is not None:
        spec["when"] = {field.when[0]: field.when[1]}
    if field.type == "text":
        spec |= {"max_length": field.max_length, "multiline": field.multiline}
    if field.type == "integer":
        spec |= {"min": field.min, "max": field.max}
    if field.type == "choice":
        spec["choices"] = [{"code": one.code, "title": one.title} for one in field.choices]
    if field.type == "list":
        spec |= {
            "min_items": field.min_items,
            "max_items": field.max_items,
            "fields": [_field_spec(one) for one in field.fields],
        }
    return spec
