"""Files (影像) by the SHA-256 of their content: the same content is stored once and never changed."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Protocol

import structlog

from engine.errors import NotFound, RetryLater

log = structlog.get_logger()

_NO_ROOM = "影像暂时无法保存（存储空间不足或存储设备故障），请稍后再试或联系管理员。"
_HASH = re.compile(r"[0-9a-f]{64}")


class Files(Protocol):
    """A store that knows a file by its content."""

    def put(self, content: bytes) -> str:
        """Store the content durably; its SHA-256 in hex. A second time is harmless. Raises RetryLater without room."""

    def get(self, sha256: str) -> bytes:
        """The content. Raises NotFound."""


class LocalFiles:
    """The store in a local folder, for one host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if path.exists():
            return sha256
        try:
            _write(path, content)
        except OSError as error:
            log.error("storage_failed", errno=error.errno)
            raise RetryLater(_NO_ROOM, code="storage_unavailable") from error
        return sha256

    def get(self, sha256: str) -> bytes:
        path = self._path(sha256)
        if not path.is_file():
            raise NotFound("没有找到这个影像文件。")
        return path.read_bytes()

    def _path(self, sha256: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise NotFound("没有找到这个影像文件。")
        return self._folder / sha256[:2] / sha256


def _write(path: Path, content: bytes) -> None:
    """Whole or not there at all: a crash leaves a nameless remainder, never half a file under its hash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            written.replace(path)
        except OSError:
            written.unlink(missing_ok=True)
            raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """The new name itself must survive a power cut too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
