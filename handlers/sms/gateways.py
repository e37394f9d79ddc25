"""Which gateway the settings chose."""

from __future__ import annotations

from config.settings import Settings
from handlers.sms.client import Client
from handlers.sms.outbox_page import OutboxPage
from handlers.sms.smpp import Smpp
from handlers.sms.tencent import Tencent

LOG_FILE = "sms.log"


def gateway_of(settings: Settings) -> Client:
    """The gateway, not connected yet: that happens at its first use, in the process that uses it."""
    sms = settings.sms
    if sms.smpp is not None:
        return Smpp(sms.smpp, sms.timeout_seconds)
    if sms.tencent is not None:
        return Tencent(sms.tencent, sms.timeout_seconds)
    return OutboxPage(settings.home / LOG_FILE, sms.timeout_seconds)
