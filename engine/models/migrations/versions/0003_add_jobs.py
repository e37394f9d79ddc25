"""Add the table of jobs, incidents of jobs, and the order in which due timers are claimed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs."""
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=True),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    op.create_index("ix_job_due", "job", ["run_at", "id"], unique=False)
    with op.batch_alter_table("incident") as incident:
        incident.add_column(sa.Column("payload", sa.JSON(), nullable=True))
        incident.alter_column("instance_id", existing_type=sa.Integer(), nullable=True)
    op.create_index("ix_instance_due_order", "instance", ["due_at", "id"], unique=False)
    op.drop_index("ix_instance_due", table_name="instance")
    _carry_retries_over()


def _carry_retries_over() -> None:
    """What waited to be tried again by itself goes on waiting, as a job."""
    moment = sa.DateTime(timezone=True)
    incident = sa.table(
        "incident",
        *(sa.column(name, sa.Integer()) for name in ("id", "attempts")),
        *(sa.column(name, moment) for name in ("retry_at", "occurred_at", "resolved_at")),
    )
    job = sa.table(
        "job",
        sa.column("name", sa.String()),
        sa.column("payload", sa.JSON()),
        sa.column("run_at", moment),
        sa.column("attempts", sa.Integer()),
        sa.column("deferred_at", moment),
    )
    waiting = sa.select(incident).where(incident.c.retry_at.is_not(None), incident.c.resolved_at.is_(None))
    rows = [
        {
            "name": "incident.retry",
            "payload": {"incident_id": row.id, "attempts": row.attempts},
            "run_at": row.retry_at,
            "attempts": 0,
            "deferred_at": row.occurred_at,
        }
        for row in op.get_bind().execute(waiting)
    ]
    if rows:
        op.bulk_insert(job, rows)


def downgrade() -> None:
    """Take it back; waiting jobs and the incidents of jobs are lost."""
    op.create_index("ix_instance_due", "instance", ["due_at"], unique=False)
    op.drop_index("ix_instance_due_order", table_name="instance")
    op.execute("DELETE FROM incident WHERE instance_id IS NULL")
    with op.batch_alter_table("incident") as incident:
        incident.alter_column("instance_id", existing_type=sa.Integer(), nullable=False)
        incident.drop_column("payload")
    op.drop_table("job")
