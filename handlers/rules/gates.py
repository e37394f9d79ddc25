"""The gates at the counter: may this application be taken here, across places? (SCO-01, -03, -04, -05, -10, ROU-05)

SCO-03, SCO-04 and SCO-10 stand in the guide for counters, so they bind an application from elsewhere handed in at a
counter; online and at the place of insurance it stays open (K-03). The day that counts is that of the injury, or of
the diagnosis of an occupational disease (K-04).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.catalogue import services
from config.legal import LegalRef, rule_value

COUNTER = "counter"

#: Who may apply at any counter; an agent acts for one of the three (SCO-05, the forms' 代办人).
APPLICANTS = frozenset({"employer", "worker", "relative", "agent"})

_WHO = LegalRef(
    document="gd-2023-4",
    article="二（二）",
    quote="我省工伤保险各参保单位、参保人及近亲属线下办理工伤保险经办服务业务（不含涉及申请先行支付）的，可自主选择向省内任一社会保险经办服务网点……提出申请",
)
_ADVANCE = LegalRef(document="gd-2023-4", article="二（二）、附件2 一", quote="不含涉及申请先行支付")
_MODE = LegalRef(
    document="gd-2023-4",
    article="附件3 二",
    quote="可以将【分发模式】配置为“全省模式：全省受理，分发到参保人参保机构”的模式",
)


@dataclass(frozen=True, kw_only=True)
class GateAnswer:
    """One gate, answered. `message` is Chinese: what stands in the way and where to go; empty when passed."""

    rule: str
    code: str
    passed: bool
    message: str = ""
    because: tuple[Mapping[str, str], ...] = ()


def check(facts: Mapping[str, Any]) -> list[GateAnswer]:
    """Every gate for the facts of an application.

    services (codes), applicant_kind, channel, injured_on, received_on, advance_payment; and where the place of
    insurance is known: cross_place, distribution_modes {service: province | local}, place_of_insurance (the agency
    and its hall in words). While it is not known the gates that depend on it are left out.
    """
    answers = [_services(facts), _applicant(facts)]
    if "cross_place" in facts:
        answers += [_injured(facts), _advance_payment(facts), _started(facts), _mode(facts)]
    return answers


def is_province_wide(service: str, on: date) -> bool:
    """The service is one of the eleven that every counter takes (SCO-01)."""
    return service in rule_value("scheme.services", on).value


def refusal_of_service(title: str, on: date) -> GateAnswer:
    """The answer to an application for a service that exists but is none of the eleven (SCO-01)."""
    return GateAnswer(
        rule="SCO-01",
        code="service_not_province_wide",
        passed=False,
        message=f"“{title}”不在全省通办的事项范围内，请到参保地社会保险经办机构或在网上办理。",
        because=(rule_value("scheme.services", on).ref.reason(),),
    )


def _services(facts: Mapping[str, Any]) -> GateAnswer:
    listed = rule_value("scheme.services", facts["received_on"])
    outside = [service for service in facts["services"] if service not in listed.value]
    return _answer(
        "SCO-01", "service_not_province_wide", not outside, "所申请的事项不在全省通办的事项范围内。", facts, listed.ref
    )


def _applicant(facts: Mapping[str, Any]) -> GateAnswer:
    entitled = facts["applicant_kind"] in APPLICANTS
    return _answer("SCO-05", "applicant_not_entitled", entitled, "申请人不是参保单位、参保人或其近亲属。", facts, _WHO)


def _injured(facts: Mapping[str, Any]) -> GateAnswer:
    since = rule_value("scheme.injured_from", facts["received_on"])
    passed = not _from_elsewhere_at_a_counter(facts) or facts["injured_on"] >= since.value
    message = f"工伤发生时间早于{_words(since.value)}，不适用线下全省通办。"
    return _answer("SCO-03", "injured_before_scheme", passed, message, facts, since.ref)


def _advance_payment(facts: Mapping[str, Any]) -> GateAnswer:
    passed = not (_from_elsewhere_at_a_counter(facts) and facts["advance_payment"])
    return _answer("SCO-04", "advance_payment", passed, "涉及申请先行支付的业务不适用线下全省通办。", facts, _ADVANCE)


def _started(facts: Mapping[str, Any]) -> GateAnswer:
    start = rule_value("scheme.start", facts["received_on"])
    passed = not _from_elsewhere_at_a_counter(facts) or facts["received_on"] >= start.value
    message = f"全省通办自{_words(start.value)}起实施，此前不能异地受理。"
    return _answer("SCO-10", "scheme_not_started", passed, message, facts, start.ref)


def _mode(facts: Mapping[str, Any]) -> GateAnswer:
    local = [service for service in facts["services"] if facts["distribution_modes"].get(service) != "province"]
    passed = not (_from_elsewhere_at_a_counter(facts) and local)
    message = f"参保地尚未对{'、'.join(f'“{services()[code].title}”' for code in local)}开通全省通办。"
    return _answer("ROU-05", "local_only", passed, message, facts, _MODE)


def _from_elsewhere_at_a_counter(facts: Mapping[str, Any]) -> bool:
    return bool(facts["cross_place"]) and facts["channel"] == COUNTER


def _answer(rule: str, code: str, passed: bool, message: str, facts: Mapping[str, Any], ref: LegalRef) -> GateAnswer:
    place = facts.get("place_of_insurance")
    where = f"请到参保地{place}办理，或在网上办理。" if place else ""
    return GateAnswer(
        rule=rule, code=code, passed=passed, message="" if passed else message + where, because=(ref.reason(),)
    )


def _words(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
