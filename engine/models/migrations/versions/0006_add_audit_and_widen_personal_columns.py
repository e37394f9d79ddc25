"""Add the audit log, and make room for encrypted values."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Texts about people: table, column, whether it must be filled in, how long it was.
TEXTS = (
    ("absence", "reason", True, 200),
    ("bank_account", "account", True, 64),
    ("bank_account", "bank", True, 128),
    ("bank_account", "holder", True, 64),
    ("case", "duplicate_reason", False, 200),
    ("case_event", "opinion", False, 2000),
    ("determination_line", "label", True, 128),
    ("determination_line", "reason", False, 500),
    ("escalation", "guidance", False, 2000),
    ("escalation", "reason", True, 1000),
    ("filing", "destination", True, 64),
    ("incident", "note", False, 500),
    ("message", "phone", False, 32),
    ("message", "text", False, 1000),
    ("officer", "name", True, 64),
    ("officer", "second_factor", False, 64),
    ("payee", "account", False, 64),
    ("payee", "name", True, 128),
    ("person", "identity_number", True, 64),
    ("person", "name", True, 64),
    ("person", "phone", False, 32),
    ("supplement", "reason", True, 1000),
    ("suspension", "opinion", True, 1000),
    ("task", "opinion", False, 2000),
    ("transfer", "reason", True, 1000),
)

REFUSAL = "the audit log is only added to"
SEALED = ("audit_entry", "audit_seal")


def upgrade() -> None:
    """Safe while the code before it still runs: wider columns and new tables.

    What is stored already stays readable and is encrypted by the job `personal.encrypt`.
    """
    for table, column, required, _length in TEXTS:
        _retype(table, column, sa.Text(), required)
    op.add_column("determination_line", sa.Column("person_key", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_determination_line_person_key"), "determination_line", ["person_key"], unique=False)
    _carry_person_keys_over()
    _create_audit_tables()
    _refuse_changes()


def _retype(table: str, column: str, kind: sa.types.TypeEngine[str], required: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(table, column, type_=kind, existing_nullable=not required)
        return
    # SQLite can only add, rename and drop; to copy the table would break what refers to it.
    default = sa.text("''") if required else None
    op.add_column(table, sa.Column(f"{column}_wide", kind, nullable=not required, server_default=default))
    quoted = op.get_bind().dialect.identifier_preparer.quote(table)
    op.execute(f"UPDATE {quoted} SET {column}_wide = {column}")  # noqa: S608  names from the list above
    op.drop_column(table, column)
    op.alter_column(table, f"{column}_wide", new_column_name=column)


def _carry_person_keys_over() -> None:
    line = sa.table(
        "determination_line", sa.column("id", sa.Integer()), sa.column("facts", sa.JSON()), sa.column("person_key")
    )
    key = line.c.facts["identity_key"].as_string()
    op.execute(sa.update(line).where(key.is_not(None)).values(person_key=key))


def _create_audit_tables() -> None:
    moment = sa.DateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("audit_entry_id")))
    op.create_table(
        "audit_entry",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=16), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("agency_code", sa.String(length=16), nullable=True),
        sa.Column("session_kind", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("application_id", sa.Integer(), nullable=True),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=128), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"], unique=False)
    for name, column in (("agency", "agency_code"), ("case", "case_id"), ("officer", "officer_id")):
        op.create_index(f"ix_audit_entry_{name}", "audit_entry", [column, "id"], unique=False)
    op.create_index("ix_audit_entry_person", "audit_entry", ["person_id", "id"], unique=False)
    op.create_table(
        "audit_pending",
        sa.Column("entry_id", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_pending")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("chain", sa.String(length=16), nullable=False),
        sa.Column("number", number, autoincrement=False, nullable=False),
        sa.Column("entry_id", number, nullable=False),
        sa.Column("sealed_at", moment, nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_seal_entry_id")),
    )
    op.create_table(
        "key_rotation",
        sa.Column("column", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("position", sa.JSON(), nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("column", name=op.f("pk_key_rotation")),
    )


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in SEALED:
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    for table in SEALED:
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()"
        )


def downgrade() -> None:
    """Take it back; the audit log is lost. Values must have been decrypted before: the older code cannot read them."""
    for table in ("key_rotation", "audit_seal", "audit_pending", "audit_entry"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse_change()")
        op.execute(sa.schema.DropSequence(sa.Sequence("audit_entry_id")))
    op.drop_index(op.f("ix_determination_line_person_key"), table_name="determination_line")
    op.drop_column("determination_line", "person_key")
    for table, column, required, length in TEXTS:
        _retype(table, column, sa.String(length=length), required)
