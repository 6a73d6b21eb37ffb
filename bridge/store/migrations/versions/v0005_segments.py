"""Calls remember who did what since when, and from whom to whom their clients were passed on."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("until", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_segments_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "leg", "since", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_agent_since"), "segments", ["agent", "since"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("begun_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("end", sa.Text(), nullable=True),
        sa.Column("to", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_transfers_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "number", name=op.f("pk_transfers")),
    )


def downgrade() -> None:
    op.drop_table("transfers")
    op.drop_index(op.f("ix_segments_agent_since"), table_name="segments")
    op.drop_table("segments")
