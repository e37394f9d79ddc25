"""A bound SMPP 3.4 session that never waits longer than it may and never believes what it reads.

smpplib knows the PDUs. What is ours is the conversation: answers are matched to questions, receipts are kept back
until they are stored, and a length or a silence that no gateway would send ends the session.
"""

from __future__ import annotations

import logging
import select
import time
from collections import deque
from typing import Any

from smpplib import client, consts, exceptions, smpp

from config.sms import SmppSettings

#: smpplib writes whole PDUs, which are personal, into its debug log: ours stays silent.
_SILENT = "tongban.smpp"
logging.getLogger(_SILENT).setLevel(logging.CRITICAL)

#: The largest PDU is some 260 octets and its optional fields; whatever says it is longer is no PDU.
_LONGEST_PDU = 64 * 1024
#: After this long without a word the other side may have gone away unnoticed.
_IDLE_SECONDS = 20

#: Receipts that are taken in at once; the others wait for the next time.
_MOST_AT_ONCE = 500

#: Everything that means: this session is of no use any more.
BROKEN = (exceptions.ConnectionError, exceptions.PDUError, exceptions.UnknownCommandError, OSError)


class SmppSession(client.Client):  # type: ignore[misc]
    """Connected and bound as a transceiver: submits, collects receipts. Raises one of `BROKEN`, then it is over."""

    def __init__(self, settings: SmppSettings, timeout_seconds: float) -> None:
        super().__init__(
            settings.host,
            settings.port,
            timeout=timeout_seconds,
            logger_name=_SILENT,
            allow_unknown_opt_params=True,
        )
        self._settings = settings
        self._deadline = 0.0
        self._heard_at = time.monotonic()
        #: `deliver_sm` that were not answered yet.
        self.delivered: deque[Any] = deque()

    def open(self) -> None:
        """Connect and bind."""
        self._begin_waiting()
        self.connect()
        answer = self.bind_transceiver(
            system_id=self._settings.system_id,
            password=self._settings.password,
            system_type=self._settings.system_type,
        )
        if answer.command != "bind_transceiver_resp":
            raise exceptions.PDUError("not an answer to the bind")

    def submit(self, **fields: Any) -> Any:
        """The gateway's answer to this submission."""
        self._begin_waiting()
        return self._answer_to(self.send_message(**fields))

    def catch_up(self) -> None:
        """Read what has come, and make sure that somebody is still there."""
        self._begin_waiting()
        for _ in range(_MOST_AT_ONCE):
            if not self._has_something():
                break
            self._react(self.read_pdu())
        if time.monotonic() - self._heard_at > _IDLE_SECONDS:
            question = smpp.make_pdu("enquire_link", client=self)
            self.send_pdu(question)
            self._answer_to(question)

    def confirm(self, delivered: Any) -> None:
        """Tell the gateway that this `deliver_sm` is kept."""
        answer = smpp.make_pdu("deliver_sm_resp", client=self)
        answer.sequence = delivered.sequence
        self.send_pdu(answer)

    def end(self) -> None:
        """Unbind if the other side still listens, and disconnect in any case."""
        try:
            if self.state == consts.SMPP_CLIENT_STATE_BOUND_TRX:
                self.send_pdu(smpp.make_pdu("unbind", client=self))
        except BROKEN:
            self.logger.info("the gateway had left before")
        finally:
            self.disconnect()

    # The conversation

    def _begin_waiting(self) -> None:
        self._deadline = time.monotonic() + self.timeout

    def _answer_to(self, question: Any) -> Any:
        while True:
            pdu = self.read_pdu()
            if pdu.is_response() and pdu.sequence == question.sequence:
                return pdu
            self._react(pdu)

    def _react(self, pdu: Any) -> None:
        """Answers to questions that nobody waits for any more are dropped."""
        if pdu.command == "deliver_sm":
            self.delivered.append(pdu)
        elif pdu.command == "enquire_link":
            self._enquire_link_received(pdu)
        elif pdu.command == "unbind":
            raise exceptions.ConnectionError("the gateway ends the session")

    # Reading

    def read_pdu(self) -> Any:
        pdu = super().read_pdu()
        if pdu is None:
            raise exceptions.PDUError("no PDU")
        self._heard_at = time.monotonic()
        return pdu

    def _recv_exact(self, exact_size: int) -> bytes:
        """Exactly so many octets, all of them before the deadline: a gateway that drips must not hold us up."""
        if not 0 < exact_size <= _LONGEST_PDU:
            raise exceptions.PDUError("a length that no PDU has")
        received = b""
        while len(received) < exact_size:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._socket.settimeout(remaining)
            octets = self._socket.recv(exact_size - len(received))
            if not octets:
                raise exceptions.ConnectionError("the gateway closed the connection")
            received += octets
        return received

    def _has_something(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))
