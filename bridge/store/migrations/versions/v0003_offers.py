"""Offers with the reasons for them, supervisors' live moves, dispositions, and who answered a number last."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ANSWERED = sa.text("answered_at IS NOT NULL AND agent IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("at", TIME, nullable=True),
        sa.Column("needs", sa.JSON(), nullable=True),
        sa.Column("highest_penalty", sa.Integer(), nullable=True),
        sa.Column("preferred", sa.Text(), nullable=True),
        sa.Column("end", sa.Text(), nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("body", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("leg", name=op.f("pk_offers")),
    )
    op.create_index(op.f("ix_offers_call"), "offers", ["call"], unique=False)
    op.create_index(op.f("ix_offers_agent_at"), "offers", ["agent", "at"], unique=False)
    op.create_table(
        "moves",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("penalty", sa.Integer(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("agent", "queue", name=op.f("pk_moves")),
    )
    op.add_column(
        "tickets", sa.Column("disposition", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("tickets", sa.Column("disposed_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_calls_e164_answered_at",
        "calls",
        ["e164", "answered_at"],
        unique=False,
        postgresql_where=ANSWERED,
        sqlite_where=ANSWERED,
    )
    _kinds_of_legs("'client', 'agent', 'outside'")


def downgrade() -> None:
    """The version before cannot read some of what was kept: such legs go, such outcomes become failed."""
    op.execute("DELETE FROM legs WHERE kind = 'outside'")
    op.execute(
        "UPDATE calls SET outcome = 'failed' WHERE outcome IN ('turned_away', 'voicemail', 'forwarded')"
    )
    _kinds_of_legs("'client', 'agent'")
    op.drop_index("ix_calls_e164_answered_at", "calls")
    op.drop_column("tickets", "disposed_by")
    op.drop_column("tickets", "disposition")
    op.drop_table("moves")
    op.drop_table("offers")


def _kinds_of_legs(kinds: str) -> None:
    name, condition = op.f("ck_legs_kind"), f"kind IN ({kinds})"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(name, "legs", type_="check")
        op.create_check_constraint(name, "legs", condition)
        return
    # SQLite cannot alter a constraint: the table is written anew. What it shall be is said here, not read
    # from the old one: whether that includes its CHECK depends on the version of Alembic.
    legs = sa.Table(
        "legs",
        sa.MetaData(),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ringing_at", TIME, nullable=True),
        sa.Column("answered_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("tech_cause", sa.Integer(), nullable=True),
        sa.CheckConstraint(condition, name=name),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_legs_call_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legs")),
        sa.Index(op.f("ix_legs_call_id"), "call_id"),
    )
    with op.batch_alter_table("legs", copy_from=legs, recreate="always"):
        pass
