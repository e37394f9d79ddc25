"""Add applicants with their log-ins and representations, and applications that no officer took in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: How the column stands in SQLite's schema.
_TAKEN_IN = "created_by_id INTEGER NOT NULL"


def upgrade() -> None:
    """Safe while the code before it still runs: new tables, a column with a default, one that may now be empty."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "applicant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity_key", sa.String(length=64), nullable=True),
        sa.Column("identity_type", sa.String(length=32), nullable=True),
        sa.Column("identity_number", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("issuer", sa.String(length=200), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicant")),
        sa.UniqueConstraint("identity_key", name=op.f("uq_applicant_identity_key")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_applicant_issuer_subject")),
    )
    op.create_table(
        "applicant_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["applicant.id"], name=op.f("fk_applicant_session_applicant_id_applicant")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_applicant_session")),
    )
    op.create_index(op.f("ix_applicant_session_applicant_id"), "applicant_session", ["applicant_id"], unique=False)
    op.create_table(
        "applicant_code",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("applicant_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["applicant.id"], name=op.f("fk_applicant_code_applicant_id_applicant")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_applicant_code")),
    )
    op.create_index(op.f("ix_applicant_code_expires_at"), "applicant_code", ["expires_at"], unique=False)
    op.create_table(
        "representation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("representative_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("recorded_agency_code", sa.String(length=16), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_representation_person_id_person")),
        sa.ForeignKeyConstraint(
            ["recorded_agency_code"], ["agency.code"], name=op.f("fk_representation_recorded_agency_code_agency")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["officer.id"], name=op.f("fk_representation_recorded_by_id_officer")
        ),
        sa.ForeignKeyConstraint(
            ["representative_id"], ["applicant.id"], name=op.f("fk_representation_representative_id_applicant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representation")),
    )
    op.create_index(op.f("ix_representation_person_id"), "representation", ["person_id"], unique=False)
    op.create_index("ix_representation_agency", "representation", ["recorded_agency_code", "id"], unique=False)
    op.create_index(
        "ix_representation_representative", "representation", ["representative_id", "person_id"], unique=False
    )
    op.create_table(
        "representation_paper",
        sa.Column("representation_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["representation_id"],
            ["representation.id"],
            name=op.f("fk_representation_paper_representation_id_representation"),
        ),
        sa.PrimaryKeyConstraint("representation_id", "sha256", name=op.f("pk_representation_paper")),
    )
    op.create_table(
        "online_application",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(length=80), nullable=False),
        sa.Column("identity_check", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_online_application_application_id_application")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_online_application")),
    )
    op.create_index("ix_online_application_party", "online_application", ["party", "application_id"], unique=False)
    op.add_column("material_item", sa.Column("uploads", sa.Integer(), server_default="0", nullable=False))
    _let_be_empty(_TAKEN_IN, "created_by_id INTEGER", nullable=True)


def _let_be_empty(before: str, after: str, *, nullable: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("application", "created_by_id", existing_type=sa.Integer(), nullable=nullable)
        return
    # SQLite's own procedure for a change that leaves the rows as they are: to copy the table would break what refers
    # to it (https://www.sqlite.org/lang_altertable.html, 7).
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'application'",
        (before, after),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Take it back; there must be no application left that was handed in online."""
    _let_be_empty("created_by_id INTEGER", _TAKEN_IN, nullable=False)
    op.drop_column("material_item", "uploads")
    for table in (
        "online_application",
        "representation_paper",
        "representation",
        "applicant_code",
        "applicant_session",
        "applicant",
    ):
        op.drop_table(table)
