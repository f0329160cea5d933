"""lessons of incidents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lessons",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("void_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "source", name=op.f("pk_lessons")),
    )
    op.create_index(op.f("ix_lessons_at"), "lessons", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_lessons_at"), table_name="lessons")
    op.drop_table("lessons")
