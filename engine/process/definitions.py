"""Published diagrams (流程定义): known by the content hash over a diagram and everything it calls.

The library holds today's source of every diagram and decision table. Publishing merges files over it, checks the
whole, and gives a new version to every root process whose closure (itself, the procedures it calls, the tables they
ask) changed. A running case stays on the hash it began with; the sources of every published hash are kept.

A root process is one that is started on its own: its diagram says isExecutable="true". A procedure that others call
says "false". Published versions exist of roots only.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from threading import Lock

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import CannotProceed, DiagramRefused, NotFound
from engine.models.definition import DefinitionRow, DiagramSource, LibraryEntry
from engine.process import check, parser
from engine.process.diagram import Definition, Fault
from engine.process.library import Library, read_library

log = structlog.get_logger()

#: Parsed definitions kept in memory: about 0.1 MB each; the eleven services have a few versions in use at a time.
CACHED = 64
STOCK = "stock"
#: Key of the lock under which publications follow one another.
PUBLICATION = 7_401_001


@dataclass(frozen=True)
class Listed:
    """A diagram or table of the library, as listed."""

    name: str
    file: str
    title: str
    #: bpmn or dmn
    kind: str
    #: The version of a root process that new cases begin with; None for procedures and tables.
    version: int | None
    hash: str | None
    published_at: datetime | None
    published_by: str | None


def load(session: Session, content_hash: str) -> Definition:
    """The definition with that hash, parsed once in this process. Raises `NotFound`."""
    found = _cache.get(content_hash)
    if found is None:
        row = session.get(DefinitionRow, content_hash)
        if row is None:
            raise NotFound("没有这个版本的流程。")
        found = _cache.put(content_hash, _parse(session, row))
    return found


def current(session: Session, process_id: str) -> DefinitionRow:
    """The published version of a root process that new cases begin with. Raises `NotFound`."""
    entry = session.get(LibraryEntry, process_id)
    row = session.get(DefinitionRow, entry.definition_hash) if entry and entry.definition_hash else None
    if row is None:
        raise NotFound(f"流程“{process_id}”还没有发布。")
    return row


def check_files(session: Session, files: Mapping[str, bytes]) -> list[Fault]:
    """What stands against publishing `files` (name -> content), merged over the library; empty: nothing.

    Never raises, whatever the files hold.
    """
    return check.check(files, _library_files(session)).faults


def publish(session: Session, files: Mapping[str, bytes], *, by: str, at: datetime) -> list[DefinitionRow]:
    """The new versions that `files` bring about, by process id; none when nothing changed.

    Raises `DiagramRefused` with every fault, and then nothing is stored.
    """
    _lock(session)
    checked = check.check(files, _library_files(session))
    if checked.faults:
        raise DiagramRefused("流程图或决策表不能发布，请按提示修改。", fields=_fields(checked.faults))
    _store(session, files)
    rows = [_release(session, checked.library, root, by, at) for root in sorted(checked.library.roots())]
    session.flush()
    return [row for row in rows if row is not None]


def _fields(faults: list[Fault]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for fault in faults:
        place = f"{fault.file}#{fault.element}" if fault.element else fault.file
        fields.setdefault(place, []).append(fault.message)
    return fields


def install_stock(session: Session, folder: Path, at: datetime) -> list[DefinitionRow]:
    """Publish the diagrams of `folder` that the library does not know yet; what analysts published is never touched.

    On an empty library a fault raises `DiagramRefused`. Later, new stock that does not fit what analysts made of the
    diagrams it calls is left out, and the log says why: the house opens with what it has.
    """
    _lock(session)
    known = set(session.scalars(select(LibraryEntry.name)))
    files = {path.name: path.read_bytes() for path in _diagram_files(folder) if path.stem not in known}
    if not files:
        return []
    try:
        return publish(session, files, by=STOCK, at=at)
    except DiagramRefused as refused:
        if not known:
            raise
        log.warning("stock_left_out", files=sorted(files), faults=refused.fields)
        return []


def export(session: Session, folder: Path) -> list[Path]:
    """Write the library back into `folder` and say which files were written; a file keeps the place it has there."""
    places = {path.name: path for path in _diagram_files(folder)}
    library, _ = read_library(_library_files(session))
    written = []
    for source in _library(session):
        path = places.get(_file(source)) or folder / _place(source, library.roots()) / _file(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.content)
        written.append(path)
    return written


def listing(session: Session) -> list[Listed]:
    """The library by name, with the published version of each root process."""
    library, _ = read_library(_library_files(session))
    current_rows = select(LibraryEntry.name, DefinitionRow).join(
        DefinitionRow, DefinitionRow.hash == LibraryEntry.definition_hash
    )
    rows = dict(session.execute(current_rows).all())
    return [_listed(one, library.title(one.name), rows.get(one.name)) for one in _library(session)]


def source(session: Session, name: str) -> DiagramSource:
    """Today's source of a process or decision id. Raises `NotFound`."""
    entry = session.get(LibraryEntry, name)
    found = session.get(DiagramSource, entry.source_hash) if entry else None
    if found is None:
        raise NotFound(f"没有编号为“{name}”的流程图或决策表。")
    return found


def content_hash(sources: Mapping[str, str]) -> str:
    """The hash of a definition: over the sorted names and hashes of all its sources."""
    lines = "".join(f"{name} {sources[name]}\n" for name in sorted(sources))
    return hashlib.sha256(lines.encode()).hexdigest()


class _Cache:
    """Parsed definitions by hash, the longest unused dropped first; shared by all threads of the process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[str, Definition] = OrderedDict()

    def get(self, key: str) -> Definition | None:
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: str, definition: Definition) -> Definition:
        """What is kept: the first one, if two threads parsed the same at once."""
        with self._lock:
            kept = self._found.setdefault(key, definition)
            while len(self._found) > CACHED:
                self._found.popitem(last=False)
            return kept


_cache = _Cache()


def _parse(session: Session, row: DefinitionRow) -> Definition:
    found = session.scalars(select(DiagramSource).where(DiagramSource.hash.in_(row.sources.values())))
    library, _ = read_library({_file(one): one.content for one in found})
    if row.process_id not in library.diagrams:
        raise CannotProceed(f"流程“{row.title}”第 {row.version} 版已读不出来，请联系系统管理员。")
    return parser.build(row.hash, row.process_id, library.diagrams, library.tables)


def _library(session: Session) -> list[DiagramSource]:
    query = select(DiagramSource).join(LibraryEntry, LibraryEntry.source_hash == DiagramSource.hash)
    return list(session.scalars(query.order_by(DiagramSource.name)))


def _library_files(session: Session) -> dict[str, bytes]:
    return {_file(one): one.content for one in _library(session)}


def _file(one: DiagramSource) -> str:
    return f"{one.name}.{one.kind}"


def _store(session: Session, files: Mapping[str, bytes]) -> None:
    """Store the sources and make them those of the library."""
    for file, content in files.items():
        path = PurePosixPath(file)
        digest = hashlib.sha256(content).hexdigest()
        if session.get(DiagramSource, digest) is None:
            session.add(DiagramSource(hash=digest, kind=path.suffix[1:], name=path.stem, content=content))
            session.flush()
        entry = session.get(LibraryEntry, path.stem)
        if entry is None:
            session.add(LibraryEntry(name=path.stem, source_hash=digest))
        else:
            entry.source_hash = digest
    session.flush()


def _release(session: Session, library: Library, process_id: str, by: str, at: datetime) -> DefinitionRow | None:
    """Make the closure of a root process, as the library has it, the version new cases begin with."""
    entry = session.get_one(LibraryEntry, process_id)
    closure = library.closure(process_id)
    hashes = select(LibraryEntry.name, LibraryEntry.source_hash).where(LibraryEntry.name.in_(closure))
    sources = dict(session.execute(hashes).all())
    digest = content_hash(sources)
    if entry.definition_hash == digest:
        return None
    row = session.get(DefinitionRow, digest)
    if row is None:
        version = _last_version(session, process_id) + 1
        title = library.title(process_id)
        row = DefinitionRow(hash=digest, process_id=process_id, version=version, title=title, sources=sources)
        row.published_at, row.published_by = at, by
        session.add(row)
        session.flush()
    entry.definition_hash = digest
    return row


def _last_version(session: Session, process_id: str) -> int:
    query = select(func.max(DefinitionRow.version)).where(DefinitionRow.process_id == process_id)
    return session.scalar(query) or 0


def _lock(session: Session) -> None:
    """Publications follow one another: the second checks what the first has left. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(PUBLICATION)))


def _listed(one: DiagramSource, title: str, row: DefinitionRow | None) -> Listed:
    return Listed(
        name=one.name,
        file=_file(one),
        title=title,
        kind=one.kind,
        version=row.version if row else None,
        hash=row.hash if row else None,
        published_at=row.published_at if row else None,
        published_by=row.published_by if row else None,
    )


def _diagram_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".bpmn", ".dmn") and path.is_file())


def _place(one: DiagramSource, roots: set[str]) -> str:
    if one.kind == "dmn":
        return "decisions"
    return "services" if one.name in roots else "procedures"
