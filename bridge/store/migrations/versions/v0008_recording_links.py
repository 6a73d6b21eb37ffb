"""Links by which somebody without a log-in hears one recording, for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
compatible_with = "0003"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "recording_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("recording_id", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("revoked_at", TIME, nullable=True),
        sa.Column("opened", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last_opened_at", TIME, nullable=True),
        # With CASCADE an older program that forgets a recording is not refused.
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_links_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_recording_links_token_hash")),
    )
    op.create_index(
        op.f("ix_recording_links_recording_id_id"), "recording_links", ["recording_id", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_recording_links_recording_id_id"), table_name="recording_links")
    op.drop_table("recording_links")
