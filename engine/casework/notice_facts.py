"""What the words of a notice need: facts of its event and of the case, nothing about a person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from config.catalogue import services
from config.deadlines import deadline_kinds
from config.province import province
from engine.casework.calendars import calendar_of
from engine.casework.message_texts import keys_in, render
from engine.casework.notice_recipients import Occasion
from engine.casework.states import RESULTS


def facts(names: Collection[str], occasion: Occasion) -> dict[str, str]:
    """The facts with these names; a name that nobody knows is a KeyError."""
    return {name: FACTS[name](occasion) for name in sorted(names)}


def _business(occasion: Occasion) -> str:
    if occasion.case is not None:
        case = occasion.case
        return f"{services()[case.service].title}（受理回执号{case.receipt_number}）"
    application_id = occasion.event.application_id
    return "不属于某一办件" if application_id is None else f"尚未受理的申请（编号{application_id}）"


#: Keys of a city's 催办短信 that say nothing about a person: a notice is not about one.
_IMPERSONAL = frozenset({"YWMC", "SLHZH", "DAY", "JBJG", "SLSJ"})
_OVERDUE = "{business}应于{due_on}前办结，已超期{over}个工作日，请立即办理。"


def _urging(occasion: Occasion) -> str:
    """The city's text for urging with the working days that are left (REV-09), or that the time is over (K-48)."""
    case, day = occasion.subject, occasion.event.at.date()
    calendar = calendar_of(occasion.session, case.handling_agency_code)
    if day > case.due_on:
        over = calendar.workdays_between(case.due_on, day)
        return _OVERDUE.format(business=_business(occasion), due_on=case.due_on.isoformat(), over=over)
    values = {
        "YWMC": services()[case.service].title,
        "SLHZH": case.receipt_number,
        "DAY": str(calendar.workdays_between(case.limit_stopped_on or day, case.due_on)),
        "JBJG": _agency(case.handling_agency_code),
        "SLSJ": case.accepted_at.strftime("%Y年%m月%d日"),
    }
    own, standard = (case.configuration.sms or {}).get("urging"), services()[case.service].sms["urging"]
    usable = [text for text in (own, standard) if text and _IMPERSONAL.issuperset(keys_in(text))]
    return render(usable[0], values) if usable else _business(occasion)


def _detail(name: str) -> Callable[[Occasion], str]:
    return lambda occasion: str(occasion.event.details.get(name) or "")


def _agency(code: str | None) -> str:
    entry = province().agencies.get(code or "")
    return entry.name if entry is not None else code or ""


#: Name in the texts of `config/notices.yaml` -> its value.
FACTS: Mapping[str, Callable[[Occasion], str]] = {
    "business": _business,
    "deadline": lambda occasion: deadline_kinds()[occasion.event.details["deadline"]].title,
    "due_on": lambda occasion: str(occasion.event.details.get("due_on") or occasion.subject.due_on.isoformat()),
    "from_agency": lambda occasion: _agency(occasion.event.details.get("from_agency")),
    "handling": lambda occasion: _agency(occasion.subject.handling_agency_code),
    "place": lambda occasion: _agency(occasion.event.agency_code),
    "result": lambda occasion: RESULTS[str(occasion.subject.result)],
    "step": _detail("step"),
    "task": _detail("name"),
    "to_agency": lambda occasion: _agency(occasion.event.details.get("to_agency")),
    "urging": _urging,
}
