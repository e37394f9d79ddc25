"""Add official years, local orders and deadlines; deadlines begin for the cases that are open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPEN = sa.text("result IS NULL")

#: The limits of open cases; the tick finds out which warning comes next.
BEGIN = """
INSERT INTO deadline (case_id, kind, agency_code, started_on, length, due_on, provisional, stops, stopped_on, level,
  next_at)
SELECT c.id, 'time_limit', c.handling_agency_code, {accepted_on}, c.limit_workdays + coalesce(
    (SELECT sum(s.moved_workdays) FROM suspension s WHERE s.case_id = c.id), 0),
  c.due_on, c.due_provisional, '[]', c.limit_stopped_on, 'normal',
  CASE WHEN c.limit_stopped_on IS NULL THEN c.accepted_at END
FROM "case" c WHERE c.result IS NULL
"""
STOPPED = """
UPDATE "case" SET limit_stopped_on = (
  SELECT max(s.issued_on) FROM suspension s WHERE s.case_id = "case".id AND s.resumed_on IS NULL)
WHERE result IS NULL
"""
#: The day in Guangdong of an instant that is kept in UTC.
ACCEPTED_ON = {
    "sqlite": "date(c.accepted_at, '+8 hours')",
    "postgresql": "(c.accepted_at AT TIME ZONE 'Asia/Shanghai')::date",
}


def upgrade() -> None:
    """Safe while the code before it still runs."""
    op.create_table(
        "calendar_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("agency_code", sa.String(length=16), nullable=True),
        sa.Column("notice", sa.String(length=200), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_code"], ["agency.code"], name=op.f("fk_calendar_notice_agency_code_agency")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["officer.id"], name=op.f("fk_calendar_notice_entered_by_id_officer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_notice")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("workday", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["calendar_notice.id"], name=op.f("fk_calendar_day_notice_id_calendar_notice")
        ),
        sa.PrimaryKeyConstraint("notice_id", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "calendar_alarm",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_calendar_alarm_case_id_case")),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_alarm")),
    )
    op.create_table(
        "deadline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("agency_code", sa.String(length=16), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("provisional", sa.String(length=200), nullable=True),
        sa.Column("stops", sa.JSON(), nullable=False),
        sa.Column("stopped_on", sa.Date(), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("next_level", sa.String(length=16), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_deadline_case_id_case")),
        sa.ForeignKeyConstraint(["agency_code"], ["agency.code"], name=op.f("fk_deadline_agency_code_agency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deadline")),
    )
    for name, columns, where in (
        ("ix_deadline_next", ["next_at", "id"], "next_at IS NOT NULL"),
        ("ix_deadline_running", ["due_on", "id"], "ended_at IS NULL"),
    ):
        op.create_index(name, "deadline", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
    op.create_index("ix_deadline_case", "deadline", ["case_id", "kind"])
    op.add_column("case", sa.Column("limit_stopped_on", sa.Date(), nullable=True))
    op.drop_index("ix_case_due_on", table_name="case")
    op.create_index("ix_case_open_due", "case", ["due_on", "id"], postgresql_where=OPEN, sqlite_where=OPEN)
    op.execute(STOPPED)
    op.execute(BEGIN.format(accepted_on=ACCEPTED_ON[op.get_bind().dialect.name]))


def downgrade() -> None:
    """Take it back; years entered by hand and warnings that were told are forgotten."""
    op.drop_index("ix_case_open_due", table_name="case")
    op.create_index("ix_case_due_on", "case", ["due_on"])
    op.drop_column("case", "limit_stopped_on")
    op.drop_table("deadline")
    op.drop_table("calendar_alarm")
    op.drop_table("calendar_day")
    op.drop_table("calendar_notice")
