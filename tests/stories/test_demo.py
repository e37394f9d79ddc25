"""The demo's stories: complete, told to the application in this process, and once to a system of their own."""

from __future__ import annotations

import ast
import dataclasses

import pytest
from flask import Flask

import api.demo
from api.demo.steps import OtherThanStated, Scene, check_end
from api.demo.story import FOLDER, Story, application, stories
from api.demo.timeline import EVENTS, lines
from config.catalogue import services
from config.form_schemas import form_schemas
from engine import clock as house_clock
from tests.conftest import FixedClock
from tests.source import called_name, modules
from tests.stories.telling import InProcessCast

STORIES = {story.name: story for story in stories()}
APPLICATIONS = sorted(path.stem for path in (FOLDER / "applications").glob("*.json"))


def _scene(app: Flask, clock: FixedClock, story: Story) -> Scene:
    clock.set(story.at.replace(tzinfo=house_clock.SHANGHAI))
    return Scene(InProcessCast("http://localhost", own_system=True, app=app, clock=clock), story)


@pytest.mark.parametrize("name", list(STORIES))
def test_the_story_ends_as_it_states(app: Flask, clock: FixedClock, name: str) -> None:
    scene = _scene(app, clock, STORIES[name])

    for step in scene.story.steps:
        scene.play(step)

    check_end(scene)
    assert list(lines(scene))


def test_a_story_that_ends_otherwise_is_found_out(app: Flask, clock: FixedClock) -> None:
    story = dataclasses.replace(STORIES["advance_payment"], end={"state": "accepted"})
    scene = _scene(app, clock, story)
    for step in story.steps:
        scene.play(step)

    with pytest.raises(OtherThanStated, match="state 应为 'accepted'，实际为 'refused'"):
        check_end(scene)


def test_an_act_that_should_be_refused_and_is_not_is_found_out(app: Flask, clock: FixedClock) -> None:
    scene = _scene(app, clock, STORIES["inpatient_meals"])
    step = dataclasses.replace(scene.story.steps[0], refused="advance_payment")

    with pytest.raises(OtherThanStated, match="实际办成了"):
        scene.play(step)


def test_the_stories_show_every_service_and_every_printed_form() -> None:
    handed_in = [application(name) for name in APPLICATIONS]

    assert {service for one in handed_in for service in one["services"]} == set(services())
    assert {form for one in handed_in for form in one["forms"]} == set(form_schemas())


def test_every_kind_of_event_has_words_for_the_printed_timeline() -> None:
    kinds = {
        argument.value
        for module in modules()
        if module.name.startswith(("engine.", "handlers."))
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and called_name(call).split(".")[-1] in ("record_event", "record", "_record")
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "_" in argument.value
    }
    before_there_is_a_case = {
        "application_checked",
        "application_refused",
        "application_submitted",
        "forms_handed_in",
        "material_imaged",
        "material_uploaded",
        "materials_collected",
        "notice_given",
        "relation_chosen",
    }
    columns_of_claims = {"incurred_on", "treated_on"}
    assert kinds - before_there_is_a_case - columns_of_claims <= set(EVENTS)


def test_the_demo_starts_a_system_of_its_own_and_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    code = api.demo.run(["--only", "advance_payment"])

    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "SCO-04" in printed
    assert "1 个故事与预期一致" in printed


def test_without_a_system_at_the_address_the_demo_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code = api.demo.run(["--url", "http://127.0.0.1:1", "--only", "advance_payment"])

    assert code == 2
    assert "没有应答" in capsys.readouterr().out
