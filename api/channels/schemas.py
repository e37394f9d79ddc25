"""What channel systems hand in."""

from __future__ import annotations

from api.applications.schemas import HandedIn
from api.schemas import Choice, Group, Schema, Text
from engine.casework.online import IDENTITY_CHECKS


class IdentityCheck(Schema):
    """How the channel has made sure who applies, and its own record of it."""

    method = Choice(list(IDENTITY_CHECKS), required=True, metadata={"description": "核实方式"})
    reference = Text(128, required=True, metadata={"description": "渠道自己的核实记录编号"})


class ChannelForm(HandedIn):
    """An application that a channel hands in for somebody whose identity it vouches for."""

    identity_check = Group(IdentityCheck, required=True, metadata={"description": "身份核实"})
