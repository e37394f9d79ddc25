"""What the officers of a story do, each act as the requests that a workbench would send."""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.demo.client import Client, Refused
from api.demo.story import Step, Story, injured_on_another_day

#: Reads every case of the province.
READER = "auditor-440099"
#: So many days before the stated injury the worker was insured already, and the scheme in force.
_OTHER_DAYS = 980


class OtherThanStated(Exception):
    """What happened is not what the story says."""


@dataclass
class Cast:
    """The officers of all stories, each logged in once."""

    base: str
    #: The system is the demo's own: its clock can be moved.
    own_system: bool
    _clients: dict[str, Client] = field(default_factory=dict)

    def officer(self, username: str) -> Client:
        """The officer's client."""
        if username not in self._clients:
            self._clients[username] = Client(self.base).log_in(username)
        return self._clients[username]

    def set_clock(self, moment: str) -> None:
        """Let it be `moment` in the system (Guangdong's time)."""
        self.officer(READER).post("/training/clock", {"now": f"{moment}+08:00"})

    def today(self) -> str:
        """The day in the system whose clock can be moved."""
        now: str = self.officer(READER).get("/training/clock")["now"]
        return now[:10]


@dataclass
class Scene:
    """One story being told."""

    cast: Cast
    story: Story
    application_id: int = 0
    application_ids: list[int] = field(default_factory=list)
    #: The case that the acts are about: the one accepted last.
    case_id: int = 0
    case_ids: list[int] = field(default_factory=list)
    #: A running system is told another day of injury by a story that can happen but once.
    other_days: int = field(default_factory=lambda: secrets.randbelow(_OTHER_DAYS))

    def play(self, step: Step) -> None:
        """Do it. Raises `OtherThanStated` where it is refused and should not be, or the other way round."""
        try:
            ACTS[step.act](self, step.what)
        except Refused as refusal:
            if step.refused is None:
                raise OtherThanStated(f"{_said(step)}被拒绝：{refusal}") from refusal
            if refusal.code != step.refused:
                raise OtherThanStated(f"{_said(step)}应当以 {step.refused} 拒绝，实际为：{refusal}") from refusal
            return
        if step.refused is not None:
            raise OtherThanStated(f"{_said(step)}应当以 {step.refused} 拒绝，实际办成了")

    def officer(self, what: Mapping[str, Any]) -> Client:
        return self.cast.officer(what["by"])

    def case(self, client: Client | None = None) -> dict[str, Any]:
        """The file of the case, as `client` or the province's auditor reads it."""
        found: dict[str, Any] = (client or self.cast.officer(READER)).get(f"/cases/{self.case_id}")
        return found


def _said(step: Step) -> str:
    about = step.what.get("task") or step.what.get("to") or step.what.get("value") or ""
    return f"[{step.act} {about} {step.what.get('by', '')}] "


def _hand_in(scene: Scene, what: Mapping[str, Any]) -> None:
    """The applicant hands the application in at a counter; `application` names another file, `outlet` another place."""
    body = dict(scene.story.further[what["application"]] if "application" in what else scene.story.application)
    if scene.story.once and not scene.cast.own_system:
        body = injured_on_another_day(body, scene.other_days)
    if "outlet" in what:
        body["outlet"] = what["outlet"]
    answer = scene.officer(what).post("/applications", body)
    scene.application_id = answer["id"]
    scene.application_ids.append(answer["id"])
    _compare(answer, what.get("expect", {}))


def _check(scene: Scene, what: Mapping[str, Any]) -> None:
    """The acceptor has checked eligibility and completeness on the spot."""
    scene.officer(what).post(f"/applications/{scene.application_id}/checks", {"eligible": True, "complete": True})


def _collect(scene: Scene, what: Mapping[str, Any]) -> None:
    """Paper is taken in and scanned: all that is mandatory, and `also`, but not `but`; or just what `only` names."""
    client = scene.officer(what)
    path = f"/applications/{scene.application_id}"
    for item in client.get(path)["materials"]:
        if not _is_brought(item, what):
            continue
        client.post(f"{path}/materials", {"items": [{"material": item["material"], "copies": 1}]})
        client.upload(f"{path}/images", "file", picture(item["material"]), material=item["material"])


def _scan(scene: Scene, what: Mapping[str, Any]) -> None:
    """A page of `material` is scanned: what a supplement brings."""
    page = picture(f"{what['material']} {what['by']}")
    path = f"/applications/{scene.application_id}/images"
    scene.officer(what).upload(path, "file", page, material=what["material"])


def _is_brought(item: Mapping[str, Any], what: Mapping[str, Any]) -> bool:
    if "only" in what:
        return item["material"] in what["only"]
    if item["material"] in what.get("but", ()) or item["waived_because"]:
        return False
    return item["material"] in what.get("also", ()) or (item["mandatory"] and not item["images"])


def _accept(scene: Scene, what: Mapping[str, Any]) -> None:
    """The counter accepts; the receipt is issued."""
    client = scene.officer(what)
    path = f"/applications/{scene.application_id}/acceptance"
    try:
        accepted = client.post(path)
    except Refused as refusal:
        # A running system may still have the open case of a demo that was broken off.
        if refusal.code != "duplicate_case" or scene.cast.own_system:
            raise
        accepted = client.post(path, {"duplicate_reason": "再次演示"})
    for case in accepted["cases"]:
        scene.case_ids.append(case["id"])
    scene.case_id = scene.case_ids[-1]


def _at_the_counter(scene: Scene, what: Mapping[str, Any]) -> None:
    """The whole of it: handed in, collected and scanned, checked on the spot, accepted."""
    for act in (_hand_in, _collect, _check, _accept):
        act(scene, what)


def _refuse(scene: Scene, what: Mapping[str, Any]) -> None:
    """The counter issues the refusal with its legal ground."""
    body = {name: what[name] for name in ("opinion", "ground") if name in what}
    scene.officer(what).post(f"/applications/{scene.application_id}/refusal", body)


def _task(scene: Scene, what: Mapping[str, Any]) -> None:
    """Acquire the open task with this element id (指定获取) and complete it."""
    client = scene.officer(what)
    open_tasks = scene.case(client)["tasks"]
    found = next((task for task in open_tasks if task["element_id"] == what["task"]), None)
    if found is None:
        waiting = "、".join(task["element_id"] for task in open_tasks) or "无"
        raise OtherThanStated(f"没有待办任务 {what['task']}，现有：{waiting}")
    if found["claimed_by"] is None:
        client.post(f"/tasks/{found['id']}/claim")
    body = {name: what[name] for name in ("outcome", "opinion", "fields") if name in what}
    client.post(f"/tasks/{found['id']}/completion", {"outcome": "done", **body})


def _pass_reviews(scene: Scene, what: Mapping[str, Any]) -> None:
    """Every review level passes, by the officers `by` lists in their order."""
    for task, officer in zip(("first_review", "second_review", "third_review"), what["by"], strict=False):
        _task(scene, {"by": officer, "task": task, "outcome": "pass", "opinion": "经审核，符合规定。"})


def _to_the_archive(scene: Scene, what: Mapping[str, Any]) -> None:
    """The handling agency delivers the result and archives the case."""
    agency = what["by"]
    fields = {"method": what.get("method", "counter"), "delivered_on": _today(scene)}
    if fields["method"] == "post":
        fields["tracking_number"] = "SAMPLE0001"
    _task(scene, {"by": f"acceptor-{agency}", "task": "deliver_result", "fields": fields})
    _task(scene, {"by": f"archivist-{agency}", "task": "archive_case"})


def _transfer(scene: Scene, what: Mapping[str, Any]) -> None:
    """A transfer operator starts the transfer to `to`."""
    body = {"to_agency": what["to"], "reason": what["reason"], "legal_ground": what["legal_ground"]}
    scene.officer(what).post(f"/cases/{scene.case_id}/transfers", body)


def _escalate(scene: Scene, what: Mapping[str, Any]) -> None:
    """The receiver asks the common superior."""
    scene.officer(what).post(f"/cases/{scene.case_id}/escalations", {"reason": what["reason"]})


def _urge(scene: Scene, what: Mapping[str, Any]) -> None:
    """A supervisor urges."""
    scene.officer(what).post(f"/cases/{scene.case_id}/urging", {"remark": what.get("remark")})


def _read_notices(scene: Scene, what: Mapping[str, Any]) -> None:
    """The officer reads what he was told of this case: `expect` are the kinds, oldest first, and words they contain."""
    client = scene.officer(what)
    unread = client.get("/notices", unread="true", limit=100)["items"]
    mine = [notice for notice in reversed(unread) if notice["case_id"] == scene.case_id]
    found = [(notice["kind"], notice["words"]) for notice in mine]
    wanted = [(kind, word) for row in what["expect"] for kind, word in row.items()]
    if [kind for kind, _ in found] != [kind for kind, _ in wanted] or not all(
        word in words for (_, words), (_, word) in zip(found, wanted, strict=True)
    ):
        raise OtherThanStated(f"{what['by']}应收到通知 {wanted}，实际为 {found}")
    for notice in mine:
        client.post(f"/notices/{notice['id']}/reading")


def _messages(scene: Scene, what: Mapping[str, Any]) -> None:
    """The messages of the case by slot, each with the agency that sent it and words it contains."""
    found = {message["slot"]: message for message in scene.case()["messages"]}
    for slot, wanted in what.items():
        _compare(found.get(slot), {"sender_agency_code": wanted["sender"]})
        if wanted["text"] not in (found[slot]["text"] or ""):
            raise OtherThanStated(f"{slot} 短信应有“{wanted['text']}”，实际为：{found[slot]['text']}")


def _clock(scene: Scene, what: Mapping[str, Any]) -> None:
    """Time passes."""
    scene.cast.set_clock(str(what["value"]))


def _expect(scene: Scene, what: Mapping[str, Any]) -> None:
    """The case looks like this now."""
    _compare(scene.case(), what)


Act = Callable[[Scene, Mapping[str, Any]], None]

ACTS: Mapping[str, Act] = {
    "hand_in": _hand_in,
    "check": _check,
    "collect": _collect,
    "scan": _scan,
    "accept": _accept,
    "at_the_counter": _at_the_counter,
    "refuse": _refuse,
    "task": _task,
    "pass_reviews": _pass_reviews,
    "to_the_archive": _to_the_archive,
    "transfer": _transfer,
    "escalate": _escalate,
    "urge": _urge,
    "read_notices": _read_notices,
    "messages": _messages,
    "clock": _clock,
    "expect": _expect,
}


def check_end(scene: Scene) -> None:
    """Compare the end with what the story states. Raises `OtherThanStated` with every difference."""
    client = scene.cast.officer(READER)
    subject = scene.case(client) if scene.case_id else client.get(f"/applications/{scene.application_id}")
    _compare(subject, scene.story.end)
    if scene.cast.own_system:
        _compare(subject, scene.story.end_dated)
    if scene.story.events:
        happened = [entry["kind"] for entry in client.get(f"/cases/{scene.case_id}/timeline")["items"]]
        _compare_order(happened, scene.story.events)


def _compare(found: Any, stated: Mapping[str, Any]) -> None:
    differences = [
        f"{path} 应为 {value!r}，实际为 {_at(found, path)!r}"
        for path, value in stated.items()
        if _at(found, path) != value
    ]
    if differences:
        raise OtherThanStated("；".join(differences))


def _at(found: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(found, list):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _compare_order(happened: list[str], stated: Any) -> None:
    rest = iter(happened)
    for kind in stated:
        if kind not in rest:
            raise OtherThanStated(f"过程中应依次有 {'、'.join(stated)}，缺少 {kind}；实际为 {'、'.join(happened)}")


def _today(scene: Scene) -> str:
    if scene.cast.own_system:
        return scene.cast.today()
    # The running system's own day: what it wrote last in this story.
    entries = scene.cast.officer(READER).get(f"/cases/{scene.case_id}/timeline")["items"]
    last: str = entries[-1]["at"]
    return last[:10]


def picture(text: str) -> bytes:
    """A small valid PNG, different for each text: stands for a scanned page."""
    shade = zlib.crc32(text.encode()) & 0xFFFFFF
    row = b"\x00" + shade.to_bytes(3, "big") * 8
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(row * 8)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
