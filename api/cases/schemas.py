"""Cases as they are asked for and shown."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.escalations.schemas import EscalationView
from api.messages.schemas import MessageView
from api.paging import USUAL_PAGE, PageQuery, page_of
from api.schemas import Choice, Code, Day, Named, Number, Schema, Text, yuan
from api.transfers.schemas import TransferView
from config.catalogue import services
from engine import clock
from engine.casework import deadlines
from engine.casework.outbox_page import is_sent
from engine.casework.paging import LARGEST_PAGE
from engine.casework.states import CASE_STATES, RESULTS
from engine.models import Case
from engine.privacy import masks


class CaseQuery(PageQuery):
    """Which cases; every filter narrows."""

    receipt_number = Code(metadata={"description": "受理回执号"})
    serial_number = Code(metadata={"description": "业务流水号"})
    service = Code(metadata={"description": "事项"})
    state = Choice(list(CASE_STATES), metadata={"description": "办件状态"})
    accepting_agency = Code(metadata={"description": "受理机构"})
    handling_agency = Code(metadata={"description": "办理机构"})
    accepted_from = Day(metadata={"description": "受理日期起（含）"})
    accepted_until = Day(metadata={"description": "受理日期止（含）"})
    overdue = Choice(["true", "false"], metadata={"description": "true 为超期未办结"})
    open = Choice(["true", "false"], metadata={"description": "true 为未办结，false 为已办结"})


class CaseSearch(Schema):
    """A search by identity number, which does not belong into an address."""

    identity_number = Text(64, required=True, metadata={"description": "工伤职工证件号码"})
    after = Text(200, metadata={"description": "上一页给出的 next_after"})
    limit = Number(1, LARGEST_PAGE, load_default=USUAL_PAGE, metadata={"description": "每页条数"})


class Urging(Schema):
    """What the supervisor wants to say with it."""

    remark = Text(
        500, allow_none=True, load_default=None, metadata={"description": "催办时写明的话，被催办人阅读通知时可见"}
    )


class OfficerBrief(ma.Schema):
    """Who."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)


class CaseBrief(ma.Schema):
    """One case in a list."""

    id = fields.Integer(required=True)
    version = fields.Integer(required=True)
    receipt_number = fields.String(required=True)
    serial_number = fields.String(required=True)
    service = fields.String(required=True)
    service_name = fields.Function(lambda case: services()[case.service].title, metadata={"type": "string"})
    person_name: fields.Field[Any] = fields.Function(
        lambda case: masks.name(case.person.name), metadata={"type": "string", "description": "隐去名字，只显示姓"}
    )
    state = fields.String(required=True)
    state_name = fields.Function(lambda case: CASE_STATES[case.state], metadata={"type": "string"})
    result = fields.String(allow_none=True)
    result_name = fields.Function(lambda case: RESULTS.get(case.result), metadata={"type": ["string", "null"]})
    valid = fields.Boolean(required=True, metadata={"description": "有效"})
    cross_place = fields.Boolean(required=True, metadata={"description": "异地申请，须两地协同"})
    accepting_agency = fields.Nested(Named, required=True)
    handling_agency = fields.Nested(Named, required=True)
    accepted_at = fields.AwareDateTime(required=True)
    due_on = fields.Date(required=True)
    due_provisional = fields.String(allow_none=True)
    limit_stopped_on = fields.Date(allow_none=True, metadata={"description": "中止之日起不计入办理时限"})
    overdue = fields.Function(lambda case: is_overdue(case), metadata={"type": "boolean"})
    warning = fields.Method("_warning", metadata={"type": ["object", "null"], "description": "预警；已办结的为空"})

    def _warning(self, case: Any) -> dict[str, Any] | None:
        return warning_of(deadlines.standing_of(case))


def is_overdue(case: Case) -> bool:
    """Decided after its due day, or not decided and its due day is past."""
    ended = case.completed_at.date() if case.completed_at else case.limit_stopped_on or clock.today()
    return ended > case.due_on


def warning_of(standing: deadlines.Standing | None) -> dict[str, Any] | None:
    """The warning level (预警), working days left (0 when overdue), and working days over."""
    if standing is None:
        return None
    return {
        "level": standing.level,
        "level_name": standing.level_name,
        "remaining_workdays": standing.left,
        "overdue_workdays": standing.over,
    }


CasePage = page_of(CaseBrief)


class PersonView(ma.Schema):
    """The injured worker."""

    name = fields.String(required=True)
    identity_type = fields.String(required=True)
    identity_number = fields.String(required=True)
    phone = fields.String(allow_none=True)


class MaterialView(ma.Schema):
    """One line of the checklist and what was collected for it."""

    material = fields.String(required=True)
    name = fields.String(required=True)
    mandatory = fields.Boolean(required=True)
    waived_because = fields.Raw(allow_none=True)
    services = fields.List(fields.String())
    paper_copies = fields.Integer()
    collected_agency_code = fields.String(allow_none=True)
    collected_at = fields.AwareDateTime(allow_none=True)
    images = fields.List(fields.String(), metadata={"description": "SHA-256"})
    imaged_at = fields.AwareDateTime(allow_none=True)
    supplement_id = fields.Integer(allow_none=True)


class LineView(ma.Schema):
    """One reviewed line of the claim."""

    kind = fields.String(required=True)
    line = fields.Integer(required=True)
    label = fields.String(required=True)
    claimed = fields.Function(lambda line: yuan(line.claimed), metadata={"type": "string"})
    allowed = fields.Function(lambda line: yuan(line.allowed), metadata={"type": ["string", "null"]})
    reason = fields.String(allow_none=True)
    facts = fields.Raw()


class DeterminationView(ma.Schema):
    """A benefit as determined (核定)."""

    benefit = fields.String(required=True)
    amount = fields.Function(lambda row: yuan(row.amount), metadata={"type": "string"})
    monthly = fields.Boolean(required=True)
    payer = fields.String(required=True)
    inputs = fields.Raw()
    because = fields.Raw()
    determined_at = fields.AwareDateTime(required=True)
    final = fields.Boolean(required=True)


class PayeeView(ma.Schema):
    """Who is to be paid what."""

    number = fields.Integer(required=True)
    kind = fields.String(required=True)
    name = fields.String(required=True)
    account_kind = fields.String(required=True)
    account = fields.String(allow_none=True)
    amount = fields.Function(lambda row: yuan(row.amount), metadata={"type": "string"})
    monthly = fields.Boolean(required=True)
    reason_code = fields.String(allow_none=True)


class FilingView(ma.Schema):
    """A filing with its validity (备案)."""

    kind = fields.String(required=True)
    state = fields.String(required=True)
    destination = fields.String(required=True)
    filed_on = fields.Date(required=True)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(required=True)


class CertificationView(ma.Schema):
    """A certification cycle (待遇领取资格认证)."""

    state = fields.String(required=True)
    certified_on = fields.Date(required=True)
    due_on = fields.Date(required=True)


class BankAccountView(ma.Schema):
    """The account as changed (银行信息)."""

    bank = fields.String(required=True)
    holder = fields.String(required=True)
    account = fields.String(required=True)
    kind = fields.String(required=True)
    effective_from = fields.Date(required=True)


class SupplementView(ma.Schema):
    """A request for missing materials (补正)."""

    id = fields.Integer(required=True)
    state = fields.String(required=True)
    requested = fields.Raw()
    reason = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True)
    due_on = fields.Date(required=True)
    handed_in_at = fields.AwareDateTime(allow_none=True)
    handed_in_agency_code = fields.String(allow_none=True)


class SuspensionView(ma.Schema):
    """An issued suspension (中止)."""

    opinion = fields.String(required=True)
    issued_on = fields.Date(required=True)
    resumed_on = fields.Date(allow_none=True)
    moved_workdays = fields.Integer(allow_none=True)


class DocumentView(ma.Schema):
    """An issued document (文书)."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    issuing_agency_code = fields.String(required=True)
    issued_at = fields.AwareDateTime(required=True)
    verification_code = fields.String(required=True)
    content = fields.Raw()


class OpenTaskView(ma.Schema):
    """Work that the case waits for."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    element_id = fields.String(required=True)
    form = fields.String(required=True)
    role = fields.String(required=True)
    agency_code = fields.String(required=True)
    state = fields.String(required=True)
    held_because = fields.String(allow_none=True)
    claimed_by = fields.Nested(OfficerBrief, allow_none=True)
    due_on = fields.Date(allow_none=True)


class LinkedCaseView(ma.Schema):
    """Another case of the same application."""

    id = fields.Integer(required=True)
    receipt_number = fields.String(required=True)
    service = fields.String(required=True)
    state = fields.String(required=True)


class CaseView(CaseBrief):
    """The case with everything that is in its file."""

    person_name = fields.String(attribute="person.name", required=True)
    application_id = fields.Integer(required=True)
    injured_on = fields.Date(required=True)
    channel = fields.String(required=True)
    outlet_code = fields.String(required=True)
    accepted_by = fields.Nested(OfficerBrief, required=True)
    arrived_at = fields.AwareDateTime(required=True)
    limit_workdays = fields.Integer(required=True)
    completed_at = fields.AwareDateTime(allow_none=True)
    definition_hash = fields.String(required=True)
    configuration_id = fields.Integer(required=True)
    transfer_count = fields.Integer(required=True)
    designated = fields.Boolean(required=True)
    duplicate_reason = fields.String(allow_none=True)
    person = fields.Nested(PersonView, required=True)
    content = fields.Raw(attribute="application.content", metadata={"description": "申请表填写的内容"})
    materials = fields.List(fields.Nested(MaterialView))
    tasks = fields.List(fields.Nested(OpenTaskView))
    lines = fields.List(fields.Nested(LineView))
    determinations = fields.List(fields.Nested(DeterminationView))
    payees = fields.List(fields.Nested(PayeeView))
    filing = fields.Nested(FilingView, allow_none=True)
    bank_account = fields.Nested(BankAccountView, allow_none=True)
    certifications = fields.List(fields.Nested(CertificationView))
    supplements = fields.List(fields.Nested(SupplementView))
    suspensions = fields.List(fields.Nested(SuspensionView))
    transfers = fields.List(fields.Nested(TransferView))
    escalations = fields.List(fields.Nested(EscalationView))
    documents = fields.List(fields.Nested(DocumentView))
    messages = fields.List(fields.Nested(MessageView))
    message_sent = fields.Function(
        lambda file: "已发送" if is_sent(file.messages) else "未发送", metadata={"type": "string"}
    )
    linked_cases = fields.List(fields.Nested(LinkedCaseView))


class TimelineEntry(ma.Schema):
    """One thing that happened."""

    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True)
    officer = fields.String(allow_none=True)
    on_behalf_of = fields.String(allow_none=True, metadata={"description": "由其代理的人员（代）"})
    agency = fields.String(allow_none=True)
    opinion = fields.String(allow_none=True)
    details = fields.Dict(keys=fields.String())
    because = fields.List(fields.Dict(keys=fields.String()))


class Timeline(ma.Schema):
    """The whole history of a case, in order."""

    items = fields.List(fields.Nested(TimelineEntry), required=True)


def filters_of(query: dict[str, Any]) -> dict[str, Any]:
    """The filters of a list query as `engine.casework.cases.search` takes them."""
    found = {name: value for name, value in query.items() if name not in ("after", "limit")}
    for name in ("open", "overdue"):
        if name in found:
            found[name] = found[name] == "true"
    return found
