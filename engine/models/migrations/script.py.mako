"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Safe while the code before it still runs."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take it back; what it stored is lost."""
    ${downgrades if downgrades else "pass"}
