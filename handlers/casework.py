"""What every service's diagram does: acceptance, scanning, dispatch, review, supplement, suspension, end, archive."""

from __future__ import annotations

from engine.casework.context import CaseContext
from engine.process.operators import Scalar, operator


@operator("acceptance.register", "登记受理")
def register_acceptance(case: CaseContext) -> None:
    """The acceptance itself is done in the counter's transaction; the diagram begins with it and makes its message."""
    case.record("process_started", definition=case.case.definition_hash[:12], service=case.case.service)


@operator("scan.check", "检查影像", returns=("images_complete",))
def check_scan(case: CaseContext) -> dict[str, Scalar]:
    """Are there images of every mandatory material? No review before (K-12)."""
    return {"images_complete": case.images_complete()}


@operator("dispatch.assign", "任务派发", returns=("review_levels", "transferred"))
def assign(case: CaseContext) -> dict[str, Scalar]:
    """The case is at its handling agency; how many levels review it is that city's configuration (REV-04, ROU-04)."""
    case.record("case_dispatched", handling_agency=case.case.handling_agency_code)
    return {
        "review_levels": case.configuration.review_levels,
        "transferred": case.case.transfer_count > 0,
    }


@operator("review.skip", "免审", returns=("outcome",))
def skip_review(case: CaseContext) -> dict[str, Scalar]:
    """The city's configuration asks for no review of this service (REV-04)."""
    case.record("review_skipped")
    return {"outcome": "pass"}


@operator("review.record_first", "登记初审")
def record_first_review(case: CaseContext) -> None:
    """The first review is done and its proposal on record; its message goes out from here."""
    case.record("case_first_reviewed", proposal=case.outcome)


@operator("supplement.request", "通知补正", returns=("supplement_due_at",))
def request_supplement(case: CaseContext) -> dict[str, Scalar]:
    """The handling agency notifies the applicant of what is missing (SUP-01)."""
    return {"supplement_due_at": case.request_supplement().isoformat()}


@operator("supplement.receive", "接收补正材料", returns=("supplement_handed_in",))
def receive_supplement(case: CaseContext) -> dict[str, Scalar]:
    """It came, at the accepting or at the handling place (SUP-02)."""
    case.receive_supplement()
    return {"supplement_handed_in": True}


@operator("supplement.expire", "补正逾期", returns=("supplement_handed_in",))
def expire_supplement(case: CaseContext) -> dict[str, Scalar]:
    """It did not come in time; the reviewer decides on what there is."""
    case.expire_supplement()
    return {"supplement_handed_in": False}


@operator("suspension.issue", "中止办理")
def issue_suspension(case: CaseContext) -> None:
    """Only this stops the time limit (DDL-05, K-21)."""
    case.suspend()


@operator("suspension.lift", "恢复办理")
def lift_suspension(case: CaseContext) -> None:
    """The limit runs on; the due day moves by the working days of the suspension."""
    case.resume()


@operator("case.complete", "办结")
def complete(case: CaseContext) -> None:
    """The last review has passed the case: 办结, the limit stops (REV-03)."""
    case.finish("approved")
    case.issue_document("completion_sheet", {"receipt_number": case.case.receipt_number, "result": "approved"})
    case.record("case_completed", result="approved", due_on=case.case.due_on.isoformat())


@operator("case.complete_not_approved", "不予办理办结")
def complete_not_approved(case: CaseContext) -> None:
    """Not passed is 办结 too, with the result 不予办理 and its notice (REV-07)."""
    case.finish("not_approved")
    case.issue_document("not_approved_notice", {"opinion": case.opinion})
    case.record("case_completed", result="not_approved", opinion=case.opinion, due_on=case.case.due_on.isoformat())


@operator("case.terminate", "终止办理")
def terminate(case: CaseContext) -> None:
    """The handling agency ends the case without a decision on it (REV-07, K-18)."""
    case.finish("terminated")
    case.issue_document("termination_notice", {"opinion": case.opinion})
    case.record("case_terminated", opinion=case.opinion)


@operator("case.withdraw", "申请人撤回")
def withdraw(case: CaseContext) -> None:
    """The applicant took the application back before the determination."""
    case.finish("withdrawn")
    case.issue_document("termination_notice", {"reason": "withdrawn"})
    case.record("case_withdrawn")


@operator("case.void", "作废")
def void(case: CaseContext) -> None:
    """A supervisor declared the case void; the number stays (DAT-05)."""
    case.finish("voided")
    case.record("case_voided")


@operator("delivery.record", "登记送达", returns=("delivered",))
def record_delivery(case: CaseContext) -> dict[str, Scalar]:
    """The handling place delivered the result; channel and day are on the task (RES-02)."""
    case.record(
        "result_delivered",
        method=str(case.form.get("method") or ""),
        delivered_on=str(case.form.get("delivered_on") or ""),
    )
    return {"delivered": True}


@operator("archive.file", "归档", returns=("archived",))
def archive(case: CaseContext) -> dict[str, Scalar]:
    """The electronic file is closed at the handling agency."""
    case.record("case_archived", handling_agency=case.case.handling_agency_code)
    return {"archived": True}
