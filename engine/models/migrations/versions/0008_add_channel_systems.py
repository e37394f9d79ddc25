"""Add the channel systems with their keys, and name in the audit log who is no officer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs: new tables, and a column that may be empty."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "channel_client",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_client")),
        sa.UniqueConstraint("code", name=op.f("uq_channel_client_code")),
    )
    op.create_table(
        "channel_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.Column("used_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["channel_client.id"], name=op.f("fk_channel_key_client_id_channel_client")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_channel_key_prefix")),
    )
    op.create_index(op.f("ix_channel_key_client_id"), "channel_key", ["client_id"], unique=False)
    op.add_column("audit_entry", sa.Column("party", sa.String(length=80), nullable=True))


def downgrade() -> None:
    """Take it back; entries about channel systems are no longer genuine to the code before it."""
    op.drop_column("audit_entry", "party")
    op.drop_table("channel_key")
    op.drop_table("channel_client")
