"""Templates that two may edit at once; what people were told of tickets and have not put away."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column(
        "templates", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
    )
    op.create_table(
        "ticket_notices",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Integer(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("clock IN ('reaction', 'resolution')", name=op.f("ck_ticket_notices_clock")),
        sa.CheckConstraint("step IN ('warn', 'escalate')", name=op.f("ck_ticket_notices_step")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_ticket_notices_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"],
            ["tickets.id"],
            name=op.f("fk_ticket_notices_ticket_id_tickets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "ticket_id", "clock", name=op.f("pk_ticket_notices")),
    )
    op.create_index(op.f("ix_ticket_notices_ticket_id"), "ticket_notices", ["ticket_id"], unique=False)
    op.create_index(op.f("ix_ticket_notices_at"), "ticket_notices", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_ticket_notices_at"), table_name="ticket_notices")
    op.drop_index(op.f("ix_ticket_notices_ticket_id"), table_name="ticket_notices")
    op.drop_table("ticket_notices")
    op.drop_column("templates", "version")
