"""What the tests of channels and applicants share: their clients, and how each comes to its log-in."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from api import applicant_access
from api.demo.steps import picture
from api.demo.story import application
from engine.accounts import applicants, channels
from engine.db import db, transaction
from engine.models import Message
from tests.applications import OfficerClient, log_in
from tests.factories import identity_number

WORKER = {"name": "陈志明", "identity_number": "442000198405170316", "phone": "13800010001"}
RELATIVE = {"name": "何秀英", "identity_number": identity_number(sequence=2), "phone": "13800010077"}
STRANGER = {"name": "周文斌", "identity_number": identity_number("440106", sequence=9), "phone": "13800010099"}
#: What a counter records of them.
REPRESENTATION = {
    "kind": "relative",
    "worker": {name: WORKER[name] for name in ("name", "identity_number")},
    "representative": RELATIVE,
    "from_on": "2023-08-01",
    "until_on": "2024-07-31",
}
MY = "/api/v1/my"
COUNTER = "acceptor-440305"


@dataclass(frozen=True)
class OnlineClient:
    """Whoever has this credential."""

    app: Flask
    credential: str

    def get(self, path: str) -> TestResponse:
        return self._ask("GET", path)

    def post(self, path: str, body: Any = None) -> TestResponse:
        return self._ask("POST", path, json={} if body is None else body)

    def upload(self, path: str, **fields: Any) -> TestResponse:
        """One page, different for each material."""
        page = (BytesIO(picture(str(fields))), "page.png")
        return self._ask("POST", path, data={**fields, "file": page}, content_type="multipart/form-data")

    def _ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.credential}"}
        return self.app.test_client().open(path, method=method, headers=headers, **options)


def channel(app: Flask, code: str = "web-hall", kind: str = "web_hall", *scopes: str) -> OnlineClient:
    """A channel system with a key; all scopes where none is named."""
    with transaction() as session:
        named = scopes or tuple(channels.SCOPES)
        client = channels.add_client(session, code=code, name="渠道系统", channel=kind, scopes=named)
        return OnlineClient(app, channels.issue_key(session, client).key)


def applicant(app: Flask, who: dict[str, str]) -> OnlineClient:
    """The applicant with this number, logged in without a code."""
    with transaction() as session:
        stated = {"identity_type": applicants.RESIDENT, **who}
        found = applicants.of_person(session, who["identity_number"]) or applicants.register(session, **stated)
        return OnlineClient(app, applicant_access.open_session(session, found.id, "bearer"))


def sent_code(phone: str) -> str | None:
    """The code in the last message to this phone; None: there is no message."""
    messages = db.session.scalars(select(Message).where(Message.slot == "sign_on_code").order_by(Message.id.desc()))
    found = [message for message in messages if message.phone == phone]
    db.session.rollback()
    return re.findall(r"[0-9]{6}", found[0].text or "")[0] if found else None


def record_representation(app: Flask, *, papers: bool = True, **changes: Any) -> int:
    """A counter records that the relative acts for the worker; the id."""
    counter: OfficerClient = log_in(app, COUNTER)
    answer = counter.post("/api/v1/representations", {**REPRESENTATION, **changes})
    assert answer.status_code == 201, answer.json
    if papers:
        paper = {"file": (BytesIO(picture("power of attorney")), "paper.png")}
        path = f"/api/v1/representations/{answer.json['id']}/papers"
        added = counter.post(path, data=paper, content_type="multipart/form-data")
        assert added.status_code == 201, added.json
    return answer.json["id"]


def handed_in(name: str = "medical_expense", **changes: Any) -> dict[str, Any]:
    """The demo's application, as it is handed in without a counter."""
    stated = {**copy.deepcopy(application(name)), **changes}
    for absent in ("channel", "outlet"):
        stated.pop(absent)
    return {**stated, **{key: value for key, value in changes.items() if key == "outlet"}}


CHECKED = {"identity_check": {"method": "face", "reference": "F20230801-0001"}}
