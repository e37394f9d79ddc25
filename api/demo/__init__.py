"""`tongban demo`: real applications for all eleven services through the HTTP API, each told as a story.

Without `--url` the demo starts a system of its own in training mode and moves its clock; against a running system
the stories that need the clock are left out and named. Exit code 0 only if every story ended as it states.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tqdm import tqdm

from api.demo.client import Refused, Unreachable
from api.demo.steps import Cast, OtherThanStated, Scene, check_end
from api.demo.story import Story, stories
from api.demo.system import NotStarted, temporary_system
from api.demo.timeline import lines


def run(argv: Sequence[str]) -> int:
    """Tell the stories; 0: all ended as stated, 1: some did not, 2: there is no system to tell them to."""
    parser = argparse.ArgumentParser(prog="tongban demo", description="经 HTTP 接口演示十一个事项的真实办理过程。")
    parser.add_argument("--url", help="正在运行的系统的地址；不填则另起一个临时系统（培训模式）")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="只演示这几个故事")
    parser.add_argument("--list", action="store_true", help="只列出故事")
    options = parser.parse_args(argv)
    chosen = [story for story in stories() if not options.only or story.name in options.only]
    if options.list:
        for story in chosen:
            _say(f"{story.name:32} {story.title}{'（需要调整时钟）' if story.needs_clock else ''}")
        return 0
    system: AbstractContextManager[str] = nullcontext(options.url) if options.url else temporary_system()
    try:
        with system as address:
            return _tell_all(Cast(address, own_system=options.url is None), chosen)
    except (NotStarted, Unreachable) as error:
        _say(str(error))
        return 2


def _tell_all(cast: Cast, chosen: Sequence[Story]) -> int:
    left_out = [] if cast.own_system else [story for story in chosen if story.needs_clock]
    told = [story for story in chosen if story not in left_out]
    failed: list[Story] = []
    steps = sum(len(story.steps) for story in told)
    bar: tqdm[Any]
    with tqdm(total=steps, unit="步", desc="演示", disable=None) as bar:
        for number, story in enumerate(told, 1):
            fault = _tell(cast, story, bar, number)
            if fault is not None:
                failed.append(story)
                _say(f"  ✗ 与预期不符：{fault}", bar)
    _say(f"{len(told) - len(failed)} 个故事与预期一致，{len(failed)} 个不一致。")
    for story in failed:
        _say(f"不一致：{story.name} {story.title}")
    for story in left_out:
        _say(f"未演示（正在运行的系统不能调整时钟）：{story.name} {story.title}")
    return 1 if failed else 0


def _tell(cast: Cast, story: Story, bar: tqdm[Any], number: int) -> str | None:
    """Play the story and print what happened; what differs from its statement, or None."""
    _say(f"\n{number}. {story.title}", bar)
    scene = Scene(cast, story)
    fault: str | None = None
    try:
        if cast.own_system:
            cast.set_clock(story.at.isoformat(timespec="minutes"))
        for step in story.steps:
            scene.play(step)
            bar.update()
        check_end(scene)
    except OtherThanStated as difference:
        fault = str(difference)
    except Refused as refusal:
        fault = f"系统拒绝：{refusal}"
    if scene.application_id:
        for line in lines(scene):
            _say(line, bar)
    return fault


def _say(text: str, bar: tqdm[Any] | None = None) -> None:
    if bar is not None:
        bar.write(text, file=sys.stdout)
    else:
        print(text)
