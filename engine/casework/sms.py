"""Messages of a case: which template, which values, which sender."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.catalogue import services
from engine.casework.messages import ACCEPTING_SLOTS, emit
from engine.models import Agency, Case, CaseEvent, ServiceConfiguration, Transfer
from engine.ports import ports


def emit_for_case(session: Session, case: Case, *, slot: str, occasion: str, at: datetime) -> None:
    """Make the message of `slot`; `occasion` (a process task or use case) makes it exactly one (promise 6)."""
    configuration = session.get_one(ServiceConfiguration, case.configuration_id)
    sender = case.accepting_agency_code if slot in ACCEPTING_SLOTS else case.handling_agency_code
    applicant = case.application.content.get("applicant") or {}
    emit(
        session,
        slot=slot,
        occasion=occasion,
        sender_agency_code=sender,
        template=(configuration.sms or {}).get(slot),
        values=_values(session, case, sender, at),
        phone=applicant.get("phone") or case.person.phone,
        at=at,
        case_id=case.id,
    )


def _values(session: Session, case: Case, sender: str, at: datetime) -> dict[str, str]:
    """The 13 keys (SMS-06) as far as the case has a value for them."""
    applicant = case.application.content.get("applicant") or {}
    number = case.person.identity_number
    opinion = session.scalar(
        select(CaseEvent.opinion)
        .where(CaseEvent.case_id == case.id, CaseEvent.opinion.is_not(None))
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )
    left_to = session.scalar(
        select(Agency.name)
        .join(Transfer, Transfer.from_agency_code == Agency.code)
        .where(Transfer.case_id == case.id, Transfer.state == "completed")
        .limit(1)
    )
    remaining = ports().calendar.workdays_between(at.date(), case.due_on)
    return {
        "XM": str(applicant.get("name") or case.person.name),
        "SFZH": f"{number[:4]}**********{number[-4:]}" if len(number) >= 15 else "****",
        "YWMC": service_title(case.service),
        "SLSJ": case.accepted_at.strftime("%Y年%m月%d日"),
        "CZYJ": opinion or "",
        "DAY": str(remaining),
        "CZYJP": opinion or "",
        "JBJG": session.get_one(Agency, sender).name,
        "SLHZH": case.receipt_number,
        "SHBTGYJ": opinion or "",
        "ZCDADDRESS": left_to or "",
        "CBR": case.person.name,
    }


def service_title(service: str) -> str:
    """The service's Chinese name."""
    return services()[service].title
