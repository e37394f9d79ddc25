"""Add what the administration of accounts needs: terms of roles, who changed an account, passwords that end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs: what it does not know has a default."""
    op.add_column("officer", sa.Column("role_terms", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("officer", sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")))
    for name in ("password_expires_at", "changed_at"):
        op.add_column("officer", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    by = sa.ForeignKey("officer.id", name=op.f("fk_officer_changed_by_id_officer"))
    op.add_column("officer", sa.Column("changed_by_id", sa.Integer(), by, nullable=True), inline_references=True)


def downgrade() -> None:
    """Take it back; roles that were given for a time are held for good."""
    for name in ("changed_by_id", "changed_at", "password_expires_at", "version", "role_terms"):
        op.drop_column("officer", name)
