"""What officers look at all day, with a thousand open cases and with many, and as many finished ones as open.

Two databases, few and many cases, are asked in turn, so a busy machine slows both. The ratio of the 95th percentiles
says what growth costs. The officers measured have as full pages with few cases as with many.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from api.demo.story import application
from bench.copies import Original, Place, bulk, write
from bench.database import Database, database
from bench.http import Answer, Client
from bench.load import Times, percentile
from bench.part_medical import HANDLING, MedicalCase, Office
from bench.people import import_people
from bench.results import Results
from bench.system import System, running

PART = "inbox"
FEW = 1000
#: What a case takes on the disk with its indexes, an open one and a finished one together; roughly, and generously.
BYTES_OF_A_PAIR = 40_000
#: Level, agency and outlet whose officers look.
LEVELS = {"province": "440099", "city": "442099", "district": "440106", "outlet": "440305"}
#: Of all work, at each of these; the rest is spread over the other agencies.
SHARE = 0.15
OPEN_ROLES = {"first_reviewer": 0.55, "second_reviewer": 0.2, "acceptor": 0.25}
CLAIMED = 0.3
MOST = 1.5


@dataclass
class Inbox:
    """A filled database under a system of its own."""

    cases: int
    filled: Database
    system: System
    receipts: dict[str, str]
    clients: dict[str, Client]

    def client(self, username: str) -> Client:
        """The connection of this officer."""
        if username not in self.clients:
            self.clients[username] = self.system.client(self.filled.token_of(username))
        return self.clients[username]


def affordable(wanted: int, folder: Path = Path("/")) -> int:
    """As many open cases, at most `wanted`, as a third of the free space takes with as many finished ones."""
    room = shutil.disk_usage(folder).free // 3 // BYTES_OF_A_PAIR
    return min(wanted, max(FEW, int(f"1{'0' * (len(str(room)) - 1)}")))


def measure_inbox(results: Results, *, cases: int, rounds: int) -> None:
    """Fill both databases, ask in turn, compare."""
    many = affordable(cases)
    results.add(PART, "inbox: open cases, and as many finished", many, "", note=f"{cases:,} asked for")
    with ExitStack() as stack:
        inboxes = [stack.enter_context(_inbox(count)) for count in (FEW, many)]
        _look(inboxes, [Times() for _ in inboxes])
        times = [Times() for _ in inboxes]
        for _ in tqdm(range(rounds), desc=PART, leave=False, disable=None):
            _look(inboxes, times)
    _report(results, many, *times)


def _report(results: Results, many: int, few: Times, lots: Times) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in few.seconds:
        results.add(PART, f"inbox: {name} p95, {FEW:,} cases", few.milliseconds(name, 0.95), "ms")
        results.add(PART, f"inbox: {name} p95, {many:,} cases", lots.milliseconds(name, 0.95), "ms")
        kinds[name.split(", ")[0]].append(name)
    for kind, names in kinds.items():
        # Of all levels together: one that is slower with many cases is a quarter of the calls, and so decides.
        before, after = (percentile([one for name in names for one in of.seconds[name]], 0.95) for of in (few, lots))
        note = f"{1000 * before:.1f} and {1000 * after:.1f} ms"
        results.judge(PART, f"inbox: {kind} p95, {many:,} / {FEW:,} cases", after / before, "", most=MOST, note=note)


@contextmanager
def _inbox(count: int) -> Iterator[Inbox]:
    with database(f"inbox_{count}") as filled:
        receipts = _fill(filled, count)
        with running(filled) as system:
            inbox = Inbox(count, filled, system, receipts, {})
            yield inbox
            for client in inbox.clients.values():
                client.close()


def _fill(filled: Database, count: int) -> dict[str, str]:
    """The copies; a receipt number of each level's agency."""
    started, finished = _originals(filled)
    places = _places(filled)
    with filled.connect() as connection:
        with bulk(connection):
            write(connection, finished, count, places, seed=1)
            write(connection, started, count, places, seed=2)
        query = 'SELECT receipt_number FROM "case" WHERE handling_agency_code = %s ORDER BY id LIMIT 1'
        rows = {level: connection.execute(query, (code,)).fetchone() for level, code in LEVELS.items()}
    return {level: str(row[0]) for level, row in rows.items() if row is not None}


def _originals(filled: Database) -> tuple[Original, Original]:
    """Two real cases, one before its first review and one archived."""
    import_people(filled, 10, HANDLING)
    claim, originals = application("medical_expense"), []
    with running(filled) as system:
        office = Office(filled, system, 0)
        for number in range(2):
            case = MedicalCase(office, claim, number, Times())
            case.accept()
            case.assess(HANDLING)
            if number:
                case.decide(HANDLING)
            with filled.connect() as connection:
                row = connection.execute('SELECT application_id FROM "case" WHERE id = %s', (case.id,)).fetchone()
            originals.append((case.id, int(str(row and row[0]))))
        office.close()
    (started, of_started), (finished, of_finished) = originals
    return Original(started, of_started, OPEN_ROLES, CLAIMED), Original(finished, of_finished, {})


def _places(filled: Database) -> list[Place]:
    query = (
        "SELECT a.code, (SELECT min(o.code) FROM outlet o), f.id, f.roles->>0 FROM agency a"
        " JOIN officer f ON f.agency_code = a.code WHERE f.active ORDER BY f.id"
    )
    officers: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    outlets: dict[str, str] = {}
    with filled.connect() as connection:
        for code, outlet, officer, role in connection.execute(query).fetchall():
            officers[str(code)][str(role)].append(int(str(officer)))
            outlets[str(code)] = str(outlet)
    others = (1 - SHARE * len(LEVELS)) / (len(officers) - len(LEVELS))
    return [
        Place(code, outlets[code], dict(roles), SHARE if code in LEVELS.values() else others)
        for code, roles in officers.items()
    ]


def _look(inboxes: Sequence[Inbox], times: Sequence[Times]) -> None:
    """Each question once at each level, the databases in turn."""
    for level, agency in LEVELS.items():
        acts = [_acts(inbox, level, agency) for inbox in inboxes]
        for name in acts[0]:
            for act, found in zip(acts, times, strict=True):
                answer, undo = act[name]()
                found.note(f"{name}, {level}", answer)
                undo()


Act = Callable[[], tuple[Answer, Callable[[], object]]]


def _acts(inbox: Inbox, level: str, agency: str) -> dict[str, Act]:
    reader = inbox.client(f"{'acceptor' if level == 'outlet' else 'first'}-{agency}")
    supervisor = inbox.client(f"supervisor-{agency}")

    def get(client: Client, path: str) -> Act:
        return lambda: (client.get(path), lambda: None)

    def acquire() -> tuple[Answer, Callable[[], object]]:
        """Given back afterwards, so that the pool stays what it is."""
        answer = reader.post("/api/v1/tasks/acquisitions")
        return answer, lambda: reader.post(f"/api/v1/tasks/{answer.json['id']}/release")

    return {
        "my tasks": get(reader, "/api/v1/tasks?scope=mine"),
        "pool": get(reader, "/api/v1/tasks?scope=pool"),
        "status query": get(reader, f"/api/v1/cases?receipt_number={inbox.receipts[level]}"),
        "list of open cases": get(supervisor, "/api/v1/cases?open=true"),
        "agency's tasks": get(supervisor, "/api/v1/tasks?scope=agency"),
        "random acquisition": acquire,
    }
