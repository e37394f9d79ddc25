"""The archive: a tar with a manifest, the database as it was at one moment, and the files.

The database is copied first, the files after it: files are written before the database speaks of them and never change,
so whatever the copy speaks of is there. Keys and secret are not in it; the manifest only lets a restore recognise them.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from api.backup.databases import Database, database_of
from config.settings import Settings
from engine import clock
from engine.errors import CannotProceed, RuleRefused
from engine.files import LocalFiles
from engine.privacy.keyring import Keyring

FORMAT = 1
MANIFEST, DATABASE = "manifest.json", "database"
_FILE = re.compile(r"files/[0-9a-f]{2}/([0-9a-f]{64})")

#: Told how many files are done.
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an archive says of itself."""

    format: int
    made_at: str
    #: sqlite or postgresql
    database: str
    database_sha256: str
    #: The last migration of the database.
    revision: str
    #: Ids of the keys that its values are encrypted with, or may be.
    keys: tuple[str, ...]
    #: Recognises the secret that the search hashes were made with.
    secret: str


def backup(settings: Settings, ring: Keyring, revision: str, file: Path, progress: Progress) -> Manifest:
    """Write the archive, whole or not at all. Raises RuleRefused where the file is there, CannotProceed."""
    if file.exists():
        raise RuleRefused(f"{file} 已存在，请换一个文件名。", code="backup_exists")
    source = database_of(settings)
    part = file.with_name(f"{file.name}.part")
    with _folder_beside(file) as folder:
        copied = folder / DATABASE
        source.dump(copied)
        manifest = Manifest(
            format=FORMAT,
            made_at=clock.now().isoformat(),
            database=source.kind,
            database_sha256=_sha256(copied),
            revision=revision,
            keys=ring.ids,
            secret=_mark(settings),
        )
        try:
            _write(part, manifest, copied, settings.files, progress)
            part.replace(file)
        except OSError as error:
            raise CannotProceed(f"备份文件无法写入：{error.strerror}。", code="backup_failed") from error
        finally:
            part.unlink(missing_ok=True)
    return manifest


def _write(part: Path, manifest: Manifest, copied: Path, files: Path, progress: Progress) -> None:
    # Whoever reads it reads everything but names and numbers, and with the keys those too.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w") as archive:
            text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode()
            head = tarfile.TarInfo(MANIFEST)
            head.size = len(text)
            archive.addfile(head, io.BytesIO(text))
            archive.add(copied, DATABASE)
            # What is being written has a name with a dot in front, until it is whole.
            for path in sorted(files.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")):
                archive.add(path, f"files/{path.parent.name}/{path.name}")
                progress(1)
        output.flush()
        os.fsync(output.fileno())


def read_manifest(file: Path) -> Manifest:
    """What the archive says of itself. Raises CannotProceed for what is no archive of ours."""
    try:
        with tarfile.open(file, "r:") as archive:
            head = archive.next()
            content = archive.extractfile(head) if head is not None and head.name == MANIFEST else None
            document = json.loads(content.read()) if content is not None else {}
        if document.get("format") != FORMAT:
            raise CannotProceed(f"{file} 不是本系统的备份，或来自更新的版本。", code="not_a_backup")
        return Manifest(**{**document, "keys": tuple(document["keys"])})
    except (tarfile.TarError, ValueError, TypeError, KeyError, EOFError) as error:
        raise CannotProceed(f"{file} 不是本系统的备份，或已损坏。", code="not_a_backup") from error


def restore(settings: Settings, ring: Keyring, known_revisions: set[str], file: Path, progress: Progress) -> Manifest:
    """Fill an empty place with the archive; the database comes last. Raises RuleRefused, CannotProceed."""
    manifest = read_manifest(file)
    target = database_of(settings)
    _require_fitting(manifest, settings, target, ring, known_revisions)
    store = LocalFiles(settings.files)
    with _folder_beside(settings.home / DATABASE) as folder:
        copied = folder / DATABASE
        try:
            for member, content in _members(file):
                if member.name == DATABASE:
                    with copied.open("wb") as written:
                        while piece := content.read(1 << 20):
                            written.write(piece)
                elif found := _FILE.fullmatch(member.name):
                    if store.put(content.read()) != found[1]:
                        raise CannotProceed(f"备份中的影像 {found[1]} 已损坏。", code="backup_damaged")
                    progress(1)
        except (tarfile.TarError, EOFError) as error:
            raise CannotProceed("备份已损坏，没有恢复。", code="backup_damaged") from error
        if not copied.exists() or _sha256(copied) != manifest.database_sha256:
            raise CannotProceed("备份中的数据库已损坏，没有恢复。", code="backup_damaged")
        target.load(copied)
    return manifest


def _require_fitting(
    manifest: Manifest, settings: Settings, target: Database, ring: Keyring, known_revisions: set[str]
) -> None:
    if manifest.database != target.kind:
        raise RuleRefused(
            f"备份来自 {manifest.database}，当前设置的数据库是 {target.kind}：请恢复到同一种数据库。",
            code="other_database",
        )
    if manifest.revision not in known_revisions:
        raise RuleRefused("备份来自更新的版本，请先升级本系统。", code="newer_backup")
    missing = [key for key in manifest.keys if key not in ring.ids]
    if missing:
        raise RuleRefused(
            f"缺少密钥 {'、'.join(missing)}：备份不含密钥，请先设置 TONGBAN_KEYS 或 TONGBAN_KEYS_FILE。",
            code="keys_missing",
        )
    if not hmac.compare_digest(manifest.secret, _mark(settings)):
        raise RuleRefused("TONGBAN_SECRET 与备份时不同：恢复后将无法按证件号码查询。", code="other_secret")
    if not target.is_empty():
        raise RuleRefused("数据库已有内容：只能恢复到空的数据库。", code="not_empty")


def _members(file: Path) -> Iterator[tuple[tarfile.TarInfo, io.BufferedReader]]:
    with tarfile.open(file, "r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member, content  # type: ignore[misc]


def _mark(settings: Settings) -> str:
    return hmac.new(settings.secret.encode(), b"tongban backup", "sha256").hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _folder_beside(file: Path) -> Iterator[Path]:
    """A folder on the same disk, gone afterwards."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".tongban-", dir=file.parent) as folder:
        yield Path(folder)
