"""Wrap-ups are remembered: whose, after which call, from when to when."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "wrap_ups",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_wrap_ups_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "agent", "since", name=op.f("pk_wrap_ups")),
    )
    op.create_index(op.f("ix_wrap_ups_agent_since"), "wrap_ups", ["agent", "since"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_wrap_ups_agent_since"), table_name="wrap_ups")
    op.drop_table("wrap_ups")
