"""The permission matrix: one business at several stages, officers of every role in every relation to it, real requests.

What is expected stands in `permission_matrix.csv`: for each route, stage of the business and group of roles, what an
officer of each agency gets. Roles that a route's rows do not name are refused at every agency.

    yes       does it, or sees it in the list
    empty     is answered, and sees nothing of this business
    no        is told that he may not (403)
    hidden    is told that there is no such thing (404)
    -         no agency is in this relation at this stage
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from api.auth import EVERYONE
from api.demo.steps import picture
from api.demo.story import application
from engine import clock
from engine.casework.events import record_event
from engine.db import db, transaction
from engine.models import Absence, Escalation, Incident, Instance, Message, Officer, OfficerNotice, Task, Transfer
from tests.api.online import REPRESENTATION, record_representation
from tests.applications import OfficerClient, token_of
from tests.conftest import FixedClock
from tests.stories.telling import Telling, telling

TABLE = Path(__file__).with_name("permission_matrix.csv")
RELATIONS = ("accepting", "handling", "former", "receiving", "above", "province", "below", "stranger")
NO_AGENCY = "-"

ACCEPTING, FIRST, SECOND = "440305", "442099", "440605"
_BEFORE = {
    "accepting": ACCEPTING,
    "handling": FIRST,
    "receiving": SECOND,
    "above": "440399",
    "province": "440099",
    "below": "442000001",
    "stranger": "440402",
}
_AFTER = {
    "accepting": ACCEPTING,
    "handling": SECOND,
    "former": FIRST,
    "above": "440699",
    "province": "440099",
    "below": "442000001",
    "stranger": "440402",
}
#: Stage -> relation -> agency. `receiving` takes the transfer over and knows nothing of the case before there is one.
STAGES: Mapping[str, Mapping[str, str]] = {
    "handed_in": _BEFORE,
    "accepted": _BEFORE,
    "transferring": _BEFORE,
    "transferred": _AFTER,
    "decided": _AFTER,
}
ALL_AGENCIES = sorted({code for relations in STAGES.values() for code in relations.values()})


#: Names for groups of roles.
GROUPS: Mapping[str, frozenset[str]] = {
    "everyone": EVERYONE,
    "workers": EVERYONE - {"city_administrator", "province_administrator", "business_analyst", "auditor"},
    "readers": EVERYONE - {"city_administrator", "province_administrator", "business_analyst"},
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    method: str
    path: str
    stage: str
    roles: frozenset[str]
    cells: Mapping[str, str]


def table() -> list[Row]:
    """The table as a person reads it."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["method"],
                row["path"],
                row["stage"],
                frozenset().union(*(GROUPS.get(name, {name}) for name in row["roles"].split())),
                {relation: row[relation] for relation in RELATIONS},
            )
            for row in csv.DictReader(file)
        ]


@dataclass(frozen=True)
class Ask:
    """How a route is asked so that nothing but permission stands in the way."""

    #: The request, without the ids of the path.
    body: Any = None
    files: Callable[[], dict[str, Any]] | None = None
    query: str = ""
    #: Refusals of the matter itself, which come after permission was given.
    also: frozenset[str] = frozenset()
    #: What stands for the codes in this path.
    codes: Mapping[str, str] = field(default_factory=dict)
    #: Something to be done first, for this officer.
    before: Callable[[Scene, int], None] | None = None
    #: For a list: whether the business is in it.
    shows: Callable[[Any, Scene], bool] | None = None


@dataclass
class Scene:
    """The business at one stage, in a database that can be put back."""

    app: Flask
    home: Path
    officers: dict[tuple[str, str], int] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    #: Stage -> names in paths -> ids.
    ids: dict[str, dict[str, int]] = field(default_factory=dict)
    stage: str = ""

    @property
    def _file(self) -> Path:
        return self.home / "tongban.sqlite3"

    def keep(self, stage: str, **ids: int) -> None:
        """The database as it is now belongs to this stage."""
        self._let_go()
        shutil.copyfile(self._file, self.home / f"{stage}.kept")
        self.ids[stage] = ids

    def put_back(self, stage: str) -> None:
        """Make the database what it was at this stage."""
        self._let_go()
        shutil.copyfile(self.home / f"{stage}.kept", self._file)
        self.stage = stage

    def _let_go(self) -> None:
        db.session.remove()
        db.engine.dispose()

    def ask(self, method: str, path: str, ask: Ask, role: str, agency: str) -> TestResponse:
        """What an officer with this role at this agency is answered."""
        if ask.before is not None:
            ask.before(self, self.officers[role, agency])
        for name, value in {**CODES, **ask.codes, **self.ids[self.stage]}.items():
            path = path.replace(f"<{name}>", str(value))
        client = OfficerClient(self.app, f"{role}-at-{agency}", self.tokens[role, agency])
        if ask.files is not None:
            return client.open(method, path, data=ask.files(), content_type="multipart/form-data")
        return client.open(method, path + ask.query, **({} if ask.body is None else {"json": ask.body}))


def build(app: Flask, home: Path, clock_: FixedClock, kind: type[Scene] = Scene) -> Scene:
    """Tell the business from its first sheet to the superior's answer, keeping each stage."""
    scene = kind(app, home)
    _hire(scene)
    story = telling(app, clock_, "medical_expense", {})
    acceptor = f"acceptor-{ACCEPTING}"
    story.act("hand_in", by=acceptor)
    story.act("collect", by=acceptor)
    story.act("check", by=acceptor)
    scene.keep("handed_in", application_id=story.application_id)
    story.act("accept", by=acceptor)
    incident = _break(story.case_id)
    colleague = {"officer_id": scene.officers["archivist", FIRST], "absence_id": _plan_a_leave(scene)}
    representation = record_representation(app)
    scene.keep(
        "accepted",
        **_ids(story),
        incident_id=incident,
        notice_id=_tell(),
        representation_id=representation,
        **_write_a_message(story),
        **colleague,
    )
    story.act("transfer", by=f"transfer-{FIRST}", to=SECOND, reason="参保地不在本市。", legal_ground="附件2三（五）")
    scene.keep("transferring", **_ids(story))
    for level, officer in (("first", f"first-{FIRST}"), ("second", f"second-{FIRST}")):
        story.act("task", by=officer, task=f"transfer_{level}_review", outcome="pass", opinion="情况属实。")
    scene.keep("transferred", **_ids(story))
    story.act("escalate", by=f"transfer-{SECOND}", reason="受伤时不在本区参保。")
    designation = {"agency": SECOND, "guidance": "由你机构办理。"}
    story.act("task", by="superior-440099", task="designate_agency", fields=designation)
    scene.keep("decided", **_ids(story))
    return scene


def _hire(scene: Scene) -> None:
    """An officer for each role at each agency of the story."""
    with transaction() as session:
        for agency in ALL_AGENCIES:
            for role in sorted(EVERYONE):
                officer = Officer(
                    username=f"{role}-at-{agency}", name="钟试", agency_code=agency, roles=[role], password_hash="-"
                )
                session.add(officer)
                session.flush()
                scene.officers[role, agency] = officer.id
    for role, agency in scene.officers:
        scene.tokens[role, agency] = token_of(scene.app, f"{role}-at-{agency}")


def _break(case_id: int) -> int:
    """An incident of the case."""
    with transaction() as session:
        instance = session.scalars(select(Instance).where(Instance.case_id == case_id)).first()
        assert instance is not None
        incident = Incident(
            instance_id=instance.id,
            case_id=case_id,
            process_task_id="-",
            element_id="dispatch",
            operator="instance.timer",
            code="busy",
            message="暂时无法办理。",
            agency_code=FIRST,
            occurred_at=clock.now(),
        )
        session.add(incident)
        session.flush()
        return incident.id


def _tell() -> int:
    """A notice to the supervisors of the handling agency."""
    with transaction() as session:
        record_event(session, "incident_raised", at=clock.now(), actor=None, step="派发", agency=FIRST)
        session.flush()
        return session.scalars(select(OfficerNotice.id)).one()


def _plan_a_leave(scene: Scene) -> int:
    """A leave, weeks from now, of the archivist of the handling agency."""
    ahead = clock.today() + timedelta(days=60)
    with transaction() as session:
        archivist = scene.officers["archivist", FIRST]
        leave = Absence(
            officer_id=archivist,
            from_on=ahead,
            until_on=ahead,
            reason="年休假。",
            recorded_by_id=scene.officers["supervisor", FIRST],
            recorded_at=clock.now(),
        )
        session.add(leave)
        session.flush()
        return leave.id


def _write_a_message(story: Telling) -> dict[str, int]:
    """The message of the acceptance, and a template that the administrator of the handling city has drafted."""
    admin = story.client(f"admin-{FIRST}")
    category = admin.post("/sms/categories", {"name": "工伤待遇"})["id"]
    template = admin.post("/sms/templates", {"category_id": category, **TEMPLATE})["id"]
    message = db.session.scalars(select(Message.id).where(Message.case_id == story.case_id)).one()
    db.session.rollback()
    return {"category_id": category, "template_id": template, "message_id": message}


def _ids(story: Telling) -> dict[str, int]:
    session = db.session()
    found = {"application_id": story.application_id, "case_id": story.case_id}
    for name, model in (("transfer_id", Transfer), ("escalation_id", Escalation)):
        number = session.scalar(select(model.id).where(model.case_id == story.case_id))
        if number is not None:
            found[name] = number
    open_task = session.scalar(
        select(Task.id).where(Task.case_id == story.case_id, Task.state == "pool", Task.held_because.is_(None))
    )
    if open_task is not None:
        found["task_id"] = open_task
    session.rollback()
    return found


# --- how each route is asked


def _claimed(scene: Scene, officer_id: int) -> None:
    """The task is this officer's, as if he had moved to another agency or lost a role since."""
    with transaction() as session:
        task = session.get_one(Task, scene.ids[scene.stage]["task_id"])
        task.state, task.claimed_by_id, task.claimed_how, task.claimed_at = "claimed", officer_id, "self", clock.now()


def _claimed_by_another(scene: Scene, officer_id: int) -> None:
    _claimed(scene, scene.officers["first_reviewer", scene_agency(scene)])


def scene_agency(scene: Scene) -> str:
    """The handling agency at this stage."""
    return STAGES[scene.stage]["handling"]


def _case_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["case_id"] in [item["id"] for item in body["items"]]


def _application_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["application_id"] in [item["id"] for item in body["items"]]


def _task_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["task_id"] in [item["id"] for item in body["items"]]


def _incident_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["incident_id"] in [item["id"] for item in body["items"]]


def _retried(body: Any, scene: Scene) -> bool:
    return body["outcomes"][0]["outcome"] != "not_found"


def _entry_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["case_id"] in [item["case_id"] for item in body["items"]]


def _message_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["message_id"] in [item["id"] for item in body["items"]]


def _notice_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["notice_id"] in [item["id"] for item in body["items"]]


def _sent_again(body: Any, scene: Scene) -> bool:
    return body["items"][0]["outcome"] != "not_found"


def _category_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["category_id"] in [item["id"] for item in body["items"]]


def _template_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["template_id"] in [item["id"] for item in body["items"]]


def _leave_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["absence_id"] in [item["id"] for item in body["items"]]


def _account_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["officer_id"] in [item["id"] for item in body["items"]]


def _representation_in(body: Any, scene: Scene) -> bool:
    return scene.ids[scene.stage]["representation_id"] in [item["id"] for item in body["items"]]


def _paper() -> dict[str, Any]:
    return {"file": (BytesIO(picture("another paper")), "x.png")}


def _scan() -> dict[str, Any]:
    return {"material": "diagnosis", "file": (BytesIO(picture("once more")), "x.png")}


WORKER = "442000198405170316"
REASON = {"reason": "当事人要求。"}
TEMPLATE = {"function_code": "BJ01", "name": "办结", "content": "尊敬的XM，您好。"}
LINES = [
    {"line": 1, "allowed": "386.50", "catalogue": "inside"},
    {"line": 2, "allowed": "12840.00", "catalogue": "inside"},
    {"line": 3, "allowed": "0.00", "catalogue": "outside", "reason": "不属于工伤保险药品目录。"},
]
_API = "/api/v1"

#: What stands for the codes in paths.
CODES = {"name": "medical_expense", "service": "medical_expense", "code": "1-1"}

#: Every route that needs no more than the usual empty request is not listed.
ASKS: Mapping[tuple[str, str], Ask] = {
    ("GET", f"{_API}/applications"): Ask(shows=_application_in),
    ("GET", f"{_API}/cases"): Ask(shows=_case_in),
    ("POST", f"{_API}/cases/search"): Ask({"identity_number": WORKER}, shows=_case_in),
    ("POST", f"{_API}/cases/<case_id>/withdrawal"): Ask(REASON),
    ("POST", f"{_API}/cases/<case_id>/voiding"): Ask(REASON),
    ("POST", f"{_API}/cases/<case_id>/escalations"): Ask(REASON),
    ("POST", f"{_API}/cases/<case_id>/transfers"): Ask(
        {"to_agency": "440705", "reason": "参保地不在本市。", "legal_ground": "附件2三（五）"},
        also=frozenset({"already_transferred"}),
    ),
    ("POST", f"{_API}/cases/<case_id>/images"): Ask(files=_scan),
    ("POST", f"{_API}/applications"): Ask(application("medical_expense")),
    ("POST", f"{_API}/applications/<application_id>/forms"): Ask(
        {"forms": {"1-1": {}}}, also=frozenset({"invalid_input", "application_closed"})
    ),
    ("POST", f"{_API}/applications/<application_id>/materials"): Ask(
        {"items": [{"material": "diagnosis", "copies": 1}]}
    ),
    ("POST", f"{_API}/applications/<application_id>/images"): Ask(files=_scan),
    ("POST", f"{_API}/applications/<application_id>/checks"): Ask({"eligible": True, "complete": True}),
    ("POST", f"{_API}/applications/<application_id>/notice"): Ask(
        {"missing": [{"material": "diagnosis", "what": "未提交"}]}, also=frozenset({"invalid_input", "nothing_missing"})
    ),
    ("POST", f"{_API}/applications/<application_id>/refusal"): Ask(
        {"opinion": "不属于受理范围。", "ground": "附件2三（二）"}, also=frozenset({"no_ground"})
    ),
    ("POST", f"{_API}/applications/<application_id>/acceptance"): Ask({}),
    # The officers of the matrix have no password: any is wrong.
    ("POST", f"{_API}/sessions/current/password"): Ask(
        {"password": "x", "new_password": "y"}, also=frozenset({"wrong_password", "locked"})
    ),
    ("POST", f"{_API}/sessions/current/second-factor"): Ask(
        {"password": "x"}, also=frozenset({"wrong_password", "locked"})
    ),
    ("POST", f"{_API}/sessions/current/second-factor/confirmation"): Ask(
        {"code": "000000"}, also=frozenset({"no_second_factor_waits"})
    ),
    ("GET", f"{_API}/tasks"): Ask(shows=_task_in),
    ("POST", f"{_API}/tasks/acquisitions"): Ask({}),
    ("POST", f"{_API}/tasks/<task_id>/release"): Ask(before=_claimed),
    ("POST", f"{_API}/tasks/<task_id>/assignment"): Ask(before=_claimed_by_another),
    ("POST", f"{_API}/tasks/<task_id>/completion"): Ask(
        {"outcome": "done", "fields": {"lines": LINES}}, before=_claimed
    ),
    ("POST", f"{_API}/transfers/<transfer_id>/withdrawal"): Ask(REASON),
    ("POST", f"{_API}/escalations/<escalation_id>/reopening"): Ask(REASON),
    ("POST", f"{_API}/incidents/<incident_id>/retry"): Ask(also=frozenset({"not_waiting"})),
    ("GET", f"{_API}/incidents"): Ask(shows=_incident_in),
    ("POST", f"{_API}/incidents/<incident_id>/note"): Ask({"note": "已通知。"}),
    ("POST", f"{_API}/cases/<case_id>/unmasking"): Ask({"field": "person.phone", **REASON}),
    ("POST", f"{_API}/applications/<application_id>/unmasking"): Ask({"field": "person.phone", **REASON}),
    ("GET", f"{_API}/audit"): Ask(query="?kind=change", shows=_entry_in),
    ("GET", f"{_API}/messages"): Ask(shows=_message_in),
    ("GET", f"{_API}/notices"): Ask(shows=_notice_in),
    ("POST", f"{_API}/messages/<message_id>/retry"): Ask(also=frozenset({"message_not_failed"})),
    ("GET", f"{_API}/representations"): Ask(shows=_representation_in),
    ("POST", f"{_API}/representations"): Ask(REPRESENTATION),
    ("POST", f"{_API}/representations/<representation_id>/papers"): Ask(files=_paper),
    ("POST", f"{_API}/sms/preview"): Ask({"content": "尊敬的XM，您好。"}),
    ("POST", f"{_API}/calendar/years"): Ask({"year": 2027, "notice": "测试通知", "off_days": [], "work_days": []}),
    ("POST", f"{_API}/calendar/overrides"): Ask(
        {"agency_code": FIRST, "notice": "测试通知", "days": [{"day": "2023-09-01", "workday": False}]}
    ),
    ("GET", f"{_API}/sms/categories"): Ask(shows=_category_in),
    ("POST", f"{_API}/sms/categories"): Ask({"name": "工伤备案"}),
    ("PUT", f"{_API}/sms/categories/<category_id>"): Ask({"name": "工伤备案"}),
    ("DELETE", f"{_API}/sms/categories/<category_id>"): Ask(also=frozenset({"category_in_use"})),
    ("GET", f"{_API}/sms/templates"): Ask(shows=_template_in),
    ("PUT", f"{_API}/sms/templates/<template_id>"): Ask({"version": 1, "active": False}),
    ("DELETE", f"{_API}/sms/templates/<template_id>"): Ask({"version": 1}),
    ("PUT", f"{_API}/sms/templates/<template_id>/draft"): Ask({"version": 1, "name": "办结", "content": "您好。"}),
    ("DELETE", f"{_API}/sms/templates/<template_id>/draft"): Ask({"version": 1}, also=frozenset({"no_draft"})),
    ("POST", f"{_API}/sms/templates/<template_id>/publication"): Ask({"version": 1}),
    ("PUT", f"{_API}/sms/slots/<service>"): Ask({"version": 1, "slots": {"urging": None}}),
    ("GET", f"{_API}/absences"): Ask(shows=_leave_in),
    ("POST", f"{_API}/absences/<absence_id>/ending"): Ask(),
    ("GET", f"{_API}/accounts"): Ask(query=f"?agency_code={FIRST}&limit=100", shows=_account_in),
    ("POST", f"{_API}/accounts"): Ask({"username": "new-one", "name": "钟新", "agency_code": FIRST, "roles": []}),
    ("PUT", f"{_API}/accounts/<officer_id>"): Ask({"version": 1, "name": "钟改", "agency_code": FIRST}),
    ("PUT", f"{_API}/accounts/<officer_id>/roles"): Ask({"version": 1, "roles": [{"role": "supervisor"}]}),
    ("POST", f"{_API}/accounts/<officer_id>/deactivation"): Ask({"version": 1, **REASON}),
    ("POST", f"{_API}/accounts/<officer_id>/activation"): Ask({"version": 1, **REASON}),
    ("POST", f"{_API}/accounts/<officer_id>/password"): Ask(REASON),
    ("POST", f"{_API}/accounts/<officer_id>/unlocking"): Ask(REASON),
    ("POST", f"{_API}/accounts/<officer_id>/second-factor-removal"): Ask(REASON),
    ("POST", f"{_API}/definitions"): Ask({"files": {}}, also=frozenset({"invalid_input"})),
    ("POST", f"{_API}/definitions/check"): Ask({"files": {}}, also=frozenset({"invalid_input"})),
}


def ask_for(scene: Scene, method: str, path: str) -> Ask:
    """How the route is asked, at this stage."""
    ask = ASKS.get((method, path), Ask())
    if path.endswith("/incidents/retries"):
        return Ask({"ids": [scene.ids[scene.stage]["incident_id"]]}, also=frozenset({"not_waiting"}), shows=_retried)
    if path.endswith("/messages/retry"):
        return Ask({"ids": [scene.ids[scene.stage]["message_id"]]}, shows=_sent_again)
    if (method, path) == ("POST", f"{_API}/sms/templates"):
        return Ask({"category_id": scene.ids[scene.stage]["category_id"], **TEMPLATE, "function_code": "BJ02"})
    if path.endswith("/agencies/<code>/readiness"):
        return Ask(codes={"code": FIRST})
    if (method, path) == ("POST", f"{_API}/absences"):
        days = {"from_on": "2023-09-01", "until_on": "2023-09-02"}
        return Ask({"officer_id": scene.ids[scene.stage]["officer_id"], **days, **REASON})
    if path.endswith("/hand-overs"):
        giver = {"from_officer_id": scene.officers["first_reviewer", scene_agency(scene)]}
        return Ask({**giver, "task_ids": [scene.ids[scene.stage]["task_id"]], **REASON}, before=_claimed_by_another)
    if path.endswith("/assignment"):
        colleague = scene.officers["first_reviewer", scene_agency(scene)]
        return Ask({"officer_id": colleague, "reason": "专长"}, before=ask.before)
    return ask


def outcome(answer: TestResponse, ask: Ask, scene: Scene) -> str:
    """The answer in the words of the table. Fails for one that is neither permission nor its refusal."""
    code = (answer.json or {}).get("code") if answer.is_json or "problem" in answer.content_type else None
    if answer.status_code == 403:
        return "no"
    if code == "nothing_left":
        return "empty"
    if answer.status_code == 404:
        return "hidden"
    if answer.status_code < 400:
        return "yes" if ask.shows is None or ask.shows(answer.json, scene) else "empty"
    assert code in ask.also, (answer.status_code, answer.get_data(as_text=True))
    return "yes"


def route(rule: str) -> str:
    """The rule as the table writes it, without converters."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"<\1>", rule)


def changes(method: str, answer: TestResponse, ask: Ask) -> bool:
    """The database is no longer what it was."""
    return ask.before is not None or (method != "GET" and answer.status_code < 400)


def walk(scene: Scene, stage: str, method: str, path: str) -> Iterator[tuple[str, str, str]]:
    """(role, relation, outcome) for everybody."""
    scene.put_back(stage)
    ask = ask_for(scene, method, path)
    for relation, agency in STAGES[stage].items():
        for role in sorted(EVERYONE):
            answer = scene.ask(method, path, ask, role, agency)
            yield role, relation, outcome(answer, ask, scene)
            if changes(method, answer, ask):
                scene.put_back(stage)
