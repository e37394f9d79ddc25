"""What the tests of the gateways talk to: a stand-in for Tencent Cloud that checks signatures, and one face for all."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from config.sms import SmppSettings, TencentSettings
from engine import clock
from engine.casework.message_texts import split
from engine.ports import OutgoingMessage
from handlers.sms.client import Client
from handlers.sms.outbox_page import OutboxPage
from handlers.sms.smpp import Smpp
from handlers.sms.tencent import Tencent
from tests import smpp_server
from tests.smpp_server import SmppServer

#: Enough for this machine, little enough to wait for.
TIMEOUT = 0.5

SHORT = "尊敬的XM先生/女士，您办理的YWMC已办结。"
LONG = "尊敬的XM先生/女士，您办理的YWMC已终止办理，终止意见：CZYJ。"


def outgoing(message_id: int = 7, *, template: str = SHORT, text: str = "", **more: Any) -> OutgoingMessage:
    """A message on its way."""
    fields = {"round": 1, "phone": "13800138000", "parameters": ("陈大文", "工伤医疗费"), **more}
    return OutgoingMessage(message_id=message_id, template=template, text=text or "您好，短信。", **fields)


class Face(ABC):
    """One gateway, and what stands at its other end."""

    #: What can go wrong there for a while.
    faults: ClassVar[tuple[str, ...]]
    gateway: Client

    @abstractmethod
    def received(self) -> list[tuple[str, str]]:
        """(reference, text or what is known of it) of every message that arrived whole since the last question."""

    @abstractmethod
    def expected(self, message: OutgoingMessage) -> tuple[str, str]:
        """How `received` shows this message."""

    @abstractmethod
    def fail(self, fault: str) -> None:
        """Let the next hand-over go wrong in this way."""

    @abstractmethod
    def mend(self) -> None:
        """All is well again."""


class OutboxFace(Face):
    faults = ("unwritable",)

    def __init__(self, folder: Path) -> None:
        self.log = folder / "sms.log"
        self.gateway = OutboxPage(self.log, TIMEOUT)

    def received(self) -> list[tuple[str, str]]:
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        self.log.unlink()
        return [(line["reference"], f"{line['characters']}/{line['parts']}") for line in lines]

    def expected(self, message: OutgoingMessage) -> tuple[str, str]:
        return message.reference, f"{len(message.text)}/{len(split(message.text))}"

    def fail(self, fault: str) -> None:
        self.log.mkdir()

    def mend(self) -> None:
        self.log.rmdir()


class SmppFace(Face):
    faults = (
        "hang_up",
        "lose_answer",
        "silent",
        "throttled",
        "length_of_nothing",
        "length_of_everything",
        "unknown_command",
        "cut_short",
    )
    _GARBAGE: ClassVar = {
        "length_of_nothing": "00000004",
        "length_of_everything": "ffffffff8000000400000000",
        "unknown_command": "000000108000aaaa0000000000000001",
        # An answer whose id has no end.
        "cut_short": "0000001280000004000000000000000261ff",
    }

    def __init__(self) -> None:
        self.server: SmppServer = smpp_server.start()
        self.gateway = Smpp(self.settings(), TIMEOUT)
        self._parts: dict[tuple[int, int], dict[int, str]] = {}

    def settings(self, **changes: Any) -> SmppSettings:
        fields = {
            "host": "127.0.0.1",
            "port": self.server.port,
            "system_id": smpp_server.SYSTEM_ID,
            "password": smpp_server.PASSWORD,
            "source": "10690001",
            **changes,
        }
        return SmppSettings(**fields)

    def received(self) -> list[tuple[str, str]]:
        """Parts are put together as a telephone does it: by number, total and the octet they share."""
        # What it says comes in order: after this answer everything before it is here.
        self.server.tell(do="nothing")
        whole = []
        for said in self.server.heard("submitted"):
            if not said["header"]:
                whole.append((str(said["reference"]), said["text"]))
                continue
            _, _, shared, total, number = bytes.fromhex("".join(said["header"]))
            parts = self._parts.setdefault((shared, total), {})
            parts[number] = said["text"]
            if len(parts) == total:
                whole.append((str(said["reference"]), "".join(parts[one] for one in sorted(parts))))
                del self._parts[shared, total]
        return whole

    def expected(self, message: OutgoingMessage) -> tuple[str, str]:
        return str(message.message_id + message.round - 1), message.text

    def fail(self, fault: str) -> None:
        if fault in self._GARBAGE:
            self.server.behave({"how": "garbage", "bytes": self._GARBAGE[fault]})
        elif fault == "throttled":
            self.server.behave({"how": "refuse", "status": 0x58})
        else:
            self.server.behave(fault)

    def mend(self) -> None:
        self.server.behave()
        self.server.heard("submitted")

    def stop(self) -> None:
        self.gateway.close()
        self.server.stop()


# --- Tencent Cloud


@dataclass
class TencentStandIn:
    """Answers as the provider's documentation says, and refuses what is not signed with the key."""

    secret_id: str = "AKIDsample"
    secret_key: str = "sample-key"
    #: What the next answers are instead: a status, an error's code, a body.
    faults: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    report_as: str = "SUCCESS"

    def __post_init__(self) -> None:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stand_in.answer(self, body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "hang_up":
            return
        if fault == "slow":
            time.sleep(TIMEOUT * 2)
            return
        if fault == "status_502":
            handler.send_error(502)
            return
        content = self.BODIES[fault] if fault in self.BODIES else json.dumps(self._response(handler, body, fault))
        octets = content.encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(octets)))
        handler.end_headers()
        handler.wfile.write(octets)

    #: Answers that are none.
    BODIES: ClassVar = {
        "page": "<html>您的请求已被拦截</html>",
        "empty": "",
        "list": "[]",
        "null": '{"Response": null}',
        "no_status": '{"Response": {"SendStatusSet": [], "RequestId": "1"}}',
        "no_serial": '{"Response": {"SendStatusSet": [{"Code": "Ok"}], "RequestId": "1"}}',
        "no_code": '{"Response": {"Error": {"Message": "?"}, "RequestId": "1"}}',
    }

    def _response(self, handler: BaseHTTPRequestHandler, body: bytes, fault: str) -> dict[str, Any]:
        if not self._is_signed(handler, body):
            return _error("AuthFailure.SignatureFailure")
        if fault:
            return _error(fault)
        content = json.loads(body)
        if handler.headers["X-TC-Action"] == "PullSmsSendStatus":
            taken, self.reports = self.reports[: content["Limit"]], self.reports[content["Limit"] :]
            return {"Response": {"PullSmsSendStatusSet": taken, "RequestId": "1"}}
        self.sent.append(content)
        serial = f"2019:{len(self.sent)}"
        self.reports.append({"SerialNo": serial, "ReportStatus": self.report_as, "Description": "用户短信接收成功"})
        status = {
            "SerialNo": serial,
            "PhoneNumber": content["PhoneNumberSet"][0],
            "Fee": 1,
            "SessionContext": content["SessionContext"],
            "Code": "Ok",
            "Message": "send success",
            "IsoCode": "CN",
        }
        return {"Response": {"SendStatusSet": [status], "RequestId": "1"}}

    def _is_signed(self, handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        """The provider's own computation, written down once more from its documentation."""
        headers = handler.headers
        at = int(headers["X-TC-Timestamp"])
        if abs(at - clock.now().timestamp()) > 300 or headers["X-TC-Version"] != "2021-01-11":
            return False
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        request = (
            f"POST\n/\n\ncontent-type:{headers['Content-Type']}\nhost:{headers['Host']}\n\ncontent-type;host\n"
            + hashlib.sha256(body).hexdigest()
        )
        words = f"TC3-HMAC-SHA256\n{at}\n{day}/sms/tc3_request\n" + hashlib.sha256(request.encode()).hexdigest()
        first = hmac.new(("TC3" + self.secret_key).encode(), day.encode(), hashlib.sha256).digest()
        second = hmac.new(first, b"sms", hashlib.sha256).digest()
        third = hmac.new(second, b"tc3_request", hashlib.sha256).digest()
        signature = hmac.new(third, words.encode(), hashlib.sha256).hexdigest()
        expected = (
            f"TC3-HMAC-SHA256 Credential={self.secret_id}/{day}/sms/tc3_request, "
            f"SignedHeaders=content-type;host, Signature={signature}"
        )
        return bool(headers["Authorization"] == expected)


def _error(code: str) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": "sample"}, "RequestId": "1"}}


class TencentFace(Face):
    faults = (
        *("hang_up", "slow", "status_502", "page", "empty", "list", "null", "no_status", "no_serial", "no_code"),
        *("InternalError.OtherError", "LimitExceeded.PhoneNumberDailyLimit", "AuthFailure.SecretIdNotFound"),
        "FailedOperation.InsufficientBalanceInSmsPackage",
    )

    def __init__(self) -> None:
        self.stand_in = TencentStandIn()
        self.gateway = Tencent(self.settings(), TIMEOUT, receipts_every=0)

    def settings(self, **changes: Any) -> TencentSettings:
        fields = {
            "secret_id": self.stand_in.secret_id,
            "secret_key": self.stand_in.secret_key,
            "app_id": "1400006666",
            "sign_name": "中山社保",
            "templates": {SHORT: "1110", LONG: "1111"},
            "url": self.stand_in.url,
            **changes,
        }
        return TencentSettings(**fields)

    def received(self) -> list[tuple[str, str]]:
        taken, self.stand_in.sent = self.stand_in.sent, []
        return [(one["SessionContext"], f"{one['TemplateId']}{one['TemplateParamSet']}") for one in taken]

    def expected(self, message: OutgoingMessage) -> tuple[str, str]:
        number = {SHORT: "1110", LONG: "1111"}[message.template]
        return message.reference, f"{number}{list(message.parameters)}"

    def fail(self, fault: str) -> None:
        self.stand_in.faults = [fault]

    def mend(self) -> None:
        self.stand_in.faults = []

    def stop(self) -> None:
        self.stand_in.stop()
