"""An SMPP 3.4 gateway (SMPP 短信网关): long messages in UCS-2 parts, delivery receipts.

A part that was taken is never submitted again: where the gateway stops in the middle of a long message, the rest goes
later. The reference is sent as `user_message_reference`, its last octet ties the parts together.
"""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from smpplib import consts

from config.sms import SmppSettings
from engine.casework.message_texts import split
from engine.ports import Accepted, DeliveryReceipt, OutgoingMessage
from handlers.sms.client import LONGEST_ID, Client, Keep, nonsense, not_now, refused, unreachable
from handlers.sms.smpp_session import BROKEN, SmppSession

log = structlog.get_logger()

#: smpplib takes PDUs apart without looking: what is none breaks in it in one of these ways.
NO_PDU = (ValueError, LookupError, AttributeError, TypeError, struct.error)
#: What is wrong with the message itself; every other status may be different tomorrow.
_FOR_GOOD = frozenset(
    {
        consts.SMPP_ESME_RINVMSGLEN,
        consts.SMPP_ESME_RINVDSTADR,
        consts.SMPP_ESME_RX_P_APPN,
        consts.SMPP_ESME_RX_R_APPN,
    }
)
#: esm_class of a delivery receipt, among other things that a gateway may deliver.
_RECEIPT, _KIND = 0x04, 0x3C
_ID = re.compile(rb"id:(\S+)")
_STATE = re.compile(rb"stat:([A-Z]+)")
#: message_state -> the word for it (SMPP 3.4, 5.2.28).
_WORDS = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 8: "REJECTD"}
_FINAL = frozenset(_WORDS.values())
#: How long a gateway that does not answer is left alone when nothing is to be sent.
_REST_SECONDS = 30


class Smpp(Client):
    """One session, opened at the first use and again after every fault."""

    name = "smpp"

    def __init__(self, settings: SmppSettings, timeout_seconds: float) -> None:
        super().__init__(timeout_seconds)
        self._settings = settings
        self._session: SmppSession | None = None
        self._rests_until = 0.0

    def _submit(self, message: OutgoingMessage) -> Accepted:
        parts = split(message.text)
        ids = list(message.accepted)
        with self._conversation(ids) as session:
            for number in range(len(ids) + 1, len(parts) + 1):
                answer = session.submit(**self._fields(message, parts, number))
                if answer.is_error() or answer.command != "submit_sm_resp":
                    break
                ids.append(_id_in(answer))
            else:
                return Accepted(ids=tuple(ids))
        # The session is as good as before: the gateway has only said no.
        raise _refusal(int(answer.status), ids)

    def _fields(self, message: OutgoingMessage, parts: Sequence[str], number: int) -> dict[str, Any]:
        reference = (message.message_id + message.round - 1) & 0xFFFF
        text = parts[number - 1].encode("utf-16-be", "replace")
        several = len(parts) > 1
        header = bytes((5, 0, 3, reference & 0xFF, len(parts), number)) if several else b""
        return {
            "source_addr_ton": consts.SMPP_TON_UNK,
            "source_addr_npi": consts.SMPP_NPI_UNK,
            "source_addr": self._settings.source,
            "dest_addr_ton": consts.SMPP_TON_INTL,
            "dest_addr_npi": consts.SMPP_NPI_ISDN,
            "destination_addr": f"86{message.phone}",
            "esm_class": consts.SMPP_GSMFEAT_UDHI if several else 0,
            "data_coding": consts.SMPP_ENCODING_ISO10646,
            "registered_delivery": 1,
            "short_message": header + text,
            "user_message_reference": reference,
        }

    def _receive(self, keep: Keep) -> None:
        if self._session is None and time.monotonic() < self._rests_until:
            return
        self._rests_until = time.monotonic() + _REST_SECONDS
        with self._conversation() as session:
            while session.delivered:
                receipt = _receipt_in(session.delivered[0])
                if receipt is not None:
                    keep(receipt)
                session.confirm(session.delivered[0])
                session.delivered.popleft()

    def _leave(self) -> None:
        if self._session is not None:
            self._session.end()
            self._session = None

    @contextmanager
    def _conversation(self, accepted: Sequence[str] = ()) -> Iterator[SmppSession]:
        """The open session, caught up with what the gateway said meanwhile. After any fault it is closed."""
        completed = False
        try:
            yield self._caught_up()
            completed = True
        except BROKEN as error:
            raise unreachable(accepted) from error
        except NO_PDU as error:
            log.warning("smpp_nonsense", exc_info=error)
            raise nonsense(accepted) from error
        finally:
            if not completed:
                self._leave()

    def _caught_up(self) -> SmppSession:
        if self._session is not None:
            try:
                self._session.catch_up()
            except BROKEN:
                # It ended while nobody looked, as idle sessions do: nothing was under way.
                self._leave()
        if self._session is None:
            self._session = SmppSession(self._settings, self.timeout_seconds)
            self._session.open()
        return self._session


def _refusal(status: int, accepted: Sequence[str]) -> Exception:
    words = f"SMPP 0x{status:08X} {consts.DESCRIPTIONS.get(status, '')}".strip()
    if status in _FOR_GOOD:
        return refused(words)
    return not_now("gateway_not_now", f"短信网关暂不接收（{words}）", accepted)


def _id_in(answer: Any) -> str:
    found = (answer.message_id or b"").decode("ascii")
    if not 0 < len(found) <= LONGEST_ID:
        raise ValueError("an id that cannot be kept")
    return str(found)


def _receipt_in(delivered: Any) -> DeliveryReceipt | None:
    """The receipt; None for what is none, or says only that the message is still on its way."""
    if (delivered.esm_class or 0) & _KIND != _RECEIPT:
        return None
    text = delivered.short_message or b""
    written_id, written_state = _ID.search(text), _STATE.search(text)
    gateway_id = delivered.receipted_message_id or (written_id[1] if written_id else b"")
    state = _WORDS.get(delivered.message_state) or (written_state[1].decode("ascii") if written_state else "")
    if not gateway_id or len(gateway_id) > LONGEST_ID or state not in _FINAL:
        return None
    return DeliveryReceipt(gateway_id=gateway_id.decode("ascii"), delivered=state == "DELIVRD", reason=state)
