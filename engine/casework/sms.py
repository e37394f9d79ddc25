"""Messages of a case: which template, which values, which sender."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from config.catalogue import services
from engine.casework.calendars import calendar_of
from engine.casework.message_texts import keys_in
from engine.casework.messages import ACCEPTING_SLOTS, emit
from engine.models import Agency, Case, CaseEvent, Determination, Message, Transfer


def emit_for_case(session: Session, case: Case, *, slot: str, occasion: str, at: datetime) -> Message:
    """Make the message of `slot`; `occasion` (a process task or use case) makes it exactly one (promise 6).

    The text is that of the configuration the case is pinned to, whatever the city has chosen since (CFG-10).
    """
    configuration = case.configuration
    template, standard = (configuration.sms or {}).get(slot), services()[case.service].sms[slot]
    keys = {key for text in (template, standard) if text for key in keys_in(text)}
    sender = case.accepting_agency_code if slot in ACCEPTING_SLOTS else case.handling_agency_code
    return emit(
        session,
        slot=slot,
        occasion=occasion,
        sender_agency_code=sender,
        template=template,
        standard=standard,
        values=_values(session, case, sender, at, keys),
        phone=phone_of(case),
        at=at,
        case_id=case.id,
    )


def phone_of(case: Case) -> str | None:
    """The applicant's number, or else the worker's."""
    phone = _applicant(case).get("phone")
    return str(phone) if phone else case.person.phone


def service_title(service: str) -> str:
    """The service's Chinese name."""
    return services()[service].title


def _applicant(case: Case) -> Mapping[str, object]:
    session = object_session(case)
    assert session is not None
    # Reading the application must not write half of the step's changes out.
    with session.no_autoflush:
        return case.application.content.get("applicant") or {}


def _values(session: Session, case: Case, sender: str, at: datetime, keys: Collection[str]) -> dict[str, str]:
    """Those of the 13 keys (SMS-06) that are wanted, as far as the case has a value for them."""
    makers: dict[str, Callable[[], str]] = {
        "XM": lambda: str(_applicant(case).get("name") or case.person.name),
        "SFZH": lambda: _masked(case.person.identity_number),
        "YWMC": lambda: service_title(case.service),
        "SLSJ": lambda: case.accepted_at.strftime("%Y年%m月%d日"),
        "CZYJ": lambda: _last_opinion(session, case),
        # An overdue case has 0 days left (K-48).
        "DAY": lambda: _days_left(session, case, at),
        "CZYJP": lambda: _last_opinion(session, case),
        "JBJG": lambda: session.get_one(Agency, sender).name,
        "SLHZH": lambda: case.receipt_number,
        "SHBTGYJ": lambda: _last_opinion(session, case),
        "DYXSKSNY": lambda: _first_month(session, case),
        "ZCDADDRESS": lambda: _left_agency(session, case) or "",
        "CBR": lambda: case.person.name,
    }
    return {key: make() for key, make in makers.items() if key in keys}


def _days_left(session: Session, case: Case, at: datetime) -> str:
    calendar = calendar_of(session, case.handling_agency_code)
    return str(calendar.workdays_between(case.limit_stopped_on or at.date(), case.due_on))


def _masked(number: str) -> str:
    return f"{number[:4]}**********{number[-4:]}" if len(number) >= 15 else "****"


def _last_opinion(session: Session, case: Case) -> str:
    opinion = session.scalar(
        select(CaseEvent.opinion)
        .where(CaseEvent.case_id == case.id, CaseEvent.opinion.is_not(None))
        .order_by(CaseEvent.id.desc())
        .limit(1)
    )
    # The template ends the sentence; the officer has usually ended it too.
    return (opinion or "").rstrip("。.")


def _left_agency(session: Session, case: Case) -> str | None:
    """The agency that transferred the case away (转出地)."""
    return session.scalar(
        select(Agency.name)
        .join(Transfer, Transfer.from_agency_code == Agency.code)
        .where(Transfer.case_id == case.id, Transfer.state == "completed")
        .limit(1)
    )


def _first_month(session: Session, case: Case) -> str:
    """The first month of the case's monthly benefits (待遇享受开始年月); empty where it has none."""
    rows = session.scalars(select(Determination).where(Determination.case_id == case.id, Determination.monthly))
    months = [str(row.inputs["from_month"]) for row in rows if row.inputs.get("from_month")]
    return f"{min(months)[:4]}年{min(months)[5:7]}月" if months else ""
