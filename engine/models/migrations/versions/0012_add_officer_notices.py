"""Add notices to officers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "officer_notice"
#: Column -> the table whose row it names.
REFERENCES = {
    "event_id": ("case_event", "id"),
    "case_id": ("case", "id"),
    "agency_code": ("agency", "code"),
    "officer_id": ("officer", "id"),
    "read_by_id": ("officer", "id"),
}
TO_OFFICER, TO_ROLE, UNREAD = "officer_id IS NOT NULL", "role IS NOT NULL", "read_at IS NULL"
#: Name, columns, condition.
INDEXES = (
    ("ix_officer_notice_officer", ["officer_id", "id"], TO_OFFICER),
    ("ix_officer_notice_role", ["agency_code", "role", "id"], TO_ROLE),
    ("ix_officer_notice_officer_unread", ["officer_id", "id"], f"{TO_OFFICER} AND {UNREAD}"),
    ("ix_officer_notice_role_unread", ["agency_code", "role", "id"], f"{TO_ROLE} AND {UNREAD}"),
    ("ix_officer_notice_case_unread", ["case_id"], UNREAD),
)


def upgrade() -> None:
    """Safe while the code before it still runs."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("agency_code", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=True),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(officer_id IS NULL) <> (role IS NULL)", name=op.f("ck_officer_notice_one_recipient")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.{key}"], name=op.f(f"fk_{TABLE}_{column}_{table}"))
            for column, (table, key) in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_notice")),
        sa.UniqueConstraint(
            "event_id", "agency_code", "role", name=op.f("uq_officer_notice_event_id_agency_code_role")
        ),
        sa.UniqueConstraint("event_id", "officer_id", name=op.f("uq_officer_notice_event_id_officer_id")),
    )
    for name, columns, where in INDEXES:
        op.create_index(name, TABLE, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    """Forget the notices."""
    op.drop_table(TABLE)
