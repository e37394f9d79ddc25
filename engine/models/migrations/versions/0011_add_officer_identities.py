"""Say whom an identity provider means."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs: a new table."""
    op.create_table(
        "officer_identity",
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["officer_id"], ["officer.id"], name=op.f("fk_officer_identity_officer_id_officer")),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_officer_identity")),
        sa.UniqueConstraint("issuer", "officer_id", name=op.f("uq_officer_identity_issuer_officer_id")),
    )
    op.create_index(op.f("ix_officer_identity_officer_id"), "officer_identity", ["officer_id"], unique=False)


def downgrade() -> None:
    """Take it back; who signed on elsewhere needs a password again."""
    op.drop_table("officer_identity")
