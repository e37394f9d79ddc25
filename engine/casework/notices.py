"""Notices to officers (工作通知): made with the event that they tell of, in its transaction, once for each recipient.

`config/notices.yaml` says which events are told to whom; an event that is not in it costs nothing here. There is no way
to make a notice but an event, and no event of the table without its notices: both are saved together or not at all.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.notices import NoticeKind, notice_table
from engine.casework.notice_facts import facts
from engine.casework.notice_recipients import Occasion, Recipient, recipients, subjects
from engine.models import CaseEvent, OfficerNotice


def tell(session: Session, event: CaseEvent) -> None:
    """Make the notices of an event that was just written."""
    rules = notice_table().events.get(event.kind)
    if rules is None:
        return
    # Several cases of one application, and several lines of the table, may reach the same recipient.
    made: dict[Recipient, OfficerNotice] = {}
    with session.no_autoflush:
        for case in subjects(session, event):
            occasion = Occasion(session, event, case)
            for rule in rules:
                for recipient in recipients(rule.to, occasion):
                    if recipient not in made and not (rule.unless_unread and _waits(occasion, rule.notice, recipient)):
                        made[recipient] = _notice(occasion, notice_table().kinds[rule.notice], recipient)
    session.add_all(made.values())


def _notice(occasion: Occasion, kind: NoticeKind, recipient: Recipient) -> OfficerNotice:
    return OfficerNotice(
        kind=kind.code,
        event=occasion.event,
        case_id=occasion.case.id if occasion.case is not None else None,
        agency_code=recipient.agency_code,
        role=recipient.role,
        officer_id=recipient.officer_id,
        facts=facts(kind.facts, occasion),
        made_at=occasion.event.at,
    )


def _waits(occasion: Occasion, kind: str, recipient: Recipient) -> bool:
    same = select(OfficerNotice.id).where(
        OfficerNotice.case_id == occasion.subject.id,
        OfficerNotice.read_at.is_(None),
        OfficerNotice.kind == kind,
        OfficerNotice.agency_code == recipient.agency_code,
        OfficerNotice.role.is_(None) if recipient.role is None else OfficerNotice.role == recipient.role,
        OfficerNotice.officer_id.is_(None)
        if recipient.officer_id is None
        else OfficerNotice.officer_id == recipient.officer_id,
    )
    return occasion.session.scalar(same.limit(1)) is not None
