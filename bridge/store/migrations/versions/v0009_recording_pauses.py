"""Pauses of recordings and what became of them in the file, and when each recorder ran."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "recording_pauses",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        # No foreign key: a pause is kept while its recording is not yet known to the store.
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("begun_at", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("checked_at", TIME, nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("from_ms", sa.BigInteger(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("found IN ('silent', 'cut')", name=op.f("ck_recording_pauses_found")),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_recording_pauses_call_id_calls"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "number", name=op.f("pk_recording_pauses")),
    )
    op.create_index(
        op.f("ix_recording_pauses_recording_id"), "recording_pauses", ["recording_id"], unique=False
    )
    op.add_column("recordings", sa.Column("begun_at", TIME, nullable=True))
    op.add_column("recordings", sa.Column("ended_at", TIME, nullable=True))


def downgrade() -> None:
    op.drop_column("recordings", "ended_at")
    op.drop_column("recordings", "begun_at")
    op.drop_index(op.f("ix_recording_pauses_recording_id"), table_name="recording_pauses")
    op.drop_table("recording_pauses")
