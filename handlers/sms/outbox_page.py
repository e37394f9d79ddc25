"""The gateway of the embedded system: nothing leaves the house, messages are read in the outbox page.

Whoever looks at the page has the message, so it counts as delivered at once.
"""

from __future__ import annotations

import json
from pathlib import Path

from engine import clock
from engine.casework.message_texts import masked, split
from engine.ports import Accepted, OutgoingMessage
from handlers.sms.client import Client, Keep, unreachable


class OutboxPage(Client):
    """One JSON object a line in the log: when, which message, how long; neither its words nor the whole number."""

    name = "outbox"

    def __init__(self, log_file: Path, timeout_seconds: float) -> None:
        super().__init__(timeout_seconds)
        self._log_file = log_file

    def _submit(self, message: OutgoingMessage) -> Accepted:
        line = {
            "at": clock.now().isoformat(),
            "reference": message.reference,
            "phone": masked(message.phone),
            "characters": len(message.text),
            "parts": len(split(message.text)),
        }
        try:
            with self._log_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise unreachable() from error
        return Accepted(ids=(f"outbox-{message.reference}",), delivered=True)

    def _receive(self, keep: Keep) -> None:
        """There are none."""

    def _leave(self) -> None:
        """Nothing is open."""
