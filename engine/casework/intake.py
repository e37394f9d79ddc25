"""What is handed in at a counter, read and checked before anything is stored: people, forms, facts (SCO-01, SCO-05)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.catalogue import CHANNELS, services
from config.form_schemas import fact_schemas, form_schemas, other_services, party_schemas
from config.register import reason
from engine.casework.forms import REQUIRED, Desk, Faults, check_form, day
from engine.errors import InvalidInput, RuleRefused
from engine.ports import ports

#: 职业伤害 is a line of business of its own (K-28); nobody hands in through it here.
OPEN_CHANNELS = tuple(channel for channel in CHANNELS if channel != "occupational")
_MOST_TICKS = 40
#: A code goes into queries as it is, so it holds nothing that a database could choke on.
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHOWN_CODE = 40


@dataclass(frozen=True, kw_only=True)
class Intake:
    """An application as it was handed in, checked and normalised."""

    services: list[str]
    channel: str
    outlet_code: str
    injured_on: date
    advance_payment: bool
    #: applicant, agent, worker, employer, application_items, auxiliary, forms, facts: as it is stored.
    content: dict[str, Any]

    @property
    def worker(self) -> Mapping[str, Any]:
        worker: Mapping[str, Any] = self.content["worker"]
        return worker


def read(command: Mapping[str, Any], today: date, *, online: bool = False) -> Intake:
    """The application that `command` describes.

    `online`: no outlet needs to be named, and each service that has a diagram may be asked for (SCO-08). Raises
    InvalidInput with every fault by field; RuleRefused for a service that exists but is not taken here.
    """
    desk, faults = Desk(identity=ports().identity, today=today), Faults()
    refuse = _refuse_offline_service if online else _refuse_other_service
    wanted = _services(command.get("services"), today, refuse, faults)
    injured_on = _injured_on(command.get("injured_on"), today, faults)
    parties = _parties(command, desk, faults)
    _check_people(parties, wanted, injured_on, faults)
    known = _known(parties, injured_on)
    forms = _forms(command.get("forms"), wanted, known, desk, faults)
    facts = _facts(command.get("facts"), wanted, forms, desk, faults)
    intake = Intake(
        services=wanted,
        channel=_channel(command.get("channel"), faults),
        outlet_code=_outlet(command.get("outlet"), online, faults),
        injured_on=injured_on or today,
        advance_payment=_boolean(command.get("advance_payment"), "advance_payment", faults),
        content={
            **parties,
            "application_items": _ticks(command.get("application_items"), "application_items", faults),
            "auxiliary": _ticks(command.get("auxiliary"), "auxiliary", faults),
            "forms": forms,
            "facts": facts,
        },
    )
    if faults:
        raise InvalidInput(fields=faults.by_field)
    return intake


def read_forms(
    values: Any, wanted: list[str], content: Mapping[str, Any], injured_on: date, today: date
) -> dict[str, Any]:
    """Forms handed in after the application, checked against it. Raises InvalidInput."""
    desk, faults = Desk(identity=ports().identity, today=today), Faults()
    if not isinstance(values, Mapping) or not values:
        raise InvalidInput(fields={"forms": [REQUIRED]})
    known = _known(content, injured_on)
    forms = _checked_forms(values, _allowed_forms(wanted), known, desk, faults)
    if faults:
        raise InvalidInput(fields=faults.by_field)
    return forms


# --- services, channel, outlet, ticks


def _services(value: Any, today: date, refuse: Callable[[str, date], None], faults: Faults) -> list[str]:
    if not isinstance(value, list) or not value:
        faults.add("services", "请至少选择一个事项。")
        return []
    wanted = []
    for number, code in enumerate(value[: len(services()) + 1]):
        if not isinstance(code, str) or code not in services().keys() | other_services().keys():
            faults.add(f"services.{number}", "没有这个事项，请从事项目录中选择。")
        elif code in wanted:
            faults.add(f"services.{number}", "事项重复。")
        else:
            refuse(code, today)
            wanted.append(code)
    if len(value) > len(services()):
        faults.add("services", "事项过多。")
    return wanted


def _refuse_other_service(code: str, today: date) -> None:
    if code in services() and ports().gates.is_province_wide(code, today):
        return
    title = services()[code].title if code in services() else other_services()[code]
    gate = ports().gates.refusal_of_service(title, today)
    raise RuleRefused(gate.message, code=gate.code, because=gate.because, details={"rule": gate.rule, "service": code})


def _refuse_offline_service(code: str, today: date) -> None:
    if code not in services():
        raise RuleRefused(
            f"“{other_services()[code]}”尚不能在本系统网上申请，请到参保地社会保险经办机构或主管部门办理。",
            code="service_not_online",
            because=[reason("SCO-08")],
            details={"rule": "SCO-08", "service": code},
        )


def _outlet(value: Any, online: bool, faults: Faults) -> str:
    return "" if online and value is None else _code(value, "outlet", faults)


def _channel(value: Any, faults: Faults) -> str:
    if value not in OPEN_CHANNELS:
        faults.add("channel", f"渠道应为以下之一：{'、'.join(OPEN_CHANNELS)}。")
        return ""
    return str(value)


def _code(value: Any, path: str, faults: Faults) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        faults.add(path, REQUIRED if not value else "编码应为字母、数字和连字符。")
        return ""
    return value


def _boolean(value: Any, path: str, faults: Faults) -> bool:
    if value is not None and type(value) is not bool:
        faults.add(path, "应为是或否。")
    return value is True


def _ticks(value: Any, path: str, faults: Faults) -> list[str]:
    """Codes only; whether the place of insurance has them is seen once that place is known."""
    rows = [] if value is None else value
    if not isinstance(rows, list) or len(rows) > _MOST_TICKS:
        faults.add(path, "应为选项列表。")
        return []
    for number, code in enumerate(rows):
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            faults.add(f"{path}.{number}", "没有这个选项。")
    return list(dict.fromkeys(code for code in rows if isinstance(code, str)))


def _injured_on(value: Any, today: date, faults: Faults) -> date | None:
    try:
        found = day(value)
    except ValueError as fault:
        faults.add("injured_on", str(fault) if value is not None else REQUIRED)
        return None
    if found > today:
        faults.add("injured_on", "工伤发生时间不能晚于今天。")
        return None
    return found


# --- people


def _parties(command: Mapping[str, Any], desk: Desk, faults: Faults) -> dict[str, Any]:
    worker = _party("worker", command.get("worker"), desk, faults)
    applicant = command.get("applicant")
    if isinstance(applicant, Mapping) and applicant.get("kind") == "worker":
        # The worker applies in person: said once is enough, said twice must agree.
        own = {name: worker[name] for name in ("name", "identity_type", "identity_number", "phone") if name in worker}
        given = {name: value for name, value in applicant.items() if value not in (None, "")}
        applicant = {**own, **given}
    parties: dict[str, Any] = {
        "applicant": _party("applicant", applicant, desk, faults),
        "agent": None,
        "worker": worker,
        "employer": _party("employer", command.get("employer"), desk, faults),
    }
    if command.get("agent") is not None:
        parties["agent"] = _party("agent", command["agent"], desk, faults)
    return parties


def _party(party: str, value: Any, desk: Desk, faults: Faults) -> dict[str, Any]:
    if value is None:
        faults.add(party, REQUIRED)
        return {}
    return check_form(party_schemas()[party], value, at=party, desk=desk, faults=faults)


def _check_people(parties: Mapping[str, Any], wanted: list[str], injured_on: date | None, faults: Faults) -> None:
    applicant, worker = parties["applicant"], parties["worker"]
    if applicant.get("kind") == "worker":
        for name in ("name", "identity_number"):
            if name in applicant and name in worker and applicant[name] != worker[name]:
                faults.add(f"applicant.{name}", "职工本人申请的，应与职工信息一致。")
        if "death_benefit" in wanted:
            faults.add("applicant.kind", "工亡待遇由近亲属或用人单位申请。")
    if applicant.get("kind") == "agent" and parties["agent"] is None:
        faults.add("agent", "代办人办理的，请填写代办人信息。")
    holder = ports().identity.birth_and_sex(worker["identity_number"]) if "identity_number" in worker else None
    if holder and injured_on and injured_on < holder[0]:
        faults.add("injured_on", "工伤发生时间早于职工的出生日期。")


def _known(parties: Mapping[str, Any], injured_on: date | None) -> dict[str, Any]:
    """What forms need not repeat."""
    known = {f"{party}.{name}": value for party in ("worker", "employer") for name, value in parties[party].items()}
    if injured_on:
        known["injured_on"] = injured_on.isoformat()
    return known


# --- forms and facts


def _forms(value: Any, wanted: list[str], known: Mapping[str, Any], desk: Desk, faults: Faults) -> dict[str, Any]:
    values = {} if value is None else value
    if not isinstance(values, Mapping):
        faults.add("forms", "应为按表号填写的表单。")
        return {}
    forms = _checked_forms(values, _allowed_forms(wanted), known, desk, faults)
    for form in _needed_forms(wanted):
        if form not in values:
            faults.add(f"forms.{form}", f"请填写《{form_schemas()[form].title}》。")
    return forms


def _checked_forms(
    values: Mapping[Any, Any], allowed: set[str], known: Mapping[str, Any], desk: Desk, faults: Faults
) -> dict[str, Any]:
    forms = {}
    for form, filled in values.items():
        if form not in allowed:
            faults.add(f"forms.{str(form)[:8]}", "所申请的事项不使用这个表。")
            continue
        schema = form_schemas()[form]
        forms[form] = check_form(schema, filled, at=f"forms.{form}", desk=desk, faults=faults, application=known)
    return forms


def _allowed_forms(wanted: list[str]) -> set[str]:
    return {form for code in wanted for form in (*services()[code].forms, *services()[code].further_forms)}


def _needed_forms(wanted: list[str]) -> list[str]:
    needed = (form for code in wanted for form in services()[code].forms if form_schemas()[form].is_application)
    return list(dict.fromkeys(needed))


def _facts(
    value: Any, wanted: list[str], forms: Mapping[str, Mapping[str, Any]], desk: Desk, faults: Faults
) -> dict[str, Any]:
    values = {} if value is None else value
    if not isinstance(values, Mapping):
        faults.add("facts", "应为按事项填写的申请内容。")
        return {}
    for code in values:
        if code not in wanted:
            faults.add(f"facts.{str(code)[:_SHOWN_CODE]}", "没有申请这个事项。")
    return {
        code: check_form(
            fact_schemas()[code], values.get(code) or {}, at=f"facts.{code}", desk=desk, faults=faults, forms=forms
        )
        for code in wanted
    }
