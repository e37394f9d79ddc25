"""Add what log-in needs: kinds and use of sessions, wrong guesses, the second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs: what it does not know has a default."""
    op.create_table(
        "attempt",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_last_at"), "attempt", ["last_at"], unique=False)
    op.add_column("officer_session", sa.Column("kind", sa.String(length=8), nullable=False, server_default="bearer"))
    op.add_column("officer_session", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("must_change_password", "second_factor_confirmed"):
        op.add_column("officer", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("officer", sa.Column("second_factor", sa.String(length=64), nullable=True))
    op.add_column("officer", sa.Column("second_factor_step", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take it back; second factors and running lock-outs are lost."""
    for name in ("second_factor_step", "second_factor", "second_factor_confirmed", "must_change_password"):
        op.drop_column("officer", name)
    for name in ("used_at", "kind"):
        op.drop_column("officer_session", name)
    op.drop_index(op.f("ix_attempt_last_at"), table_name="attempt")
    op.drop_table("attempt")
