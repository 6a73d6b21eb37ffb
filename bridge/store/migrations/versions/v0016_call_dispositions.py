"""A call without a ticket: how it ended, in its agent's word, and whether it still gets one."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
compatible_with = "0003"

UNDECIDED = sa.text("ticket_wish = 'undecided'")


def upgrade() -> None:
    op.add_column("calls", sa.Column("disposition", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("calls", sa.Column("disposed_by", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("ticket_wish", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.create_index(
        "ix_calls_undecided",
        "calls",
        ["ended_at", "id"],
        unique=False,
        postgresql_where=UNDECIDED,
        sqlite_where=UNDECIDED,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_undecided", table_name="calls")
    op.drop_column("calls", "ticket_wish")
    op.drop_column("calls", "disposed_by")
    op.drop_column("calls", "disposition")
