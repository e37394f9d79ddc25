"""Tencent Cloud SMS (腾讯云短信), API 2021-01-11, signed with TC3-HMAC-SHA256.

It is one signed request, so the provider's own packages are not needed. Tencent sends texts that it has approved:
a message names the number of its text and the values; a text without a number waits until somebody registers it.
The reference goes as `SessionContext`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from config.sms import TencentSettings
from engine import clock
from engine.ports import Accepted, DeliveryReceipt, OutgoingMessage
from handlers.sms.client import LONGEST_ID, Client, Keep, nonsense, not_now, refused, unreachable

_VERSION = "2021-01-11"
_SERVICE = "sms"
_ALGORITHM = "TC3-HMAC-SHA256"
_CONTENT_TYPE = "application/json; charset=utf-8"
_SIGNED_HEADERS = "content-type;host"
_LARGEST_ANSWER = 1024 * 1024

#: What is wrong with the number or the words. Everything else, an empty account, a wrong key or a text that is not
#: approved yet, is for an operator to mend, and the message waits meanwhile.
_FOR_GOOD = frozenset(
    {
        "FailedOperation.ContainSensitiveWord",
        "FailedOperation.PhoneNumberInBlacklist",
        "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "InvalidParameterValue.TemplateParameterFormatError",
        "InvalidParameterValue.TemplateParameterLengthLimit",
    }
)

#: Receipts are pulled, at most this often and so many at once.
RECEIPTS_EVERY_SECONDS = 30.0
_MOST_RECEIPTS = 100


class Tencent(Client):
    """One account; every call is a request of its own."""

    name = "tencent"

    def __init__(
        self, settings: TencentSettings, timeout_seconds: float, receipts_every: float = RECEIPTS_EVERY_SECONDS
    ) -> None:
        super().__init__(timeout_seconds)
        self._settings = settings
        self._receipts_every = receipts_every
        self._receipts_at = 0.0

    def _submit(self, message: OutgoingMessage) -> Accepted:
        template_id = self._settings.templates.get(message.template)
        if template_id is None:
            raise not_now("text_not_registered", "该文本没有登记腾讯云的模板编号")
        answer = self._call(
            "SendSms",
            {
                "PhoneNumberSet": [f"+86{message.phone}"],
                "SmsSdkAppId": self._settings.app_id,
                "SignName": self._settings.sign_name,
                "TemplateId": template_id,
                "TemplateParamSet": list(message.parameters),
                "SessionContext": message.reference,
            },
        )
        status = _only(answer.get("SendStatusSet"))
        if status.get("Code") != "Ok":
            raise _refusal(status.get("Code"))
        return Accepted(ids=(_text(status.get("SerialNo")),))

    def _receive(self, keep: Keep) -> None:
        if time.monotonic() < self._receipts_at:
            return
        self._receipts_at = time.monotonic() + self._receipts_every
        answer = self._call("PullSmsSendStatus", {"SmsSdkAppId": self._settings.app_id, "Limit": _MOST_RECEIPTS})
        rows = answer.get("PullSmsSendStatusSet")
        if not isinstance(rows, list):
            raise nonsense()
        for row in rows:
            if not isinstance(row, Mapping) or row.get("ReportStatus") not in ("SUCCESS", "FAIL"):
                continue
            keep(
                DeliveryReceipt(
                    gateway_id=_text(row.get("SerialNo")),
                    delivered=row["ReportStatus"] == "SUCCESS",
                    reason=str(row.get("Description") or row["ReportStatus"])[:64],
                )
            )

    def _leave(self) -> None:
        """Nothing stays open between two requests."""

    def _call(self, action: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = signed_headers(self._settings, action, body, int(clock.now().timestamp()))
        # The address was checked when the settings were read: https, or this machine.
        request = Request(self._settings.url, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with urlopen(request, timeout=self.timeout_seconds) as answer:  # noqa: S310
                received = answer.read(_LARGEST_ANSWER)
        except HTTPError as error:
            error.close()
            raise nonsense() from error
        except (OSError, HTTPException) as error:
            raise unreachable() from error
        return _response_in(received)


def signed_headers(settings: TencentSettings, action: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a request to `settings.url`, signed for the second `at` (since 1970, UTC)."""
    host = urlsplit(settings.url).netloc
    return {
        "Authorization": authorization(settings.secret_id, settings.secret_key, _SERVICE, host, body, at),
        "Content-Type": _CONTENT_TYPE,
        "Host": host,
        "X-TC-Action": action,
        "X-TC-Version": _VERSION,
        "X-TC-Timestamp": str(at),
        "X-TC-Region": settings.region,
    }


def authorization(secret_id: str, secret_key: str, service: str, host: str, body: bytes, at: int) -> str:
    """Who asks, with the proof: the key signs the day, the service, the host and the content (TC3-HMAC-SHA256)."""
    day = time.strftime("%Y-%m-%d", time.gmtime(at))
    canonical = "\n".join(
        ("POST", "/", "", f"content-type:{_CONTENT_TYPE}", f"host:{host}", "", _SIGNED_HEADERS, _sha256(body))
    )
    scope = f"{day}/{service}/tc3_request"
    to_sign = "\n".join((_ALGORITHM, str(at), scope, _sha256(canonical.encode())))
    key = f"TC3{secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{_ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"


def _sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def _response_in(received: bytes) -> Mapping[str, Any]:
    try:
        response = json.loads(received)["Response"]
        error = response.get("Error")
        if error is None:
            return dict(response)
        code = error["Code"]
    except (ValueError, LookupError, TypeError, AttributeError) as cause:
        raise nonsense() from cause
    raise _refusal(code)


def _refusal(code: Any) -> Exception:
    if not isinstance(code, str) or not code.isascii():
        return nonsense()
    if code in _FOR_GOOD:
        return refused(f"Tencent {code[:80]}")
    return not_now("gateway_not_now", f"短信网关暂不接收（Tencent {code[:80]}）")


def _only(rows: Any) -> Mapping[str, Any]:
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], Mapping):
        raise nonsense()
    return rows[0]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        raise nonsense()
    return value
