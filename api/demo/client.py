"""A small client of the HTTP API: log in as an officer, send JSON, get JSON or a refusal."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlencode, urlsplit

#: The one password of all demo officers; `tongban serve` prints it at its first start.
DEMO_PASSWORD = "tongban-demo"  # noqa: S105  a demo log-in, not a secret
_PATIENCE_SECONDS = 60


class Refused(Exception):
    """The API said no. `status` of HTTP, `code` and `detail` of the problem, `because` its legal basis."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.detail = str(problem.get("detail", ""))
        self.because = list(problem.get("because") or ())
        self.fields = dict(problem.get("fields") or {})
        self.details = dict(problem.get("details") or {})
        lines = [f"{self.detail}（{status} {self.code}）"]
        lines += [f"{name}：{'；'.join(sentences)}" for name, sentences in self.fields.items()]
        super().__init__("\n".join(lines))


class Unreachable(Exception):
    """No system answers at the address, or not in the way of this API."""


@dataclass(frozen=True)
class Client:
    """One officer's way to the API; without `token` nobody's."""

    base: str
    token: str | None = None

    def log_in(self, username: str, password: str = DEMO_PASSWORD) -> Client:
        """The client of this officer. Raises `Refused`."""
        answer = self.post("/sessions", {"username": username, "password": password})
        return Client(self.base, answer["token"])

    def is_alive(self) -> bool:
        """The system answers and its database does."""
        try:
            status, _ = self._exchange("GET", "/healthz")
        except Unreachable:
            return False
        return status == HTTPStatus.OK

    def get(self, path: str, **query: Any) -> Any:
        """What a GET answers. Raises `Refused` or `Unreachable`."""
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a POST answers; each call has a key of its own, so that a repetition on the way does nothing twice."""
        content = json.dumps(body or {}, ensure_ascii=False).encode()
        return self._send("POST", path, content, "application/json")

    def upload(self, path: str, name: str, content: bytes, **texts: str) -> Any:
        """Send a file with text fields beside it."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in texts.items()
        ]
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n'
        parts += [f"{head}Content-Type: image/png\r\n\r\n".encode(), content, f"\r\n--{boundary}--\r\n".encode()]
        return self._send("POST", path, b"".join(parts), f"multipart/form-data; boundary={boundary}")

    def _send(self, method: str, path: str, body: bytes | None = None, kind: str | None = None) -> Any:
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if kind is not None:
            headers |= {"Content-Type": kind, "Idempotency-Key": secrets.token_hex(16)}
        status, answer = self._exchange(method, f"/api/v1{path}", body, headers)
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(status, answer if isinstance(answer, dict) else {})
        return answer

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        address = urlsplit(self.base)
        connection = HTTPConnection(address.hostname or "", address.port or 80, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, address.path.rstrip("/") + path, body, headers or {})
            response = connection.getresponse()
            return response.status, _read(response.read())
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self.base} 没有应答：{error}") from error
        finally:
            connection.close()


def _read(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise Unreachable("应答不是 JSON：这个地址上不是通办系统。") from error
