"""What the words of a notice need: facts of its event and of the case, nothing about a person."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from config.catalogue import services
from config.province import province
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


def _detail(name: str) -> Callable[[Occasion], str]:
    return lambda occasion: str(occasion.event.details.get(name) or "")


def _agency(code: str | None) -> str:
    entry = province().agencies.get(code or "")
    return entry.name if entry is not None else code or ""


#: Name in the texts of `config/notices.yaml` -> its value.
FACTS: Mapping[str, Callable[[Occasion], str]] = {
    "business": _business,
    "due_on": lambda occasion: str(occasion.event.details.get("due_on") or occasion.subject.due_on.isoformat()),
    "from_agency": lambda occasion: _agency(occasion.event.details.get("from_agency")),
    "handling": lambda occasion: _agency(occasion.subject.handling_agency_code),
    "place": lambda occasion: _agency(occasion.event.agency_code),
    "result": lambda occasion: RESULTS[str(occasion.subject.result)],
    "step": _detail("step"),
    "task": _detail("name"),
    "to_agency": lambda occasion: _agency(occasion.event.details.get("to_agency")),
}
