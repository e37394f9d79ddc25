"""Human work."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.db import Base, Moment, Personal, PersonalJSON
from engine.models.agency import Officer
from engine.models.case import Case
from engine.models.instance import Instance

#: Conditions of the indexes below. A query uses such an index where it says the same in the same constants.
ACQUIRABLE = "state = 'pool' AND held_because IS NULL"
OPEN = "state IN ('pool', 'claimed')"


def _index(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


class Task(Base):
    """A piece of human work (任务): pool -> claimed -> completed; cancelled when the process left it.

    It belongs to one agency and one role (`also_agency_code`: the second place of a supplement, SUP-02).
    """

    __tablename__ = "task"
    # Of open tasks only: however many are done, what officers look for stays as small as what waits.
    __table_args__ = (
        # The pool of a role in an agency, urgent first, then at random (随机获取) or in order (the list).
        _index("ix_task_pool_random", "agency_code", "role", "priority", "shuffle", where=ACQUIRABLE),
        _index("ix_task_pool_list", "agency_code", "role", "priority", "id", where=ACQUIRABLE),
        _index("ix_task_also_pool", "also_agency_code", "role", where=f"{ACQUIRABLE} AND also_agency_code IS NOT NULL"),
        _index("ix_task_pool_form", "agency_code", "form", where=f"{ACQUIRABLE} AND form = 'supplement'"),
        _index("ix_task_open", "agency_code", "priority", "id", where=OPEN),
        _index("ix_task_held_by", "claimed_by_id", "priority", "id", where="state = 'claimed'"),
        _index("ix_task_done_by", "completed_by_id", "id", where="state = 'completed'"),
        _index("ix_task_application_id", "application_id", where="application_id IS NOT NULL"),
        _index("ix_task_transfer_id", "transfer_id", where="transfer_id IS NOT NULL"),
        _index("ix_task_escalation_id", "escalation_id", where="escalation_id IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    application_id: Mapped[int | None] = mapped_column(ForeignKey("application.id"))
    transfer_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"))
    escalation_id: Mapped[int | None] = mapped_column(ForeignKey("escalation.id"))
    #: The id of the task inside the process instance; unique there.
    process_task_id: Mapped[str] = mapped_column(String(36), unique=True)
    #: Element id in the diagram, and its Chinese name.
    element_id: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(128))
    form: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(32))
    agency_code: Mapped[str] = mapped_column(ForeignKey("agency.code"))
    also_agency_code: Mapped[str | None] = mapped_column(ForeignKey("agency.code"))
    #: Element ids (and `acceptance`) whose actor must be somebody else (REV-06).
    differs_from: Mapped[list[str]] = mapped_column(JSON, default=list)
    #: pool, claimed, completed, cancelled
    state: Mapped[str] = mapped_column(String(16))
    #: Why an attempt is refused while a transfer or an escalation runs; None: not held.
    held_because: Mapped[str | None] = mapped_column(String(200))
    #: 1 heads the queue (a transfer, K-11), 5 is usual.
    priority: Mapped[int] = mapped_column(default=5)
    #: A random number: where 随机获取 starts to look.
    shuffle: Mapped[float]
    due_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: self (主动获取), random (随机获取), assigned (指派)
    claimed_how: Mapped[str | None] = mapped_column(String(16))
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    completed_by_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    #: The absent officer in whose place it was done (X 代 Y).
    completed_for_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    completed_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(32))
    opinion: Mapped[str | None] = mapped_column(Personal(2000))
    #: The fields of the form as completed.
    fields: Mapped[Any] = mapped_column(PersonalJSON, nullable=True)

    case: Mapped[Case | None] = relationship()
    instance: Mapped[Instance] = relationship()
    claimed_by: Mapped[Officer | None] = relationship(foreign_keys=[claimed_by_id])
    completed_by: Mapped[Officer | None] = relationship(foreign_keys=[completed_by_id])
    completed_for: Mapped[Officer | None] = relationship(foreign_keys=[completed_for_id])
