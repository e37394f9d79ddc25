"""What the eleven services have in common, for the tests of their diagrams."""

from __future__ import annotations

from dataclasses import dataclass

from tests.process.walk import Path, Step, done, message

SERVICES = (
    "medical_expense", "rehabilitation_expense", "assistive_device", "inpatient_meals", "medical_lump_sum",
    "disability_benefit", "death_benefit", "bank_account_change", "referral_filing", "travel_expense",
    "remote_treatment_filing",
)  # fmt: skip

ACCEPTED = "acceptance.register"
ARRIVED = "scan.check dispatch.assign"
FIRST_REVIEWED = "review.record_first"
CLOSED = "delivery.record archive.file"

PASSED = (done("first_review", "pass"), done("second_review", "pass"))
REFUSED = (done("first_review", "not_passed"), done("second_review", "not_passed"))
TERMINATED = (done("first_review", "terminate"), done("second_review", "terminate"))
DELIVERED = (done("deliver_result"), done("archive_case"))


@dataclass(frozen=True)
class Course:
    """The plain course of a service: what is its own in it."""

    #: Own human tasks before the review.
    steps: tuple[Step, ...]
    #: Own operators before the review, and between approval and 办结.
    before: str
    after: str
    #: The end event without an approval.
    refused_at: str = "end"

    def approved(self, title: str = "approved", **more: object) -> Path:
        """Passed by both levels, completed, delivered, archived."""
        return self._path(
            title,
            (*self.steps, *PASSED, *DELIVERED),
            f"{ACCEPTED} {ARRIVED} {self.before} {FIRST_REVIEWED} {self.after} case.complete {CLOSED}",
            "acceptance first_reviewed completion",
            "end",
            more,
        )

    def refused(self, title: str = "not passed", outcomes: tuple[Step, ...] = REFUSED, **more: object) -> Path:
        """Not passed: 办结 too, with a notice of its own."""
        return self._path(
            title,
            (*self.steps, *outcomes, *DELIVERED),
            f"{ACCEPTED} {ARRIVED} {self.before} {FIRST_REVIEWED} case.complete_not_approved {CLOSED}",
            "acceptance first_reviewed not_passed",
            self.refused_at,
            more,
        )

    def common(self) -> list[Path]:
        """The ways out that every service has beside the approval."""
        begun = f"{ACCEPTED} {ARRIVED} {self.before} {FIRST_REVIEWED}"
        return [
            self.refused(),
            self._path(
                "terminated",
                (*self.steps, *TERMINATED, *DELIVERED),
                f"{begun} case.terminate {CLOSED}",
                "acceptance first_reviewed termination",
                self.refused_at,
                {},
            ),
            self._path(
                "withdrawn before the second review",
                (*self.steps, PASSED[0], message("case_withdrawn"), *DELIVERED),
                f"{begun} case.withdraw {CLOSED}",
                "acceptance first_reviewed termination",
                self.refused_at,
                {},
            ),
            self._path(
                "void before the second review",
                (*self.steps, PASSED[0], message("case_voided"), *DELIVERED),
                f"{begun} case.void {CLOSED}",
                "acceptance first_reviewed",
                self.refused_at,
                {},
            ),
            self._path(
                "dispatched again before the second review, then refused",
                (*self.steps, PASSED[0], message("case_redispatched"), *self.steps, *REFUSED, *DELIVERED),
                f"{begun} {ARRIVED} {self.before} {FIRST_REVIEWED} case.complete_not_approved {CLOSED}",
                "acceptance first_reviewed first_reviewed not_passed",
                self.refused_at,
                {},
            ),
        ]

    @staticmethod
    def _path(title: str, steps: tuple[Step, ...], does: str, sms: str, ends: str, more: dict[str, object]) -> Path:
        said: dict[str, object] = {"steps": steps, "does": " ".join(does.split()), "sms": sms, "ends": ends, **more}
        return Path(title, **said)  # type: ignore[arg-type]
