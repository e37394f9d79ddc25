"""Index open tasks apart from completed ones, as officers look for them, and lists of cases by state and service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ACQUIRABLE = "state = 'pool' AND held_because IS NULL"
#: Name, columns, condition.
TASKS = (
    ("ix_task_pool_random", ["agency_code", "role", "priority", "shuffle"], ACQUIRABLE),
    ("ix_task_pool_list", ["agency_code", "role", "priority", "id"], ACQUIRABLE),
    ("ix_task_also_pool", ["also_agency_code", "role"], f"{ACQUIRABLE} AND also_agency_code IS NOT NULL"),
    ("ix_task_pool_form", ["agency_code", "form"], f"{ACQUIRABLE} AND form = 'supplement'"),
    ("ix_task_open", ["agency_code", "priority", "id"], "state IN ('pool', 'claimed')"),
    ("ix_task_held_by", ["claimed_by_id", "priority", "id"], "state = 'claimed'"),
    ("ix_task_done_by", ["completed_by_id", "id"], "state = 'completed'"),
    ("ix_task_application_id", ["application_id"], "application_id IS NOT NULL"),
    ("ix_task_transfer_id", ["transfer_id"], "transfer_id IS NOT NULL"),
    ("ix_task_escalation_id", ["escalation_id"], "escalation_id IS NOT NULL"),
)
TASKS_BEFORE = (
    ("ix_task_pool", ["agency_code", "role", "state", "priority", "shuffle"]),
    ("ix_task_also_pool", ["also_agency_code", "role", "state"]),
    ("ix_task_mine", ["claimed_by_id", "state", "id"]),
    ("ix_task_application_id", ["application_id"]),
    ("ix_task_transfer_id", ["transfer_id"]),
    ("ix_task_escalation_id", ["escalation_id"]),
)
CASES = (("ix_case_state_list", ["state", "id"]), ("ix_case_service_list", ["service", "id"]))
CASES_BEFORE = (("ix_case_state", ["state"]), ("ix_case_service", ["service"]))


def upgrade() -> None:
    """Safe while the code before it still runs; changes of tasks and cases wait while the indexes are built."""
    for name, _ in TASKS_BEFORE:
        op.drop_index(name, table_name="task")
    for name, columns, where in TASKS:
        op.create_index(name, "task", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
    for name, columns in CASES:
        op.create_index(name, "case", columns)
    for name, _ in CASES_BEFORE:
        op.drop_index(name, table_name="case")
    op.create_index("ix_transfer_from", "transfer", ["from_agency_code", "case_id"])


def downgrade() -> None:
    """Put the indexes before it back."""
    op.drop_index("ix_transfer_from", table_name="transfer")
    for name, columns in CASES_BEFORE:
        op.create_index(name, "case", columns)
    for name, _ in CASES:
        op.drop_index(name, table_name="case")
    for name, _, _ in TASKS:
        op.drop_index(name, table_name="task")
    for name, columns in TASKS_BEFORE:
        op.create_index(name, "task", columns)
