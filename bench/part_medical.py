"""The real medical-expense case with everything around it: claim, paper, images, acceptance, assessment, two reviews.

One case in ten is sent back for a supplement, one in twenty belongs to another agency and is transferred. Each act is
the request that a workbench would send; before a task the officer opens the case.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date
from functools import partial
from threading import Lock
from typing import Any

from api.demo.story import application
from bench.bytes import bytes_by_table, largest
from bench.database import Database
from bench.http import Client
from bench.load import Times
from bench.people import import_people, worker
from bench.results import Results
from bench.rounds import COMPLETE, measure, report
from bench.system import System
from engine.clock import today

PART = "medical"
#: Where the workers are insured, and where a transfer goes.
HANDLING, OTHER = "442099", "441999"
COUNTERS = ("440305", "440106", "440605", "440402")
SUPPLEMENT_EVERY, TRANSFER_EVERY = 10, 20
PEOPLE = 5000
ALLOWED = ("386.50", "12840.00", "0.00")

_numbers = itertools.count()


@dataclass
class Office:
    """The officers of one client at each agency, logged in; one office works on one case at a time."""

    database: Database
    system: System
    number: int

    def __post_init__(self) -> None:
        self._clients: dict[str, Client] = {}

    def officer(self, username: str) -> Client:
        """The client of this officer."""
        if username not in self._clients:
            token = self.database.token_of(username)
            self._clients[username] = self.system.client(token, self.number)
        return self._clients[username]

    def close(self) -> None:
        """Leave the connections."""
        for client in self._clients.values():
            client.close()


class Offices:
    """The offices of a run, and the cases they finished."""

    def __init__(self, database: Database, claim: dict[str, Any], system: System, clients: int) -> None:
        self.offices = [Office(database, system, number) for number in range(clients)]
        self.claim = claim
        self.finished: list[int] = []
        self._lock = Lock()

    def case(self, number: int, times: Times) -> None:
        """One case from the claim to the archive."""
        running_number = next(_numbers)
        case = MedicalCase(self.offices[number], self.claim, running_number, times)
        case.accept()
        case.assess(HANDLING)
        handling = HANDLING
        if running_number % TRANSFER_EVERY == TRANSFER_EVERY - 1:
            case.transfer()
            case.assess(OTHER)
            handling = OTHER
        if running_number % SUPPLEMENT_EVERY == SUPPLEMENT_EVERY // 2:
            case.supplement(handling)
        case.decide(handling)
        with self._lock:
            self.finished.append(case.id)

    def close(self) -> None:
        """Leave the connections."""
        for office in self.offices:
            office.close()


class MedicalCase:
    """One case on its way."""

    def __init__(self, office: Office, claim: dict[str, Any], number: int, times: Times) -> None:
        self._office = office
        self._claim = claim
        self._number = number
        self._times = times
        self._counter = COUNTERS[number % len(COUNTERS)]
        self.id = 0

    def accept(self) -> None:
        """Handed in, collected and scanned, checked on the spot, accepted."""
        client = self._office.officer(f"acceptor-{self._counter}")
        application = self._note("hand_in", client.post("/api/v1/applications", self._application())).json
        path = f"/api/v1/applications/{application['id']}"
        for item in application["materials"]:
            if item["mandatory"] and not item["waived_because"]:
                self._note("collect", client.post(f"{path}/materials", _copies(item)))
                picture = _picture(self._number, item["material"])
                self._note("image", client.upload(f"{path}/images", picture, material=item["material"]))
        self._note("check", client.post(f"{path}/checks", {"eligible": True, "complete": True}))
        accepted = self._note("accept", client.post(f"{path}/acceptance")).json
        self.id = accepted["cases"][0]["id"]

    def assess(self, agency: str) -> None:
        """The first reviewer answers every line of the claim."""
        reasons = {2: {"reason": "不属于工伤保险药品目录。", "catalogue": "outside"}}
        lines = [
            {"line": place + 1, "allowed": allowed, "catalogue": "inside", **reasons.get(place, {})}
            for place, allowed in enumerate(ALLOWED)
        ]
        self._task(f"first-{agency}", "assess_expense_lines", fields={"lines": lines})

    def supplement(self, agency: str) -> None:
        """The first reviewer misses something; the accepting counter takes it in."""
        missing = [{"material": "fee_list", "name": "费用清单", "what": "六月的费用清单"}]
        self._task(
            f"first-{agency}", "first_review", outcome="supplement", opinion="请补交。", fields={"materials": missing}
        )
        self._task(f"acceptor-{self._counter}", "collect_supplement")

    def transfer(self) -> None:
        """The reviewer finds that the case belongs to another agency; two colleagues agree."""
        self._task(
            f"first-{HANDLING}",
            "first_review",
            outcome="not_ours",
            opinion="工伤保险关系不在本市。",
            fields={"to_agency": OTHER, "legal_ground": "粤社保〔2023〕4号附件2三（五）"},
        )
        self._task(f"first2-{HANDLING}", "transfer_first_review", outcome="pass", opinion="情况属实。")
        self._task(f"second-{HANDLING}", "transfer_second_review", outcome="pass", opinion="同意移交。")

    def decide(self, agency: str) -> None:
        """Two reviews, delivery, archive."""
        self._task(f"first-{agency}", "first_review", outcome="pass", opinion="经审核，符合规定。")
        self._task(f"second-{agency}", "second_review", outcome="pass", opinion="同意。")
        delivered = {"method": "counter", "delivered_on": today().isoformat()}
        self._task(f"acceptor-{agency}", "deliver_result", fields=delivered)
        self._task(f"archivist-{agency}", "archive_case")

    def _task(self, username: str, element: str, outcome: str = "done", **body: Any) -> None:
        client = self._office.officer(username)
        shown = self._note("open_case", client.get(f"/api/v1/cases/{self.id}")).json
        task = next(task for task in shown["tasks"] if task["element_id"] == element)
        if task["claimed_by"] is None:
            self._note("claim", client.post(f"/api/v1/tasks/{task['id']}/claim"))
        answer = client.post(f"/api/v1/tasks/{task['id']}/completion", {"outcome": outcome, **body})
        self._note(COMPLETE, self._note(f"complete {element} {outcome}", answer))

    def _application(self) -> dict[str, Any]:
        person = worker(self._number % PEOPLE)
        identity = {"name": person.name, "identity_number": person.identity_number}
        claim = {**self._claim, "outlet": f"{self._counter}-H1"}
        # Nobody claims twice for one injury while the first claim is open.
        injured = date(2022, 3, 1 + self._number // PEOPLE % 28).isoformat()
        form = {**claim["forms"]["1-1"], "worker_name": person.name, "injured_on": injured}
        form |= {"identity_number": person.identity_number, "phone": person.phone}
        return {
            **claim,
            "injured_on": injured,
            "applicant": {**claim["applicant"], **identity, "phone": person.phone},
            "worker": {**claim["worker"], **identity, "phone": person.phone},
            "forms": {**claim["forms"], "1-1": form},
        }

    def _note(self, name: str, answer: Any) -> Any:
        return self._times.note(name, answer)


def _copies(item: dict[str, Any]) -> dict[str, Any]:
    return {"items": [{"material": item["material"], "copies": 1}]}


def _picture(number: int, material: str) -> bytes:
    """A page that is different for each case and material; what is measured is the act, not the size of a scan."""
    return b"\x89PNG\r\n\x1a\n" + f"{number} {material}".encode().ljust(2048, b".")


def measure_medical(database: Database, results: Results, *, runs: int, seconds: float) -> None:
    """In rounds, every number of clients and processes."""
    import_people(database, PEOPLE, HANDLING)
    hire = partial(Offices, database, application("medical_expense"))
    measured = measure(database, hire, part=PART, runs=runs, seconds=seconds)
    report(measured, results, PART)
    sizes = bytes_by_table(database, measured.finished)
    results.judge(PART, "medical: kB per finished case", sum(sizes.values()) / 1000, "kB", most=12, note=largest(sizes))
