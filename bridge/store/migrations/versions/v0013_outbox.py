"""Receivers of call events, and what is to be told to them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IS_NEXT = sa.text("next_at IS NOT NULL")
WAITS = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=False),
        sa.Column("slow_until", TIME, nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("name", name=op.f("uq_subscriptions_name")),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", BIG_ID, nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", TIME, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_outbox_subscription_id_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "call_id", "subscription_id", "event", name=op.f("uq_outbox_call_id_subscription_id_event")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_outbox_subscription_id_next_at"),
        "outbox",
        ["subscription_id", "next_at"],
        unique=False,
        sqlite_where=IS_NEXT,
        postgresql_where=IS_NEXT,
    )
    op.create_index(
        op.f("ix_outbox_call_id_subscription_id_seq"),
        "outbox",
        ["call_id", "subscription_id", "seq"],
        unique=False,
        sqlite_where=WAITS,
        postgresql_where=WAITS,
    )
    op.create_index(op.f("ix_outbox_state_seq"), "outbox", ["state", "seq"], unique=False)
    op.create_table(
        "outbox_lines",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("peer", sa.JSON(), nullable=False),
        sa.Column("touched_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_outbox_lines_subscription_id_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("call_id", "subscription_id", name=op.f("pk_outbox_lines")),
    )


def downgrade() -> None:
    op.drop_table("outbox_lines")
    op.drop_index(op.f("ix_outbox_state_seq"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_call_id_subscription_id_seq"), table_name="outbox")
    op.drop_index(op.f("ix_outbox_subscription_id_next_at"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("subscriptions")
