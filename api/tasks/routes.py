"""Routes of human work."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session

from api import auditing
from api.auditing import NOTHING, READ
from api.auth import current_actor, requires
from api.blueprint import Blueprint
from api.tasks.schemas import (
    Acquisition,
    Assignment,
    Completion,
    HandOver,
    HandOverOutcomes,
    TaskDetail,
    TaskPage,
    TaskQuery,
    TaskView,
)
from engine.casework import handovers, tasks
from engine.casework.paging import Page
from engine.models import Task

blueprint = Blueprint("tasks", __name__, url_prefix="/api/v1/tasks", description="任务")


@blueprint.route("", methods=["GET"])
@requires("task.read")
@blueprint.arguments(TaskQuery, location="query")
@blueprint.reads(TaskPage, "任务列表", audit=NOTHING)
def list_tasks(session: Session, query: dict[str, Any]) -> Page[Task]:
    """The pool of the officer's roles, the officer's own tasks, those done, or all open ones of the agency."""
    actor, page = current_actor(), {"after": query.get("after"), "limit": query["limit"]}
    if query["scope"] == "mine":
        return tasks.mine(session, actor, **page)
    if query["scope"] == "done":
        return tasks.done(session, actor, **page)
    if query["scope"] == "agency":
        return tasks.of_agency(session, actor, **page)
    return tasks.pool(session, actor, role=query.get("role"), service=query.get("service"), **page)


@blueprint.route("/acquisitions", methods=["POST"])
@requires("task.acquire")
@blueprint.arguments(Acquisition)
@blueprint.changes(TaskView, "随机获取", status=HTTPStatus.CREATED)
def acquire_random(session: Session, body: dict[str, Any]) -> Task:
    """A random task of the pool becomes the officer's (随机获取); 404 nothing_left where there is none."""
    return tasks.acquire_random(session, current_actor(), body.get("role"))


@blueprint.route("/<id:task_id>", methods=["GET"])
@requires("task.read")
@blueprint.reads(TaskDetail, "任务详情", audit=READ)
def show_task(session: Session, task_id: int) -> Task:
    """One task with its form."""
    return tasks.find_task(session, task_id, current_actor())


@blueprint.route("/<id:task_id>/claim", methods=["POST"])
@requires("task.claim")
@blueprint.changes(TaskView, "指定获取")
def claim_task(session: Session, task_id: int) -> Task:
    """This very task becomes the officer's (指定获取); 409 says who was first."""
    return tasks.claim(session, task_id, current_actor())


@blueprint.route("/<id:task_id>/release", methods=["POST"])
@requires("task.release")
@blueprint.changes(TaskView, "退回任务池")
def release_task(session: Session, task_id: int) -> Task:
    """The task goes back to the pool."""
    return tasks.release(session, task_id, current_actor())


@blueprint.route("/<id:task_id>/assignment", methods=["POST"])
@requires("task.assign")
@blueprint.arguments(Assignment)
@blueprint.changes(TaskView, "指派")
def assign_task(session: Session, body: dict[str, Any], task_id: int) -> Task:
    """A supervisor gives the task to an officer of the agency."""
    return tasks.assign(session, task_id, body["officer_id"], current_actor(), body["reason"])


@blueprint.route("/hand-overs", methods=["POST"])
@requires("task.hand_over")
@blueprint.arguments(HandOver)
@blueprint.changes(HandOverOutcomes, "移交工作")
def hand_over_tasks(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Tasks that one officer holds go to a colleague or back to the pool; the outcome of each says what came of it."""
    outcomes = handovers.hand_over(session, current_actor(), **body)
    auditing.note(subjects=[f"task:{one.task_id} {one.outcome}" for one in outcomes])
    return {"outcomes": outcomes}


@blueprint.route("/<id:task_id>/completion", methods=["POST"])
@requires("task.complete")
@blueprint.arguments(Completion)
@blueprint.changes(TaskDetail, "完成任务")
def complete_task(session: Session, body: dict[str, Any], task_id: int) -> Task:
    """The officer's decision; the process runs to its next waits in the same transaction."""
    return tasks.complete(session, task_id, current_actor(), **body)
