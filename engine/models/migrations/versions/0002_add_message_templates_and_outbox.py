"""Add message templates and outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs."""
    op.create_table(
        "message_receipt",
        sa.Column("gateway", sa.String(length=16), nullable=False),
        sa.Column("gateway_id", sa.String(length=80), nullable=False),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "gateway_id", name=op.f("pk_message_receipt")),
    )
    op.create_table(
        "configuration_change",
        sa.Column("configuration_id", sa.Integer(), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"],
            ["service_configuration.id"],
            name=op.f("fk_configuration_change_configuration_id_service_configuration"),
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["officer.id"], name=op.f("fk_configuration_change_officer_id_officer")
        ),
        sa.PrimaryKeyConstraint("configuration_id", name=op.f("pk_configuration_change")),
    )
    op.create_table(
        "message_category",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("city_code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["officer.id"], name=op.f("fk_message_category_changed_by_id_officer")
        ),
        sa.ForeignKeyConstraint(["city_code"], ["agency.code"], name=op.f("fk_message_category_city_code_agency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_category")),
        sa.UniqueConstraint("city_code", "name", name=op.f("uq_message_category_city_code_name")),
    )
    op.create_table(
        "message_template",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("city_code", sa.String(length=16), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("function_code", sa.String(length=32), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["message_category.id"], name=op.f("fk_message_template_category_id_message_category")
        ),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["officer.id"], name=op.f("fk_message_template_changed_by_id_officer")
        ),
        sa.ForeignKeyConstraint(["city_code"], ["agency.code"], name=op.f("fk_message_template_city_code_agency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_template")),
        sa.UniqueConstraint("city_code", "function_code", name=op.f("uq_message_template_city_code_function_code")),
    )
    op.create_index(op.f("ix_message_template_category_id"), "message_template", ["category_id"], unique=False)
    op.create_table(
        "message_template_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=500), nullable=False),
        sa.Column("written_by_id", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by_id", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["published_by_id"], ["officer.id"], name=op.f("fk_message_template_version_published_by_id_officer")
        ),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["message_template.id"],
            name=op.f("fk_message_template_version_template_id_message_template"),
        ),
        sa.ForeignKeyConstraint(
            ["written_by_id"], ["officer.id"], name=op.f("fk_message_template_version_written_by_id_officer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_template_version")),
        sa.UniqueConstraint("template_id", "number", name=op.f("uq_message_template_version_template_id_number")),
    )
    op.create_table(
        "message_part",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("gateway_id", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_part_message_id_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_part")),
        sa.UniqueConstraint("message_id", "number", name=op.f("uq_message_part_message_id_number")),
    )
    op.create_index(op.f("ix_message_part_gateway_id"), "message_part", ["gateway_id"], unique=False)
    op.create_table(
        "slot_binding",
        sa.Column("configuration_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(length=32), nullable=False),
        sa.Column("template_version_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"],
            ["service_configuration.id"],
            name=op.f("fk_slot_binding_configuration_id_service_configuration"),
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"],
            ["message_template_version.id"],
            name=op.f("fk_slot_binding_template_version_id_message_template_version"),
        ),
        sa.PrimaryKeyConstraint("configuration_id", "slot", name=op.f("pk_slot_binding")),
    )
    op.create_index(op.f("ix_slot_binding_template_version_id"), "slot_binding", ["template_version_id"], unique=False)
    op.add_column("message", sa.Column("phone_key", sa.String(length=64), nullable=True))
    op.add_column("message", sa.Column("template", sa.String(length=500), nullable=True))
    op.add_column("message", sa.Column("parameters", sa.JSON(), nullable=True))
    op.add_column("message", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column("message", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("message", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("gateway", sa.String(length=16), nullable=True))
    op.add_column("message", sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("failure", sa.String(length=64), nullable=True))
    op.add_column("message", sa.Column("failure_reason", sa.String(length=200), nullable=True))
    op.create_index("ix_message_state", "message", ["state", "id"], unique=False)
    op.create_index("ix_message_list", "message", ["sender_agency_code", "id"], unique=False)
    op.create_index("ix_message_number", "message", ["phone_key", "state", "id"], unique=False)


def downgrade() -> None:
    """Take it back; what it stored is lost."""
    op.drop_index("ix_message_number", table_name="message")
    op.drop_index("ix_message_list", table_name="message")
    op.drop_index("ix_message_state", table_name="message")
    op.drop_column("message", "failure_reason")
    op.drop_column("message", "failure")
    op.drop_column("message", "delivered_at")
    op.drop_column("message", "handed_over_at")
    op.drop_column("message", "gateway")
    op.drop_column("message", "next_attempt_at")
    op.drop_column("message", "attempts")
    op.drop_column("message", "round")
    op.drop_column("message", "parameters")
    op.drop_column("message", "template")
    op.drop_column("message", "phone_key")
    op.drop_index(op.f("ix_slot_binding_template_version_id"), table_name="slot_binding")
    op.drop_table("slot_binding")
    op.drop_index(op.f("ix_message_part_gateway_id"), table_name="message_part")
    op.drop_table("message_part")
    op.drop_table("message_template_version")
    op.drop_index(op.f("ix_message_template_category_id"), table_name="message_template")
    op.drop_table("message_template")
    op.drop_table("message_category")
    op.drop_table("configuration_change")
    op.drop_table("message_receipt")
