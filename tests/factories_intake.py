"""Applications as a counter hands them in: a valid command for each of the eleven services, and officers to take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import PROJECT
from engine import clock
from engine.actor import Actor
from engine.casework.province import install_province
from engine.models import Agency, DefinitionRow, InsuranceRelation, Officer, Outlet
from engine.ports import ports
from engine.process import definitions
from tests.factories import Person, identity_number, make_person, uscc

ZHONGSHAN, SHENZHEN, ZHUHAI, GUANGZHOU = "442099", "440399", "440499", "440199"
TIANHE, PANYU = "440106", "440113"


def install(session: Session) -> None:
    """The province and the stock of diagrams, where the database does not have them yet."""
    if session.get(Agency, ZHONGSHAN) is None:
        install_province(session)
    if session.scalar(select(DefinitionRow.hash).where(DefinitionRow.process_id == "resolve_relation")) is None:
        definitions.install_stock(session, PROJECT / "bpmn", clock.now())


def make_officer(session: Session, agency_code: str, *roles: str, username: str | None = None) -> Actor:
    """An invented officer of the agency; the same arguments give the same officer."""
    name = username or f"{'-'.join(roles)}@{agency_code}"
    officer = session.scalar(select(Officer).where(Officer.username == name))
    if officer is None:
        officer = Officer(
            username=name, name="测试员", agency_code=agency_code, roles=list(roles), password_hash="unused"
        )
        session.add(officer)
        session.flush()
    agency = session.get_one(Agency, agency_code)
    return Actor(
        officer_id=officer.id,
        name=officer.name,
        agency_code=agency.code,
        agency_path=agency.path,
        roles=frozenset(roles),
    )


def make_relation(
    session: Session,
    person: Person,
    agency_code: str,
    *,
    from_on: date = date(2015, 1, 1),
    until_on: date | None = None,
    employer: int = 1,
) -> InsuranceRelation:
    """`person` was insured with the agency from `from_on` until `until_on`."""
    relation = InsuranceRelation(
        identity_key=ports().identity_key(person.identity_number),
        agency_code=agency_code,
        employer_name=f"测试用人单位{employer}",
        employer_uscc=uscc(employer),
        from_on=from_on,
        until_on=until_on,
    )
    session.add(relation)
    session.flush()
    return relation


def outlet_of(session: Session, agency_code: str, kind: str = "hall") -> str:
    """The code of an outlet of that kind that accepts for the agency."""
    query = select(Outlet.code).where(Outlet.agency_code == agency_code, Outlet.kind == kind).order_by(Outlet.code)
    return session.scalars(query.limit(1)).one()


def make_command(
    *services: str,
    outlet: str,
    person: Person | None = None,
    injured_on: str = "2022-03-01",
    facts: Mapping[str, Any] | None = None,
    forms: Mapping[str, Any] | None = None,
    **others: Any,
) -> dict[str, Any]:
    """A complete application of `person`, for medical expenses where no service is named.

    `facts` and `forms` replace the usual ones of a service or form; anything else replaces the entry of that name.
    """
    wanted = services or ("medical_expense",)
    worker = person or make_person()
    by_relative = "death_benefit" in wanted
    identity = {
        "name": worker.name,
        "identity_type": "resident_identity_card",
        "identity_number": worker.identity_number,
    }
    relative = {
        "kind": "relative",
        "name": "何秀兰",
        "identity_type": "resident_identity_card",
        "identity_number": identity_number("440106", date(1966, 4, 9), 22),
        "phone": "13800138066",
    }
    return {
        "services": list(wanted),
        "channel": "counter",
        "outlet": outlet,
        "applicant": relative if by_relative else {"kind": "worker", **identity, "phone": worker.phone},
        "agent": None,
        "worker": {**identity, "phone": None if by_relative else worker.phone},
        "employer": {"name": "测试用人单位1", "uscc": uscc(1), "phone": "0760-88880001"},
        "injured_on": injured_on,
        "advance_payment": False,
        "application_items": [],
        "auxiliary": [],
        "forms": {form: values for service in wanted for form, values in forms_for(service).items()}
        | dict(forms or {}),
        "facts": {service: facts_for(service) for service in wanted} | dict(facts or {}),
        **others,
    }


def forms_for(service: str) -> dict[str, Any]:
    """The forms that an application for the service cannot do without, filled in."""
    if service == "bank_account_change":
        return {"1-2": _change_form()}
    if service == "remote_treatment_filing":
        return {"1-7": _remote_form()}
    if service == "referral_filing":
        return {"1-8": _referral_form()}
    return {"1-1": benefit_form()} | ({"1-3": lump_sum_notice()} if service == "medical_lump_sum" else {})


def benefit_form(**others: Any) -> dict[str, Any]:
    """Form 1-1; what the application says is left to be taken from there."""
    return {
        "engineering_project": False,
        "phone": "13800138000",
        "address": "广东省中山市石岐区测试路1号",
        "account_kind": "social_security_card",
        "items": ["other"],
        "items_other": "工伤待遇",
        "signed_by": "worker_or_relative",
        "signed_on": "2022-03-01",
        **others,
    }


def lump_sum_notice(**others: Any) -> dict[str, Any]:
    """Form 1-3, signed."""
    return {
        "employment_ended_on": "2022-06-30",
        "insurance_stopped_on": "2022-06-30",
        "copied_sentence": "我已详细了解上述内容并同意。",
        "signed": True,
        "signed_on": "2022-07-01",
        **others,
    }


def _change_form() -> dict[str, Any]:
    return {
        "contact_name": "陈测",
        "contact_phone": "0760-88880002",
        "changes": ["bank_account"],
        "after_bank": "测试银行中山支行",
        "after_holder": make_person().name,
        "after_account": "6222020000000000001",
        "signed": True,
        "signed_on": "2022-03-01",
    }


def _remote_form() -> dict[str, Any]:
    return {
        "recognition_number": "中人社工认〔2022〕1号",
        "document_type": "passport",
        "document_number": "E12345678",
        "registration": "new",
        "category": "resides_elsewhere",
        "remote_address": "湖南省长沙市测试路2号",
        "phone_1": "13800138000",
        "destination_province": "湖南省",
        "destination_city": "长沙市",
        "from_on": "2022-04-01",
        "until_on": "2023-03-31",
        "signed": True,
        "signed_on": "2022-03-01",
        "employed": False,
    }


def _referral_form() -> dict[str, Any]:
    return {
        "recognition_number": "中人社工认〔2022〕1号",
        "phone": "13800138000",
        "document_type": "passport",
        "document_number": "E12345678",
        "applied_by": "worker",
        "signed": True,
        "signed_on": "2022-03-01",
        "hospital": "中山测试医院",
        "hospital_level": 3,
        "hospital_opinion": "建议转院治疗。",
        "destination_province": "广东省",
        "destination_city": "广州市",
    }


def facts_for(service: str) -> dict[str, Any]:
    """The facts of an ordinary claim for the service."""
    return _FACTS[service]()


def _medical() -> dict[str, Any]:
    lines = [
        {"label": "检查费", "invoice_number": "0001", "amount": "120.50", "kind": "examination"},
        {"label": "床位费", "invoice_number": "0002", "amount": "800", "kind": "inpatient"},
    ]
    return {"lines": lines, "third_party": False}


def _rehabilitation() -> dict[str, Any]:
    lines = [{"label": "康复治疗", "invoice_number": "0003", "amount": "300.00", "treated_on": "2022-05-10"}]
    return {
        "lines": lines,
        "third_party": False,
        "period_from_on": "2022-05-01",
        "period_until_on": "2022-05-31",
    }


def _device() -> dict[str, Any]:
    line = {
        "label": "大腿假肢",
        "invoice_number": "0004",
        "amount": "18000.00",
        "configured_on": "2022-06-01",
        "replacement": False,
    }
    return {"lines": [line], "third_party": False}


_FACTS = {
    "medical_expense": _medical,
    "rehabilitation_expense": _rehabilitation,
    "assistive_device": _device,
    "inpatient_meals": lambda: {
        "stays": [{"hospital": "中山测试医院", "admitted_on": "2022-03-01", "discharged_on": "2022-03-10"}]
    },
    "medical_lump_sum": lambda: {
        "grade": 8,
        "appraised_on": "2022-05-20",
        "appraisal_number": "中劳鉴〔2022〕1号",
        "ended_by": "contract_end",
        "draws_pension": False,
    },
    "disability_benefit": lambda: {
        "recognition_number": "中人社工认〔2022〕1号",
        "recognised_on": "2022-04-01",
        "grade": 8,
        "appraised_on": "2022-05-20",
        "appraisal_number": "中劳鉴〔2022〕1号",
    },
    "death_benefit": lambda: {
        "died_on": "2022-03-02",
        "recognition_number": "中人社工认〔2022〕2号",
        "within_paid_leave": True,
        "relatives": [
            {
                "name": "何秀兰",
                "identity_number": identity_number("440106", date(1966, 4, 9), 22),
                "relation": "配偶",
            }
        ],
        "account_disputed": False,
    },
    "bank_account_change": lambda: {"account_kind": "social_security_card"},
    "referral_filing": dict,
    "travel_expense": lambda: {
        "hospital": "广州测试医院",
        "admitted_on": "2022-04-02",
        "days": 2,
        "fares": [{"label": "中山至广州", "travelled_on": "2022-04-02", "means": "train", "amount": "62.00"}],
    },
    "remote_treatment_filing": dict,
}
