"""A lean HTTP client with one connection that stays open: two cores are shared with what is measured."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson

PATIENCE_SECONDS = 60.0


class Unreachable(Exception):
    """Nothing answered: whether the request was done is not known."""


class Refused(Exception):
    """The system said no."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(f"{answer.status} {answer.body[:300]!r}")


@dataclass(frozen=True)
class Answer:
    """What came back, and after how long."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """One officer's connection to one web process."""

    def __init__(self, host: str, port: int, token: str, *, patience: float = PATIENCE_SECONDS) -> None:
        self._address = (host, port)
        self._patience = patience
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n"
        self._socket: socket.socket | None = None

    def get(self, path: str) -> Answer:
        """What a GET answers. Raises `Refused` for a status of 400 and more, `Unreachable`."""
        return self._checked(self.ask("GET", path))

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Answer:
        """The same for a POST with an Idempotency-Key of its own."""
        return self._checked(self.ask("POST", path, orjson.dumps(body or {}), key=key or secrets.token_hex(12)))

    def upload(self, path: str, content: bytes, **texts: str) -> Answer:
        """The same for a file with text fields beside it."""
        boundary = secrets.token_hex(12)
        fields = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in texts.items()
        )
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="scan.png"\r\n'
        body = f"{fields}{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return self._checked(self.ask("POST", path, body, kind=kind, key=secrets.token_hex(12)))

    def ask(
        self, method: str, path: str, body: bytes = b"", *, kind: str = "application/json", key: str | None = None
    ) -> Answer:
        """Send and wait. Raises `Unreachable`; every answer is given back, whatever its status."""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}"
        if method != "GET":
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        if key is not None:
            head += f"Idempotency-Key: {key}\r\n"
        started = perf_counter()
        try:
            sent = self._connected()
            sent.sendall(head.encode() + b"\r\n" + body)
            status, headers, content = _receive(sent)
        except OSError as error:
            self.close()
            raise Unreachable(str(error)) from error
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, content, perf_counter() - started)

    def close(self) -> None:
        """Leave the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=self._patience)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.status >= 400:
            raise Refused(answer)
        return answer


def _receive(source: socket.socket) -> tuple[int, dict[str, str], bytes]:
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _more(source)
    lines = received[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    body = received[end + 4 :]
    while len(body) < int(headers.get("content-length", "0")):
        body += _more(source)
    return int(lines[0].split()[1]), headers, body


def _more(source: socket.socket) -> bytes:
    part = source.recv(65536)
    if not part:
        raise ConnectionResetError("the connection was closed before the answer was complete")
    return part
