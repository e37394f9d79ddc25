"""Add for whom a task was done: the absent officer in whose place somebody acted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs."""
    whom = sa.ForeignKey("officer.id", name=op.f("fk_task_completed_for_id_officer"))
    op.add_column("task", sa.Column("completed_for_id", sa.Integer(), whom, nullable=True), inline_references=True)


def downgrade() -> None:
    """Take it back; for whom somebody acted is in the events still."""
    op.drop_column("task", "completed_for_id")
